//! The bytes of one client's connection: over TCP, or over TLS on top of that.

use super::DEADLINE;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The name that the certificates of the tests are for.
pub(crate) const HOST: &str = "relay.test";

/// How clients of the relays at these addresses encrypt.
static ENCRYPTED: Mutex<BTreeMap<SocketAddr, Arc<ClientConfig>>> = Mutex::new(BTreeMap::new());

/// Clients of the relay at `address` encrypt so from here on, or not at all.
pub(crate) fn encrypt_at(address: SocketAddr, tls: Option<Arc<ClientConfig>>) {
    let mut encrypted = ENCRYPTED.lock().unwrap();
    match tls {
        Some(tls) => encrypted.insert(address, tls),
        None => encrypted.remove(&address),
    };
}

/// Clients of the relay that was at `before` encrypt at `now` as they did there.
pub(super) fn move_encryption(before: SocketAddr, now: SocketAddr) {
    let mut encrypted = ENCRYPTED.lock().unwrap();
    if let Some(tls) = encrypted.remove(&before) {
        encrypted.insert(now, tls);
    }
}

/// A connection.
pub(crate) enum Stream {
    Plain(TcpStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// Over this socket, encrypted if the relay at its other end is.
    pub(crate) fn over(socket: TcpStream) -> Self {
        let relay = socket.peer_addr().ok();
        let tls = relay.and_then(|relay| ENCRYPTED.lock().unwrap().get(&relay).cloned());
        Self::with(socket, tls)
    }

    /// Over this socket, encrypted where a configuration says how.
    pub(crate) fn with(socket: TcpStream, tls: Option<Arc<ClientConfig>>) -> Self {
        match tls {
            None => Self::Plain(patient(socket)),
            Some(config) => Self::to(socket, config, HOST),
        }
    }

    /// Over this socket, encrypted, to the relay of this name or address.
    pub(crate) fn to(socket: TcpStream, config: Arc<ClientConfig>, host: &str) -> Self {
        let host = ServerName::try_from(host.to_owned()).unwrap();
        let connection = ClientConnection::new(config, host).unwrap();
        Self::Encrypted(Box::new(StreamOwned::new(connection, patient(socket))))
    }

    /// Connects to `address`, encrypted if the relay there is.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect_timeout(&address, DEADLINE).unwrap())
    }

    /// Shakes hands, up to the last word of the relay's that the handshake needs.
    ///
    /// # Errors
    /// One side refuses the other, or the connection has ended.
    pub(crate) fn shake_hands(&mut self) -> io::Result<()> {
        let Self::Encrypted(stream) = self else { return Ok(()) };
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        stream.flush()
    }

    /// The relay's certificate, and whether an earlier session went on.
    pub(crate) fn shown(&mut self) -> (Vec<u8>, bool) {
        let session = self.session().expect("it is encrypted");
        let certificate = session.peer_certificates().expect("the relay shows one")[0].to_vec();
        (certificate, session.handshake_kind() == Some(HandshakeKind::Resumed))
    }

    /// Reads to the end; whether the relay has said that nothing more comes.
    pub(crate) fn ends_with_close_notify(&mut self) -> bool {
        let Self::Encrypted(stream) = self else { panic!("there is no such thing in plaintext") };
        match io::copy(stream, &mut io::sink()) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => panic!("waiting for the end: {error}"),
        }
    }

    /// The session, where there is one.
    pub(crate) fn session(&mut self) -> Option<&mut ClientConnection> {
        match self {
            Self::Plain(_) => None,
            Self::Encrypted(stream) => Some(&mut stream.conn),
        }
    }

    /// Whether more to read has come within `wait`, or the end; what the session itself hears is none of it.
    pub(crate) fn has_more_within(&mut self, wait: Duration) -> bool {
        self.set_read_timeout(Some(wait)).unwrap();
        let has_more = match self {
            Self::Plain(stream) => stream.peek(&mut [0]).is_ok(),
            Self::Encrypted(stream) => loop {
                let state = stream.conn.process_new_packets().unwrap();
                if state.plaintext_bytes_to_read() > 0 || state.peer_has_closed() {
                    break true;
                }
                match stream.conn.read_tls(&mut stream.sock) {
                    Ok(0) => break true,
                    Ok(_) => {}
                    Err(_) => break false,
                }
            },
        };
        self.set_read_timeout(Some(DEADLINE)).unwrap();
        has_more
    }

    /// Whether what has been read by the session waits to be read from it.
    pub(crate) fn has_unread_plaintext(&mut self) -> bool {
        self.session().is_some_and(|session| {
            let state = session.process_new_packets().unwrap();
            state.plaintext_bytes_to_read() > 0
        })
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(into),
            Self::Encrypted(stream) => match stream.read(into) {
                // The relay may end a connection without a word, over TLS as well.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                other => other,
            },
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Encrypted(stream) => {
                let written = stream.write(bytes)?;
                stream.flush()?;
                Ok(written)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Encrypted(stream) => stream.flush(),
        }
    }
}

/// A socket at which no test waits for ever.
fn patient(socket: TcpStream) -> TcpStream {
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.set_write_timeout(Some(DEADLINE)).unwrap();
    socket
}

/// The socket below.
impl Deref for Stream {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Encrypted(stream) => &stream.sock,
        }
    }
}

impl DerefMut for Stream {
    fn deref_mut(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Encrypted(stream) => &mut stream.sock,
        }
    }
}

/// A client's configuration that trusts the certificate in this file.
pub(crate) fn trusting(certificate: &Path) -> Arc<ClientConfig> {
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(pusud::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// Writes a certificate for [`HOST`] and its key into a folder, as `NAME.pem` and `NAME.key`.
pub(crate) fn write_certificate(folder: &Path, name: &str) {
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), made.cert.pem()).unwrap();
    let key = folder.join(format!("{name}.key"));
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}
