//! Clients with certificates: asked or not, good or bad, revoked, and with lists that are out of date.

use super::support::{Authority, DAY, Folder, Refused, Signed, client, credentials, files, handshake, params};
use crate::tls::{ClientCertificates, Credentials, Files};
use rcgen::SerialNumber;
use rustls::{AlertDescription, CertificateError, Error};
use std::sync::Arc;
use std::time::SystemTime;

/// A relay's files, its authority, and one for clients.
struct Setup {
    folder: Folder,
    root: Authority,
    clients: Authority,
    files: Files,
}

impl Setup {
    fn new(mode: ClientCertificates) -> Self {
        let (folder, root, clients) = (Folder::new(), Authority::new("root"), Authority::new("clients"));
        let mut files = files(vec![folder.pair("a", &root.sign(&["relay.test"]))]);
        files.client_certificates = mode;
        if mode != ClientCertificates::Off {
            files.client_ca = Some(folder.write("clients.pem", clients.pem()));
        }
        Self { folder, root, clients, files }
    }

    fn with_crl(mut self, text: impl AsRef<[u8]>) -> Self {
        self.files.crl = Some(self.folder.write("clients.crl", text));
        self
    }

    fn client(&self, serial: u64) -> Signed {
        let mut params = params(&["client.test"]);
        params.serial_number = Some(SerialNumber::from(serial));
        self.clients.sign_params(params)
    }

    /// The subject of the client that is let in.
    fn subject(&self, credentials: &Credentials, identity: Option<&Signed>) -> Result<Option<String>, Refused> {
        let client = Arc::new(client(&self.root, identity));
        let session = handshake(&credentials.server_config(), &client, "relay.test")?;
        Ok(credentials.client_certificate(&session.server).unwrap().map(|facts| facts.subject))
    }
}

fn refused(error: impl Into<Error>, alert: AlertDescription) -> Refused {
    Refused::ByServer(error.into(), Some(alert))
}

#[test]
fn who_is_asked_for_a_certificate_and_who_has_to_have_one() {
    let named = || Ok(Some("CN=client.test".to_owned()));
    for (mode, without, with) in [
        (ClientCertificates::Off, Ok(None), Ok(None)),
        (ClientCertificates::Optional, Ok(None), named()),
        (
            ClientCertificates::Required,
            Err(refused(Error::NoCertificatesPresented, AlertDescription::CertificateRequired)),
            named(),
        ),
    ] {
        let setup = Setup::new(mode);
        let credentials = credentials(&setup.files);
        assert_eq!(setup.subject(&credentials, None), without, "{mode:?}");
        assert_eq!(setup.subject(&credentials, Some(&setup.client(7))), with, "{mode:?}");
    }
}

#[test]
fn a_certificate_of_somebody_else_is_refused_where_none_is_needed_too() {
    for mode in [ClientCertificates::Optional, ClientCertificates::Required] {
        let setup = Setup::new(mode);
        let credentials = credentials(&setup.files);
        let strange = Authority::new("strange").sign(&["client.test"]);
        let refused = setup.subject(&credentials, Some(&strange)).unwrap_err();
        let expected = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert_eq!(refused, Refused::ByServer(expected, Some(AlertDescription::UnknownCA)));
        let mut params = params(&["client.test"]);
        params.not_after = (SystemTime::now() - DAY / 2).into();
        let expired = setup.clients.sign_params(params);
        let Refused::ByServer(_, alert) = setup.subject(&credentials, Some(&expired)).unwrap_err() else {
            panic!("the server refuses it")
        };
        assert_eq!(alert, Some(AlertDescription::CertificateExpired));
    }
}

#[test]
fn revoked_clients_are_refused_and_others_let_in() {
    let setup = Setup::new(ClientCertificates::Required);
    let list = setup.clients.crl(&[7], SystemTime::now() + 3 * DAY);
    let setup = setup.with_crl(list);
    let credentials = credentials(&setup.files);
    let revoked = Error::InvalidCertificate(CertificateError::Revoked);
    assert_eq!(
        setup.subject(&credentials, Some(&setup.client(7))),
        Err(refused(revoked, AlertDescription::CertificateRevoked))
    );
    assert_eq!(setup.subject(&credentials, Some(&setup.client(8))), Ok(Some("CN=client.test".into())));
    let crl = &credentials.crls()[0];
    assert_eq!((crl.issuer.as_str(), crl.revoked), ("CN=clients", 1));
}

#[test]
fn of_two_lists_by_one_authority_the_newer_one_counts() {
    let setup = Setup::new(ClientCertificates::Required);
    let lists =
        [setup.clients.crl(&[], SystemTime::now() + 3 * DAY), setup.clients.crl(&[7], SystemTime::now() + 4 * DAY)];
    let setup = setup.with_crl(lists.concat());
    let credentials = credentials(&setup.files);
    assert_eq!(credentials.crls().len(), 2);
    assert!(setup.subject(&credentials, Some(&setup.client(7))).is_err());
}

#[test]
fn a_list_that_is_out_of_date_lets_no_client_in_and_says_so() {
    let setup = Setup::new(ClientCertificates::Optional);
    let list = setup.clients.crl(&[7], SystemTime::now() - DAY);
    let setup = setup.with_crl(list);
    let (credentials, warnings) = Credentials::load(&setup.files, None, true).unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains("the list by CN=clients is OUT OF DATE since"), "{warnings:?}");
    let Refused::ByServer(error, _) = setup.subject(&credentials, Some(&setup.client(8))).unwrap_err() else {
        panic!("the server refuses it")
    };
    assert!(error.to_string().contains("revocation list expired"), "{error}");
    assert_eq!(setup.subject(&credentials, None), Ok(None), "who shows no certificate is served");
}

#[test]
fn an_authority_without_a_list_lets_no_client_in_and_that_is_said() {
    let setup = Setup::new(ClientCertificates::Required);
    let others = Authority::new("others");
    let list = others.crl(&[], SystemTime::now() + DAY);
    let setup = setup.with_crl(list);
    let (credentials, warnings) = Credentials::load(&setup.files, None, true).unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains("there is no list by CN=clients"), "{warnings:?}");
    let unknown = Error::InvalidCertificate(CertificateError::UnknownRevocationStatus);
    let refused = setup.subject(&credentials, Some(&setup.client(8))).unwrap_err();
    assert_eq!(refused, Refused::ByServer(unknown, Some(AlertDescription::UnknownCA)));
}

#[test]
fn files_that_have_no_use_are_named() {
    let mut setup = Setup::new(ClientCertificates::Off);
    setup.files.client_ca = Some(setup.folder.write("clients.pem", setup.clients.pem()));
    let (_, warnings) = Credentials::load(&setup.files, None, true).unwrap();
    assert!(warnings.len() == 1 && warnings[0].contains("clients.pem is not used"), "{warnings:?}");
}
