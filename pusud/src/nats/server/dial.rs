//! A connection to one NATS server: from its address to the PONG that shows that it has taken this client.
//!
//! It tries once, and keeps nothing. **Invariant:** credentials are not sent before TLS where the address or the server
//! requires it, and nothing that came in plain is taken for what came with TLS.

use super::address::ServerAddress;
use super::command::{self, Connect};
use super::credentials::{Answer, Credentials};
use super::dial_error::DialError;
use super::error::ServerError;
use super::info::Info;
use super::op::{Op, Parser};
use super::secret_file;
use super::stream::Stream;
use crate::tls::{self, Terms};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

/// How long all addresses of a host may take to be connected to, resolving its name included.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long all of it may take, from the name to PONG.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 8;

/// The names of settings, and of the other side, in errors of TLS.
const TERMS: Terms = Terms {
    peer: "NATS server",
    ca: "`nats.tls.ca`",
    certificate: "`nats.tls.certificate`",
    key: "`nats.tls.key`",
    address: "`nats.servers`",
    plain: "nats://",
    encrypted: "tls://",
    protocol: "NATS",
    alpn: &[],
};

/// Whatever is the same for all servers of a cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerSettings {
    /// How this relay proves who it is.
    pub credentials: Credentials,
    /// Files for TLS.
    pub tls: TlsFiles,
    /// Nobody else may read files of secrets (`strict_key_permissions`).
    pub strict: bool,
    /// The relay's name, which the server's lists of connections show.
    pub name: String,
    /// The longest payload with its headers that is taken, in bytes.
    pub payload_bytes_max: usize,
}

impl ServerSettings {
    /// Whether nothing says who this relay is.
    fn has_no_credentials(&self) -> bool {
        matches!(self.credentials, Credentials::None) && self.tls.identity.is_none()
    }
}

/// The files for TLS, in PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// Certificates to trust, in place of those that the system trusts.
    pub ca: Option<PathBuf>,
    /// The relay's certificate and its private key, for servers that ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A connection that the server has taken.
pub(crate) struct Connection {
    /// The stream, with nothing unsent.
    pub stream: Stream,
    /// The address that it leads to.
    pub peer: SocketAddr,
    /// What the server has said of itself last.
    pub info: Info,
    /// Whatever has come behind PONG is in it.
    pub parser: Parser,
}

/// Connects to a server: TCP, INFO, TLS where the address or the server requires it, CONNECT, and PING until PONG.
/// Settings' files are read anew, on a thread for that.
///
/// # Errors
/// The reason, in words that follow on the server's address.
pub(crate) async fn dial(address: &ServerAddress, settings: &ServerSettings) -> Result<Connection, DialError> {
    let begun = Instant::now();
    let (socket, peer) = tcp(address, begun + CONNECT_TIMEOUT).await?;
    let end = begun + HANDSHAKE_TIMEOUT;
    let mut parser = Parser::new(settings.payload_bytes_max);
    let mut stream = Stream::Tcp(socket);
    let info = timeout_at(end, first_info(&mut stream, &mut parser)).await.map_err(|_| DialError::Silent)??;
    let rest = handshake(address, settings, stream, info, parser);
    let (stream, info, parser) = timeout_at(end, rest).await.map_err(|_| DialError::HandshakeTimeout)??;
    Ok(Connection { stream, peer, info, parser })
}

async fn tcp(address: &ServerAddress, end: Instant) -> Result<(TcpStream, SocketAddr), DialError> {
    let found = timeout_at(end, tokio::net::lookup_host((address.host(), address.port()))).await;
    let found = found.map_err(|_| DialError::ConnectTimeout)?.map_err(DialError::Resolve)?;
    let addresses: Vec<SocketAddr> = found.take(ADDRESSES_MAX).collect();
    let mut failed = DialError::Resolve(io::Error::new(io::ErrorKind::NotFound, "it has no addresses"));
    for (at, peer) in addresses.iter().enumerate() {
        // One that does not answer leaves the others their part of the time.
        let left = end.saturating_duration_since(Instant::now()) / (addresses.len() - at) as u32;
        let connected = timeout_at(Instant::now() + left, TcpStream::connect(peer)).await;
        failed = match connected {
            Ok(Ok(socket)) => {
                socket.set_nodelay(true).map_err(DialError::Connect)?;
                return Ok((socket, *peer));
            }
            Ok(Err(error)) => DialError::Connect(error),
            Err(_) => DialError::ConnectTimeout,
        };
    }
    Err(failed)
}

async fn first_info(stream: &mut Stream, parser: &mut Parser) -> Result<Info, DialError> {
    loop {
        match parser.next_op()? {
            Some(Op::Info(info)) => return Ok(*info),
            Some(Op::Error(error)) => return Err(error.into()),
            Some(op) => return Err(unexpected(&op)),
            None => read(stream, parser).await?,
        }
    }
}

