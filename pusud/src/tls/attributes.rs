//! The facts of a client's certificate as attributes for an authenticator.
//!
//! **Invariant:** they are bounded, and no value is ever shortened: a name that is cut off could be somebody else's. One that
//! has no place is left out whole, and `tls.client.left_out` says how many were.

use super::certificate::CertificateFacts;

/// The most values of one certificate.
const VALUES_MAX: usize = 39;
/// The most bytes in all of their values. Names of those sizes mean that somebody tries something.
const VALUE_BYTES_MAX: usize = 16 * 1024;
/// The number of those that have no place.
const LEFT_OUT: &str = "tls.client.left_out";

impl CertificateFacts {
    /// Names and values for an authenticator, of a client's certificate. An attribute is there once: what a certificate has
    /// several of, such as names of hosts, is one value with a line for each. Control characters have been escaped.
    pub fn attributes(&self) -> Vec<(String, String)> {
        let single = |name, value: &str| (name, value.to_owned());
        let each = |name: &'static str, values: &[String]| {
            values.iter().map(|value| (name, value.clone())).collect::<Vec<_>>()
        };
        let mut all = vec![
            single("tls.client.sha256", &self.sha256),
            single("tls.client.key_sha256", &self.key_sha256),
            single("tls.client.not_after", &self.not_after.to_string()),
            single("tls.client.serial", &self.serial),
            single("tls.client.subject", &self.subject),
            single("tls.client.issuer", &self.issuer),
        ];
        all.extend(each("tls.client.common_name", &self.common_names));
        all.extend(each("tls.client.san.dns", &self.names.dns));
        all.extend(each("tls.client.san.uri", &self.names.uri));
        all.extend(each("tls.client.san.email", &self.names.email));
        all.extend(each("tls.client.san.ip", &self.names.ip));
        bounded(all)
    }
}

fn bounded(all: Vec<(&'static str, String)>) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = Vec::new();
    let (mut values, mut bytes, mut left_out) = (0, 0, 0);
    for (name, value) in all {
        if values == VALUES_MAX || bytes + value.len() > VALUE_BYTES_MAX {
            left_out += 1;
            continue;
        }
        (values, bytes) = (values + 1, bytes + value.len());
        match kept.last_mut() {
            Some((last, lines)) if last == name => {
                lines.push('\n');
                lines.push_str(&value);
            }
            _ => kept.push((name.to_owned(), value)),
        }
    }
    if left_out > 0 {
        kept.push((LEFT_OUT.to_owned(), left_out.to_string()));
    }
    kept
}
