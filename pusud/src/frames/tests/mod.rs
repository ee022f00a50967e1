//! Frames of channels through the whole wing: made, read back by a WebSocket library and as a browser reads events, cut
//! out again, marked, counted and dropped.

use super::publication::{push_gap, push_publish, push_publish_at};
use proptest::prelude::*;
use std::io::Cursor;
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameSocket};

mod events;
mod marks;
mod publications;

/// Reads frames back with tungstenite.
pub(super) fn decode(bytes: &[u8]) -> Vec<Frame> {
    let mut socket = FrameSocket::new(Cursor::new(bytes.to_vec()));
    let mut frames = Vec::new();
    while let Some(frame) = socket.read(None).expect("a whole frame") {
        frames.push(frame);
    }
    frames
}

/// What one frame of a channel is made of.
#[derive(Debug, Clone)]
struct Made {
    position: Option<String>,
    /// JSON text; `None`: a gap.
    content: Option<String>,
}

impl Made {
    fn push(&self, out: &mut Vec<u8>, channel: &str) {
        match (self.position.as_deref(), self.content.as_deref()) {
            (None, content) => push_publish(out, channel, content.expect("a gap has a position")),
            (Some(position), Some(content)) => push_publish_at(out, channel, position, content),
            (Some(position), None) => push_gap(out, channel, position),
        }
    }

    fn is_gap(&self) -> bool {
        self.content.is_none()
    }
}

/// The frames of a run, and where each of them ends.
fn run(channel: &str, all: &[Made]) -> (Vec<u8>, Vec<usize>) {
    let mut out = Vec::new();
    let ends = all.iter().map(|made| {
        made.push(&mut out, channel);
        out.len()
    });
    let ends = ends.collect();
    (out, ends)
}

/// Names with many quotes and backslashes, of which some begin others.
fn channel() -> impl Strategy<Value = String> {
    prop_oneof![2 => "[a\"\\\\,:{}]{1,4}", 1 => "[^\\p{Cc}]{1,40}"]
}

fn position() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[A-Za-z0-9_.*-]{1,40}", 1 => "[A-Za-z0-9_.*-]{100,512}"]
}

/// JSON text of every class of length, of which some looks like what stands around it.
fn content() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        12 => "[^\\p{Cc}]{0,100}",
        6 => prop::sample::select(&[",\"content\":", ",\"position\":\"", "data: ", "}{", "id: a\n\nevent: gap\ndata: "][..])
            .prop_map(str::to_owned),
        4 => (0usize..600).prop_map(|len| "x".repeat(len)),
        1 => (65_300usize..65_700).prop_map(|len| "x".repeat(len)),
    ];
    (text, "[ \n\r\t]{0,3}").prop_map(|(text, blank)| format!("[{blank}{},{blank}1]", serde_json::json!(text)))
}

/// Publications with and without positions, and gaps, mixed.
fn made() -> impl Strategy<Value = Vec<Made>> {
    let one = prop_oneof![
        2 => content().prop_map(|content| Made { position: None, content: Some(content) }),
        2 => (position(), content()).prop_map(|(at, content)| Made { position: Some(at), content: Some(content) }),
        1 => position().prop_map(|at| Made { position: Some(at), content: None }),
    ];
    proptest::collection::vec(one, 1..5)
}
