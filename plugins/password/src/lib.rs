//! `PasswordAuthenticator`: whoever knows a password may read and write the channels that match its patterns.
//!
//! ```yaml
//! authenticator: PasswordAuthenticator
//! allow_read_by_default: true
//! passwords:
//!   Password1: ["valid.*", "channels.*"]
//!   "$argon2id$v=19$m=19456,t=2,p=1$…": ["*"]
//! ```
//!
//! **Invariant:** no password is logged, shown in an error or kept in plain; see `secret`.

mod cost;
mod hash;
mod list;
mod look_alike;
mod measuring;
mod memory;
mod name;
mod options;
mod own_time;
mod passwords_file;
mod rarely;
mod secret;
mod turns;
mod untagged;

use hash::Match;
use list::{FILE, Known, List, OPTION};
use measuring::{Measuring, OF_EMPTY};
use name::ANYONE;
use options::Options;
use pusu_plugin_api::abi::PERMISSIONS_MAX;
use pusu_plugin_api::file::WatchedFile;
use pusu_plugin_api::options::Place;
use pusu_plugin_api::{
    Authenticator, Check, Condition, CreateError, Entry, Health, Host, Permission, Reload, Request, Verdict,
    export_authenticator,
};
use rarely::Rarely;
use secret::Attempt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use turns::Turns;

export_authenticator! {
    PasswordAuthenticator: Reload + Check + Health,
    id: "PasswordAuthenticator",
    options: &["passwords", "passwords_file", "allow_read_by_default"],
}

/// How long hashes are measured at the start.
const MEASURING_MAX: Duration = Duration::from_secs(5);

/// How long a comparison waits for memory, whatever time the relay gives it.
const WAITING_MAX: Duration = Duration::from_secs(600);

/// The passwords and what they give.
struct PasswordAuthenticator {
    /// Those in the settings.
    list: List,
    /// Those in a file of their own.
    file: Option<WatchedFile<List>>,
    allow_read_by_default: bool,
    /// Where this one stands among several authenticators.
    place: Option<Entry>,
    turns: Arc<Turns>,
    /// Hashes that cannot be compared.
    undecided: Rarely,
    /// Hashes of the empty password.
    of_empty: Rarely,
    host: Host,
}

impl Authenticator for PasswordAuthenticator {
    type Options = Options;

    fn create(options: Options, host: Host) -> Result<Self, CreateError> {
        let Options { passwords, passwords_file, allow_read_by_default } = options;
        let turns = Arc::new(Turns::new());
        let list = list_of_options(passwords, &turns, &host)?;
        let file = passwords_file.map(|path| passwords_file::watch(&path, list.takes, &turns, &host)).transpose()?;
        if let Some(file) = &file {
            let (others, turns, of_changes) = (list.takes, Arc::clone(&turns), host.clone());
            file.on_change(move |_, list| others.and(list.takes).tell(&turns, &of_changes));
        }
        let of_file = file.as_ref().map(WatchedFile::current);
        consider(&list, of_file.as_deref(), allow_read_by_default, &turns, &host)?;
        let place = host.entry();
        let (undecided, of_empty) = Default::default();
        Ok(Self { list, file, allow_read_by_default, place, turns, undecided, of_empty, host })
    }

    fn authorize(&self, request: &Request<'_>) -> Verdict {
        let of_file = self.file.as_ref().map(WatchedFile::current);
        let lists: Vec<&List> = std::iter::once(&self.list).chain(of_file.as_deref()).collect();
        let Found { mut permissions, known } = match self.compare(&lists, request) {
            Ok(found) => found,
            Err(why) => return Verdict::unavailable(why),
        };
        if self.allow_read_by_default {
            permissions.push(Permission::read("*"));
        }
        if permissions.len() > PERMISSIONS_MAX {
            // Entries of one password, which only its owner's coming shows where one of them is a hash.
            permissions.sort_by(|one, other| one.pattern.cmp(&other.pattern));
            permissions.dedup();
            if permissions.len() > PERMISSIONS_MAX {
                let (found, max) = (permissions.len(), PERMISSIONS_MAX);
                let first = known.map(|(list, number, _)| list.place(number)).unwrap_or_default();
                self.host.error(format_args!(
                    "{first}: further entries are the same password, and together they give {found} patterns, at most \
                     {max} are possible: make them one"
                ));
                return Verdict::unavailable("the password gives too many patterns");
            }
        }
        match known {
            Some((list, number, entry)) => {
                let nameless = || list.nameless(number, self.place);
                let subject = entry.name.as_ref().map_or_else(nameless, |name| name.as_str().to_owned());
                Verdict::grant(permissions).with_subject(subject)
            }
            None if self.allow_read_by_default => Verdict::grant(permissions).with_subject(ANYONE),
            // Somebody else is asked about a password that is not known here.
            None if self.place.is_some_and(|place| !place.is_last()) => Verdict::abstain(),
            None => Verdict::refuse("unknown password"),
        }
    }
}

