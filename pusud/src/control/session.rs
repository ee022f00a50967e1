//! Sessions of the operator's: a channel is tailed, or a message published, by a client of a shard that may do everything.
//!
//! Its connection stays inside this process and speaks as every client does, so that the order, the memory and what becomes
//! of a slow consumer are those of every client.

use super::Unserved;
use super::pair::{End, pair};
use crate::admission::OperatorPlace;
use crate::protocol::Disconnect;
use crate::routing::{InboxSender, Item};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// How long a shard may take to answer: a subscription waits a second for linked relays that do not.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// What a message has beside its content, in bytes, at the most.
const MESSAGE_BYTES_MORE: usize = 64 * 1024;

/// What a client asks.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Request<'a> {
    Subscribe { channel: &'a str },
    Publish { channel: &'a str, content: &'a RawValue },
}

/// What a relay says, as far as it matters here.
#[derive(Deserialize)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default, deserialize_with = "present")]
    content: Option<Box<RawValue>>,
    #[serde(default)]
    reason: Option<String>,
}

/// A content of `null` is one.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// A message of a channel that is tailed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TailedMessage {
    /// When it came, in milliseconds since 1970.
    pub time_ms: u64,
    /// The channel.
    pub channel: String,
    /// The content, as it was sent.
    pub content: Box<RawValue>,
}

/// The last line of a channel that was tailed through the control socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TailEnd {
    /// Why there are no more.
    pub end: String,
}

/// What comes of a channel that is tailed.
#[derive(Debug, Clone)]
pub enum Tailed {
    /// A message.
    Message(TailedMessage),
    /// It is over, and this is why.
    End(String),
}

/// A channel that is tailed. Dropping it ends it. Whoever does not ask for the next message is disconnected as a slow consumer.
pub struct Tail {
    stream: WebSocketStream<End>,
    /// Why the shard is about to end it.
    reason: Option<String>,
    /// Why it has ended it: what it says on the connection does not come where nobody reads in time.
    end: Arc<OnceLock<Disconnect>>,
}

impl Tail {
    /// Begins in the shard behind `inbox`, and returns when every message comes.
    pub(super) async fn begin(
        inbox: &InboxSender,
        place: OperatorPlace,
        channel: &str,
        message_bytes_max: usize,
    ) -> Result<Self, String> {
        let mut tail = connect(inbox, place, message_bytes_max).await?;
        let begun = async {
            tail.ask(&Request::Subscribe { channel }).await?;
            loop {
                match tail.said().await {
                    Ok(said) if said.kind == "subscribe_ok" => return Ok(()),
                    Ok(_) => {}
                    Err(reason) => return Err(reason),
                }
            }
        };
        timeout(ANSWER_WITHIN, begun).await.unwrap_or_else(|_| Err("the shard does not answer".to_owned()))?;
        Ok(tail)
    }

    /// The next message, or the end. After an end there is nothing more.
    pub async fn next(&mut self) -> Tailed {
        loop {
            match self.said().await {
                Err(reason) => return Tailed::End(reason),
                Ok(Said { kind, channel: Some(channel), content: Some(content), .. }) if kind == "publish" => {
                    return Tailed::Message(TailedMessage { time_ms: now_ms(), channel, content });
                }
                Ok(said) if said.kind == "subscription_ended" => {
                    return Tailed::End(said.reason.unwrap_or_else(|| "the subscription has ended".to_owned()));
                }
                Ok(_) => {}
            }
        }
    }

    async fn ask(&mut self, request: &Request<'_>) -> Result<(), String> {
        let text = serde_json::to_string(request).map_err(|error| error.to_string())?;
        self.stream.send(Message::text(text)).await.map_err(|error| error.to_string())
    }

    /// What the shard says next. `Err`: it has ended the connection, and why.
    async fn said(&mut self) -> Result<Said, String> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let said: Said = serde_json::from_str(&text).map_err(|error| error.to_string())?;
                    if let Some(reason) = said.reason.as_ref().filter(|_| said.kind != "subscription_ended") {
                        self.reason = Some(reason.clone());
                    }
                    return Ok(said);
                }
                Some(Ok(Message::Close(frame))) => {
                    let by_code = frame.map(|frame| frame.reason.to_string()).filter(|reason| !reason.is_empty());
                    return Err(self.reason.take().or(by_code).unwrap_or_default());
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    let told = self.end.get().map(|disconnect| disconnect.reason().to_owned());
                    let reason = self.reason.take().or(told);
                    return Err(reason.unwrap_or_else(|| "the relay has ended the connection".to_owned()));
                }
            }
        }
    }
}

/// Publishes one message, JSON text, in the shard behind `inbox`, and returns when it is accepted.
pub(super) async fn publish(
    inbox: &InboxSender,
    place: OperatorPlace,
    channel: &str,
    content: &str,
    message_bytes_max: usize,
) -> Result<(), Unserved> {
    let content: &RawValue = serde_json::from_str(content)
        .map_err(|error| format!("the content is no JSON ({error}): a text needs quotes, as in `\"hello\"`"))?;
    let mut session = connect(inbox, place, message_bytes_max).await?;
    let published = async {
        session.ask(&Request::Publish { channel, content }).await?;
        // Behind it, so that the answer to this says what has become of it.
        session.stream.close(None).await.map_err(|error| error.to_string())?;
        loop {
            if let Err(reason) = session.said().await {
                return if reason.is_empty() { Ok(()) } else { Err(Unserved::Wrong(reason)) };
            }
        }
    };
    let no_room = "the relay has no room for it now: it waits, and may be published still";
    timeout(ANSWER_WITHIN, published).await.unwrap_or_else(|_| Err(Unserved::Busy(no_room.to_owned())))
}

/// A connection to the shard behind `inbox`, which serves it as a client that may do everything.
async fn connect(inbox: &InboxSender, place: OperatorPlace, message_bytes_max: usize) -> Result<Tail, String> {
    let (shards, own) = pair().map_err(|error| format!("cannot make a connection: {error}"))?;
    let end = Arc::new(OnceLock::new());
    inbox.send(Item::Operator(shards, place, end.clone()));
    let bytes_max = Some(message_bytes_max.saturating_add(MESSAGE_BYTES_MORE));
    let config = WebSocketConfig::default().max_message_size(bytes_max).max_frame_size(bytes_max);
    let stream = WebSocketStream::from_raw_socket(own, Role::Client, Some(config)).await;
    Ok(Tail { stream, reason: None, end })
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
