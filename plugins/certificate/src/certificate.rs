//! The certificate of a client: what the relay has found in it, as attributes of a request.
//!
//! **Invariant:** what is not text, or is empty, is not there.

use crate::property::Property;
use crate::wildcard::comparable;
use pusu_plugin_api::Request;
use pusu_plugin_api::abi::SUBJECT_BYTES_MAX;
use std::fmt;

/// Bytes of the description for the log, about; a certificate may have many names.
const DESCRIPTION_BYTES_MAX: usize = 2048;

/// A verified certificate.
pub(crate) struct Certificate {
    /// In the relay's order, and in the form in which they are compared.
    values: Vec<(Property, String)>,
    /// The subject as it was given.
    subject: Option<String>,
    /// When it ends, in seconds since 1970.
    pub(crate) not_after: i64,
    /// Whether it has names that the relay had no place for.
    pub(crate) is_cut: bool,
}

/// Why there is no certificate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The client has shown none that was verified.
    Certificate,
    /// The relay does not say until when it is good.
    End,
}

impl Certificate {
    /// Collects the attributes of the client's certificate.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn of(request: &Request<'_>) -> Result<Self, Missing> {
        let mut values = Vec::new();
        let mut subject = None;
        for (key, value) in request.attrs() {
            let property = Property::ALL.into_iter().find(|property| property.key() == key);
            let Some(property) = property else { continue };
            let text = std::str::from_utf8(value).unwrap_or_default();
            // What a certificate has several of is a line each.
            let lines: Vec<&str> = if property.has_lines() { text.split('\n').collect() } else { vec![text] };
            for text in lines.into_iter().filter(|line| !line.is_empty()) {
                values.push((property, comparable(property, text)));
                if property == Property::Subject {
                    subject = Some(text.to_owned());
                }
            }
        }
        // Every certificate has a hash, and nothing else of it has to be there.
        if !values.iter().any(|(property, _)| *property == Property::Sha256) {
            return Err(Missing::Certificate);
        }
        let not_after = request.attr("tls.client.not_after").and_then(|seconds| seconds.parse().ok());
        let is_cut = request.attrs().any(|(key, value)| key == "tls.client.left_out" && value != b"0");
        Ok(Self { values, subject, not_after: not_after.ok_or(Missing::End)?, is_cut })
    }

    /// The values of a property.
    pub(crate) fn values(&self, property: Property) -> impl Iterator<Item = &str> {
        self.values.iter().filter(move |(found, _)| *found == property).map(|(_, value)| value.as_str())
    }

    /// The certificate's holder, for the log and for ending what it was given: the subject, else the first alternative
    /// name, else the hash. A certificate that is renewed keeps it, but for the last one.
    pub(crate) fn name(&self) -> String {
        let alternatives = [Property::Uri, Property::Dns, Property::Email, Property::Ip];
        let alternative = alternatives.into_iter().find_map(|property| self.values(property).next());
        let is_good = |name: &&str| name.len() <= SUBJECT_BYTES_MAX && !name.chars().any(char::is_control);
        let hash = || format!("sha256:{}", self.values(Property::Sha256).next().unwrap_or_default());
        let names = [self.subject.as_deref(), alternative];
        names.into_iter().flatten().find(is_good).map_or_else(hash, str::to_owned)
    }
}

/// All that rules can look at, for an operator who writes one.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate has")?;
        let mut bytes = 0;
        for (index, (property, value)) in self.values.iter().enumerate() {
            if bytes > DESCRIPTION_BYTES_MAX {
                return write!(f, ", and {} more", self.values.len() - index);
            }
            let given = if *property == Property::Subject { self.subject.as_deref() } else { None };
            // Commas of the issuer's name are commas again.
            let text = given.unwrap_or(value).replace('\u{1f}', ",").escape_debug().to_string();
            bytes += text.len();
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma} {} \"{text}\"", property.name())?;
        }
        if self.is_cut {
            f.write_str(", and more names than the relay tells of")?;
        }
        Ok(())
    }
}