/// Everything behind the first INFO.
async fn handshake(
    address: &ServerAddress,
    settings: &ServerSettings,
    stream: Stream,
    info: Info,
    mut parser: Parser,
) -> Result<(Stream, Info, Parser), DialError> {
    if !info.headers {
        return Err(DialError::NoHeaders);
    }
    let is_encrypted = address.requires_tls() || info.tls_required;
    let mut stream = match stream {
        Stream::Tcp(socket) if is_encrypted => {
            if !info.tls_required && !info.tls_available {
                return Err(DialError::NoTls);
            }
            if parser.unread() > 0 {
                return Err(DialError::BeforeTls);
            }
            encrypted(address, settings, socket).await?
        }
        stream => stream,
    };
    let (credentials, nonce, strict) = (settings.credentials.clone(), info.nonce.clone(), settings.strict);
    let answer = blocking(move || credentials.answer(nonce.as_deref(), strict)).await??;
    let hello = hello(&settings.name, is_encrypted, &answer);
    let sent = async {
        stream.write_all(&hello).await?;
        stream.flush().await
    };
    // A server that refuses at once says why before it closes, and that is what counts.
    let sent = sent.await;
    let mut info = info;
    loop {
        match parser.next_op()? {
            Some(Op::Pong) => return Ok((stream, info, parser)),
            Some(Op::Info(newer)) => info = *newer,
            Some(Op::Ping) => {
                stream.write_all(b"PONG\r\n").await.map_err(DialError::Ended)?;
                stream.flush().await.map_err(DialError::Ended)?;
            }
            Some(Op::Ok) => {}
            Some(Op::Error(ServerError::Authorization)) if settings.has_no_credentials() => {
                return Err(DialError::NoCredentials);
            }
            Some(Op::Error(error)) => return Err(error.into()),
            Some(op) => return Err(unexpected(&op)),
            None => match (read(&mut stream, &mut parser).await, &sent) {
                (Ok(()), _) => {}
                (Err(DialError::Ended(_)), Err(error)) => {
                    return Err(refused_late(&settings.tls, &stream, io::Error::new(error.kind(), error.to_string())));
                }
                (Err(DialError::Ended(error)), _) => return Err(refused_late(&settings.tls, &stream, error)),
                (Err(error), _) => return Err(error),
            },
        }
    }
}

/// CONNECT and PING, in memory that is wiped.
fn hello(name: &str, is_encrypted: bool, answer: &Answer) -> Zeroizing<Vec<u8>> {
    let connect = Connect::new(name, is_encrypted, answer.proof());
    // As long as it will get: nothing is left behind where it was before it grew.
    let mut hello = Zeroizing::new(Vec::with_capacity(connect.bytes_max()));
    command::connect(&mut hello, &connect);
    command::ping(&mut hello);
    hello
}

async fn encrypted(address: &ServerAddress, settings: &ServerSettings, socket: TcpStream) -> Result<Stream, DialError> {
    let (host, files, strict) = (address.host().to_owned(), settings.tls.clone(), settings.strict);
    let client = blocking(move || client(&host, &files, strict)).await?.map_err(DialError::TlsFiles)?;
    match client.connect(socket).await {
        Ok(stream) => Ok(Stream::Tls(stream)),
        Err(error) => {
            let failure = client.failure(&error).map(|failure| failure.words);
            Err(DialError::Tls(failure.unwrap_or_else(|| error.to_string())))
        }
    }
}

/// # Errors
/// A file cannot be used; names the setting and the file.
fn client(host: &str, files: &TlsFiles, strict: bool) -> Result<tls::Client, String> {
    let identity = files.identity.as_ref().map(|(certificate, key)| (certificate.as_path(), key.as_path()));
    if let Some((_, key)) = identity {
        let checked = secret_file::is_closed_to_others(key, strict);
        checked.map_err(|reason| format!("{} {} {reason}", TERMS.key, key.display()))?;
    }
    let files = tls::ClientFiles { ca: files.ca.as_deref(), identity };
    tls::Client::with_terms(host, &files, &TERMS).map_err(|error| format!("{error:#}"))
}

/// The end of a connection behind CONNECT. With TLS 1.3 a server refuses a certificate only then.
fn refused_late(files: &TlsFiles, stream: &Stream, error: io::Error) -> DialError {
    match (stream, tls::failure_of(&error, files.identity.is_some(), &TERMS)) {
        (Stream::Tls(_), Some(words)) => DialError::Tls(words),
        _ => DialError::Ended(error),
    }
}

async fn read(stream: &mut Stream, parser: &mut Parser) -> Result<(), DialError> {
    match stream.read_buf(&mut parser.room()).await {
        Ok(0) => Err(DialError::Ended(io::Error::new(io::ErrorKind::UnexpectedEof, "without a word"))),
        Ok(_) => Ok(()),
        Err(error) => Err(DialError::Ended(error)),
    }
}

fn unexpected(op: &Op<'_>) -> DialError {
    let name = match op {
        Op::Message(_) | Op::NoResponders { .. } | Op::TooLong { .. } => "a message",
        Op::Ping => "PING",
        Op::Pong => "PONG",
        Op::Ok => "+OK",
        Op::Info(_) | Op::Error(_) => "INFO or an error",
    };
    super::Malformed::Unknown(format!("{name}, where it cannot be")).into()
}

/// Runs what reads files: a file system that hangs stops nobody else.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, DialError> {
    spawn_blocking(work).await.map_err(|error| DialError::TlsFiles(format!("files cannot be read: {error}")))
}