/// What the passwords give that an attempt is.
struct Found<'a> {
    permissions: Vec<Permission>,
    /// The list, the position and the entry whose name or position the client has.
    known: Option<(&'a List, usize, &'a Known)>,
}

impl PasswordAuthenticator {
    /// Compares an attempt with every entry, and adds up what it gives.
    ///
    /// # Errors
    /// It cannot be decided: why.
    fn compare<'a>(&self, lists: &[&'a List], request: &Request<'_>) -> Result<Found<'a>, &'static str> {
        let attempt = Attempt::new(request.authorization().as_bytes());
        let until = Instant::now() + request.timeout().min(WAITING_MAX);
        let bytes = lists.iter().map(|list| list.takes.bytes).max().unwrap_or_default();
        let mut turn = match bytes {
            0 => None,
            bytes => Some(self.turns.take(bytes, request.timeout()).ok_or("too many passwords are being compared")?),
        };
        let mut found = Found { permissions: Vec::new(), known: None };
        let mut undecided: Option<(String, &str)> = None;
        // Where a password stands several times, everything it gives adds up.
        for (list, (number, entry)) in lists.iter().flat_map(|list| list.entries().map(move |entry| (*list, entry))) {
            match entry.secret.is_in_turn(&attempt, turn.as_mut(), until) {
                // There was no time to find it at the start.
                Match::Yes if attempt.is_empty() => {
                    self.of_empty
                        .error(&self.host, format_args!("{}: {OF_EMPTY}; it lets nobody in", list.place(number)));
                }
                Match::Yes => {
                    found.permissions.extend(entry.patterns.iter().map(Permission::read_write));
                    // The first counts, but a name before a position.
                    found.known = found.known.filter(|(_, _, first)| first.name.is_some() || entry.name.is_none());
                    found.known = found.known.or(Some((list, number, entry)));
                }
                Match::No => {}
                Match::NoMemory => {
                    undecided.get_or_insert_with(|| (list.place(number), "there is not enough memory"));
                }
                Match::Undecided(why) => {
                    undecided.get_or_insert_with(|| (list.place(number), why));
                }
            }
        }
        if let Some((place, why)) = &undecided {
            self.undecided.error(&self.host, format_args!("{place}: cannot be compared: {why}"));
        }
        if found.known.is_none() && undecided.is_some() {
            return Err("the password cannot be checked now");
        }
        Ok(found)
    }
}

impl Check for PasswordAuthenticator {
    fn check(options: Options, host: &Host) -> Result<(), CreateError> {
        let turns = Turns::new();
        let list = list_of_options(options.passwords, &turns, host)?;
        let read = |path: PathBuf| passwords_file::read(&path, list.takes, &turns, host);
        let of_file = options.passwords_file.map(read).transpose()?;
        consider(&list, of_file.as_ref(), options.allow_read_by_default, &turns, host)
    }
}

impl Reload for PasswordAuthenticator {
    fn reload(&self) -> Result<(), CreateError> {
        let Some(file) = &self.file else { return Ok(()) };
        file.look_now();
        fault(file).map_or(Ok(()), Err)
    }
}

impl Health for PasswordAuthenticator {
    fn health(&self) -> Condition {
        let fault = self.file.as_ref().and_then(fault);
        fault.map_or(Condition::Good, |fault| Condition::Degraded(fault.text().to_owned()))
    }
}

/// What is wrong with the file now, with its place.
fn fault(file: &WatchedFile<List>) -> Option<CreateError> {
    file.fault().map(|fault| Place::option(FILE.option).file(file.path()).error(fault))
}

fn list_of_options(passwords: options::Passwords, turns: &Turns, host: &Host) -> Result<List, CreateError> {
    let wrong = |text| CreateError::config(format_args!("option `{}`, {text}", OPTION.option));
    let list = List::new(OPTION, passwords.0, Measuring::new(MEASURING_MAX, turns), host).map_err(wrong)?;
    list.takes.check(host).map_err(|text| Place::option(OPTION.option).error(text))?;
    Ok(list)
}

/// Says what all passwords together take.
///
/// # Errors
/// Nobody could connect.
fn consider(
    list: &List,
    of_file: Option<&List>,
    allow_read_by_default: bool,
    turns: &Turns,
    host: &Host,
) -> Result<(), CreateError> {
    if list.is_empty() && of_file.is_none_or(List::is_empty) && !allow_read_by_default {
        return Err(CreateError::config(
            "nobody could connect: `passwords` is empty, there are none in a `passwords_file`, and \
             `allow_read_by_default` is not true; add a password with the channels it gives, such as `passwords: \
             {SomePassword: [\"news.*\"]}`",
        ));
    }
    of_file.map_or(list.takes, |of_file| list.takes.and(of_file.takes)).tell(turns, host);
    Ok(())
}

#[cfg(test)]
mod tests;
