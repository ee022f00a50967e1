//! Sessions of links over streams in memory.

use super::{LinkCertificates, LinkSession, LinkTls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, copy, duplex, split};

async fn pair(bytes: usize) -> (LinkSession<DuplexStream>, LinkSession<DuplexStream>) {
    let (dialler, acceptor) = (LinkTls::with_new_key().unwrap(), LinkTls::with_new_key().unwrap());
    let (near, far) = duplex(bytes);
    tokio::try_join!(dialler.connect(near, false), acceptor.accept(far, false)).unwrap()
}

#[tokio::test]
async fn both_ends_export_the_same_and_no_two_sessions_do() {
    let (one, other) = pair(1024).await;
    assert_eq!(one.exported(), other.exported());
    assert_ne!(pair(1024).await.0.exported(), one.exported());
    assert_eq!(one.tls.get_ref().1.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
}

#[tokio::test]
async fn a_read_gives_as_much_as_has_come_and_the_end_comes_behind_it() {
    let (mut one, mut other) = pair(1 << 20).await;
    let sent: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    one.write_all(&sent).await.unwrap();
    one.flush().await.unwrap();
    // Without a word of farewell.
    drop(one);
    let mut got = vec![0; 64 * 1024];
    let len = other.read(&mut got).await.unwrap();
    assert_eq!(len, got.len(), "several records in one read");
    let rest = loop {
        let at = got.len();
        got.resize(at + 64 * 1024, 0);
        match other.read(&mut got[at..]).await {
            Ok(len) => got.truncate(at + len),
            Err(error) => {
                got.truncate(at);
                break error;
            }
        }
    };
    assert_eq!(rest.kind(), std::io::ErrorKind::UnexpectedEof);
    assert!(got == sent && other.bytes_read() > sent.len() as u64);
}

#[tokio::test]
async fn a_changed_byte_ends_the_session() {
    let (dialler, acceptor) = (LinkTls::with_new_key().unwrap(), LinkTls::with_new_key().unwrap());
    let ((near, left), (right, far)) = (duplex(1 << 16), duplex(1 << 16));
    let ((mut from_dialler, mut to_dialler), (mut from_acceptor, mut to_acceptor)) = (split(left), split(right));
    let there = async move {
        let (mut seen, mut bytes) = (0, [0; 4096]);
        while let Ok(len @ 1..) = from_dialler.read(&mut bytes).await {
            // Behind the dialler's part of the handshake, which is much shorter.
            seen += len;
            if seen > 5000 {
                bytes[len - 1] ^= 1;
            }
            to_acceptor.write_all(&bytes[..len]).await.unwrap();
        }
    };
    // Ends when either end does.
    let back = async move { copy(&mut from_acceptor, &mut to_dialler).await.ok() };
    let talk = async {
        let (mut one, mut other) = tokio::try_join!(dialler.connect(near, false), acceptor.accept(far, false)).unwrap();
        one.write_all(&[7; 8000]).await.unwrap();
        one.flush().await.unwrap();
        other.read_exact(&mut [0; 8000]).await.unwrap_err()
    };
    let (error, (), _) = tokio::join!(talk, there, back);
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
}

#[tokio::test]
async fn who_does_not_speak_tls_is_refused() {
    let (mut near, far) = duplex(4096);
    near.write_all(b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n").await.unwrap();
    let error = LinkTls::with_new_key().unwrap().accept(far, false).await.err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
}

/// An authority, and what it gives to a relay: a certificate and a key.
fn authority() -> (rcgen::CertifiedIssuer<'static, rcgen::KeyPair>, String, String) {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["any.example".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority).unwrap().pem();
    (authority, certificate, key.serialize_pem())
}

fn certified(certificate: &str, key: &str, ca: &str) -> anyhow::Result<LinkTls> {
    let [certificate, key, ca] = [certificate, key, ca].map(str::as_bytes);
    LinkTls::with_new_key()?.with_certificates(&LinkCertificates { certificate, key, ca })
}

#[tokio::test]
async fn certificates_of_one_authority_are_taken_whatever_names_are_in_them_and_others_are_not() {
    let (ours, certificate, key) = authority();
    let (_, others_certificate, others_key) = authority();
    let one = certified(&certificate, &key, &ours.pem()).unwrap();
    let other = certified(&others_certificate, &others_key, &ours.pem()).unwrap();
    for (dialler, acceptor, expected) in [(&one, &one, true), (&one, &other, false), (&other, &one, false)] {
        let (near, far) = duplex(1 << 16);
        // The dialler has shaken hands before the acceptor has seen its certificate.
        let dialled = async { dialler.connect(near, true).await?.read_exact(&mut [0]).await.map(drop) };
        let accepted = async {
            let mut session = acceptor.accept(far, true).await?;
            session.write_all(&[1]).await?;
            session.flush().await
        };
        let (dialled, accepted) = tokio::join!(dialled, accepted);
        assert_eq!((dialled.is_ok(), accepted.is_ok()), (expected, expected), "{dialled:?} {accepted:?}");
    }
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    let (authority, certificate, key) = authority();
    let other_key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let ca = authority.pem();
    for (certificate, key, ca, part) in [
        ("", key.as_str(), ca.as_str(), "`network_tls.certificate`: expected certificates in PEM, found none"),
        (&certificate, "", &ca, "`network_tls.key`: expected a private key in PEM"),
        (&certificate, &other_key, &ca, "`key` has to be the private key of the first certificate"),
        (&certificate, &key, &key, "`network_tls.ca`: expected certificates in PEM, found none"),
    ] {
        let error = format!("{:#}", certified(certificate, key, ca).unwrap_err());
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn nothing_of_a_key_is_shown() {
    assert_eq!(format!("{:?}", LinkTls::with_new_key().unwrap()), "LinkTls([redacted])");
}
