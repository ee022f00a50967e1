//! One listener: gets connected, authorized and subscribed, and then reads as cheaply as it can.
//!
//! Reads into the buffer that all listeners of a thread share. Knows what frames and events mean for the connection; what is
//! in a publication is the ledger's business.

use super::super::checking::{Ledger, News};
use super::super::stage::Stage;
use super::frames::{FrameReader, SHOWN_BYTES_MIN, Shown};
use super::halves::{ReadHalf, WriteHalf, halves};
use super::stream::FrameByFrame;
use crate::cli::client::{Connection, not_decided, permissions_request};
use crate::cli::client_messages::{Answer, Failure, Refusal, Request, Said, ended, understand};
use crate::cli::connecting::{cannot_connect, stream_failure};
use crate::cli::http::{EventStream, Heard, Requests, delivery};
use crate::cli::relay_stream::RelayStream;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};

/// From asking for the channel to having it.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(30);
/// tungstenite's buffers while it connects, and what is read at a time until events come; answers are short.
const DIALOGUE_BYTES: usize = 1024;

/// A listener that is subscribed.
pub(super) struct Listener {
    /// Its place in the ledger.
    at: usize,
    stream: ReadHalf,
    reader: Reader,
    /// What arrived behind the confirmation of the subscription.
    ahead: Vec<u8>,
    refusal: Option<Refusal>,
}

/// What takes its bytes apart.
enum Reader {
    Frames(FrameReader),
    Events(Box<EventStream>),
}

impl Listener {
    /// Connects listener number `number`; `at` is its place in the ledger. The other half is for saying goodbye.
    pub(super) async fn connect(stage: &Stage, number: u32, at: usize) -> Result<(Self, WriteHalf), Failure> {
        let channel = stage.plan.channel_name(stage.plan.channel_of_listener(number));
        let (stream, ahead, reader) = if stage.plan.over_http.events {
            let (stream, events) = timeout(SUBSCRIBE_TIMEOUT, listen_to_events(stage, &channel))
                .await
                .unwrap_or_else(|_| Err(not_decided()))?;
            (stream, Vec::new(), Reader::Events(Box::new(events)))
        } else {
            let (stream, ahead) = subscribe(stage, &channel).await?;
            (stream, ahead, Reader::Frames(FrameReader::default()))
        };
        if let RelayStream::Tls(stream) = &stream {
            stage.tls.get_or_init(|| stream.session());
        }
        let (stream, goodbye) = halves(stream);
        Ok((Self { at, stream, reader, ahead, refusal: None }, goodbye))
    }

    /// Its place in the ledger.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Reads once and takes note of what has arrived. The error is why the connection has ended.
    pub(super) fn poll_listen(
        &mut self,
        cx: &mut Context<'_>,
        stage: &Stage,
        buffer: &mut [u8],
        ledger: &mut Ledger,
    ) -> Poll<Result<(), Failure>> {
        if !self.ahead.is_empty() {
            let ahead = std::mem::take(&mut self.ahead);
            return Poll::Ready(self.take(&ahead, stage, ledger));
        }
        let mut buffer = ReadBuf::new(buffer);
        let read = ready!(self.stream.poll_read(cx, &mut buffer));
        if let Err(error) = read {
            return Poll::Ready(Err(Failure::passing(format!("the connection to the relay broke: {error}"))));
        }
        if buffer.filled().is_empty() {
            return Poll::Ready(Err(match &mut self.reader {
                Reader::Frames(_) => ended(self.refusal.take(), None),
                Reader::Events(events) => events.eof(),
            }));
        }
        let taken = self.take(buffer.filled(), stage, ledger);
        ledger.end_of_batch();
        Poll::Ready(taken)
    }

