//! Authorizations that end by the time that they have lasted: as the plugin says (`!ttl_ms`), or as the operator does.

use crate::harness::{Client, PluginsDir, Setup, bad_plugin};
use std::time::Duration;

crate::in_both_isolations!(a_time_to_live_ends_it, the_operator_sets_the_longest_life);

/// Long enough for a slow machine to get something done before it is over.
const LIFE: Duration = Duration::from_secs(2);

fn expect_expired_of_itself(client: &mut Client) {
    client.expect_text(r#"{"type":"authorization_expiring","seconds":1}"#);
    client.expect_text(r#"{"type":"authorization_failed","reason":"expired"}"#);
    client.expect_closed(4501);
}

/// The attribute `!ttl_ms`, of which the clock knows nothing.
fn a_time_to_live_ends_it(isolation: &str) {
    let plugins = PluginsDir::empty();
    bad_plugin(&plugins, &[]);
    let settings = format!("isolation: {isolation}");
    let daemon = Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings).start();
    let mut client = daemon.connect();
    client.authorize(&format!("ttl {}", LIFE.as_millis()));
    client.subscribe("a.1");
    expect_expired_of_itself(&mut client);
}

fn the_operator_sets_the_longest_life(isolation: &str) {
    let settings = format!("isolation: {isolation}\nmax_authorization_life: {}s", LIFE.as_secs());
    let daemon = Setup::on_shards(1).settings(&settings).start();
    let mut endless = daemon.client_with("read=a");
    let mut longer = daemon.client_with("read=a expires=3600000");
    expect_expired_of_itself(&mut endless);
    expect_expired_of_itself(&mut longer);
}
