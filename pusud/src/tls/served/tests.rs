//! Renewals: what is swapped, what is kept, what is waited for, and which ends are told.

use super::*;
use crate::tls::tests::support::{Authority, DAY, Folder, Signed, client, files, handshake, params};
use crate::tls::{ClientCertificates, Pair};
use rcgen::SerialNumber;
use rustls::pki_types::CertificateDer;
use std::fs;
use std::time::SystemTime;

struct Setup {
    folder: Folder,
    authority: Authority,
    pair: Pair,
    served: Served,
}

impl Setup {
    fn new() -> Self {
        Self::with(params(&["relay.test"]))
    }

    fn with(params: rcgen::CertificateParams) -> Self {
        let (folder, authority) = (Folder::new(), Authority::new("root"));
        let pair = folder.pair("a", &authority.sign_params(params));
        let (served, _) = Served::load(files(vec![pair.clone()]), None, true).unwrap();
        Self { folder, authority, pair, served }
    }

    fn sign(&self) -> Signed {
        self.authority.sign(&["relay.test"])
    }

    fn write(&self, signed: &Signed) {
        assert_eq!(self.folder.pair("a", signed), self.pair);
    }

    /// The certificate that a new client is shown.
    fn shown(&self) -> CertificateDer<'static> {
        let client = Arc::new(client(&self.authority, None));
        handshake(&self.served.current(), &client, "relay.test").unwrap().served().clone()
    }

    /// A renewal that keeps what is served, and its reason.
    fn kept(&self) -> String {
        let before = self.served.current();
        let renewal = self.served.renew();
        assert!(Arc::ptr_eq(&before, &self.served.current()));
        assert!(renewal.to_string().contains("stay those that are served"), "{renewal}");
        match renewal {
            Renewal::Kept { reason } => reason,
            other => panic!("expected that nothing changes, found {other:?}"),
        }
    }
}

/// Of a certificate that has expired so many days and a half ago.
fn ended(names: &[&str], days: u32) -> rcgen::CertificateParams {
    let mut params = params(names);
    params.not_before = (SystemTime::now() - 90 * DAY).into();
    params.not_after = (SystemTime::now() - days * DAY - DAY / 2).into();
    params
}

#[test]
fn new_files_are_seen_and_served_to_new_clients() {
    let setup = Setup::new();
    assert!(!setup.served.has_changed());
    let before = setup.served.current();
    let new = setup.sign();
    setup.write(&new);
    assert!(setup.served.has_changed());
    let renewal = setup.served.renew();
    assert!(matches!(&renewal, Renewal::Swapped { warnings, .. } if warnings.is_empty()), "{renewal:?}");
    assert!(renewal.to_string().starts_with("new certificates are served, good until 2"), "{renewal}");
    assert_eq!(&setup.shown(), new.certificate.der());
    assert!(!setup.served.has_changed());
    assert!(!Arc::ptr_eq(&before, &setup.served.current()), "sessions that have begun keep theirs");
}

#[test]
fn the_same_bytes_are_no_change() {
    let setup = Setup::new();
    for path in [&setup.pair.certificate, &setup.pair.key] {
        let bytes = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        setup.folder.write(path.file_name().unwrap().to_str().unwrap(), bytes);
    }
    assert!(!setup.served.has_changed());
    let before = setup.served.current();
    assert_eq!(setup.served.renew(), Renewal::Unchanged);
    assert!(Arc::ptr_eq(&before, &setup.served.current()));
}

