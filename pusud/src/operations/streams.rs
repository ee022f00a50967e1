//! Streams of events over the operations port: live figures, and channels that are listened to.

use super::answers::{Answer, bare};
use super::audit::audit;
use super::body::Body;
use super::door::{Asked, Door};
use super::fault::Fault;
use super::looking::now_ms;
use super::role::Who;
use crate::control::{Tail, Tailed};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval};

/// Streams of live figures at a time.
pub(super) const LIVE_MAX: usize = 8;
/// Channels that are listened to at a time.
pub(super) const TAILS_MAX: usize = 8;
/// The time between two live figures.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);
/// The time between two looks whether a channel may still be listened to.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// So many looks later there is a sign of life.
const LOOKS_PER_SIGN: u64 = 15;
/// Events that wait to be taken.
pub(super) const WAITING_MAX: usize = 1;
/// A sign of life that is no event.
const ALIVE: &[u8] = b":\n\n";

/// The places of streams.
pub(super) struct Streams {
    live: Arc<Semaphore>,
    tails: Arc<Semaphore>,
}

impl Default for Streams {
    fn default() -> Self {
        Self { live: Arc::new(Semaphore::new(LIVE_MAX)), tails: Arc::new(Semaphore::new(TAILS_MAX)) }
    }
}

/// Who takes a stream, and how.
struct Reader {
    door: Arc<Door>,
    who: Who,
    session: Option<String>,
    events: mpsc::Sender<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// Whether it goes on: who reads it is still signed in, and still there.
    async fn goes_on(&self) -> bool {
        !self.events.is_closed() && self.door.is_still(&self.who, self.session.as_deref()).await
    }

    /// Sends an event; `false`: nobody takes it.
    async fn send(&self, kind: &str, data: &impl Serialize) -> bool {
        // What is in there can be written.
        let data = serde_json::to_string(data).unwrap_or_default();
        self.events.send(Bytes::from(format!("event: {kind}\ndata: {data}\n\n"))).await.is_ok()
    }
}

impl Door {
    /// One event a second with the relay's state.
    pub(super) fn live(self: &Arc<Self>, asked: Asked) -> Result<Answer, Fault> {
        asked.query.end()?;
        let (reader, answer) = self.stream(&self.streams.live, asked.who, asked.session)?;
        tokio::spawn(async move {
            let mut ticks = interval(LIVE_INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if !reader.goes_on().await || !reader.send("status", &reader.door.overview(Some(now_ms())).await).await
                {
                    return;
                }
            }
        });
        Ok(answer)
    }

    /// The messages of a channel.
    pub(super) async fn tail(self: &Arc<Self>, mut asked: Asked) -> Result<Answer, Fault> {
        let channel = asked.query.need("channel")?;
        asked.query.end()?;
        let (reader, answer) = self.stream(&self.streams.tails, asked.who, asked.session)?;
        let tail = self.parts.operator.lists().tail(&channel).await.map_err(Fault::unserved)?;
        audit(&reader.who, asked.caller, asked.action.word(), Some(&format!("channel {channel:?}")), "begun");
        tokio::spawn(pass_on(tail, reader));
        Ok(answer)
    }

    fn stream(
        self: &Arc<Self>,
        places: &Arc<Semaphore>,
        who: Option<Who>,
        session: Option<String>,
    ) -> Result<(Reader, Answer), Fault> {
        let who = who.ok_or_else(|| Fault::new(StatusCode::UNAUTHORIZED, "sign in"))?;
        let place = places.clone().try_acquire_owned().map_err(|_| {
            let detail = "as many streams as can be are open already: close one of those";
            Fault::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        })?;
        let (events, taken) = mpsc::channel(WAITING_MAX);
        let mut answer = bare(StatusCode::OK, Body::events(taken));
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        Ok((Reader { door: self.clone(), who, session, events, _place: place }, answer))
    }
}

async fn pass_on(mut tail: Tail, reader: Reader) {
    let mut looks = interval(LOOK_INTERVAL);
    let mut looked = 0;
    loop {
        tokio::select! {
            tailed = tail.next() => {
                let is_taken = match tailed {
                    Tailed::Message(message) => reader.send("message", &message).await,
                    Tailed::End(reason) => {
                        reader.send("end", &json!({ "reason": reason })).await;
                        return;
                    }
                };
                if !is_taken {
                    return;
                }
            }
            _ = looks.tick() => {
                if !reader.door.is_still(&reader.who, reader.session.as_deref()).await {
                    reader.send("end", &json!({ "reason": "signed out" })).await;
                    return;
                }
                looked += 1;
                if looked % LOOKS_PER_SIGN == 1 && reader.events.send(Bytes::from_static(ALIVE)).await.is_err() {
                    return;
                }
            }
            () = reader.events.closed() => return,
        }
    }
}
