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
const OWN_DIGITS: usize = SOURCE_DIGITS + SEQUENCE_DIGITS + TIME_DIGITS;
const DIGITS: usize = RUN_DIGITS + CHANNEL_DIGITS + OWN_DIGITS;

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
    /// What follows after run and channel.
    fn encode(self) -> [u8; OWN_DIGITS] {
        let mut digits = [0; OWN_DIGITS];
        let (source, rest) = digits.split_at_mut(SOURCE_DIGITS);
        let (sequence, time) = rest.split_at_mut(SEQUENCE_DIGITS);
        write_number(source, self.source.into());
        write_number(sequence, self.sequence);
        write_number(time, self.time);
        digits
    }

    /// Reads what follows after run and channel.
    pub(crate) fn decode(text: &[u8]) -> Option<Self> {
        let (source, rest) = number(text, SOURCE_DIGITS)?;
        let (sequence, rest) = number(rest, SEQUENCE_DIGITS)?;
        let (time, _filler) = number(rest, TIME_DIGITS)?;
        Some(Self { source: u16::try_from(source).ok()?, sequence, time })
    }
}

/// What messages have around their content.
pub(crate) struct Wire<'a> {
    /// Where sources speak HTTP: a request to the channel, up to the number of bytes in its body.
    pub(crate) post: Option<&'a str>,
    /// Whether listeners are sent events.
    pub(crate) events: bool,
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
    pub(crate) fn new(run: u32, channel: u32, channel_name: &str, content_bytes: usize, wire: &Wire<'_>) -> Self {
        let name = serde_json::Value::from(channel_name);
        let stamp = format!("\"{run:08x}{channel:06x}");
        let filler = "x".repeat(content_bytes - CONTENT_BYTES_MIN);
        let message = format!(r#"{{"type":"publish","channel":{name},"content":{stamp}"#);
        let event = format!(r#"{{"channel":{name},"content":{stamp}"#);
        let (request_head, request_tail) = match wire.post {
            Some(post) => (format!("{post}{content_bytes}\r\n\r\n{stamp}"), format!("{filler}\"")),
            None => (message.clone(), format!("{filler}\"}}")),
        };
        let delivery_head = if wire.events { event } else { message };
        Self { request_head, request_tail, delivery_head: delivery_head.into_bytes() }
    }

    /// The message that a source sends, which is a text.
    pub(crate) fn request(&self, own: Own) -> String {
        let mut text = String::with_capacity(self.request_head.len() + DIGITS + self.request_tail.len());
        text.push_str(&self.request_head);
        text.push_str(std::str::from_utf8(&own.encode()).expect("digits are ASCII"));
        text.push_str(&self.request_tail);
        text
    }

    /// The same, behind what is in `out`.
    pub(crate) fn push_request(&self, own: Own, out: &mut Vec<u8>) {
        out.extend_from_slice(self.request_head.as_bytes());
        out.extend_from_slice(&own.encode());
        out.extend_from_slice(self.request_tail.as_bytes());
    }

    /// Reads a delivery that is written as this project's relay writes it; `None` if it is not, whatever it is.
    pub(crate) fn delivery(&self, message: &[u8]) -> Option<Own> {
        Own::decode(message.strip_prefix(&self.delivery_head[..])?)
    }
}

/// Writes a number into all of `digits`.
fn write_number(digits: &mut [u8], number: u64) {
    let mut number = number;
    for digit in digits.iter_mut().rev() {
        let nibble = number as u8 & 0xf;
        *digit = if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble };
        number >>= 4;
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

    const WEBSOCKET: Wire<'_> = Wire { post: None, events: false };

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
            let form = Form::new(run, channel, &name, size, &WEBSOCKET);
            let message = form.request(own);
            let content = content(&message);
            prop_assert_eq!(content.to_string().len(), size);
            let text = content.as_str().expect("a string");
            prop_assert_eq!(Stamp::decode(text.as_bytes()), Some(Stamp { run, channel, own }));
            prop_assert_eq!(form.delivery(message.as_bytes()), Some(own));
            prop_assert_eq!(Form::new(run ^ 1, channel, &name, size, &WEBSOCKET).delivery(message.as_bytes()), None);

            let form = Form::new(run, channel, &name, size, &Wire { post: Some("Content-Length: "), events: true });
            let mut request = b"before".to_vec();
            form.push_request(own, &mut request);
            let request = String::from_utf8(request).expect("text");
            let (length, body) = request.split_once("\r\n\r\n").expect("a head");
            prop_assert_eq!(length, format!("beforeContent-Length: {size}"));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(body).expect("JSON"), content);
            let event = format!("{{\"channel\":{},\"content\":{body}}}", serde_json::Value::from(name));
            prop_assert_eq!(form.delivery(event.as_bytes()), Some(own));
        }

        #[test]
        fn anything_is_read_or_is_none(bytes: Vec<u8>) {
            let form = Form::new(1, 2, "a", CONTENT_BYTES_MIN, &WEBSOCKET);
            prop_assert_eq!(form.delivery(&bytes), None);
            prop_assert!(Stamp::decode(&bytes).is_none());
        }
    }

    #[test]
    fn other_contents_are_no_stamps() {
        let good = content(&Form::new(1, 2, "a", 60, &WEBSOCKET).request(Own { source: 3, sequence: 4, time: 5 }));
        let good = good.as_str().unwrap().as_bytes();
        assert!(Stamp::decode(good).is_some());
        assert!(Stamp::decode(&good[..DIGITS - 1]).is_none());
        assert!(Stamp::decode(&good.to_ascii_uppercase()).is_some(), "digits below ten have no case");
        assert!(Stamp::decode(b"+0000001000002000300000000000400000000000500").is_none());
        assert!(Stamp::decode(b"").is_none());
    }
}
