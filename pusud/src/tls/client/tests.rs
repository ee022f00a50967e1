//! The client against a server in memory: certificates that are good, and every reason to refuse one.

use super::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use std::fs;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio_rustls::TlsAcceptor;

pub(super) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(super) fn params(name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

pub(super) fn authority(name: &str) -> Authority {
    let mut params = params(name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// What a server shows.
struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

fn issued(by: &Authority, params: &CertificateParams) -> Shown {
    let key = KeyPair::generate().unwrap();
    Shown { chain: vec![params.signed_by(&key, by).unwrap().into()], key }
}

fn self_signed(params: &CertificateParams) -> (Shown, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let pem = certificate.pem();
    (Shown { chain: vec![certificate.into()], key }, pem)
}

/// Files in a folder.
pub(super) struct Files(TempDir);

impl Files {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let files_of = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(name, text)| fs::write(files_of.path(name), text).unwrap());
        files_of
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn client_of(host: &str, ca: &str) -> Client {
    let files = Files::new(&[("ca.pem", ca)]);
    Client::new(host, &ClientFiles { ca: Some(&files.path("ca.pem")), identity: None }).unwrap()
}

/// Has them shake hands, and the server say hello; returns what became of it at either end.
async fn meet(client: &Client, shown: &Shown, clients: Option<&Authority>) -> (io::Result<String>, io::Result<()>) {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider()).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap();
    let config = builder.with_single_cert(shown.chain.clone(), key).unwrap();
    let (near, far) = duplex(64 * 1024);
    let server = async {
        let mut stream = TlsAcceptor::from(Arc::new(config)).accept(far).await?;
        let asked = stream.get_ref().1.server_name().unwrap_or("nobody").to_owned();
        stream.write_all(format!("hello from {asked}").as_bytes()).await
        // It goes without TLS's goodbye.
    };
    let client = async {
        let mut stream = client.connect(near).await?;
        let session = stream.session();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await?;
        Ok(format!("{heard}; {session}"))
    };
    tokio::join!(client, server)
}

/// The words of a client that refuses, and what the server hears of it.
async fn refusal(client: &Client, shown: &Shown) -> (String, String) {
    let (error, heard) = meet(client, shown, None).await;
    let failure = client.failure(&error.unwrap_err()).unwrap();
    assert!(failure.lasts);
    (failure.words, heard.unwrap_err().to_string())
}

#[tokio::test]
async fn a_good_certificate_is_taken_by_name_and_by_address() {
    let ca = authority("the authority");
    let shown = issued(&ca, &params("relay", &["relay.example.com", "127.0.0.1", "::1", "*.example.org"]));
    // Names are sent before the handshake (SNI), and addresses are not.
    for (host, asked) in [
        ("relay.example.com", "relay.example.com"),
        ("127.0.0.1", "nobody"),
        ("::1", "nobody"),
        ("a.example.org", "a.example.org"),
    ] {
        let (heard, served) = meet(&client_of(host, &ca.pem()), &shown, None).await;
        served.unwrap();
        let expected = format!("hello from {asked}; TLS 1.3, AES_128_GCM_SHA256, X25519MLKEM768");
        assert_eq!(heard.unwrap(), expected, "{host}");
    }
}

#[tokio::test]
async fn dates_are_told() {
    let ca = authority("the authority");
    let client = client_of("localhost", &ca.pem());
    let mut past = params("old relay", &["localhost"]);
    (past.not_before, past.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 2, 29));
    let (words, heard) = refusal(&client, &issued(&ca, &past)).await;
    for part in ["(CN=old relay)", "has expired: it was valid until 2020-02-29T00:00:00Z", " days ago"] {
        assert!(words.contains(part), "{part} is not in {words}");
    }
    assert!(heard.contains("CertificateExpired"), "{heard}");
    let mut future = past.clone();
    future.not_after = date_time_ymd(4001, 1, 1);
    future.not_before = date_time_ymd(4000, 1, 1);
    let (words, _) = refusal(&client, &issued(&ca, &future)).await;
    assert!(words.contains("not valid yet: it is from 4000-01-01T00:00:00Z on") && words.contains("clock"), "{words}");
}

#[tokio::test]
async fn names_are_told() {
    let ca = authority("the authority");
    let client = client_of("localhost", &ca.pem());
    let (words, heard) = refusal(&client, &issued(&ca, &params("r", &["relay.example.com", "10.0.0.1", "::1"]))).await;
    assert!(words.contains("is for relay.example.com, 10.0.0.1, ::1, and localhost was asked for"), "{words}");
    assert!(heard.contains("BadCertificate"), "{heard}");
    let many: Vec<String> = (0..30).map(|at| format!("r{at}.example.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let (words, _) = refusal(&client, &issued(&ca, &params("r", &many))).await;
    assert!(words.contains("r9.example.com and 20 more"), "{words}");
    let (words, _) = refusal(&client, &issued(&ca, &params("localhost", &[]))).await;
    assert!(words.contains("for no name at all") && words.contains("common name does not count"), "{words}");
    let address = client_of("127.0.0.1", &ca.pem());
    let (words, _) = refusal(&address, &issued(&ca, &params("r", &["localhost"]))).await;
    assert!(words.contains("is for localhost, and 127.0.0.1 was asked for"), "{words}");
}

#[tokio::test]
async fn issuers_are_told() {
    let (ca, other) = (authority("the authority"), authority("another one"));
    let names = params("relay", &["localhost"]);
    let client = client_of("localhost", &ca.pem());
    let (words, heard) = refusal(&client, &issued(&other, &names)).await;
    assert!(words.contains("(CN=relay) is issued by CN=another one, which is not in --ca "), "{words}");
    assert!(heard.contains("UnknownCA"), "{heard}");
    let mut store = RootCertStore::empty();
    store.add(authority("of the system").der().clone()).unwrap();
    let verifier = Verifier::new(files::Roots { store, named: Vec::new() }, Trust::System, &terms::COMMANDS).unwrap();
    let of_the_system = Client::trusting("localhost".try_into().unwrap(), verifier, None, &terms::COMMANDS).unwrap();
    let (words, _) = refusal(&of_the_system, &issued(&other, &names)).await;
    assert!(
        words.contains("CN=another one, which this system does not trust: give") && words.contains("--ca FILE"),
        "{words}"
    );
    let (words, _) = refusal(&of_the_system, &self_signed(&names).0).await;
    assert!(words.contains("self-signed") && words.contains("trust it with --ca FILE"), "{words}");

    // Between them stands one that the server does not show.
    let mut between = params("between", &[]);
    between.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let between = CertifiedIssuer::signed_by(between, KeyPair::generate().unwrap(), &ca).unwrap();
    let mut shown = issued(&between, &names);
    let (words, _) = refusal(&client, &shown).await;
    assert!(
        words.contains("issued by CN=between, which is not in") && words.contains("show all certificates"),
        "{words}"
    );
    shown.chain.push(between.der().clone());
    meet(&client, &shown, None).await.0.unwrap();
    let (words, _) = refusal(&client_of("localhost", &other.pem()), &shown).await;
    assert!(words.contains("issued by CN=the authority"), "the end of the chain: {words}");
}

/// As `openssl req -x509` makes them, and as other tools do.
#[tokio::test]
async fn a_self_signed_certificate_is_taken_where_it_is_named() {
    for is_ca in [IsCa::NoCa, IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut good = params("relay", &["localhost"]);
        good.is_ca = is_ca;
        let (shown, pem) = self_signed(&good);
        meet(&client_of("localhost", &pem), &shown, None).await.0.unwrap();
        let (words, _) = refusal(&client_of("other.example.com", &pem), &shown).await;
        assert!(words.contains("is for localhost, and other.example.com was asked for"), "{is_ca:?}: {words}");
        // Another one of the same name.
        let (words, _) = refusal(&client_of("localhost", &self_signed(&good).1), &shown).await;
        assert!(words.contains("self-signed, and is not the one in --ca") || words.contains("signature"), "{words}");

        let mut old = good.clone();
        (old.not_before, old.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
        let (shown, pem) = self_signed(&old);
        let (words, _) = refusal(&client_of("localhost", &pem), &shown).await;
        assert!(words.contains("has expired"), "{is_ca:?}: {words}");

        let mut of_a_client = good.clone();
        of_a_client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let (shown, pem) = self_signed(&of_a_client);
        let (words, _) = refusal(&client_of("localhost", &pem), &shown).await;
        assert!(words.contains("not for servers"), "{is_ca:?}: {words}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_purpose_is_refused() {
    let ca = authority("the authority");
    let client = client_of("localhost", &ca.pem());
    let mut of_a_client = params("someone", &["localhost"]);
    of_a_client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let (words, heard) = refusal(&client, &issued(&ca, &of_a_client)).await;
    assert!(words.contains("(CN=someone) is not for servers") && words.contains("serverAuth"), "{words}");
    assert!(heard.contains("UnsupportedCertificate"), "{heard}");
    let mut of_an_authority = params("an authority", &["localhost"]);
    of_an_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (words, _) = refusal(&client, &issued(&ca, &of_an_authority)).await;
    assert!(words.contains("authority (CA:TRUE)"), "{words}");
}

#[tokio::test]
async fn a_client_shows_its_certificate_where_it_is_asked() {
    let (ca, clients) = (authority("the authority"), authority("of clients"));
    let shown = issued(&ca, &params("relay", &["localhost"]));
    let plain = client_of("localhost", &ca.pem());
    let (error, _) = meet(&plain, &shown, Some(&clients)).await;
    let words = plain.failure(&error.unwrap_err()).unwrap().words;
    assert!(words.contains("asks for a client certificate (TLS alert CertificateRequired)"), "{words}");
    for (by, is_accepted) in [(&clients, true), (&ca, false)] {
        let key = KeyPair::generate().unwrap();
        let certificate = params("source 1", &[]).signed_by(&key, by).unwrap();
        let files =
            Files::new(&[("ca.pem", &ca.pem()), ("cert.pem", &certificate.pem()), ("key.pem", &key.serialize_pem())]);
        let (ca, cert, key) = (files.path("ca.pem"), files.path("cert.pem"), files.path("key.pem"));
        let client = Client::new("localhost", &ClientFiles { ca: Some(&ca), identity: Some((&cert, &key)) }).unwrap();
        let (heard, _) = meet(&client, &shown, Some(&clients)).await;
        match heard {
            Ok(_) => assert!(is_accepted),
            Err(error) => {
                let words = client.failure(&error).unwrap().words;
                assert!(!is_accepted, "{words}");
                let expected = "does not accept the certificate of --cert (TLS alert UnknownCA): its issuer is none";
                assert!(words.contains(expected), "{words}");
            }
        }
    }
}

#[tokio::test]
async fn whatever_speaks_no_tls_is_told_apart() {
    let client = client_of("localhost", &authority("a").pem());
    let (near, mut far) = duplex(64 * 1024);
    far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    let failure = client.failure(&client.connect(near).await.err().unwrap()).unwrap();
    assert!(failure.lasts && failure.words.contains("the URL begins with ws://"), "{failure:?}");
    let (near, mut far) = duplex(64 * 1024);
    far.shutdown().await.unwrap();
    let ended = client.connect(near).await.err().unwrap();
    assert!(client.failure(&ended).is_none() && ended.to_string().contains("is TLS served there?"), "{ended}");
}
