//! The stamp in each message of a measurement: which run, source and channel it is of, which number it has there, and
//! when it was sent. Functions from bytes to values and back.
//!
//! The content is a JSON string of 42 hexadecimal digits and as many `x` as the wanted size takes. All fields have a
//! fixed width, and what is the same in all messages of a channel comes first, so that a delivery is recognised by
//! comparing bytes and read without parsing JSON.

const RUN_DIGITS: usize = 8;
const CHANNEL_DIGITS: usize = 6;
const SOURCE_DIGITS: usize = 4;
const SEQUENCE_DIGITS: usize = 12;
const TIME_DIGITS: usize = 12;
const DIGITS: usize = RUN_DIGITS + CHANNEL_DIGITS + SOURCE_DIGITS + SEQUENCE_DIGITS + TIME_DIGITS;

/// The smallest content, in bytes of JSON: the digits and two quotes.
pub(crate) const CONTENT_BYTES_MIN: usize = DIGITS + 2;
/// How many channels can be told apart.
pub(crate) const CHANNELS_MAX: u32 = 1 << (4 * CHANNEL_DIGITS);
/// How many sources can be told apart.
pub(crate) const SOURCES_MAX: u32 = 1 << (4 * SOURCE_DIGITS);

/// The stamp on one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Tells this measurement from others on the same relay.
    pub(crate) run: u32,
    /// Below [`CHANNELS_MAX`].
    pub(crate) channel: u32,
    /// What only this message has.
    pub(crate) own: Own,
}

/// The part of a stamp that differs between the messages of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) source: u16,
    /// From 0, by one for each message of the source to the channel; below 2^48.
    pub(crate) sequence: u64,
    /// When it was sent, or was to be sent, in nanoseconds since the start of the run; below 2^48, which is 78 hours.
    pub(crate) time: u64,
}

impl Stamp {
    /// Reads the text of a content, without its quotes; `None` if it is no stamp.
    pub(crate) fn decode(text: &[u8]) -> Option<Self> {
        let (run, rest) = number(text, RUN_DIGITS)?;
        let (channel, rest) = number(rest, CHANNEL_DIGITS)?;
        Some(Self { run: u32::try_from(run).ok()?, channel: u32::try_from(channel).ok()?, own: Own::decode(rest)? })
    }
}

impl Own {
    /// Reads what follows after run and channel.
    pub(crate) fn decode(text: &[u8]) -> Option<Self> {
        let (source, rest) = number(text, SOURCE_DIGITS)?;
        let (sequence, rest) = number(rest, SEQUENCE_DIGITS)?;
        let (time, _filler) = number(rest, TIME_DIGITS)?;
        Some(Self { source: u16::try_from(source).ok()?, sequence, time })
    }
}

/// How the messages of one channel are written.
pub(crate) struct Form {
    /// The message of a source up to where messages differ.
    request_head: String,
    /// From there to the end.
    request_tail: String,
    delivery_head: Vec<u8>,
}

impl Form {
    /// `content_bytes` is the size of the content as JSON, at least [`CONTENT_BYTES_MIN`].
    pub(crate) fn new(run: u32, channel: u32, channel_name: &str, content_bytes: usize) -> Self {
        let name = serde_json::Value::from(channel_name);
        let head = format!(r#"{{"type":"publish","channel":{name},"content":"{run:08x}{channel:06x}"#);
        let request_tail = format!("{}\"}}", "x".repeat(content_bytes - CONTENT_BYTES_MIN));
        Self { delivery_head: head.clone().into_bytes(), request_head: head, request_tail }
    }

    /// The message that a source sends.
    pub(crate) fn request(&self, own: Own) -> String {
        let mut text = String::with_capacity(self.request_head.len() + DIGITS + self.request_tail.len());
        text.push_str(&self.request_head);
        push_number(&mut text, own.source.into(), SOURCE_DIGITS);
        push_number(&mut text, own.sequence, SEQUENCE_DIGITS);
        push_number(&mut text, own.time, TIME_DIGITS);
        text.push_str(&self.request_tail);
        text
    }

    /// Reads a delivery that is written as this project's relay writes it; `None` if it is not, whatever it is.
    pub(crate) fn delivery(&self, message: &[u8]) -> Option<Own> {
        Own::decode(message.strip_prefix(&self.delivery_head[..])?)
    }
}

fn push_number(text: &mut String, number: u64, digits: usize) {
    for digit in (0..digits).rev() {
        let nibble = (number >> (4 * digit)) as u8 & 0xf;
        text.push(char::from(if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }));
    }
}

/// Reads a number of so many digits off the front.
fn number(text: &[u8], digits: usize) -> Option<(u64, &[u8])> {
    let (number, rest) = text.split_at_checked(digits)?;
    let mut value = 0;
    for digit in number {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        value = value << 4 | u64::from(nibble);
    }
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn content(message: &str) -> serde_json::Value {
        let message: serde_json::Value = serde_json::from_str(message).unwrap();
        message["content"].clone()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn stamps_read_back(
            run: u32, channel in 0..CHANNELS_MAX, source: u16, sequence in 0u64..1 << 48, time in 0u64..1 << 48,
            name in "[^\\p{Cc}]{1,20}", size in CONTENT_BYTES_MIN..300,
        ) {
            let own = Own { source, sequence, time };
            let form = Form::new(run, channel, &name, size);
            let message = form.request(own);
            let content = content(&message);
            prop_assert_eq!(content.to_string().len(), size);
            let text = content.as_str().expect("a string");
            prop_assert_eq!(Stamp::decode(text.as_bytes()), Some(Stamp { run, channel, own }));
            prop_assert_eq!(form.delivery(message.as_bytes()), Some(own));
            prop_assert_eq!(Form::new(run ^ 1, channel, &name, size).delivery(message.as_bytes()), None);
        }

        #[test]
        fn anything_is_read_or_is_none(bytes: Vec<u8>) {
            let form = Form::new(1, 2, "a", CONTENT_BYTES_MIN);
            prop_assert_eq!(form.delivery(&bytes), None);
            prop_assert!(Stamp::decode(&bytes).is_none());
        }
    }

    #[test]
    fn other_contents_are_no_stamps() {
        let good = content(&Form::new(1, 2, "a", 60).request(Own { source: 3, sequence: 4, time: 5 }));
        let good = good.as_str().unwrap().as_bytes();
        assert!(Stamp::decode(good).is_some());
        assert!(Stamp::decode(&good[..DIGITS - 1]).is_none());
        assert!(Stamp::decode(&good.to_ascii_uppercase()).is_some(), "digits below ten have no case");
        assert!(Stamp::decode(b"+0000001000002000300000000000400000000000500").is_none());
        assert!(Stamp::decode(b"").is_none());
    }
}