#[cfg(unix)]
#[test]
fn links_that_lead_elsewhere_are_followed() {
    use std::os::unix::fs::symlink;
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let generation = |name: &str| {
        let signed = authority.sign(&["relay.test"]);
        fs::create_dir(folder.path(name)).unwrap();
        folder.pair(&format!("{name}/tls"), &signed);
        signed
    };
    // As Kubernetes mounts a secret: the files are links through a link that is replaced as a whole.
    generation("..1");
    let new = generation("..2");
    symlink("..1", folder.path("..data")).unwrap();
    for name in ["tls.pem", "tls.key"] {
        symlink(format!("..data/{name}"), folder.path(name)).unwrap();
    }
    let pair = Pair { certificate: folder.path("tls.pem"), key: folder.path("tls.key") };
    let (served, _) = Served::load(files(vec![pair.clone()]), None, true).unwrap();
    assert!(!served.has_changed());
    symlink("..2", folder.path("..data_tmp")).unwrap();
    fs::rename(folder.path("..data_tmp"), folder.path("..data")).unwrap();
    assert!(served.has_changed());
    assert!(matches!(served.renew(), Renewal::Swapped { .. }));
    let setup = Setup { folder, authority, pair, served };
    assert_eq!(&setup.shown(), new.certificate.der());
}

#[test]
fn a_pair_that_is_half_written_is_waited_for() {
    let setup = Setup::new();
    let (new, begin) = (setup.sign(), Instant::now());
    fs::write(&setup.pair.certificate, new.certificate.pem()).unwrap();
    assert!(!setup.served.is_due(begin));
    assert!(!setup.served.is_due(begin + GRACE - Duration::from_millis(1)));
    setup.folder.write("a.key", new.key.serialize_pem());
    assert!(setup.served.is_due(begin + GRACE - Duration::from_millis(1)));
    assert!(matches!(setup.served.renew(), Renewal::Swapped { .. }));
    assert_eq!(&setup.shown(), new.certificate.der());
}

#[test]
fn a_pair_that_stays_half_written_is_told_once() {
    let setup = Setup::new();
    let (new, begin) = (setup.sign(), Instant::now());
    fs::write(&setup.pair.certificate, new.certificate.pem()).unwrap();
    assert!(!setup.served.is_due(begin));
    assert!(setup.served.is_due(begin + GRACE));
    let reason = setup.kept();
    assert!(
        reason.contains("do not belong together") && reason.contains("a.pem") && reason.contains("a.key"),
        "{reason}"
    );
    assert!(!setup.served.is_due(begin + 2 * GRACE), "it is not told again");
    // Another change has its minute too.
    fs::remove_file(&setup.pair.key).unwrap();
    assert!(!setup.served.is_due(begin + 3 * GRACE));
    assert!(setup.served.is_due(begin + 4 * GRACE));
    assert!(setup.kept().contains("cannot be read"));
    setup.folder.write("a.key", new.key.serialize_pem());
    assert!(setup.served.is_due(begin + 4 * GRACE));
    assert!(matches!(setup.served.renew(), Renewal::Swapped { .. }));
}

#[test]
fn who_asks_for_a_renewal_is_answered_at_once() {
    let setup = Setup::new();
    let old = fs::read(&setup.pair.certificate).unwrap();
    fs::write(&setup.pair.certificate, "").unwrap();
    assert!(setup.kept().contains("is empty"));
    fs::write(&setup.pair.certificate, old).unwrap();
    assert!(setup.served.has_changed(), "and hears that it is good again");
    assert_eq!(setup.served.renew(), Renewal::Unchanged);
    assert!(!setup.served.has_changed());
}

#[test]
fn an_expired_certificate_replaces_only_one_that_has_expired() {
    let setup = Setup::new();
    setup.write(&setup.authority.sign_params(ended(&["relay.test"], 2)));
    let reason = setup.kept();
    assert!(reason.contains("is good only from") && reason.contains("and what is served is not"), "{reason}");
    let setup = Setup::with(ended(&["relay.test"], 3));
    setup.write(&setup.authority.sign_params(ended(&["relay.test"], 2)));
    let renewal = setup.served.renew();
    assert!(matches!(&renewal, Renewal::Swapped { warnings, .. } if warnings[0].contains("EXPIRED")), "{renewal:?}");
    assert_eq!(setup.served.days_left(), -3, "two days and a half ago");
}

