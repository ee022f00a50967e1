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

mod options;
mod secret;

use options::{Entry, Options};
use pusu_plugin_api::abi::PERMISSIONS_MAX;
use pusu_plugin_api::options::Place;
use pusu_plugin_api::{Authenticator, CreateError, Host, Pattern, Permission, Request, Verdict, export_authenticator};
use secret::{Attempt, Match, Secret};

/// Most patterns of one password: with the one that lets everybody read they fill a verdict.
const PATTERNS_MAX: usize = PERMISSIONS_MAX - 1;

export_authenticator! {
    PasswordAuthenticator,
    id: "PasswordAuthenticator",
    options: &["passwords", "allow_read_by_default"],
}

/// The passwords and what they give.
struct PasswordAuthenticator {
    known: Vec<Known>,
    allow_read_by_default: bool,
    host: Host,
}

struct Known {
    secret: Secret,
    patterns: Vec<Pattern>,
}

impl Authenticator for PasswordAuthenticator {
    type Options = Options;

    fn create(options: Options, host: Host) -> Result<Self, CreateError> {
        let Options { passwords, allow_read_by_default } = options;
        if passwords.0.is_empty() && !allow_read_by_default {
            return Err(CreateError::config(
                "nobody could connect: `passwords` is empty and `allow_read_by_default` is not true; add a password \
                 with the channels it gives, such as `passwords: {SomePassword: [\"news.*\"]}`",
            ));
        }
        let place = Place::option("passwords");
        let known = passwords.0.into_iter().enumerate().map(|(index, entry)| known(&place.entry(index), entry, &host));
        Ok(Self { known: known.collect::<Result<_, _>>()?, allow_read_by_default, host })
    }

    fn authorize(&self, request: &Request<'_>) -> Verdict {
        let attempt = Attempt::new(request.authorization().as_bytes());
        let mut permissions = Vec::new();
        let mut subject = None;
        let mut undecided = 0;
        // Every entry is looked at, whatever the ones before it said, so that the time taken does not tell which
        // password it was. Where a password stands several times, everything it gives adds up.
        for (index, known) in self.known.iter().enumerate() {
            match known.secret.is(&attempt) {
                Match::Yes => {
                    permissions.extend(known.patterns.iter().map(Permission::read_write));
                    subject = subject.or(Some(index + 1));
                }
                Match::No => {}
                Match::Undecided(why) => {
                    undecided += 1;
                    self.host.error(format_args!("`passwords`, entry {}: cannot be compared: {why}", index + 1));
                }
            }
        }
        if subject.is_none() && undecided > 0 {
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
                self.host.error(format_args!(
                    "`passwords`: several entries are the same password and give {found} patterns together, at most {max} \
                     are possible; the first of them is entry {}: make them one",
                    subject.unwrap_or_default()
                ));
                return Verdict::unavailable("the password gives too many patterns");
            }
        }
        match subject {
            Some(entry) => Verdict::grant(permissions).with_subject(format!("password {entry}")),
            None if self.allow_read_by_default => Verdict::grant(permissions).with_subject("anyone"),
            None => Verdict::refuse("unknown password"),
        }
    }
}

/// Checks the entry that stands at `place`, and turns its password into what is kept of it.
fn known(place: &Place, entry: Entry, host: &Host) -> Result<Known, CreateError> {
    if entry.password.is_empty() {
        return Err(place.error(
            "the password is empty, so clients without any would be let in; set `allow_read_by_default: true` if \
             everybody may read, or give it a password",
        ));
    }
    if entry.patterns.len() > PATTERNS_MAX {
        let found = entry.patterns.len();
        return Err(place.error(format_args!("expected at most {PATTERNS_MAX} patterns, found {found}")));
    }
    if entry.patterns.is_empty() {
        host.warn(format_args!("{place}: has no patterns, so it gives no access"));
    }
    let secret = Secret::new(&entry.password).map_err(|text| place.error(text))?;
    Ok(Known { secret, patterns: entry.patterns })
}

#[cfg(test)]
mod tests;
