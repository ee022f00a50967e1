//! Certificates of clients: what an authenticator is told of one is bounded, can be shown, and says the same twice.

use crate::tls::CertificateFacts;

/// The most values and the most bytes of them, the count of those left out and the ends of lines included.
const VALUES_MAX: usize = 40;
const VALUE_BYTES_MAX: usize = 16 * 1024 + 20 + VALUES_MAX;

/// Whatever bytes are a certificate's, the attributes made of it keep their bounds and their names, show no control
/// characters, and the common names in the subject are those told beside it.
///
/// # Panics
/// Where that does not hold.
pub fn certificate(bytes: &[u8]) {
    let Ok(facts) = CertificateFacts::from_der(bytes) else { return };
    let attributes = facts.attributes();
    let values: usize = attributes.iter().map(|(_, value)| value.split('\n').count()).sum();
    assert!((6..=VALUES_MAX).contains(&values), "{values} values");
    let names: std::collections::BTreeSet<_> = attributes.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), attributes.len(), "each is there once");
    assert!(attributes.iter().map(|(_, value)| value.len()).sum::<usize>() <= VALUE_BYTES_MAX);
    for (name, value) in &attributes {
        assert!(name.starts_with("tls.client."), "{name}");
        // One line for each value.
        assert!(!value.chars().any(|c| c.is_control() && c != '\n'), "{name}: {value:?}");
    }
    for hash in [&facts.sha256, &facts.key_sha256] {
        assert!(hash.len() == 64 && is_lower_hex(hash), "{hash}");
    }
    let serial = facts.serial.as_str();
    assert!(is_lower_hex(serial) && (serial == "0" || !serial.starts_with('0')), "{serial}");
    is_one_subject(&facts);
    // Neither asks the clock, so that any time may come.
    for now in [i64::MIN, 0, facts.not_before, facts.not_after, i64::MAX] {
        assert!(!facts.is_valid_at(now) || facts.days_left(now) >= 0, "{now}");
    }
}

fn is_lower_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The subject, taken apart again by RFC 4514, has the common names.
fn is_one_subject(facts: &CertificateFacts) {
    let parts = split(&facts.subject);
    let mut read: Vec<Vec<u8>> = Vec::new();
    for part in &parts {
        let (kind, value) = part.split_once('=').unwrap_or_else(|| panic!("{part:?} in {:?}", facts.subject));
        assert!(!kind.is_empty() && !kind.contains('\\'), "{kind:?} in {:?}", facts.subject);
        if kind == "CN" {
            read.push(unescaped(value));
        }
    }
    let mut told: Vec<Vec<u8>> = facts.common_names.iter().map(|name| unescaped(name)).collect();
    read.sort();
    told.sort();
    assert_eq!(read, told, "{:?}", facts.subject);
}

/// At each `,` and `+` that is not escaped.
fn split(name: &str) -> Vec<String> {
    let (mut parts, mut part, mut is_escaped) = (Vec::new(), String::new(), false);
    for character in name.chars() {
        if !is_escaped && matches!(character, ',' | '+') {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(character);
        }
        is_escaped = !is_escaped && character == '\\';
    }
    if !(parts.is_empty() && part.is_empty()) {
        parts.push(part);
    }
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

fn unescaped(value: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), value.as_bytes());
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|digits| is_lower_hex(digits)).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        (out, rest) = match (byte, behind.split_first()) {
            (Some(byte), _) => (with(out, byte), &behind[2..]),
            (None, Some((&second, behind))) if first == b'\\' => (with(out, second), behind),
            _ => (with(out, first), behind),
        };
    }
    out
}

fn with(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}
