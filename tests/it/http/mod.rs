//! HTTP on the clients' port: publishing, answers and their order, bodies, limits, health checks, pages of other origins.

mod authorizations;
mod bodies;
mod connections;
mod cross_origin;
mod forwarded;
mod health;
mod idempotency;
mod linked_relays;
mod lists;
mod pace;
mod paths;
mod publish;
mod smuggling;
mod statuses;
mod stopping;
mod verdicts;
