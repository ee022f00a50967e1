//! Publishing over HTTP: one message, or several with a result each.

use super::authorizing::stopping;
use super::publication::{Accepted, Refused, no_permission};
use super::received::NoBody;
use super::results::Results;
use super::{Answer, CrossOrigin, Request, Requests, Then};
use crate::client::Context;
use crate::client::verdicts::Remembered;
use crate::http::{self, BodyError, Expectation, Framing, MediaType, percent_decode};
use crate::protocol::{self, ContentError, ItemsError, ItemsForm, Malformed, Refusal};
use std::borrow::Cow;
use std::sync::Arc;
use tokio::time::timeout;

/// The path as the authenticator is told it: it decides who somebody is, and permissions say the rest.
pub(super) const PATH: &str = "/publish";
const REPLAYED: &str = "Idempotency-Replayed: true\r\n";
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// About what one message of a list and its result take until the answer, beside its part of the body.
const RESULT_BYTES: usize = 1024;

impl Requests<'_> {
    /// Publishes the body to one channel.
    pub(super) async fn publish_one(&mut self, request: &Request, origin: &CrossOrigin, escaped: &str) -> Then {
        let allowed = self.prepare(request, origin, Some(escaped)).await;
        let (channel, remembered) = match allowed {
            Ok(allowed) => allowed,
            Err(answer) => return self.respond_early(request, origin, &answer).await,
        };
        let body = match self.receive(request).await {
            Ok(body) => body,
            Err(answer) => return self.respond_last(request, origin, &answer).await,
        };
        let content = match content(&body, request, &self.context) {
            Ok(content) => content,
            Err(refused) => return self.respond_refused(request, origin, refused).await,
        };
        match self.accept(&remembered, request.idempotency_key(), &channel, 0, &content).await {
            Ok(accepted) => {
                let answer = Answer::new(202, http::JSON, &br#"{"accepted":1}"#[..]);
                let answer = match accepted {
                    Accepted::Now => answer,
                    Accepted::Replayed => answer.with(REPLAYED),
                };
                self.respond(request, origin, &answer).await
            }
            Err(refused) => self.respond_refused(request, origin, refused).await,
        }
    }

    /// Publishes what the body lists, in order.
    pub(super) async fn publish_many(&mut self, request: &Request, origin: &CrossOrigin) -> Then {
        let remembered = match self.prepare(request, origin, None).await {
            Ok((_, remembered)) => remembered,
            Err(answer) => return self.respond_early(request, origin, &answer).await,
        };
        let body = match self.receive(request).await {
            Ok(body) => body,
            Err(answer) => return self.respond_last(request, origin, &answer).await,
        };
        let limits = self.context.limits.clone();
        let form = match media_type(request) {
            MediaType::NdJson => ItemsForm::Lines,
            MediaType::Json | MediaType::Text | MediaType::Other => ItemsForm::Array,
        };
        let items = match text(&body).and_then(|text| {
            protocol::parse_items(text, form, &limits).map_err(|error| match error {
                ItemsError::NotJson(_) => Refused::new(400, error.to_string()),
                ItemsError::NotAnArray => Refused::new(422, error.to_string()),
                ItemsError::TooMany => Refused::new(413, error.to_string()),
            })
        }) {
            Ok(items) if items.is_empty() => Err(Refused::new(400, "The body lists no messages.")),
            other => other,
        };
        let items = match items {
            Ok(items) => items,
            Err(refused) => return self.respond_refused(request, origin, refused).await,
        };
        self.received.account(body.len() + items.len() * RESULT_BYTES);
        self.context.hub.relieve();
        let mut results = Results::default();
        for item in items {
            let result = match &item {
                Ok(item) => {
                    let ordinal = results.ordinal(&item.channel);
                    let key = request.idempotency_key();
                    self.accept(&remembered, key, &item.channel, ordinal, item.content).await
                }
                Err(malformed) => Err(self.malformed(malformed)),
            };
            results.add(item.as_ref().ok().map(|item| &*item.channel), result);
            self.take_turn().await;
        }
        self.received.account(0);
        self.respond(request, origin, &results.answer()).await
    }

    /// Looks at all that can be said before the body is there: the channel, if it is one alone, and what its source may do.
    async fn prepare(
        &mut self,
        request: &Request,
        origin: &CrossOrigin,
        escaped: Option<&str>,
    ) -> Result<(String, Arc<Remembered>), Answer> {
        let channel = match escaped {
            Some(escaped) => self.channel(escaped).map_err(|refused| refused.answer())?,
            None => String::new(),
        };
        self.check(request, escaped.is_none()).map_err(|refused| refused.answer())?;
        let remembered = self.verdict(request, origin, PATH).await?;
        if escaped.is_some() && !self.may_write(&remembered, &channel) {
            return Err(no_permission().answer());
        }
        Ok((channel, remembered))
    }

    /// The channel behind its escapes.
    pub(super) fn channel(&self, escaped: &str) -> Result<String, Refused> {
        let channel = percent_decode(escaped, false)
            .ok_or_else(|| Refused::new(400, "The channel's escapes are malformed, or no UTF-8."))?;
        self.check_channel(&channel)?;
        Ok(channel)
    }

    /// Whether a name may be a channel's.
    pub(super) fn check_channel(&self, channel: &str) -> Result<(), Refused> {
        protocol::check_channel_name(channel, &self.context.limits)
            .map_err(|malformed| self.malformed_as(400, &malformed))
    }

    fn malformed(&self, malformed: &Malformed) -> Refused {
        self.malformed_as(422, malformed)
    }

    fn malformed_as(&self, status: u16, malformed: &Malformed) -> Refused {
        if let Some(limit) = malformed.limit {
            self.context.hub.count_refusal(limit);
        }
        Refused::new(status, malformed.reason.clone().into_owned())
    }

    /// Whether the head promises a body that is wanted.
    fn check(&self, request: &Request, is_list: bool) -> Result<(), Refused> {
        let bytes_max = self.context.limits.max_message_bytes;
        match request.framing {
            None => return Err(Refused::new(411, "A body needs a Content-Length, or Transfer-Encoding: chunked.")),
            Some(Framing::Length(len)) if usize::try_from(len).is_ok_and(|len| len <= bytes_max) => {}
            Some(Framing::Length(_)) => return Err(too_large(&self.context)),
            Some(Framing::Chunked) => {}
        }
        if request.expectation == Expectation::Unknown {
            return Err(Refused::new(417, "The only expectation that is known here is 100-continue."));
        }
        if request.is_encoded {
            return Err(Refused::new(415, "No Content-Encoding is known here: send the body as it is."));
        }
        let is_good = match media_type(request) {
            MediaType::Json => true,
            MediaType::Text => !is_list,
            MediaType::NdJson => is_list,
            MediaType::Other => false,
        };
        if !is_good {
            let detail = match is_list {
                true => "The Content-Type of a list is application/json or application/x-ndjson, in UTF-8.",
                false => "The Content-Type of a message is application/json or text/plain, in UTF-8.",
            };
            return Err(Refused::new(415, detail));
        }
        let is_key =
            |key: &[u8]| (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
        if !request.idempotency_key().is_none_or(is_key) {
            return Err(Refused::new(400, "An Idempotency-Key is 1 to 255 visible characters of ASCII."));
        }
        Ok(())
    }

    /// Receives the body.
    async fn receive(&mut self, request: &Request) -> Result<Vec<u8>, Answer> {
        let limits = &self.context.limits;
        let (bytes_max, time_max) = (limits.max_message_bytes, limits.message_timeout);
        let framing = request.framing.unwrap_or(Framing::Length(0));
        if request.expectation == Expectation::Continue && self.received.unread().is_empty() {
            self.ask_to_continue().await;
        }
        let received = match self.received.try_body(framing, bytes_max) {
            Some(body) => Ok(body),
            None => {
                // Others have what is left of it, and earlier answers do not wait for this.
                self.turn = None;
                self.send_answers().await;
                match timeout(time_max, self.received.body(framing, bytes_max)).await {
                    Ok(received) => received,
                    Err(_) => {
                        self.context.hub.count_refusal(Refusal::MessageTimeout);
                        let detail = "The body was not complete in time (limits.message_timeout).";
                        return Err(Answer::problem(408, detail));
                    }
                }
            }
        };
        let body = received.map_err(|error| match error {
            NoBody::Bad(BodyError::TooLarge) => too_large(&self.context).answer(),
            NoBody::Bad(BodyError::Malformed) => Answer::problem(400, "The chunks of the body are malformed."),
            NoBody::Gone => stopping(),
        })?;
        self.turn_bytes += body.len();
        Ok(body)
    }

    async fn respond_refused(&mut self, request: &Request, origin: &CrossOrigin, refused: Refused) -> Then {
        self.respond(request, origin, &refused.answer()).await
    }
}

/// What a request says that its body is.
fn media_type(request: &Request) -> MediaType {
    request.content_type().map_or(MediaType::Json, MediaType::of)
}

fn too_large(context: &Context) -> Refused {
    context.hub.count_refusal(Refusal::MaxMessageBytes);
    let bytes_max = context.limits.max_message_bytes;
    let detail = format!("A message is at most {bytes_max} bytes long, as JSON too (limits.max_message_bytes).");
    Refused::new(413, detail)
}

fn text(body: &[u8]) -> Result<&str, Refused> {
    std::str::from_utf8(body).map_err(|_| Refused::new(400, "The body is not UTF-8."))
}

/// The body as content.
fn content<'a>(body: &'a [u8], request: &Request, context: &Context) -> Result<Cow<'a, str>, Refused> {
    let text = text(body)?;
    if media_type(request) == MediaType::Text {
        let content = serde_json::to_string(text).expect("text is JSON");
        // It may be six times as long, and linked relays take no more than this.
        let is_good = content.len() <= context.limits.max_message_bytes;
        return if is_good { Ok(content.into()) } else { Err(too_large(context)) };
    }
    let Context { hub, limits, .. } = context;
    protocol::parse_content(text, limits).map(Cow::Borrowed).map_err(|error| match error {
        ContentError::NotJson(_) => Refused::new(400, error.to_string()),
        ContentError::TooDeep => {
            hub.count_refusal(Refusal::MaxJsonDepth);
            Refused::new(422, "The content is nested too deeply (limits.max_json_depth).")
        }
    })
}