#[test]
fn authorities_and_lists_are_renewed_with_the_rest() {
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let mut files = files(vec![folder.pair("a", &authority.sign(&["relay.test"]))]);
    files.client_certificates = ClientCertificates::Required;
    files.client_ca = Some(folder.write("clients.pem", authority.pem()));
    files.crl = Some(folder.write("clients.crl", authority.crl(&[], SystemTime::now() + DAY)));
    let (served, warnings) = Served::load(files, None, true).unwrap();
    assert_eq!(warnings, [""; 0]);
    let mut params = params(&["client.test"]);
    params.serial_number = Some(SerialNumber::from(7));
    let client = Arc::new(client(&authority, Some(&authority.sign_params(params))));
    handshake(&served.current(), &client, "relay.test").unwrap();
    // A list that is out of date does not take the place of one that is not.
    folder.write("clients.crl", authority.crl(&[7], SystemTime::now() - DAY));
    assert!(served.has_changed());
    let kept = served.renew();
    assert!(matches!(&kept, Renewal::Kept { reason } if reason.contains("is out of date since")), "{kept:?}");
    folder.write("clients.crl", authority.crl(&[7], SystemTime::now() + DAY));
    assert!(served.has_changed());
    assert!(matches!(served.renew(), Renewal::Swapped { .. }));
    handshake(&served.current(), &client, "relay.test").unwrap_err();
    // The client would resume, if the ticket that it has from before were good for anything.
    let others = Authority::new("others");
    folder.write("clients.pem", others.pem());
    folder.write("clients.crl", others.crl(&[], SystemTime::now() + DAY));
    assert!(served.has_changed());
    assert!(matches!(served.renew(), Renewal::Swapped { .. }));
    handshake(&served.current(), &client, "relay.test").unwrap_err();
}

#[test]
fn each_threshold_is_told_once() {
    let mut soon = params(&["relay.test"]);
    soon.not_before = (SystemTime::now() - 80 * DAY).into();
    soon.not_after = (SystemTime::now() + 10 * DAY + DAY / 2).into();
    let setup = Setup::with(soon);
    assert_eq!(setup.served.days_left(), 10);
    let told = setup.served.newly_passed();
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0].file, told[0].days_left, told[0].of.as_str()), (&setup.pair.certificate, 10, "relay.test"));
    assert!(told[0].to_string().contains("expires in 10 days"), "{}", told[0]);
    assert_eq!(setup.served.newly_passed(), []);
    // The next certificate is another one.
    setup.write(&setup.sign());
    assert!(matches!(setup.served.renew(), Renewal::Swapped { .. }));
    assert_eq!((setup.served.newly_passed(), setup.served.days_left()), (vec![], 89));
    // One that has expired before it was served has been warned about then.
    let expired = Setup::with(ended(&["relay.test"], 1));
    assert_eq!(expired.served.newly_passed(), []);
}

#[test]
fn what_stays_is_not_told_again_when_something_else_is_renewed() {
    let (folder, authority) = (Folder::new(), Authority::new("root"));
    let mut soon = params(&["soon.test"]);
    soon.not_before = (SystemTime::now() - 80 * DAY).into();
    soon.not_after = (SystemTime::now() + 5 * DAY).into();
    let pairs =
        vec![folder.pair("soon", &authority.sign_params(soon)), folder.pair("other", &authority.sign(&["b.test"]))];
    let (served, _) = Served::load(files(pairs), None, true).unwrap();
    assert_eq!(served.newly_passed().len(), 1);
    folder.pair("other", &authority.sign(&["b.test"]));
    assert!(matches!(served.renew(), Renewal::Swapped { .. }));
    assert_eq!(served.newly_passed(), []);
}

/// Whoever drives a handshake without buffers asks for the client in the same way.
#[test]
fn the_client_of_a_session_without_buffers() {
    let setup = Setup::new();
    let session = rustls::server::UnbufferedServerConnection::new(setup.served.current()).unwrap();
    assert_eq!(setup.served.credentials().client_certificate(&session).unwrap(), None);
}
