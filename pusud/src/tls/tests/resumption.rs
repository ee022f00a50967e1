//! Resumption: across relays and restarts with a shared secret, and nowhere where a client has to prove more.

use super::support::{Authority, DAY, Folder, client, client_of, credentials, files, handshake, params};
use crate::tls::tickets::{PERIOD_SECONDS, shared_tickets};
use crate::tls::{ClientCertificates, Credentials, Files, TicketSecret};
use rcgen::SerialNumber;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ServerConfig};
use std::sync::Arc;
use std::time::SystemTime;

fn secret(byte: u8) -> TicketSecret {
    TicketSecret::new(&[byte; 32])
}

/// The configuration of a relay that reads `files` and knows this secret.
fn relay(files: &Files, secret: &TicketSecret) -> Arc<ServerConfig> {
    Credentials::load(files, Some(secret), true).unwrap().0.server_config()
}

fn is_resumed(relay: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> bool {
    handshake(relay, client, "relay.test").unwrap().is_resumed()
}

#[test]
fn any_relay_with_the_secret_resumes() {
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let one = files(vec![folder.pair("one", &authority.sign(&["relay.test"]))]);
    let other = files(vec![folder.pair("other", &authority.sign(&["relay.test"]))]);
    for version in [&TLS13, &TLS12] {
        let client = Arc::new(client_of(&authority, None, &[version]));
        let session = handshake(&relay(&one, &secret(1)), &client, "relay.test").unwrap();
        assert!(!session.is_resumed());
        assert_eq!(session.client.tls13_tickets_received(), u32::from(version == &TLS13), "one ticket");
        // The same relay after a restart, and then one with another certificate.
        assert!(is_resumed(&relay(&one, &secret(1)), &client), "{version:?}");
        assert!(is_resumed(&relay(&other, &secret(1)), &client), "{version:?}");
        // Another secret: nothing breaks.
        assert!(!is_resumed(&relay(&one, &secret(2)), &client), "{version:?}");
    }
}

#[test]
fn without_a_secret_one_process_resumes() {
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let files = files(vec![folder.pair("a", &authority.sign(&["relay.test"]))]);
    let (here, elsewhere) = (credentials(&files).server_config(), credentials(&files).server_config());
    let client = Arc::new(client(&authority, None));
    assert!(!is_resumed(&here, &client));
    assert!(is_resumed(&here, &client));
    assert!(!is_resumed(&elsewhere, &client));
}

#[test]
fn two_periods_later_a_client_shakes_hands_in_full() {
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let files = files(vec![folder.pair("a", &authority.sign(&["relay.test"]))]);
    let at = |now: fn() -> u64| {
        let mut config = ServerConfig::clone(&credentials(&files).server_config());
        config.ticketer = shared_tickets(&secret(1), &[0; 32], now);
        Arc::new(config)
    };
    let begin: fn() -> u64 = || u64::from(PERIOD_SECONDS);
    for (later, expected) in
        [((|| 2 * u64::from(PERIOD_SECONDS)) as fn() -> u64, true), (|| 3 * u64::from(PERIOD_SECONDS), false)]
    {
        let client = Arc::new(client(&authority, None));
        assert!(!is_resumed(&at(begin), &client));
        assert_eq!(is_resumed(&at(later), &client), expected);
    }
}

#[test]
fn a_ticket_proves_nothing_where_clients_are_asked_for_more() {
    let (folder, authority, clients) = (Folder::new(), Authority::new("root"), Authority::new("clients"));
    let open = files(vec![folder.pair("a", &authority.sign(&["relay.test"]))]);
    let authorities = folder.write("clients.pem", clients.pem());
    let asking = |mode, list: Option<&str>| Files {
        client_certificates: mode,
        client_ca: Some(authorities.clone()),
        crl: list.map(|list| folder.write("clients.crl", list)),
        ..open.clone()
    };
    for version in [&TLS13, &TLS12] {
        let identity = clients.sign(&["client.test"]);
        let client = Arc::new(client_of(&authority, Some(&identity), &[version]));
        let next = |files: &Files| is_resumed(&relay(files, &secret(1)), &client);
        assert!(!next(&open));
        assert!(!next(&asking(ClientCertificates::Required, None)), "the first ticket was got without a certificate");
        assert!(next(&asking(ClientCertificates::Required, None)));
        assert!(!next(&asking(ClientCertificates::Optional, None)));
        let list = clients.crl(&[], SystemTime::now() + DAY);
        assert!(!next(&asking(ClientCertificates::Optional, Some(&list))), "nobody has looked at the list yet");
    }
    // Without a certificate no ticket opens the door.
    let nobody = Arc::new(client(&authority, None));
    assert!(!is_resumed(&relay(&open, &secret(1)), &nobody));
    handshake(&relay(&asking(ClientCertificates::Required, None), &secret(1)), &nobody, "relay.test").unwrap_err();
}

#[test]
fn the_certificate_of_a_resumed_session_is_checked_again() {
    let (folder, authority, clients) = (Folder::new(), Authority::new("root"), Authority::new("clients"));
    let mut files = files(vec![folder.pair("a", &authority.sign(&["relay.test"]))]);
    files.client_certificates = ClientCertificates::Required;
    files.client_ca = Some(folder.write("clients.pem", clients.pem()));
    let before = credentials(&files);
    let mut params = params(&["client.test"]);
    params.serial_number = Some(SerialNumber::from(7));
    let client = Arc::new(client(&authority, Some(&clients.sign_params(params))));
    assert!(!is_resumed(&before.server_config(), &client));
    let session = handshake(&before.server_config(), &client, "relay.test").unwrap();
    assert!(session.is_resumed());
    let facts = before.client_certificate(&session.server).unwrap().unwrap();
    assert_eq!((facts.serial.as_str(), facts.subject.as_str()), ("7", "CN=client.test"));
    // It is revoked while the handshake goes on.
    files.crl = Some(folder.write("clients.crl", clients.crl(&[7], SystemTime::now() + DAY)));
    let error = credentials(&files).client_certificate(&session.server).unwrap_err();
    assert!(format!("{error:#}").contains("Revoked"), "{error:#}");
}
