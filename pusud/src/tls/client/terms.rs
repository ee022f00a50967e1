//! The names that errors of a client use: for the other side, and for the settings that say what is trusted and shown.

/// The names for one kind of user of TLS.
#[derive(Debug)]
pub struct Terms {
    /// The other side, without an article.
    pub peer: &'static str,
    /// Where the certificates to trust are named.
    pub ca: &'static str,
    /// Where the client's certificate is named.
    pub certificate: &'static str,
    /// Where the client's private key is named.
    pub key: &'static str,
    /// Where the other side's address is named.
    pub address: &'static str,
    /// The beginning of an address without TLS.
    pub plain: &'static str,
    /// The beginning of an address with TLS.
    pub encrypted: &'static str,
    /// The protocol over TLS.
    pub protocol: &'static str,
    /// Its names to be agreed on (ALPN); without any, nothing is said of it.
    pub alpn: &'static [&'static [u8]],
}

/// Those of the commands, which connect to a relay.
pub(super) const COMMANDS: Terms = Terms {
    peer: "relay",
    ca: "--ca",
    certificate: "--cert",
    key: "--key",
    address: "--url",
    plain: "ws://",
    encrypted: "wss://",
    protocol: "HTTP/1.1",
    // As browsers offer it for a WebSocket.
    alpn: &[b"http/1.1"],
};
