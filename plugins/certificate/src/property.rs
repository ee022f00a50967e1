//! Properties of a certificate: their names in the settings, in the relay's attributes and in patterns.

/// What rules can look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Property {
    CommonName,
    Dns,
    Uri,
    Email,
    Ip,
    Subject,
    Issuer,
    Serial,
    Sha256,
    KeySha256,
}

impl Property {
    /// All of them, in the order of the documentation.
    pub(crate) const ALL: [Self; 10] = [
        Self::CommonName,
        Self::Dns,
        Self::Uri,
        Self::Email,
        Self::Ip,
        Self::Subject,
        Self::Issuer,
        Self::Serial,
        Self::Sha256,
        Self::KeySha256,
    ];

    /// The name in rules and placeholders.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CommonName => "common_name",
            Self::Dns => "dns",
            Self::Uri => "uri",
            Self::Email => "email",
            Self::Ip => "ip",
            Self::Subject => "subject",
            Self::Issuer => "issuer",
            Self::Serial => "serial",
            Self::Sha256 => "sha256",
            Self::KeySha256 => "key_sha256",
        }
    }

    /// The key of the relay's attribute.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::CommonName => "tls.client.common_name",
            Self::Dns => "tls.client.san.dns",
            Self::Uri => "tls.client.san.uri",
            Self::Email => "tls.client.san.email",
            Self::Ip => "tls.client.san.ip",
            Self::Subject => "tls.client.subject",
            Self::Issuer => "tls.client.issuer",
            Self::Serial => "tls.client.serial",
            Self::Sha256 => "tls.client.sha256",
            Self::KeySha256 => "tls.client.key_sha256",
        }
    }

    /// Whether a certificate may have several: the subject's alternative names.
    pub(crate) fn is_list(self) -> bool {
        matches!(self, Self::Dns | Self::Uri | Self::Email | Self::Ip)
    }

    /// Whether its attribute has a line for each of several values.
    pub(crate) fn has_lines(self) -> bool {
        self.is_list() || self == Self::CommonName
    }

    /// Whether conditions may have a `*`. Numbers and hashes are compared as a whole.
    pub(crate) fn takes_wildcards(self) -> bool {
        !matches!(self, Self::Ip | Self::Serial | Self::Sha256 | Self::KeySha256)
    }

    /// Whether it is a list of attributes with commas between, in the words of RFC 4514.
    pub(crate) fn is_distinguished_name(self) -> bool {
        matches!(self, Self::Subject | Self::Issuer)
    }
}
