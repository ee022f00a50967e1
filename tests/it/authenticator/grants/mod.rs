//! What a plugin with the flag GRANTS can do with what it has granted (`pusu.grants/1`), and what it is told.

mod ended;
mod log_lines;
mod recheck;
mod revoke;
mod successors;

use crate::harness::Client;

/// Makes three tests of each named function, which takes a running [`Daemon`](crate::harness::Daemon): with the plugin in
/// a thread, on 1 shard and on 3, and in a process.
macro_rules! in_both_modes {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::harness::grants_setup;

            #[test]
            fn in_a_thread_on_1_shard() {
                super::$name(grants_setup("thread", 1).start());
            }

            #[test]
            fn in_a_thread_on_3_shards() {
                super::$name(grants_setup("thread", 3).start());
            }

            #[test]
            #[cfg(unix)]
            fn in_a_process_on_3_shards() {
                super::$name(grants_setup("process", 3).start());
            }
        }
    )+};
}
use in_both_modes;

/// The client has nothing left, for this reason.
#[track_caller]
fn expect_out(client: &mut Client, reason: &str) {
    client.expect_text(&format!(r#"{{"type":"authorization_failed","reason":"{reason}"}}"#));
    client.expect_closed(4501);
}

/// This subscription has ended, for this reason.
#[track_caller]
fn expect_ended(client: &mut Client, channel: &str, reason: &str) {
    client.expect_text(&format!(r#"{{"type":"subscription_ended","channel":"{channel}","reason":"{reason}"}}"#));
}