    fn take(&mut self, bytes: &[u8], stage: &Stage, ledger: &mut Ledger) -> Result<(), Failure> {
        let now = stage.clock.now();
        let Self { at, stream, reader, refusal, .. } = self;
        match reader {
            Reader::Frames(frames) => {
                frames.feed(bytes, |header, shown| take_frame(header, &shown, *at, stream, refusal, stage, ledger, now))
            }
            Reader::Events(events) => events.feed(bytes, |heard| {
                if let Heard::Message { data, whole, .. } = heard {
                    let shown = Shown { payload: data, whole };
                    ledger.message(*at, &shown, now, |data| delivery(data).map(Said::Answer))?;
                }
                Ok(())
            }),
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "parts of one listener, and what it works with")]
fn take_frame(
    header: &FrameHeader,
    shown: &Shown<'_>,
    at: usize,
    stream: &ReadHalf,
    refusal: &mut Option<Refusal>,
    stage: &Stage,
    ledger: &mut Ledger,
    now: u64,
) -> Result<(), Failure> {
    match header.opcode {
        OpCode::Data(Data::Text | Data::Binary) if header.is_final => {
            match ledger.message(at, shown, now, understand)? {
                Some(News::Refusal(refused)) => *refusal = Some(refused),
                Some(News::Expiring) => ask_for_permissions(stream, stage)?,
                None => {}
            }
            Ok(())
        }
        OpCode::Control(Control::Ping) => say(stream, Frame::pong(shown.payload.to_vec())),
        OpCode::Control(Control::Pong) => Ok(()),
        OpCode::Control(Control::Close) => Err(ended(refusal.take(), close_frame(shown.payload).as_ref())),
        _ => Err(Failure::lasting("the relay sent a message in fragments, which relays of PuSu never do")),
    }
}

/// Subscribes over WebSocket; the bytes are those behind the confirmation.
async fn subscribe(stage: &Stage, channel: &str) -> Result<(RelayStream, Vec<u8>), Failure> {
    let connecting = async {
        let stream = FrameByFrame::new(open(stage).await?);
        let config = WebSocketConfig::default().read_buffer_size(DIALOGUE_BYTES).write_buffer_size(0);
        client_async_with_config(stage.target.url.request.clone(), stream, Some(config)).await
    };
    let mut connection = Connection::open_over(&stage.target, connecting).await?;
    connection.send(&Request::Subscribe { channel, since: None, last: None }).await?;
    let subscribed = async {
        loop {
            if matches!(connection.next().await?, Answer::Subscribed(confirmed) if confirmed.channel == channel) {
                return Ok(());
            }
        }
    };
    timeout(SUBSCRIBE_TIMEOUT, subscribed).await.unwrap_or_else(|_| {
        let seconds = SUBSCRIBE_TIMEOUT.as_secs();
        Err(Failure::passing(format!("the relay did not confirm the subscription within {seconds} s")))
    })?;
    Ok(connection.into_stream().into_parts())
}

/// Subscribes over HTTP. What comes right behind the confirmation is not of this measurement, whose sources do not send yet.
async fn listen_to_events(stage: &Stage, channel: &str) -> Result<(RelayStream, EventStream), Failure> {
    let target = &stage.target;
    let request = Requests::new(target)?.events([channel], None, None);
    let opened = open(stage).await;
    let mut stream = opened.map_err(|error| cannot_connect(stream_failure(error, target), target))?;
    let broke = |error: io::Error| Failure::passing(format!("the connection to the relay broke: {error}"));
    stream.write_all(request.as_bytes()).await.map_err(broke)?;
    stream.flush().await.map_err(broke)?;
    let mut events = EventStream::new(&[channel], SHOWN_BYTES_MIN);
    let mut is_subscribed = false;
    let mut bytes = [0; DIALOGUE_BYTES];
    while !is_subscribed {
        let count = stream.read(&mut bytes).await.map_err(broke)?;
        if count == 0 {
            return Err(events.eof());
        }
        events.feed(&bytes[..count], |heard| {
            is_subscribed |= matches!(heard, Heard::Granted(channels) if channels.contains(&channel.to_owned()));
            Ok(())
        })?;
    }
    Ok((stream, events))
}

/// A listener sends so little that the kernel always has room for it.
fn say(stream: &ReadHalf, frame: Frame) -> Result<(), Failure> {
    let sent = stream.send_now(&masked(frame));
    sent.map_err(|error| Failure::passing(format!("cannot answer the relay: {error}")))
}

fn ask_for_permissions(stream: &ReadHalf, stage: &Stage) -> Result<(), Failure> {
    let request = serde_json::to_string(&permissions_request(&stage.target)?);
    let request = request.map_err(|error| Failure::lasting(error.to_string()))?;
    say(stream, Frame::message(request, OpCode::Data(Data::Text), true))
}

/// Begins to end a connection in order. Where it has ended already there is nobody to tell.
pub(super) fn say_goodbye(stream: &WriteHalf) {
    stream.send_now(&masked(Frame::close(None))).ok();
}

/// The frame as a client sends it. Masks protect proxies from payloads that somebody chose, which these are not.
fn masked(mut frame: Frame) -> Vec<u8> {
    frame.header_mut().mask = Some([0; 4]);
    let mut bytes = Vec::new();
    frame.format(&mut bytes).expect("a vector takes all bytes");
    bytes
}

fn close_frame(payload: &[u8]) -> Option<CloseFrame> {
    let (code, reason) = payload.split_first_chunk()?;
    let reason = String::from_utf8_lossy(reason).into_owned();
    Some(CloseFrame { code: u16::from_be_bytes(*code).into(), reason: reason.into() })
}

async fn open(stage: &Stage) -> io::Result<RelayStream> {
    let opened = RelayStream::open_at(&stage.target, &stage.addresses).await;
    opened.map_err(|error| match error.kind() {
        io::ErrorKind::AddrNotAvailable => io::Error::other(
            "this machine has no local port left for another connection to that address (on Linux, \
             net.ipv4.ip_local_port_range says how many there are): use fewer --listeners, or several machines",
        ),
        _ => error,
    })
}
