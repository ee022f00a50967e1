//! History over HTTP: what was published to a channel lately, or since a position, in one answer.

use super::{Answer, CrossOrigin, Request, Requests, Then};
use crate::history::{self, Joining, Position, Start};
use crate::http::{self, Framing, query_pairs};
use crate::protocol::Access;
use zeroize::Zeroizing;

/// The path as the authenticator is told it.
const PATH: &str = "/history";
/// What is published next makes it wrong.
const NO_STORE: &str = "Cache-Control: no-store\r\n";
/// All messages of one answer, in bytes, but for the one that goes past it.
const MESSAGES_BYTES_MAX: usize = 1024 * 1024;

/// What a request wants.
struct Wanted {
    start: Start,
    authorization: Option<Zeroizing<String>>,
}

impl Requests<'_> {
    /// Answers with what the channel's history has.
    pub(super) async fn answer_history(&mut self, request: &Request, origin: &CrossOrigin, escaped: &str) -> Then {
        let answer = match self.read_history(request, origin, escaped).await {
            Ok(body) => {
                self.turn_bytes += body.len();
                Answer::new(200, http::JSON, body).with(NO_STORE)
            }
            Err(answer) => answer,
        };
        self.respond_early(request, origin, &answer).await
    }

    async fn read_history(
        &mut self,
        request: &Request,
        origin: &CrossOrigin,
        escaped: &str,
    ) -> Result<Vec<u8>, Answer> {
        if !matches!(request.framing, None | Some(Framing::Length(0))) {
            return Err(Answer::problem(400, "A request for history has no body."));
        }
        let channel = self.channel(escaped).map_err(|refused| refused.answer())?;
        let Wanted { start, authorization } = wanted(request.query())?;
        let remembered = match authorization.filter(|_| request.authorization().is_none()) {
            Some(authorization) => {
                let credentials = self.credentials(request, origin, PATH, Some(authorization))?;
                self.verdict_about(credentials).await?
            }
            None => self.verdict(request, origin, PATH).await?,
        };
        if !remembered.allows(Access::READ, &channel) {
            return Err(Answer::problem(403, &format!("no permission to read the channel {channel}")));
        }
        let Some(joining) = self.context.hub.read_history(&channel, start) else {
            let detail = "The channel has no history: the setting `history` of this relay names those that do.";
            return Err(Answer::problem(404, detail));
        };
        Ok(text(&channel, joining))
    }
}

/// What a query asks for.
fn wanted(query: &str) -> Result<Wanted, Answer> {
    let (mut start, mut authorization, mut count) = (None, None, 0);
    for pair in query_pairs(query) {
        let Some((name, value)) = pair else {
            return Err(Answer::problem(400, "The escapes of the query are malformed, or no UTF-8."));
        };
        match &*name {
            "last" => start = Some(Start::Last(last_of(&value)?)),
            "since" => start = Some(Start::Since(Position::parse(&value))),
            "authorization" => authorization = Some(Zeroizing::new(value)),
            _ => continue,
        }
        count += usize::from(name != "authorization");
    }
    match start {
        Some(start) if count == 1 => Ok(Wanted { start, authorization }),
        _ => Err(Answer::problem(
            400,
            "The query says where to begin, once: /history/CHANNEL?last=COUNT, the newest so many, or ?since=POSITION, \
             all behind a position.",
        )),
    }
}

/// How many of the newest a query asks for.
///
/// # Errors
/// 400: that is no number.
pub(super) fn last_of(value: &str) -> Result<u32, Answer> {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| value.parse().ok()).flatten().ok_or_else(|| {
        Answer::problem(400, "The query's `last` is a whole number from 0 to 4294967295, such as ?last=10.")
    })
}

/// The answer's JSON text. `position` is where who has read it goes on.
fn text(channel: &str, joining: Joining) -> Vec<u8> {
    let Joining { answer, mut position, missed, at, .. } = joining;
    let count = missed.len();
    let (mut messages, mut taken, mut position_text) = (Vec::new(), 0, String::new());
    for one in &missed {
        if messages.len() >= MESSAGES_BYTES_MAX {
            break;
        }
        position.merge(one.origin, one.number);
        position_text.clear();
        position.push(&mut position_text);
        if taken > 0 {
            messages.push(b',');
        }
        messages.extend_from_slice(br#"{"position":""#);
        messages.extend_from_slice(position_text.as_bytes());
        messages.extend_from_slice(br#"","content":"#);
        messages.extend_from_slice(one.content.as_bytes());
        messages.push(b'}');
        taken += 1;
    }
    let more = taken < count;
    if !more && count > 0 {
        // Nothing is left between the last one and now.
        let mut now = at;
        now.merge_all(&position);
        position = now;
    }
    let answer = match answer {
        history::Answer::Recovered => format!(r#","recovered":true,"missed":{count}"#),
        history::Answer::NotRecovered => r#","recovered":false"#.to_owned(),
        history::Answer::Now | history::Answer::Last => String::new(),
    };
    let channel = serde_json::to_string(channel).expect("text is JSON");
    let more = if more { r#","more":true"# } else { "" };
    let head = format!(r#"{{"channel":{channel},"position":"{}"{answer}{more},"messages":["#, position.text());
    [head.as_bytes(), &messages, b"]}"].concat()
}
