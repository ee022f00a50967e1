//! The operations port: metrics, health checks, the console in the browser, and the JSON interface of operators, over HTTP.
//!
//! It has a thread of its own and never a turn on a shard. What it asks is what the control socket asks, and it changes
//! nothing that the control socket could not.
//! **Invariant:** without a token nobody is shown more than metrics and health, and nobody changes anything.

mod activity;
mod answers;
mod audit;
mod body;
mod caller;
mod changing;
mod connections;
mod console;
mod content;
mod conversation;
mod door;
mod fault;
mod health;
mod history;
mod looking;
mod memory;
mod metrics;
mod names;
mod orders;
mod port;
mod query;
mod role;
mod routes;
mod serving;
mod sessions;
mod settings;
mod shared_status;
mod signing_in;
mod streams;
mod throttle;
mod token_file;
mod tokens;

pub use connections::FILES_MAX;
pub use door::Parts;
pub use memory::bytes_max;
pub use port::{NAME, OperationsPort, check};
pub use serving::Running;
