//! The nesting depth of JSON: a function of its text, which the parser has found to be JSON.

/// Whether arrays and objects in `json` are nested more deeply than `max`.
pub(crate) fn is_deeper(json: &str, max: usize) -> bool {
    // Each level takes two bytes at least, and nearly no message has so many brackets at all.
    json.len() / 2 > max && opening(json.as_bytes()) > max && depth(json.as_bytes()) > max
}

/// How many brackets there are that open something, those inside of strings included. It is counted many bytes at a time:
/// one byte of sum is enough for so short a piece, and needs no look for an overflow.
fn opening(json: &[u8]) -> usize {
    let of_piece = |piece: &[u8]| piece.iter().fold(0u8, |sum, byte| sum.wrapping_add(u8::from(byte | 0x20 == b'{')));
    json.chunks(u8::MAX.into()).fold(0, |sum, piece| sum.wrapping_add(of_piece(piece).into()))
}

fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => {
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => drop(bytes.next()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn depth_of(value: &Value) -> usize {
        match value {
            Value::Array(values) => 1 + values.iter().map(depth_of).max().unwrap_or(0),
            Value::Object(fields) => 1 + fields.values().map(depth_of).max().unwrap_or(0),
            _ => 0,
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), "[\\\\\"{}\\[\\]a]{0,6}".prop_map(Value::from)];
        leaf.prop_recursive(6, 40, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map("[{\\[\\\\\"]{0,2}", inner, 0..4)
                    .prop_map(|fields| fields.into_iter().collect()),
            ]
        })
    }

    #[test]
    fn brackets_are_counted_in_any_number() {
        for levels in [1, 254, 255, 256, 300, 1000] {
            let text = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
            assert!(!is_deeper(&text, levels) && is_deeper(&text, levels - 1), "{levels} levels");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_parsed_value(value in value()) {
            let depth = depth_of(&value);
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert!(!is_deeper(&text, depth), "{}", text);
                prop_assert!(depth == 0 || is_deeper(&text, depth - 1), "{}", text);
            }
        }
    }
}
