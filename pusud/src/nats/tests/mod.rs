//! Tests of the network over NATS: whole networks of relays over a model of a cluster, and single relays that are told what
//! no relay would say.

mod barriers;
mod bench;
mod bounds;
mod conversations;
mod garbage;
mod history;
mod log;
mod many;
mod namesakes;
mod presence;
mod refusals;
mod resuming;
mod simulation;
mod stopping;
mod timing;
