//! The commands beside `run`, as processes: their help, what they print, and their exit codes.

mod bench;
mod help;
mod http;
mod listen_history;
mod listen_publish;
mod terminal;
mod tls;
#[cfg(unix)]
mod unix_sockets;
