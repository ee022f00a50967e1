//! `MyAuthenticator`: the example to copy. It refuses everybody until `identify` below is edited.
//!
//! ```yaml
//! authenticator: MyAuthenticator
//! authenticator_options:
//!   readable: ["news.*"]
//! ```

use pusu_plugin_api::serde::{self, Deserialize};
use pusu_plugin_api::{Authenticator, CreateError, Host, Pattern, Permission, Request, Verdict, export_authenticator};

// Makes this library a plugin. `id` is what `authenticator:` in the settings names; choose your own. Options that are
// not listed here are refused before any code of the plugin runs.
export_authenticator! {
    MyAuthenticator,
    id: "MyAuthenticator",
    options: &["readable"],
}

/// What may stand under `authenticator_options:`. A wrong type or an unknown name stops the relay's start with an
/// error that names it, so there is nothing to check but what the types cannot say. `pusu_plugin_api::options` has types
/// for more, such as `Time`, and the words for errors.
#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
struct Options {
    /// Patterns of the channels that whoever is let in may read; `*` stands for any run of characters.
    #[serde(default)]
    readable: Vec<Pattern>,
}

/// Whatever is needed to decide. Nothing goes into a `static`: a relay may hold several of these at once.
struct MyAuthenticator {
    readable: Vec<Pattern>,
}

impl MyAuthenticator {
    /// Who the holder of this authorization is, or `None` if nobody we know. Edit this.
    ///
    /// The authorization is whatever the client chose to send, and a secret: never log it, and compare it in constant
    /// time (the `subtle` crate), because `==` tells by its speed how much of a guess was right.
    fn identify(&self, _authorization: &str) -> Option<String> {
        None
    }

    /// What somebody we know may do: read what all may, and do everything in the channels under the own name.
    fn permit(&self, name: &str) -> Verdict {
        // A `*` in a pattern stands for anything, and a dot would put the channels of `alice.b` among those of `alice`.
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_') {
            return Verdict::refuse("the name has characters that no channel may be named with here");
        }
        let mut permissions: Vec<Permission> = self.readable.iter().map(Permission::read).collect();
        permissions.push(Permission::read_write(format!("users.{name}.*")));
        Verdict::grant(permissions).with_subject(name)
    }
}

impl Authenticator for MyAuthenticator {
    type Options = Options;

    /// Called once, before the first client is served. An error here stops the relay's start and is shown to the
    /// operator.
    fn create(options: Options, host: Host) -> Result<Self, CreateError> {
        if options.readable.is_empty() {
            host.warn("`readable` is empty: whoever is let in may read nothing");
        }
        Ok(Self { readable: options.readable })
    }

    /// Called for every client, from several threads at once. It may take its time, up to `request.timeout()`: these
    /// threads serve no clients. A panic here refuses the client and retires this instance.
    fn authorize(&self, request: &Request<'_>) -> Verdict {
        let Ok(authorization) = request.authorization().to_str() else {
            return Verdict::refuse("the authorization is not text");
        };
        match self.identify(authorization) {
            Some(name) => self.permit(&name),
            None => Verdict::refuse("not authorized"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pusu_plugin_api::{Decision, testing};

    #[test]
    fn nobody_is_let_in_until_this_is_edited() {
        let authenticator: MyAuthenticator = testing::create(r#"{"readable":["news.*"]}"#).unwrap();
        let verdict = authenticator.authorize(&testing::request(b"let me in"));
        assert_eq!(verdict.decision(), Decision::Refuse);
    }

    #[test]
    fn a_name_is_no_pattern() {
        let authenticator: MyAuthenticator = testing::create(r#"{"readable":["news.*"]}"#).unwrap();
        let permissions = [Permission::read("news.*"), Permission::read_write("users.alice.*")];
        assert_eq!(authenticator.permit("alice"), Verdict::grant(permissions).with_subject("alice"));
        for name in ["", "*", "a*", "alice.b", "a\n"] {
            assert_eq!(authenticator.permit(name).decision(), Decision::Refuse, "{name:?}");
        }
    }

    #[test]
    fn wrong_options_are_errors() {
        for options in [r#"{"writable":[]}"#, r#"{"readable":"news.*"}"#, r#"{"readable":[""]}"#] {
            assert!(testing::create::<MyAuthenticator>(options).is_err(), "{options}");
        }
    }
}
