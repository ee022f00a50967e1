//! Functions that an authenticator may offer beside [`authorize`](crate::Authenticator::authorize). Each is a trait;
//! those that stand behind the type in [`export_authenticator!`](crate::export_authenticator) are offered to the relay,
//! which does without the others.

use crate::authenticator::AsyncAuthenticator;
use crate::error::CreateError;
use crate::host::Host;
use crate::request::Ticket;
use pusu_plugin_abi as abi;
use std::time::SystemTime;

/// Reads again what [`create`](crate::Authenticator::create) has read from elsewhere: keys, lists (`pusu.reload/1`).
///
/// At a reload (SIGHUP) where the library and all settings of the plugin are the same, the relay calls this in place of
/// making a new instance, so caches and connections stay.
///
/// ```
/// use pusu_plugin_api::{
///     Authenticator, CreateError, Host, NoOptions, Permission, Reload, Request, Verdict, export_authenticator,
/// };
/// use std::sync::{PoisonError, RwLock};
///
/// export_authenticator! { Doors: Reload, id: "DoorAuthenticator", description: "Lets in who stands in a file" }
///
/// struct Doors {
///     names: RwLock<Vec<String>>,
/// }
///
/// fn read() -> Result<Vec<String>, CreateError> {
///     let text = std::fs::read_to_string("/etc/doors").map_err(|error| CreateError::failed(format!("/etc/doors: {error}")))?;
///     Ok(text.lines().map(str::to_owned).collect())
/// }
///
/// impl Reload for Doors {
///     fn reload(&self) -> Result<(), CreateError> {
///         let names = read()?; // on an error the old ones go on to hold
///         *self.names.write().unwrap_or_else(PoisonError::into_inner) = names;
///         Ok(())
///     }
/// }
///
/// impl Authenticator for Doors {
///     type Options = NoOptions;
///
///     fn create(_: NoOptions, _: Host) -> Result<Self, CreateError> {
///         Ok(Self { names: RwLock::new(read()?) })
///     }
///
///     fn authorize(&self, request: &Request<'_>) -> Verdict {
///         let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
///         match names.iter().any(|name| name.as_bytes() == request.authorization().as_bytes()) {
///             true => Verdict::grant([Permission::read("doors.*")]),
///             false => Verdict::refuse("not on the list"),
///         }
///     }
/// }
/// # fn main() {}
/// ```
pub trait Reload: AsyncAuthenticator {
    /// Calls of `authorize` that begin after it has succeeded are decided by what it has read. Other calls go on
    /// meanwhile, unless the plugin is exported with [`SERIAL`](crate::SERIAL). Has the time of `create`.
    ///
    /// # Errors
    /// When everything is as it was before; the operator reads the text.
    fn reload(&self) -> Result<(), CreateError>;
}

/// Says whether options are good, without starting anything (`pusu.check/1`).
///
/// `pusud check` asks this before it says that the settings are good. Without it, an instance is made and destroyed.
pub trait Check: AsyncAuthenticator {
    /// Returns what `create` would, as far as it can know. May read files; starts no thread, opens no port, asks nobody
    /// over a network, writes nothing and leaves nothing behind. Types of the options have been checked before. `host`
    /// is for this call, and has the log, [`facts`](Host::facts), [`entry`](Host::entry) and metrics, of which
    /// [`memory_bytes_max`](Host::memory_bytes_max) is read.
    ///
    /// # Errors
    /// What `create` would fail with.
    fn check(options: Self::Options, host: &Host) -> Result<(), CreateError>;
}

/// Says whether the authenticator can decide at all (`pusu.health/1`).
///
/// ```
/// # use pusu_plugin_api::{
/// #     Authenticator, Condition, CreateError, Health, Host, NoOptions, Request, Verdict, export_authenticator,
/// # };
/// # struct Doors {
/// #     names: Vec<String>,
/// # }
/// # impl Authenticator for Doors {
/// #     type Options = NoOptions;
/// #     fn create(_: NoOptions, _: Host) -> Result<Self, CreateError> { Ok(Self { names: vec![] }) }
/// #     fn authorize(&self, _: &Request<'_>) -> Verdict { Verdict::abstain() }
/// # }
/// export_authenticator! { Doors: Health, id: "DoorAuthenticator", license: "MIT" }
///
/// impl Health for Doors {
///     fn health(&self) -> Condition {
///         match self.names.len() {
///             0 => Condition::Degraded("the list is empty: nobody is let in".into()),
///             _ => Condition::Good,
///         }
///     }
/// }
/// # fn main() {}
/// ```
pub trait Health: AsyncAuthenticator {
    /// Answers from what it knows, at once, and asks nobody. Called at most once a second. The relay shows the answer;
    /// it does not replace an instance for it.
    fn health(&self) -> Condition;
}

/// How an authenticator is; the texts are for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All is as it should be.
    Good,
    /// It decides, but not all is as it should be: an old key set, one backend of two.
    Degraded(String),
    /// It can decide nothing at the moment.
    Bad(String),
}

/// Hears of the ends of what it has granted (`pusu.grants/1`). The plugin is exported with
/// [`GRANTS`](crate::GRANTS); without that flag it does not compile:
///
/// ```compile_fail,E0080
/// # use pusu_plugin_api::{
/// #     Authenticator, CreateError, Ended, Grants, Host, NoOptions, Request, Ticket, Verdict, export_authenticator,
/// # };
/// # struct Mine;
/// # impl Authenticator for Mine {
/// #     type Options = NoOptions;
/// #     fn create(_: NoOptions, _: Host) -> Result<Self, CreateError> { Ok(Self) }
/// #     fn authorize(&self, _: &Request<'_>) -> Verdict { Verdict::abstain() }
/// # }
/// # impl Grants for Mine {
/// #     fn ended(&self, _: Ticket, _: Ended) {}
/// # }
/// export_authenticator! { Mine: Grants, id: "MyAuthenticator", license: "MIT" } // flags: GRANTS is missing
/// # fn main() {}
/// ```
///
/// Calls come one at a time, in no order between grants, and not when the relay stops. Whoever blocks here delays the
/// next one.
pub trait Grants: AsyncAuthenticator {
    /// Once for each grant that this instance has given or adopted. May come before the answer that grants has been
    /// sent to its end: write the ticket down first.
    fn ended(&self, ticket: Ticket, why: Ended);

    /// This instance takes over a grant that an earlier one gave, at a reload or after a crash; comes before `ended` for
    /// it. `expires` is `None` if it has no end.
    fn adopted(&self, ticket: Ticket, subject: &str, expires: Option<SystemTime>) {
        let _ = (ticket, subject, expires);
    }
}

/// Why a grant has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// Its time was up.
    Expired,
    /// By the plugin, or by an operator.
    Revoked,
    /// By the answer to a recheck.
    Refused,
    /// By another grant of the same client that gives as much.
    Replaced,
    /// The client has gone, perhaps before the answer came.
    Closed,
    /// For a reason that this version of the SDK does not know.
    Other(i32),
}

impl From<i32> for Ended {
    fn from(why: i32) -> Self {
        match why {
            abi::ENDED_EXPIRED => Self::Expired,
            abi::ENDED_REVOKED => Self::Revoked,
            abi::ENDED_REFUSED => Self::Refused,
            abi::ENDED_REPLACED => Self::Replaced,
            abi::ENDED_CLOSED => Self::Closed,
            other => Self::Other(other),
        }
    }
}
