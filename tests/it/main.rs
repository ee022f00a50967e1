//! The daemon, tested through the door: every test starts the real `pusud` on a port of its own and talks to it as its
//! users do, over sockets, by files and by signals. Nothing of the daemon's code is called.
//!
//! Each folder is one subject, and each file in it one part of what is promised. Tests wait for a condition with a
//! deadline and sleep only where something lasts a fixed time, such as a fault; what has to hold whatever the number of
//! shards runs with 1 and with 3 of them ([`shards`](crate::on_1_and_3_shards)).

#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed, and says where")]

mod harness;

mod authenticator;
mod clients;
mod commands;
#[cfg(target_os = "linux")]
mod console;
mod delivery;
mod edge;
mod history;
mod http;
mod nats;
mod network;
mod operating;
mod operations;
#[cfg(target_os = "linux")]
mod pages;
#[cfg(target_os = "linux")]
mod random_load;
#[cfg(target_os = "linux")]
mod soak;
mod tidy;

/// Makes two tests of each named function, which takes a running [`Daemon`](harness::Daemon): on 1 shard and on 3. Another way
/// to start one may stand in front.
macro_rules! on_1_and_3_shards {
    ($($name:ident),+ $(,)?) => { crate::on_1_and_3_shards!(on_shards: $($name),+); };
    ($start:ident: $($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn on_1_shard() {
                super::$name(crate::harness::Daemon::$start(1));
            }

            #[test]
            fn on_3_shards() {
                super::$name(crate::harness::Daemon::$start(3));
            }
        }
    )+};
}
pub(crate) use on_1_and_3_shards;

/// Makes a test of each function, with the plugin on threads of the relay and in a process of its own.
macro_rules! in_both_isolations {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn in_a_thread() {
                super::$name("thread");
            }

            #[cfg(unix)]
            #[test]
            fn in_a_process() {
                super::$name("process");
            }
        }
    )+};
}
pub(crate) use in_both_isolations;

/// Makes two tests of each named function, which takes a running [`Daemon`](harness::Daemon): one with a relay that is
/// alone in its network, and one with three, to which its clients are connected in turn.
macro_rules! on_1_and_3_relays {
    ($($name:ident),+ $(,)?) => {
        mod in_a_network {
            $(mod $name {
                #[test]
                fn of_1_relay() {
                    super::super::$name(crate::harness::Daemon::on_relays(1));
                }

                #[test]
                fn of_3_relays() {
                    super::super::$name(crate::harness::Daemon::on_relays(3));
                }
            })+
        }
    };
}
pub(crate) use on_1_and_3_relays;
