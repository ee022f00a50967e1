//! The network at work: takes events and connections, dials, and stops.
//!
//! Owns all tasks of the network, so that they end with it.

use crate::mesh::links::Transport;
use crate::mesh::membership::{Dial, Doorman, Settings, dial, resolve};
use crate::mesh::node::Node;
use crate::peers::BootId;
use crate::routing::{Door, Event, Events, Status};
use rand::rngs::StdRng;
use std::collections::HashSet;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{JoinError, JoinSet, yield_now};
use tokio::time::{sleep, timeout};
use tracing::warn;

/// How long links may take to send what waits when the relay stops.
const STOP_MAX: Duration = Duration::from_secs(2);
/// After an accept that failed; doubled up to [`ACCEPT_PAUSE_MAX`] while it goes on failing.
const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(10);
/// The longest pause.
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Runs the network until it is told to stop; gives how the links were just before. Has to be called where local tasks
/// can be spawned.
pub(crate) async fn run<D: Door, T: Transport, E: Events>(
    mut settings: Settings,
    boot: BootId,
    (door, mut events): (D, E),
    transport: T,
    random: StdRng,
) -> Status {
    let mut seen = HashSet::new();
    settings.relays.retain(|address| seen.insert(address.clone()));
    let node = Node::new(settings, boot, door, transport, random);
    let mut tasks = JoinSet::new();
    let (found, to_dial) = unbounded_channel();
    for (at, listed) in node.listed.borrow().iter().enumerate() {
        if listed.dials.is_empty() {
            tasks.spawn_local(resolve(node.clone(), at, found.clone()));
        }
        for address in &listed.dials {
            tasks.spawn_local(dial(node.clone(), at, address.clone()));
        }
    }
    tasks.spawn_local(clear_up(node.clone()));
    let history_due = node.mesh.borrow().history_due();
    if let Some(due) = history_due {
        tasks.spawn_local(heal(node.clone(), due));
    }
    tokio::select! {
        biased;
        never = take_connections(&node, &mut tasks, to_dial) => match never {},
        () = take_events(&node, &mut events) => {}
    }
    // The tasks go on meanwhile: they send what waits.
    node.mesh.borrow_mut().stop();
    let status = node.status();
    if timeout(STOP_MAX, all_gone(&node)).await.is_err() {
        warn!("some peers had not taken everything in time");
    }
    status
}

async fn take_events<D: Door, T: Transport>(node: &Node<D, T>, events: &mut impl Events) {
    while let Some(event) = poll_fn(|cx| events.poll_next(cx)).await {
        match event {
            Event::Publications(batch) => node.mesh.borrow_mut().publish(&batch),
            Event::Changed(channel) => node.mesh.borrow_mut().changed(&channel),
            Event::Settle { channel, ticket } => node.mesh.borrow_mut().settle(&channel, ticket),
            Event::Fence(ticket) => node.mesh.borrow_mut().pass(ticket),
            Event::GoOn { channel, marks } => node.mesh.borrow_mut().go_on(&channel, marks),
            Event::RevocationsChanged => node.mesh.borrow_mut().revocations_changed(),
            Event::Order(order, reply) => node.mesh.borrow_mut().order(&order, &reply),
            Event::Kicked(ticket, count) => node.mesh.borrow_mut().kicked(ticket, count),
            Event::Revoked(ticket, count) => node.mesh.borrow_mut().counted_revoked(ticket, count),
            Event::Deciders(own) => node.mesh.borrow_mut().decide_by(&own, node.settings.keys.as_ref()),
            // Whoever asked may have given up meanwhile.
            Event::WhoListens(channels, answer) => drop(answer.send(Some(node.mesh.borrow().who_listens(&channels)))),
            Event::Status(answer) => drop(answer.send(node.status())),
            Event::Stop => return,
        }
    }
}

/// Withdraws what peers have announced whose links have ended, and lets others have their turn meanwhile.
async fn clear_up<D: Door, T: Transport>(node: Rc<Node<D, T>>) {
    let signal = node.mesh.borrow().to_clear_up();
    loop {
        signal.notified().await;
        while node.mesh.borrow_mut().clear_up_some() {
            yield_now().await;
        }
    }
}

/// Does what becomes due about channels with history.
async fn heal<D: Door, T: Transport>(node: Rc<Node<D, T>>, due: Rc<Notify>) {
    loop {
        let is_waiting = node.mesh.borrow().waits_for_dialling();
        if is_waiting && node.has_dialled_all() {
            node.mesh.borrow_mut().dialled();
        }
        let next = node.mesh.borrow_mut().heal();
        let notified = due.notified();
        match next {
            // One of both is enough to look again.
            Some(next) => drop(timeout(next, notified).await),
            None => notified.await,
        }
    }
}

async fn take_connections<D: Door, T: Transport>(
    node: &Rc<Node<D, T>>,
    tasks: &mut JoinSet<()>,
    mut to_dial: UnboundedReceiver<(usize, Rc<Dial>)>,
) -> Infallible {
    let doorman = Rc::new(Doorman::default());
    let mut pause = ACCEPT_PAUSE_MIN;
    loop {
        tokio::select! {
        biased;
            Some(ended) = tasks.join_next() => fail_with(ended),
            Some((at, address)) = to_dial.recv() => {
                node.count_addresses();
                tasks.spawn_local(dial(node.clone(), at, address));
            }
            accepted = node.transport.accept() => match accepted {
                Ok(accepted) => {
                    pause = ACCEPT_PAUSE_MIN;
                    doorman.admit(node, accepted, tasks).await;
                }
                Err(error) => {
                    report(&error, pause);
                    sleep(pause).await;
                    pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
                }
            },
        }
    }
}

/// A connection that was gone before it was accepted says nothing about the next one.
fn report(error: &io::Error, pause: Duration) {
    if pause == ACCEPT_PAUSE_MIN {
        warn!(%error, "cannot accept connections of relays; trying again");
    }
}

/// A task that has panicked may have left the links in any state: the network does not go on.
fn fail_with(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

async fn all_gone<D: Door, T: Transport>(node: &Node<D, T>) {
    loop {
        let ended = node.link_ended.notified();
        if node.mesh.borrow().links().next().is_none() {
            return;
        }
        ended.await;
    }
}
