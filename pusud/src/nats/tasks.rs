//! The network at work: takes events, keeps a connection to one of the servers, and stops.

use crate::nats::backplane::Backplane;
use crate::nats::candidates::Candidates;
use crate::nats::conversation::converse;
use crate::nats::server::ServerAddress;
use crate::nats::servers::{Connected, Servers};
use crate::routing::{Door, Event, Events, Status};
use rand::rngs::StdRng;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinError, JoinSet, yield_now};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{info, warn};

type Shared<D> = Rc<RefCell<Backplane<D>>>;

/// Events that are taken before others have their turn.
const EVENTS_AT_ONCE: u64 = 64;
/// How long what waits may take to be sent when the relay stops.
const STOP_MAX: Duration = Duration::from_secs(2);

/// A connection that ends sooner counts as one that could not be made, so that there is a pause before the next one.
const LASTING: Duration = Duration::from_secs(2);

/// Runs the network until it is told to stop; gives how it was just before.
pub(super) async fn run<D: Door, S: Servers, E: Events>(
    backplane: Backplane<D>,
    mut events: E,
    servers: S,
    addresses: Vec<ServerAddress>,
    random: StdRng,
) -> Status {
    let backplane = Rc::new(RefCell::new(backplane));
    let mut tasks = JoinSet::new();
    tasks.spawn_local(keep_time(backplane.clone()));
    let history_due = backplane.borrow().history_due();
    if let Some(due) = history_due {
        tasks.spawn_local(heal(backplane.clone(), due));
    }
    let connection = tasks.spawn_local(keep_connected(backplane.clone(), servers, addresses, random));
    tokio::select! {
        biased;
        Some(ended) = tasks.join_next() => fail_with(ended),
        () = take_events(&backplane, &mut events) => {}
    }
    let status = backplane.borrow().status(Instant::now());
    backplane.borrow_mut().stop();
    let is_connected = status.nats.as_ref().is_some_and(|nats| nats.server.is_some());
    let waiting = status.nats.as_ref().map_or(0, |nats| nats.queue_bytes);
    if !is_connected && waiting > 0 {
        warn!(bytes = waiting, "messages that have waited for NATS are lost, since no server is there");
    }
    if is_connected {
        let in_time = timeout(STOP_MAX, all_said(&mut tasks, connection)).await.is_ok();
        let left = backplane.borrow().waiting_bytes();
        if !in_time || left > 0 {
            warn!(bytes = left, "not everything was sent to NATS in time");
        }
    }
    status
}

/// Waits until the connection has ended.
async fn all_said(tasks: &mut JoinSet<()>, connection: AbortHandle) {
    while !connection.is_finished()
        && let Some(ended) = tasks.join_next().await
    {
        fail_with(ended);
    }
}

/// A task that has panicked may have left anything in any state: the network does not go on.
fn fail_with(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

async fn take_events<D: Door>(backplane: &RefCell<Backplane<D>>, events: &mut impl Events) {
    let mut taken = 0;
    while let Some(event) = poll_fn(|cx| events.poll_next(cx)).await {
        taken += 1;
        if taken % EVENTS_AT_ONCE == 0 {
            yield_now().await;
        }
        let now = Instant::now();
        let mut backplane = backplane.borrow_mut();
        match event {
            Event::Publications(batch) => backplane.publish(&batch, now),
            Event::Changed(channel) => backplane.changed(&channel),
            Event::Settle { channel, ticket } => backplane.settle(&channel, ticket, now),
            Event::Fence(ticket) => backplane.door().passed(ticket),
            // Nothing is held: the server keeps for a relay what it does not read.
            Event::GoOn { .. } => {}
            // Whoever asked may have given up meanwhile. Who listens where is known to the servers alone.
            Event::WhoListens(_, answer) => drop(answer.send(None)),
            Event::Status(answer) => drop(answer.send(backplane.status(now))),
            Event::RevocationsChanged => backplane.revocations_changed(),
            Event::Order(order, reply) => backplane.order(&order, &reply),
            Event::Kicked(ticket, count) => backplane.kicked(ticket, count),
            Event::Revoked(ticket, count) => backplane.counted_revoked(ticket, count),
            Event::Deciders(own) => backplane.decide_by(&own),
            Event::Stop => return,
        }
    }
}

/// Does what has its time.
async fn keep_time<D: Door>(backplane: Shared<D>) {
    let to_tick = backplane.borrow().to_tick();
    loop {
        let due = backplane.borrow_mut().tick(Instant::now());
        tokio::select! {
            () = sleep_until(due) => {}
            () = to_tick.notified() => {}
        }
    }
}

/// Does what becomes due about channels with history.
async fn heal<D: Door>(backplane: Shared<D>, due: Rc<Notify>) {
    loop {
        let next = backplane.borrow_mut().heal(Instant::now());
        let notified = due.notified();
        match next {
            // One of both is enough to look again.
            Some(next) => drop(timeout(next, notified).await),
            None => notified.await,
        }
    }
}

/// Keeps a connection to one of the servers, until the relay has stopped and said so.
async fn keep_connected<D: Door, S: Servers>(
    backplane: Shared<D>,
    servers: S,
    addresses: Vec<ServerAddress>,
    mut random: StdRng,
) {
    let mut candidates = Candidates::new(addresses, &mut random);
    let mut next = None;
    // When the relay stops, what waits has to go somewhere; whoever waits for that does not do so for long.
    while next.is_some() || !backplane.borrow().is_stopped() {
        let connection = match next.take() {
            Some(connection) => Ok(connection),
            None => dial(&servers, &mut candidates, &mut random).await,
        };
        let reason = match connection {
            Ok(connected) => {
                backplane.borrow_mut().connected(connected.way.clone(), connected.info.clone(), Instant::now());
                let leave = Notify::new();
                let began = Instant::now();
                let conversation = converse(backplane.clone(), connected, &leave);
                let reason = tokio::select! {
                    biased;
                    reason = conversation => reason,
                    connection = elsewhere(&servers, &mut candidates, &mut random, &leave) => {
                        next = Some(connection);
                        "the server is about to stop".to_owned()
                    }
                };
                if began.elapsed() >= LASTING {
                    candidates.lasted();
                }
                reason
            }
            Err(reason) => reason,
        };
        let mut backplane = backplane.borrow_mut();
        if next.is_none() {
            candidates.learn_more(&backplane.named_servers());
        }
        match &next {
            Some(_) => backplane.moves(Instant::now()),
            // It has ended as it was asked to.
            None if backplane.is_stopped() => {}
            None => backplane.disconnected(reason, Instant::now()),
        }
    }
}

/// Connects to the next server.
///
/// # Errors
/// It cannot: why.
async fn dial<S: Servers>(
    servers: &S,
    candidates: &mut Candidates,
    random: &mut StdRng,
) -> Result<Connected<S::Stream>, String> {
    let (address, pause) = candidates.next(random);
    sleep(pause).await;
    let connected = servers.dial(&address).await?;
    candidates.learn(&connected.info.connect_urls);
    Ok(connected)
}

/// Connects to another server, once the one that there is has said that it will stop: it serves meanwhile.
async fn elsewhere<S: Servers>(
    servers: &S,
    candidates: &mut Candidates,
    random: &mut StdRng,
    leave: &Notify,
) -> Connected<S::Stream> {
    leave.notified().await;
    info!("the NATS server is about to stop: another one is looked for");
    loop {
        match dial(servers, candidates, random).await {
            Ok(connected) if !connected.info.is_lame_duck => return connected,
            Ok(_) => {}
            Err(reason) => info!(reason, "no connection to another NATS server yet"),
        }
    }
}
