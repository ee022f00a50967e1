//! Names in certificates, as text: distinguished names by RFC 4514, and whatever else a certificate calls somebody.
//!
//! **Invariant:** nothing is left out, two different names never become the same text, and no text holds a byte that would
//! move a terminal or end a line: such bytes, and those that are not UTF-8, are `\` and two hexadecimal digits.

use std::fmt::Write as _;
use x509_parser::asn1_rs::{Any, Tag, ToDer as _};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Types, as they are encoded, with the names that they have in text; all others are numbers. RFC 4514 has the first nine,
/// and the last two are what other servers write.
const TYPES: [(&[u8], &str); 11] = [
    (b"\x55\x04\x03", "CN"),
    (b"\x55\x04\x07", "L"),
    (b"\x55\x04\x08", "ST"),
    (b"\x55\x04\x0a", "O"),
    (b"\x55\x04\x0b", "OU"),
    (b"\x55\x04\x06", "C"),
    (b"\x55\x04\x09", "STREET"),
    (b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC"),
    (b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID"),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "emailAddress"),
    (b"\x55\x04\x05", "serialNumber"),
];

/// A distinguished name by RFC 4514: the last part first, as in `CN=a,O=b`.
pub(super) fn distinguished_name(name: &X509Name<'_>) -> String {
    let parts: Vec<String> =
        name.iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

/// The common names in it, mostly one, as they stand there.
pub(super) fn common_names(name: &X509Name<'_>) -> Vec<String> {
    let common_name = |attribute| match string(AttributeTypeAndValue::attr_value(attribute)) {
        // Without this it could be taken for one in hexadecimal digits.
        Some(bytes) => escaped_with(&bytes, |at, character| at == 0 && character == '#'),
        None => in_hex(attribute),
    };
    name.iter_common_name().map(common_name).collect()
}

/// Any text of a certificate, escaped.
pub(super) fn escaped(bytes: &[u8]) -> String {
    escaped_with(bytes, |_, _| false)
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a string takes everything");
        out
    })
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let kind = attribute.attr_type().as_bytes();
    let short = TYPES.iter().find(|(bytes, _)| *bytes == kind).map(|(_, name)| *name);
    match (short, string(attribute.attr_value())) {
        (Some(short), Some(bytes)) => format!("{short}={}", escaped_in_name(&bytes)),
        (Some(short), None) => format!("{short}={}", in_hex(attribute)),
        (None, _) if is_one_number(kind) => format!("{}={}", attribute.attr_type().to_id_string(), in_hex(attribute)),
        (None, _) => format!("#{}={}", hex(kind), in_hex(attribute)),
    }
}

/// Whether the number of a type is encoded in the one way that there is, so that no other type is written alike.
fn is_one_number(kind: &[u8]) -> bool {
    let begins = kind.iter().scan(true, |begins, byte| {
        let is_padding = *begins && *byte == 0x80;
        *begins = byte & 0x80 == 0;
        Some(is_padding)
    });
    kind.last().is_some_and(|byte| byte & 0x80 == 0) && !begins.into_iter().any(|is_padding| is_padding)
}

/// RFC 4514, section 2.4: what is no string, or of an unknown type, is `#` and the hexadecimal digits of its encoding.
fn in_hex(attribute: &AttributeTypeAndValue<'_>) -> String {
    let value = attribute.attr_value();
    format!("#{}", hex(&value.to_der_vec_raw().unwrap_or_else(|_| value.data.to_vec())))
}

/// The text of a string, in UTF-8 as far as it can be.
fn string(value: &Any<'_>) -> Option<Vec<u8>> {
    match value.tag() {
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString
        | Tag::T61String => Some(value.data.to_vec()),
        Tag::BmpString if value.data.len().is_multiple_of(2) => {
            let units = value.data.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]]));
            char::decode_utf16(units).collect::<Result<String, _>>().ok().map(String::into_bytes)
        }
        _ => None,
    }
}

fn escaped_in_name(bytes: &[u8]) -> String {
    let last = bytes.len().saturating_sub(1);
    escaped_with(bytes, |at, character| match character {
        '"' | '+' | ',' | ';' | '<' | '>' => true,
        '#' => at == 0,
        ' ' => at == 0 || at == last,
        _ => false,
    })
}

/// `is_special` says which characters get a `\` by their place and themselves.
fn escaped_with(bytes: &[u8], is_special: impl Fn(usize, char) -> bool) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut at = 0;
    let push_hex = |out: &mut String, bytes: &[u8]| {
        for byte in bytes {
            write!(out, "\\{byte:02x}").expect("a string takes everything");
        }
    };
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_unseen(character) {
                push_hex(&mut out, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                if character == '\\' || is_special(at, character) {
                    out.push('\\');
                }
                out.push(character);
            }
            at += character.len_utf8();
        }
        push_hex(&mut out, chunk.invalid());
        at += chunk.invalid().len();
    }
    out
}

/// Control characters, ends of lines, and those that change the direction of text or show nothing.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};
    use x509_parser::prelude::FromDer as _;

    fn subject(parts: Vec<(DnType, DnValue)>) -> (String, Vec<String>) {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind, value);
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(certificate.der()).unwrap();
        (distinguished_name(parsed.subject()), common_names(parsed.subject()))
    }

    fn text(value: &str) -> DnValue {
        DnValue::Utf8String(value.into())
    }

    #[test]
    fn the_last_part_comes_first_and_unknown_types_are_numbers() {
        let parts = vec![
            (DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap())),
            (DnType::OrganizationName, text("Ä, b")),
            (DnType::CustomDnType(vec![1, 2, 3]), text("x")),
            (DnType::CommonName, DnValue::BmpString("c+d".try_into().unwrap())),
        ];
        assert_eq!(subject(parts), ("CN=c\\+d,1.2.3=#0c0178,O=Ä\\, b,C=DE".into(), vec!["c+d".into()]));
    }

    #[test]
    fn what_would_be_misread_is_escaped() {
        let name = |value| subject(vec![(DnType::CommonName, text(value))]).0;
        assert_eq!(name(" a "), "CN=\\ a\\ ");
        assert_eq!(name("#a#"), "CN=\\#a#");
        assert_eq!(name("a\\,O=b"), "CN=a\\\\\\,O=b");
        assert_eq!(name("a\n\u{1b}[2J\0\u{202e}"), "CN=a\\0a\\1b[2J\\00\\e2\\80\\ae");
        assert!(is_one_number(b"\x55\x04\x81\x03"));
        assert!(!is_one_number(b"\x55\x04\x83") && !is_one_number(b"\x55\x04\x80\x03"));
        assert_eq!(escaped(b"a@b\0\xff\\, c"), "a@b\\00\\ff\\\\, c");
    }
}
