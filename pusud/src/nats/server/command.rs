//! Commands to a server, which are appended to what is to be written.
//!
//! Whether a subject is one is the caller's to know: it has no spaces, no control characters, and no empty token.
//! **Invariant:** no command has more parts on its line than were given, in a build with assertions.

use serde::Serialize;

/// The most digits of a number.
const DIGITS_MAX: usize = 20;

/// CONNECT's fields, of which none is left to the server's defaults.
#[derive(Serialize)]
pub(super) struct Connect<'a> {
    pub(super) verbose: bool,
    pub(super) pedantic: bool,
    pub(super) tls_required: bool,
    pub(super) name: &'a str,
    pub(super) lang: &'a str,
    pub(super) version: &'a str,
    pub(super) protocol: u8,
    pub(super) echo: bool,
    pub(super) headers: bool,
    pub(super) no_responders: bool,
    #[serde(flatten)]
    pub(super) proof: Proof<'a>,
}

/// CONNECT's fields that say who this is.
#[derive(Serialize, Default)]
pub(super) struct Proof<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pass: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nkey: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sig: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jwt: Option<&'a str>,
}

impl<'a> Connect<'a> {
    /// Of this relay, by its name.
    pub(super) fn new(name: &'a str, tls_required: bool, proof: Proof<'a>) -> Self {
        Self {
            verbose: false,
            pedantic: false,
            tls_required,
            name,
            lang: "rust",
            version: env!("CARGO_PKG_VERSION"),
            // INFO comes again when something of it changes.
            protocol: 1,
            echo: false,
            headers: true,
            no_responders: true,
            proof,
        }
    }

    /// The most bytes that the command can have: characters that JSON escapes take six times as many.
    pub(super) fn bytes_max(&self) -> usize {
        let Proof { user, pass, auth_token, nkey, sig, jwt } = &self.proof;
        let texts = [*user, *pass, *auth_token, *nkey, *sig, *jwt, Some(self.name), Some(self.version)];
        512 + 6 * texts.iter().flatten().map(|text| text.len()).sum::<usize>()
    }
}

/// CONNECT, the first command.
pub(super) fn connect(out: &mut Vec<u8>, connect: &Connect<'_>) {
    out.extend_from_slice(b"CONNECT ");
    serde_json::to_writer(&mut *out, connect).expect("texts and booleans are JSON, and a Vec takes all of it");
    out.extend_from_slice(b"\r\n");
}

/// PING, to be answered with PONG when all that was written before it has been handled by the server.
pub(crate) fn ping(out: &mut Vec<u8>) {
    out.extend_from_slice(b"PING\r\n");
}

/// PONG, the answer to the server's PING.
pub(crate) fn pong(out: &mut Vec<u8>) {
    out.extend_from_slice(b"PONG\r\n");
}

/// SUB with a number of the caller's; of those in a queue group, one gets each message.
pub(crate) fn subscribe(out: &mut Vec<u8>, subject: &str, queue_group: Option<&str>, sid: u64) {
    out.extend_from_slice(b"SUB ");
    field(out, subject);
    if let Some(group) = queue_group {
        field(out, group);
    }
    number(out, sid);
    out.extend_from_slice(b"\r\n");
}

/// UNSUB of the subscription of that number. Messages that are on their way still come.
pub(crate) fn unsubscribe(out: &mut Vec<u8>, sid: u64) {
    out.extend_from_slice(b"UNSUB ");
    number(out, sid);
    out.extend_from_slice(b"\r\n");
}

/// PUB of all parts, one behind the other; with a subject for replies, the server answers itself where nobody has `subject`.
pub(crate) fn publish(out: &mut Vec<u8>, subject: &str, reply: Option<&str>, parts: &[&[u8]]) {
    let bytes = parts.iter().map(|part| part.len()).sum::<usize>();
    let replied = reply.map_or(0, str::len);
    out.reserve(subject.len() + replied + bytes + DIGITS_MAX + 10);
    out.extend_from_slice(b"PUB ");
    field(out, subject);
    if let Some(reply) = reply {
        field(out, reply);
    }
    number(out, bytes as u64);
    out.extend_from_slice(b"\r\n");
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

/// A field and the space behind it.
fn field(out: &mut Vec<u8>, text: &str) {
    debug_assert!(!text.is_empty() && !text.bytes().any(|byte| byte <= b' '), "no field of a command: {text:?}");
    out.extend_from_slice(text.as_bytes());
    out.push(b' ');
}

/// Decimal, without the machinery of `fmt`.
fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; DIGITS_MAX];
    let mut at = DIGITS_MAX;
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(command: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        command(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn commands_as_servers_read_them() {
        assert_eq!(written(ping), "PING\r\n");
        assert_eq!(written(pong), "PONG\r\n");
        assert_eq!(written(|out| subscribe(out, "a.b", None, 0)), "SUB a.b 0\r\n");
        assert_eq!(written(|out| subscribe(out, "a", Some("g"), u64::MAX)), "SUB a g 18446744073709551615\r\n");
        assert_eq!(written(|out| unsubscribe(out, 10)), "UNSUB 10\r\n");
        assert_eq!(written(|out| publish(out, "a", None, &[])), "PUB a 0\r\n\r\n");
        assert_eq!(written(|out| publish(out, "a", Some("r"), &[b"ab", b"", b"\r\nc"])), "PUB a r 5\r\nab\r\nc\r\n");
    }

    #[test]
    fn numbers_are_decimal() {
        for value in [0, 9, 10, 99, 100, 1_048_576, u64::MAX] {
            assert_eq!(written(|out| number(out, value)), value.to_string());
        }
    }

    #[test]
    fn connect_says_all_and_no_more_than_was_reckoned() {
        let proof = Proof { user: Some("a\"\n"), pass: Some("\0\0\0"), ..Proof::default() };
        let fields = Connect::new("relay \u{1}", true, proof);
        let text = written(|out| connect(out, &fields));
        assert!(text.len() <= fields.bytes_max(), "{text}");
        let json = text.strip_prefix("CONNECT ").and_then(|text| text.strip_suffix("\r\n")).unwrap();
        let read: serde_json::Value = serde_json::from_str(json).unwrap();
        let expected = serde_json::json!({"verbose": false, "pedantic": false, "tls_required": true, "name": "relay \u{1}",
            "lang": "rust", "version": env!("CARGO_PKG_VERSION"), "protocol": 1, "echo": false, "headers": true,
            "no_responders": true, "user": "a\"\n", "pass": "\0\0\0"});
        assert_eq!(read, expected);
    }
}
