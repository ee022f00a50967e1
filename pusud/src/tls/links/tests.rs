//! Sessions of links over streams in memory.

use super::{LinkSession, LinkTls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, copy, duplex, split};

async fn pair(bytes: usize) -> (LinkSession<DuplexStream>, LinkSession<DuplexStream>) {
    let (dialler, acceptor) = (LinkTls::with_new_key().unwrap(), LinkTls::with_new_key().unwrap());
    let (near, far) = duplex(bytes);
    tokio::try_join!(dialler.connect(near), acceptor.accept(far)).unwrap()
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
        let (mut one, mut other) = tokio::try_join!(dialler.connect(near), acceptor.accept(far)).unwrap();
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
    let error = LinkTls::with_new_key().unwrap().accept(far).await.err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
}

#[test]
fn nothing_of_a_key_is_shown() {
    assert_eq!(format!("{:?}", LinkTls::with_new_key().unwrap()), "LinkTls([redacted])");
}
