//! Grants: what one verdict gave to one client, named by the ticket of its question until it ends (`pusu.grants/1`).
//!
//! Only for plugins with the flag GRANTS: of others nothing is kept here. Owns who has which grant, the orders of plugins
//! to end or recheck them, and the news of their ends. What follows from an order is the client's task's business.
//! **Invariant:** an order reaches every grant that was made before it, also where it is still on its way to the client,
//! and none that was made after it.

mod book;
mod hearing;
mod held;
mod mailbox;
mod order;
mod register;

pub(super) use book::GrantBook;
pub(super) use hearing::{Heard, Next};
pub(super) use order::{GrantOrders, Order, Whom};

pub use held::{GrantEnd, HeldGrant};
pub use mailbox::{Mail, Mailbox};
