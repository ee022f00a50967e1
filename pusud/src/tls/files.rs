//! The files that a listener's certificates come from, as the settings name them: nothing of them is read here.

use std::fmt;
use std::path::PathBuf;

/// All files of one listener. They are read, checked and replaced together.
#[derive(Clone, Debug, PartialEq)]
pub struct Files {
    /// Certificates with their keys. The first one is served to clients that ask for no name, or for one that no
    /// certificate has.
    pub pairs: Vec<Pair>,
    /// Certificates of the authorities whose clients are let in.
    pub client_ca: Option<PathBuf>,
    /// Whether clients are asked for certificates.
    pub client_certificates: ClientCertificates,
    /// Lists of revoked client certificates, all in one file.
    pub crl: Option<PathBuf>,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The certificate, followed by those of its issuers, as PEM.
    pub certificate: PathBuf,
    /// Its private key, as PEM that is not encrypted.
    pub key: PathBuf,
}

/// Whether clients are asked for certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked.
    Off,
    /// They are asked. One that shows none is let in, and one that shows a bad one is not.
    Optional,
    /// They are asked, and one without a good one is refused.
    Required,
}

impl fmt::Display for ClientCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Optional => "optional",
            Self::Required => "required",
        })
    }
}
