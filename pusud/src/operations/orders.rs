//! Orders of an operator, as they come in the body of a request.

use super::content::{Secret, parse};
use super::fault::Fault;
use super::routes::Action;
use crate::revocation::Whom;
use crate::routing::Kick;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Channels that one authorization is explained for at once.
const CHANNELS_MAX: usize = 100;

/// What is to be done.
pub(super) enum Order {
    Publish(Publish),
    Kick(KickOrder),
    Revoke(Whom, Option<Duration>),
    Lift(Whom),
    Authorize(Authorize),
    Reload(bool),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Publish {
    pub(super) channel: String,
    pub(super) content: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KickOrder {
    pub(super) whom: Kick,
    #[serde(default)]
    pub(super) network: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    whom: Whom,
    #[serde(rename = "for", default)]
    lasting: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lift {
    whom: Whom,
}

/// An authorization that is to be explained.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Authorize {
    pub(super) authorization: Secret,
    #[serde(default)]
    pub(super) address: Option<String>,
    #[serde(default)]
    pub(super) channels: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reload {
    #[serde(default)]
    new_instance: bool,
}

impl Order {
    /// The order in this body.
    ///
    /// # Errors
    /// There is none, or it cannot be meant.
    pub(super) fn parse(action: Action, body: &[u8]) -> Result<Self, Fault> {
        Ok(match action {
            Action::Publish => Self::Publish(parse(body, false)?),
            Action::Kick => Self::Kick(parse(body, false)?),
            Action::Revoke => {
                // An authorization may have been written in the place of its hash.
                let Revoke { whom, lasting } = parse(body, true)?;
                Self::Revoke(whom, lasting.as_deref().map(duration).transpose()?)
            }
            Action::Lift => Self::Lift(parse::<Lift>(body, true)?.whom),
            Action::Authorize => Self::Authorize(parse::<Authorize>(body, true)?.checked()?),
            Action::Reload if body.is_empty() => Self::Reload(false),
            Action::Reload => Self::Reload(parse::<Reload>(body, false)?.new_instance),
            _ => return Err(Fault::wrong("this is no order")),
        })
    }

    /// Whom or what it is about, for the audit log.
    pub(super) fn whom(&self) -> Option<String> {
        match self {
            Self::Publish(Publish { channel, .. }) => Some(format!("channel {channel:?}")),
            Self::Kick(KickOrder { whom, network: true }) => Some(format!("{whom} in the whole network")),
            Self::Kick(KickOrder { whom, network: false }) => Some(whom.to_string()),
            Self::Revoke(whom, Some(lasting)) => Some(format!("{whom} for {}", humantime::format_duration(*lasting))),
            Self::Revoke(whom, None) => Some(format!("{whom} until it is lifted")),
            Self::Lift(whom) => Some(whom.to_string()),
            Self::Authorize(_) => None,
            Self::Reload(wants_new) => wants_new.then(|| "with a new instance".to_owned()),
        }
    }
}

impl Authorize {
    fn checked(self) -> Result<Self, Fault> {
        if self.channels.len() > CHANNELS_MAX {
            return Err(Fault::wrong(format!(
                "`channels`: expected at most {CHANNELS_MAX}, found {}",
                self.channels.len()
            )));
        }
        for channel in &self.channels {
            crate::protocol::check_channel(channel).map_err(|error| Fault::wrong(format!("`channels`: {error}")))?;
        }
        let is_address = |text: &String| text.parse::<SocketAddr>().is_ok() || text.parse::<IpAddr>().is_ok();
        match self.address.as_ref().is_none_or(is_address) {
            true => Ok(self),
            false => Err(Fault::wrong("`address`: expected an address such as 203.0.113.7 or 203.0.113.7:50123")),
        }
    }
}

fn duration(text: &str) -> Result<Duration, Fault> {
    let parsed = humantime::parse_duration(text).ok().filter(|time| time.as_millis() > 0);
    parsed.ok_or_else(|| Fault::wrong(format!("`for`: expected a time such as 30min, 2h or 7days, found {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_and_what_may_be_a_secret_is_not_shown() {
        let order = |action, body: &str| Order::parse(action, body.as_bytes());
        let whom = |action, body: &str| order(action, body).unwrap().whom();
        assert_eq!(whom(Action::Kick, r#"{"whom":{"client":"1"}}"#).unwrap(), r#"client "1""#);
        let all = whom(Action::Kick, r#"{"whom":{"subject":"a"},"network":true}"#).unwrap();
        assert_eq!(all, r#"subject "a" in the whole network"#);
        assert_eq!(whom(Action::Reload, ""), None);
        let revoke = order(Action::Revoke, r#"{"whom":{"subject":"a"},"for":"1h"}"#).unwrap();
        assert!(matches!(revoke, Order::Revoke(_, Some(time)) if time == Duration::from_secs(3600)));
        assert_eq!(revoke.whom().unwrap(), r#"subject "a" for 1h"#);
        assert_eq!(whom(Action::Revoke, r#"{"whom":{"subject":"a"}}"#).unwrap(), r#"subject "a" until it is lifted"#);
        for (action, body) in [
            (Action::Revoke, r#"{"whom":{"authorization_hash":"hunter2"}}"#),
            (Action::Revoke, r#"{"whom":{"subject":"a"},"for":"0s"}"#),
            (Action::Authorize, r#"{"authorization":["hunter2"]}"#),
            (Action::Authorize, r#"{"authorization":"hunter2","address":"x"}"#),
            (Action::Authorize, r#"{"authorization":"hunter2","channels":[""]}"#),
            (Action::Authorize, r#"{"hunter2":1}"#),
            (Action::Kick, r#"{"whom":{"all":""}}"#),
            (Action::Publish, r#"{"channel":"a"}"#),
        ] {
            let fault = order(action, body).err().unwrap();
            assert!(!fault.detail.contains("hunter2") && !fault.detail.is_empty(), "{}", fault.detail);
        }
    }
}
