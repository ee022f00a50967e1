//! Positions of history, as clients bring them back: texts that they may have changed in any way.

use crate::history::{NUMBER_MAX, ORIGINS_MAX, Position};
use crate::protocol::{self, Limits, POSITION_BYTES_MAX, Request, Since};

/// Longer ones say nothing new.
const BYTES_MAX: usize = 4096;
/// Deeper JSON is refused, wherever it stands.
const DEPTH_MAX: usize = 30;

/// A text is a position or it is none, with one text for each; and whatever `since` is, the subscription is one.
///
/// # Panics
/// Where that does not hold.
pub fn position(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(&bytes[..bytes.len().min(BYTES_MAX)]) else { return };
    let position = Position::parse(text);
    if let Some(position) = &position {
        assert!(text.len() <= POSITION_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
        assert_eq!(position.text(), text, "another text for the same");
        assert!(position.iter().count() <= ORIGINS_MAX);
        for (origin, number) in position.iter() {
            assert!(number <= NUMBER_MAX && position.get(origin) == Some(number), "{text:?}");
        }
        merges(position);
    }
    let (quoted, limits) = (serde_json::Value::from(text).to_string(), Limits::default());
    let message = format!(r#"{{"type":"subscribe","channel":"a","since":{quoted}}}"#);
    let Ok(Request::Subscribe { since: Since::Position(read), .. }) = protocol::parse(&message, &limits) else {
        panic!("{message} is no subscription");
    };
    assert_eq!(Position::parse(&read), position, "{text:?} was not read as it was written");
    // Any JSON in its place.
    let depth = text.bytes().filter(|byte| b"[{".contains(byte)).count();
    if depth < DEPTH_MAX && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok() {
        let message = format!(r#"{{"type":"subscribe","channel":"a","since":{text}}}"#);
        assert!(
            matches!(protocol::parse(&message, &limits), Ok(Request::Subscribe { since: Since::Position(_), .. })),
            "{message}"
        );
    }
}

/// Whoever has seen what another position says as well is never further back.
fn merges(position: &Position) {
    let mut more = Position::default();
    for (origin, number) in position.iter() {
        more.merge(origin, number / 2);
    }
    more.merge_all(position);
    assert!(position.iter().all(|(origin, number)| more.get(origin) == Some(number)));
    let again = more.text();
    more.merge_all(position);
    assert_eq!(more.text(), again, "a second time changes something");
}
