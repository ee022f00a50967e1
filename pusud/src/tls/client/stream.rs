//! A stream of bytes between a client and a relay, over TLS.
//!
//! **Invariant:** an end without TLS's own goodbye reads as an end, as it does over plain TCP: WebSocket has a goodbye
//! of its own, and who depends on one looks for that.

use rustls::ProtocolVersion;
use rustls::pki_types::CertificateDer;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A connection that has shaken hands.
pub struct ClientStream<S>(Box<TlsStream<S>>);

impl<S> ClientStream<S> {
    pub(super) fn new(stream: TlsStream<S>) -> Self {
        Self(Box::new(stream))
    }

    /// Version, cipher suite and key exchange, as people write them: `TLS 1.3, AES_128_GCM_SHA256, X25519MLKEM768`.
    #[must_use]
    pub fn session(&self) -> String {
        let (_, session) = self.0.get_ref();
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
            other => format!("{other:?}"),
        };
        let suite = session.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
        let exchange = session.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()));
        let suite = suite.map(|name| name.trim_start_matches("TLS13_").trim_start_matches("TLS_").to_owned());
        [Some(version), suite, exchange].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// When the certificate that the relay has shown ends.
    #[must_use]
    pub fn certificate_ends(&self) -> Option<SystemTime> {
        let (_, session) = self.0.get_ref();
        end_of(session.peer_certificates()?.first()?)
    }
}

fn end_of(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

impl ClientStream<TcpStream> {
    /// Sends now, and does not wait for room in the kernel.
    ///
    /// # Errors
    /// The kernel has no room for all of it, or the connection is broken. It cannot be written to any more then.
    pub fn send_now(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (socket, session) = self.0.get_mut();
        session.writer().write_all(bytes)?;
        while session.wants_write() {
            session.write_tls(&mut Now(socket))?;
        }
        Ok(())
    }
}

/// A socket that takes what there is room for.
struct Now<'a>(&'a TcpStream);

impl Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for ClientStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut *self.0).poll_read(cx, out)) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            read => Poll::Ready(read),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClientStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }
}
