//! A DNS server in a network namespace, whose answers change while relays run, and the relays that ask it.
//!
//! Relays have a mount namespace each, in which /etc/resolv.conf names this server: the machine's own is as it was.

use super::{Namespace, Setup, run};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use tempfile::TempDir;

/// Becomes the rest of its arguments where the first one is in the place of /etc/resolv.conf.
const BECOME: &str = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
/// Types of records.
const A: u16 = 1;

/// Names and the addresses that they lead to; `None`: no question is answered.
type Names = Option<BTreeMap<String, Vec<Ipv4Addr>>>;

/// The server, and the namespace that it serves.
pub(crate) struct NameServer {
    namespace: Namespace,
    names: Arc<Mutex<Names>>,
    questions: Arc<AtomicUsize>,
    dir: TempDir,
}

impl NameServer {
    /// Starts one that knows no name.
    ///
    /// # Errors
    /// Which tool or permission is missing.
    pub(crate) fn new() -> Result<Self, String> {
        let namespace = Namespace::new()?;
        namespace.run(&["ip", "link", "set", "lo", "up"], "")?;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
        let names: Arc<Mutex<Names>> = Arc::new(Mutex::new(Some(BTreeMap::new())));
        let questions = Arc::new(AtomicUsize::new(0));
        let server = Self { namespace, names: names.clone(), questions: questions.clone(), dir };
        server.try_mount()?;
        let socket = server.namespace.inside(|| UdpSocket::bind("127.0.0.1:53").unwrap());
        // It ends with the process of the test, as all that asks it does.
        thread::spawn(move || serve(&socket, &names, &questions));
        Ok(server)
    }

    fn try_mount(&self) -> Result<(), String> {
        let words = [&self.runner()[3..], &["true".into()]].concat();
        let words: Vec<&str> = words.iter().map(|word| word.to_str().expect("the path is UTF-8")).collect();
        self.namespace.run(&words, "").map(drop)
    }

    /// From here on a name leads to these addresses on this machine, or, where there are none, does not exist.
    pub(crate) fn lead(&self, name: &str, addresses: &[Ipv4Addr]) {
        let mut names = self.names.lock().unwrap();
        let names = names.get_or_insert_default();
        names.insert(name.to_owned(), addresses.to_vec());
    }

    /// From here on no question is answered, until a name leads somewhere again.
    pub(crate) fn fall_silent(&self) {
        *self.names.lock().unwrap() = None;
    }

    /// A listener on this machine as those see it who ask this server.
    pub(crate) fn listener(&self, address: SocketAddr) -> TcpListener {
        self.namespace.inside(|| TcpListener::bind(address).unwrap())
    }

    /// How many questions have come.
    pub(crate) fn questions(&self) -> usize {
        self.questions.load(Ordering::Relaxed)
    }

    /// The beginning of a command whose rest asks this server.
    fn runner(&self) -> Vec<OsString> {
        let file = self.dir.path().join("resolv.conf");
        let unshare = ["unshare", "--mount", "sh", "-c", BECOME].map(OsString::from);
        self.namespace.runner().into_iter().chain(unshare).chain([file.into()]).collect()
    }

    /// A relay that asks this server, and clients beside it.
    pub(crate) fn serves(&self, setup: Setup) -> Setup {
        setup.in_namespace(&self.namespace).run_by(self.runner())
    }

    /// What `pusud check` says of the relay with its files in `dir`.
    pub(crate) fn checked(&self, dir: &std::path::Path) -> String {
        let runner = self.runner();
        let settings = dir.join("settings.yaml");
        let command = [env!("CARGO_BIN_EXE_pusud"), "check", "--config"];
        run(Command::new(&runner[0]).args(&runner[1..]).args(command).arg(settings)).succeeds()
    }
}

fn serve(socket: &UdpSocket, names: &Mutex<Names>, questions: &AtomicUsize) {
    let mut query = [0; 512];
    loop {
        let (len, from) = socket.recv_from(&mut query).expect("the socket is bound");
        questions.fetch_add(1, Ordering::Relaxed);
        let names = names.lock().unwrap();
        if let Some(answer) = names.as_ref().and_then(|names| answer(&query[..len], names)) {
            // Who does not wait any more asks again.
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// The answer to a question about one name (RFC 1035, section 4); `None` where it is none.
fn answer(query: &[u8], names: &BTreeMap<String, Vec<Ipv4Addr>>) -> Option<Vec<u8>> {
    let (mut labels, mut at) = (Vec::new(), 12);
    loop {
        let len = usize::from(*query.get(at)?);
        at += 1;
        if len == 0 {
            break;
        }
        labels.push(std::str::from_utf8(query.get(at..at + len)?).ok()?.to_ascii_lowercase());
        at += len;
    }
    let kind = u16::from_be_bytes(query.get(at..at + 2)?.try_into().ok()?);
    let question = query.get(12..at + 4)?;
    let addresses = names.get(&labels.join(".")).filter(|addresses| !addresses.is_empty());
    let found: &[Ipv4Addr] = addresses.filter(|_| kind == A).map_or(&[], Vec::as_slice);
    // NXDOMAIN, or no error.
    let code = if addresses.is_none() { 3 } else { 0 };
    let mut answer = [&query[..2], &[0x81, 0x80 | code, 0, 1]].concat();
    answer.extend(u16::try_from(found.len()).unwrap().to_be_bytes());
    answer.extend([0; 4]);
    answer.extend(question);
    for address in found {
        // The name of the question, an A of class IN, for no time, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        answer.extend(address.octets());
    }
    Some(answer)
}
