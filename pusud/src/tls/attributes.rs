//! The facts of a client's certificate as attributes for an authenticator.
//!
//! **Invariant:** they are bounded, and no value is ever shortened: a name that is cut off could be somebody else's. One that
//! has no place is left out whole, and `tls.client.left_out` says how many were.

use super::certificate::CertificateFacts;

/// The most attributes of one certificate: a request has 64 at most, and others come beside these.
const ATTRIBUTES_MAX: usize = 40;
/// The most bytes in all of their values. Names of those sizes mean that somebody tries something.
const VALUE_BYTES_MAX: usize = 16 * 1024;
/// The number of those that have no place.
const LEFT_OUT: &str = "tls.client.left_out";

impl CertificateFacts {
    /// Names and values for an authenticator, of a client's certificate. What can be there more than once, such as
    /// `tls.client.san.dns`, is there once for each value.
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
    let (mut kept, mut bytes, mut left_out) = (Vec::new(), 0, 0);
    for (name, value) in all {
        // One place is for the count.
        if kept.len() + 1 < ATTRIBUTES_MAX && bytes + value.len() <= VALUE_BYTES_MAX {
            bytes += value.len();
            kept.push((name.to_owned(), value));
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        kept.push((LEFT_OUT.to_owned(), left_out.to_string()));
    }
    kept
}
