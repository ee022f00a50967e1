//! A TLS front before a relay's port, as a proxy that ends TLS; and a way to the port from a Unix socket.

use super::certificates::{Authority, Issued};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A way to a relay through TLS. It ends with the test's process.
pub(crate) struct TlsFront {
    port: u16,
}

impl TlsFront {
    /// Shows this certificate.
    pub(crate) fn before(relay: SocketAddr, shown: &Issued) -> Self {
        Self::on(relay, shown, None)
    }

    /// Shows this certificate, and asks clients for one of theirs.
    pub(crate) fn asking(relay: SocketAddr, shown: &Issued, clients: &Authority) -> Self {
        Self::on(relay, shown, Some(clients))
    }

    /// Its URL, where it is asked for by this name or address.
    pub(crate) fn url(&self, host: &str) -> String {
        format!("wss://{host}:{}", self.port)
    }

    fn on(relay: SocketAddr, shown: &Issued, clients: Option<&Authority>) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config(shown, clients)));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        in_background(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that refuses the certificate is what some tests want.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        pass_on(stream, relay).await;
                    }
                });
            }
        });
        Self { port }
    }
}

/// Passes on to a relay what comes through a Unix socket.
#[cfg(unix)]
pub(crate) fn unix_front(path: &std::path::Path, relay: SocketAddr) {
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    listener.set_nonblocking(true).unwrap();
    in_background(async move {
        let listener = tokio::net::UnixListener::from_std(listener).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(pass_on(stream, relay));
        }
    });
}

fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    thread::spawn(move || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work));
}

async fn pass_on(mut stream: impl AsyncRead + AsyncWrite + Unpin, relay: SocketAddr) {
    // The relay may be down: then the client learns that the connection ends.
    if let Ok(mut onward) = TcpStream::connect(relay).await {
        onward.set_nodelay(true).unwrap();
        let _ = copy_bidirectional(&mut stream, &mut onward).await;
    }
}

fn config(shown: &Issued, clients: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder.with_single_cert(vec![shown.certificate.clone()], shown.key.clone_key()).unwrap()
}
