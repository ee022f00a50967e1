//! Handshakes with what the files give: names, versions, protocols.

use super::support::{Authority, Folder, Refused, client, client_of, credentials, files, handshake};
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, Error, ProtocolVersion};
use std::sync::Arc;

#[test]
fn one_pair_serves_clients_of_both_versions() {
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let credentials = credentials(&files(vec![folder.pair("a", &authority.sign(&["relay.test", "127.0.0.1"]))]));
    for (version, expected) in [(&TLS13, ProtocolVersion::TLSv1_3), (&TLS12, ProtocolVersion::TLSv1_2)] {
        let client = Arc::new(client_of(&authority, None, &[version]));
        let session = handshake(&credentials.server_config(), &client, "relay.test").unwrap();
        assert_eq!(session.server.protocol_version(), Some(expected));
        handshake(&credentials.server_config(), &client, "127.0.0.1").unwrap();
    }
    let facts = &credentials.facts()[0];
    assert_eq!((&*facts.subject, &*facts.issuer), ("CN=relay.test", "CN=root"));
    assert_eq!(facts.names.dns, ["relay.test"]);
    assert_eq!(facts.names.ip, ["127.0.0.1"]);
    assert_eq!(facts.key.to_string(), "ECDSA P-256");
}

#[test]
fn http_is_the_only_protocol_inside() {
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let credentials = credentials(&files(vec![folder.pair("a", &authority.sign(&["relay.test"]))]));
    let offering = |protocols: &[&[u8]]| {
        let mut client = client(&authority, None);
        client.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        handshake(&credentials.server_config(), &Arc::new(client), "relay.test")
    };
    assert_eq!(offering(&[]).unwrap().server.alpn_protocol(), None);
    assert_eq!(offering(&[b"h2", b"http/1.1"]).unwrap().server.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert_eq!(offering(&[b"h2"]).unwrap_err(), Refused::ByServer(Error::NoApplicationProtocol));
    assert_eq!(AlertDescription::NoApplicationProtocol, 120.into());
}
