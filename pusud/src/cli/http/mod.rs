//! HTTP, as the client commands speak it: publications by POST, messages as Server-Sent Events.
//!
//! `answer` and `events` take bytes apart, `request` and `problem` say what requests and refusals are; none of them knows a
//! socket. `pipeline` sends requests without waiting for each answer, `publishing` does that with the lines of `pusud
//! publish`, and `listening` is one connection of `pusud listen`.

mod answer;
mod event_stream;
mod events;
mod listening;
mod pipeline;
mod problem;
mod publishing;
mod request;

pub(super) use event_stream::{EventStream, Heard, delivery};
pub(super) use listening::EventConnection;
pub(super) use pipeline::{Pipeline, Step};
pub(super) use publishing::{publish_lines, publish_one};
pub(super) use request::Requests;

/// Whether to speak HTTP, from the command line.
#[derive(clap::Args)]
pub(super) struct HttpArgs {
    /// Speak HTTP with the relay rather than WebSocket; http:// and https:// URLs mean that too
    #[arg(long)]
    pub(super) http: bool,
}
