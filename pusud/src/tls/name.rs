//! Names in certificates, as text: distinguished names by RFC 4514, and whatever else a certificate calls somebody.
//!
//! **Invariant:** nothing is left out, two different names never become the same text, and no text holds a byte that would
//! move a terminal or end a line: such bytes, and those that are not UTF-8, are `\` and two hexadecimal digits.

use std::fmt::Write as _;
use x509_parser::asn1_rs::{Any, Tag, ToDer as _};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Types with the names that they have in text; all others are numbers. RFC 4514 has the first nine, and the last two are
/// what other servers write.
const TYPES: [(&str, &str); 11] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.6", "C"),
    ("2.5.4.9", "STREET"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("2.5.4.5", "serialNumber"),
];

/// A distinguished name by RFC 4514: the last part first, as in `CN=a,O=b`.
pub(super) fn distinguished_name(name: &X509Name<'_>) -> String {
    let parts: Vec<String> =
        name.iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join(",")
}

/// The common names in it, mostly one, as they stand there.
pub(super) fn common_names(name: &X509Name<'_>) -> Vec<String> {
    name.iter_common_name()
        .map(|attribute| string(attribute.attr_value()).map_or_else(|| in_hex(attribute), |bytes| escaped(&bytes)))
        .collect()
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
    let oid = attribute.attr_type().to_id_string();
    let short = TYPES.iter().find(|(number, _)| *number == oid).map(|(_, name)| *name);
    match (short, string(attribute.attr_value())) {
        (Some(short), Some(bytes)) => format!("{short}={}", escaped_in_name(&bytes)),
        (short, _) => format!("{}={}", short.unwrap_or(&oid), in_hex(attribute)),
    }
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
        Tag::BmpString if value.data.len() % 2 == 0 => {
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
        assert_eq!(escaped(b"a@b\0\xff\\, c"), "a@b\\00\\ff\\\\, c");
    }
}
