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
mod name;
mod options;
mod passwords_file;
mod secret;
mod turns;
mod untagged;

use hash::Match;
use list::{FILE, Known, List, OPTION};
use name::ANYONE;
use options::Options;
use pusu_plugin_api::abi::PERMISSIONS_MAX;
use pusu_plugin_api::file::WatchedFile;
use pusu_plugin_api::options::Place;
use pusu_plugin_api::{
    Authenticator, Check, Condition, CreateError, Entry, Health, Host, Permission, Reload, Request, Verdict,
    export_authenticator,
};
use secret::Attempt;
use std::time::Duration;
use turns::Turns;

export_authenticator! {
    PasswordAuthenticator: Reload + Check + Health,
    id: "PasswordAuthenticator",
    options: &["passwords", "passwords_file", "allow_read_by_default"],
}

/// How long hashes are measured at the start.
const MEASURING_MAX: Duration = Duration::from_secs(5);

/// The passwords and what they give.
struct PasswordAuthenticator {
    /// Those in the settings.
    list: List,
    /// Those in a file of their own.
    file: Option<WatchedFile<List>>,
    allow_read_by_default: bool,
    /// Where this one stands among several authenticators.
    place: Option<Entry>,
    turns: Turns,
    host: Host,
}

impl Authenticator for PasswordAuthenticator {
    type Options = Options;

    fn create(options: Options, host: Host) -> Result<Self, CreateError> {
        let Options { passwords, passwords_file, allow_read_by_default } = options;
        let list = list_of_options(passwords, &host)?;
        let file = passwords_file.map(|path| passwords_file::watch(&path, list.takes, &host)).transpose()?;
        if let Some(file) = &file {
            let (others, of_changes) = (list.takes, host.clone());
            file.on_change(move |_, list| others.and(list.takes).tell(&of_changes));
        }
        let of_file = file.as_ref().map(WatchedFile::current);
        consider(&list, of_file.as_deref(), allow_read_by_default, &host)?;
        let place = host.entry();
        Ok(Self { list, file, allow_read_by_default, place, turns: Turns::default(), host })
    }

    fn authorize(&self, request: &Request<'_>) -> Verdict {
        let attempt = Attempt::new(request.authorization().as_bytes());
        let of_file = self.file.as_ref().map(WatchedFile::current);
        let lists = || std::iter::once(&self.list).chain(of_file.as_deref());
        let bytes = lists().map(|list| list.takes.bytes).max().unwrap_or_default();
        let _turn = match bytes {
            0 => None,
            bytes => match self.turns.take(bytes, request.timeout()) {
                Some(turn) => Some(turn),
                None => return Verdict::unavailable("too many passwords are being compared"),
            },
        };
        let mut permissions = Vec::new();
        let mut known: Option<(&List, usize, &Known)> = None;
        let mut undecided = 0;
        // Where a password stands several times, everything it gives adds up.
        for (list, (number, entry)) in lists().flat_map(|list| list.entries().map(move |entry| (list, entry))) {
            match entry.secret.is(&attempt) {
                Match::Yes => {
                    permissions.extend(entry.patterns.iter().map(Permission::read_write));
                    // The first counts, but a name before a position.
                    known = known.filter(|(_, _, first)| first.name.is_some() || entry.name.is_none());
                    known = known.or(Some((list, number, entry)));
                }
                Match::No => {}
                Match::Undecided(why) => {
                    undecided += 1;
                    self.host.error(format_args!("{}: cannot be compared: {why}", list.place(number)));
                }
            }
        }
        if known.is_none() && undecided > 0 {
            return Verdict::unavailable("the password cannot be checked now");
        }
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

impl Check for PasswordAuthenticator {
    fn check(options: Options, host: &Host) -> Result<(), CreateError> {
        let list = list_of_options(options.passwords, host)?;
        let of_file = options.passwords_file.map(|path| passwords_file::read(&path, list.takes, host)).transpose()?;
        consider(&list, of_file.as_ref(), options.allow_read_by_default, host)
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

fn list_of_options(passwords: options::Passwords, host: &Host) -> Result<List, CreateError> {
    let wrong = |text| CreateError::config(format_args!("option `{}`, {text}", OPTION.option));
    let list = List::new(OPTION, passwords.0, MEASURING_MAX, host).map_err(wrong)?;
    list.takes.check(host).map_err(|text| Place::option(OPTION.option).error(text))?;
    Ok(list)
}

/// Says what all passwords together take.
///
/// # Errors
/// Nobody could connect.
fn consider(list: &List, of_file: Option<&List>, allow_read_by_default: bool, host: &Host) -> Result<(), CreateError> {
    if list.is_empty() && of_file.is_none_or(List::is_empty) && !allow_read_by_default {
        return Err(CreateError::config(
            "nobody could connect: `passwords` is empty, there are none in a `passwords_file`, and \
             `allow_read_by_default` is not true; add a password with the channels it gives, such as `passwords: \
             {SomePassword: [\"news.*\"]}`",
        ));
    }
    of_file.map_or(list.takes, |of_file| list.takes.and(of_file.takes)).tell(host);
    Ok(())
}

#[cfg(test)]
mod tests;
