//! Those who publish, thousands on one thread: each has a task that writes what is queued for it, however long the relay
//! lets it wait, and one that hears what the relay says.

use super::scenario::{Crowd, Pace};
use super::stage::{CHANNEL, CROWDED, Stage};
use crate::harness::{ALL, DEADLINE, Frame, numbered, text_message, upgrade_request};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// Sources that connect at a time.
const CONNECTS: usize = 64;
/// How long all messages take where they are evenly spaced.
const PACED: Duration = Duration::from_millis(1500);

/// Connects all sources and has them publish, until those who read have everything or something has failed.
pub(super) fn publish(stage: &Stage<'_>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut tasks, mut of_the_crowd) = (JoinSet::new(), JoinSet::new());
        let published = async {
            let queues = connect(stage, stage.scenario.sources, &mut tasks).await?;
            if let Some(crowd) = &stage.scenario.crowd {
                let queues = connect(stage, crowd.sources, &mut of_the_crowd).await?;
                let_loose(crowd, &queues);
            }
            tokio::select! {
                biased;
                failure = first_failure(&mut tasks) => Err(failure),
                () = direct(stage, &queues) => Ok(()),
            }
        };
        let published = published.await;
        if let Err(failure) = published {
            stage.fail(failure);
        }
    });
}

/// Waits until the connection of a source has ended: none ends by itself.
async fn first_failure(tasks: &mut JoinSet<Result<(), String>>) -> String {
    loop {
        if let Some(Err(failure)) = tasks.join_next().await.map(Result::unwrap) {
            return failure;
        }
    }
}

/// What many may have waiting is there once.
type Queue = mpsc::UnboundedSender<Arc<[u8]>>;

/// Connects so many sources; their tasks say how they end.
async fn connect(
    stage: &Stage<'_>,
    sources: usize,
    tasks: &mut JoinSet<Result<(), String>>,
) -> Result<Vec<Queue>, String> {
    let permits = Arc::new(Semaphore::new(CONNECTS));
    let mut connecting = JoinSet::new();
    for source in 0..sources {
        let (address, permits) = (stage.address(source), permits.clone());
        connecting.spawn(async move {
            let _permit = permits.acquire().await.unwrap();
            (source, timeout(DEADLINE, authorized(address)).await)
        });
    }
    let mut queues = vec![None; sources];
    while let Some(connected) = connecting.join_next().await {
        let (source, connected) = connected.unwrap();
        let stream = match connected {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(format!("source {source} could not connect: {error}")),
            Err(_) => return Err(format!("source {source} could not connect within {DEADLINE:?}")),
        };
        let (reader, writer) = stream.into_split();
        let (queue, queued) = mpsc::unbounded_channel();
        let pongs = queue.clone();
        tasks.spawn(async move { write(writer, queued).await.map_err(|error| format!("source {source}: {error}")) });
        tasks.spawn(async move { Err(format!("source {source}: {}", hear(reader, pongs).await)) });
        queues[source] = Some(queue);
    }
    Ok(queues.into_iter().map(|queue| queue.expect("all are connected")).collect())
}

/// A connection that may publish; of what the relay says everything up to that has been read.
async fn authorized(address: SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut bytes = upgrade_request("").into_bytes();
    bytes.extend(text_message(&format!(r#"{{"type":"authorize","authorization":"{ALL}"}}"#)));
    stream.write_all(&bytes).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(br#"{"type":"authorization_ok"}"#) {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(std::io::Error::other(String::from_utf8_lossy(&answer)));
        }
    }
    Ok(stream)
}

async fn write(mut writer: OwnedWriteHalf, mut queued: mpsc::UnboundedReceiver<Arc<[u8]>>) -> std::io::Result<()> {
    while let Some(bytes) = queued.recv().await {
        writer.write_all(&bytes).await?;
    }
    Ok(())
}

/// Answers pings; returns what ended the connection.
async fn hear(mut reader: OwnedReadHalf, pongs: Queue) -> String {
    let mut buffer = Vec::new();
    loop {
        match reader.read_buf(&mut buffer).await {
            Ok(0) => return "cut without a word".into(),
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
        while let Some((frame, rest)) = Frame::split_off(&buffer) {
            buffer = rest.to_vec();
            match frame.first_byte & 0x0f {
                9 => drop(pongs.send(Frame::new(0x8a, &frame.payload).masked().into())),
                8 => return format!("closed with {:?}", crate::harness::close_code(&frame)),
                _ => return format!("the relay said {:?}", String::from_utf8_lossy(&frame.payload)),
            }
        }
    }
}

/// Has everybody in a crowd publish; what becomes of it is the relay's affair.
fn let_loose(crowd: &Crowd, queues: &[Queue]) {
    let content = "x".repeat(crowd.size);
    let text = text_message(&format!(r#"{{"type":"publish","channel":"{CROWDED}","content":"{content}"}}"#));
    let bytes: Arc<[u8]> = text.into();
    for queue in std::iter::repeat_n(queues, crowd.rounds).flatten() {
        queue.send(bytes.clone()).ok();
    }
}

/// Queues all messages, each when it is due and those who read have come far enough.
async fn direct(stage: &Stage<'_>, queues: &[Queue]) {
    let scenario = stage.scenario;
    let messages: Vec<_> = (0..scenario.messages())
        .map(|number| {
            let (source, of_its_own) = scenario.message(number);
            let content = numbered(source, of_its_own, scenario.size);
            (source, text_message(&format!(r#"{{"type":"publish","channel":"{CHANNEL}","content":{content}}}"#)))
        })
        .collect();
    let mut progress = stage.watch();
    let spacing = PACED / u32::try_from(messages.len()).unwrap();
    let began = Instant::now();
    for (number, (source, bytes)) in messages.into_iter().enumerate() {
        let needed = match scenario.pace {
            // The round before.
            Pace::Burst => number - number % scenario.sources,
            _ => (number + 1).saturating_sub(scenario.window()),
        };
        if scenario.pace == Pace::Paced {
            sleep_until(began + spacing * u32::try_from(number).unwrap()).await;
        }
        wait(&mut progress, needed).await;
        if progress.borrow().failed {
            return;
        }
        // Where its connection has ended, its tasks say why.
        queues[source].send(bytes.into()).ok();
    }
    wait(&mut progress, scenario.messages()).await;
}

/// Waits until those who read have so many messages, or something has failed; they know when it takes too long.
async fn wait(progress: &mut tokio::sync::watch::Receiver<super::stage::Progress>, needed: usize) {
    progress.wait_for(|progress| progress.read >= needed || progress.failed).await.expect("the stage is there");
}
