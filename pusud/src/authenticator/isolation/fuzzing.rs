//! Rules that hold for any bytes that come from a plugin's process, or from a plugin.

use super::message::{ToDaemon, ToGuest};
use crate::authenticator::verdict::Decision;
use pusu_plugin_abi as abi;
use std::time::{Duration, SystemTime};

/// Whatever comes is understood or refused; permissions come of nothing but a grant that holds still, and what is logged
/// stays one line.
///
/// # Panics
/// Where that does not hold.
pub fn any_verdict(bytes: &[u8]) {
    // What the daemon says is taken apart in the plugin's process, by the same rules.
    ToGuest::parse(bytes);
    let Some(said) = ToDaemon::parse(bytes) else { return };
    assert_eq!(ToDaemon::parse(&said.frame()[4..]).as_ref(), Some(&said), "said again, it is something else");
    let ToDaemon::Completed { answer: Ok(answer), .. } = said else { return };
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    let (decision, expires_unix_ms) = (answer.decision, answer.expires_unix_ms);
    let Ok(understood) = answer.understand(now) else { return };
    assert!(!understood.detail.contains(char::is_control), "{:?}", understood.detail);
    if let Decision::Grant(grant) = understood.verdict {
        assert_eq!(decision, abi::GRANT);
        assert!(expires_unix_ms == 0 || grant.expires.is_some_and(|expires| expires > now));
    }
}
