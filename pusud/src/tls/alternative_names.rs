//! The subject alternative names of a certificate, by their kinds.
//!
//! They are read from the extension's bytes: a name that is not text, as a careless authority may sign it, is a name all the
//! same, and does not take the others away.

use super::name::{escaped, hex};
use anyhow::{Context as _, ensure};
use std::net::{Ipv4Addr, Ipv6Addr};
use x509_parser::asn1_rs::{Any, Class, FromDer as _, Tag};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;

/// The names that a certificate is for. Bytes that are no text, or that would not be seen, are escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlternativeNames {
    /// Names of machines, of which the first label may be `*`.
    pub dns: Vec<String>,
    /// Such as `spiffe://…`.
    pub uri: Vec<String>,
    /// Addresses of mail.
    pub email: Vec<String>,
    /// Addresses of machines.
    pub ip: Vec<String>,
}

impl AlternativeNames {
    /// Those of the kinds that have no field here, such as directory names, are not among them.
    ///
    /// # Errors
    /// There are two such extensions, or what is in it is no list of names.
    pub(super) fn of(certificate: &X509Certificate<'_>) -> anyhow::Result<Self> {
        let mut names = Self::default();
        let extension = certificate.get_extension_unique(&OID_X509_EXT_SUBJECT_ALT_NAME);
        let Some(extension) = extension.context("has more than one list of alternative names")? else {
            return Ok(names);
        };
        let (rest, list) = Any::from_der(extension.value).ok().context("its alternative names cannot be read")?;
        ensure!(rest.is_empty() && list.tag() == Tag::Sequence, "its alternative names are no list");
        let mut rest = list.data;
        while !rest.is_empty() {
            let (behind, name) = Any::from_der(rest).ok().context("one of its alternative names cannot be read")?;
            names.push(&name);
            rest = behind;
        }
        Ok(names)
    }

    /// RFC 5280, section 4.2.1.6.
    fn push(&mut self, name: &Any<'_>) {
        if name.class() != Class::ContextSpecific {
            return;
        }
        match name.tag().0 {
            1 => self.email.push(escaped(name.data)),
            2 => self.dns.push(escaped(name.data)),
            6 => self.uri.push(escaped(name.data)),
            7 => self.ip.push(address(name.data)),
            _ => {}
        }
    }
}

fn address(bytes: &[u8]) -> String {
    let v4 = <[u8; 4]>::try_from(bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
    let v6 = <[u8; 16]>::try_from(bytes).map(|bytes| Ipv6Addr::from(bytes).to_string());
    v4.or(v6).unwrap_or_else(|_| format!("#{}", hex(bytes)))
}
