//! Accounts of the messages between two relays: what was published, what has arrived, and what the relays have counted of
//! the rest.

use serde_json::Value;
use std::time::Duration;

/// What became of the messages from one relay to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) published: u64,
    pub(crate) arrived: u64,
    /// Lost on a link, and counted as such by the sender.
    pub(crate) counted: u64,
    /// Published while the two were not linked: meant for nobody there.
    pub(crate) unlinked: u64,
    /// The link has ended meanwhile, for the sender.
    pub(crate) has_ended: bool,
}

/// Compares what has arrived with what both relays say, `before` and `meanwhile` later.
pub(super) fn account(
    from: usize,
    to: usize,
    [published, arrived]: [u64; 2],
    [before, after]: [&[Value]; 2],
    meanwhile: Duration,
) -> Account {
    let counted = |at: usize, peer: usize, field: &str| {
        let of = |statuses: &[Value]| peer_of(&statuses[at], peer)[field].as_u64().unwrap();
        of(after) - of(before)
    };
    let [sent, dropped, too_large, lost] =
        ["sent", "dropped", "too_large", "lost"].map(|field| counted(from, to, field));
    let pair = format!("relay {from} to {to}: {} and {}", peer_of(&after[from], to), peer_of(&after[to], from));
    assert_eq!(arrived, sent - lost, "what has arrived is what was sent and not lost; {pair}");
    assert_eq!([arrived, lost], ["received", "missed"].map(|field| counted(to, from, field)), "{pair}");
    assert_eq!([0; 3], ["duplicates", "gaps", "resyncs"].map(|field| counted(to, from, field)), "{pair}");
    let unlinked = published.checked_sub(sent + dropped + too_large);
    let unlinked = unlinked.unwrap_or_else(|| panic!("more was sent than the {published} published; {pair}"));
    let has_ended = peer_of(&after[from], to)["linked_for"].as_f64().expect("it is linked") < meanwhile.as_secs_f64();
    Account { from, to, published, arrived, counted: dropped + too_large + lost, unlinked, has_ended }
}

/// The same over servers of NATS: there the listener's relay counts by the numbers of what comes, and what its source could
/// not send has numbers as well.
pub(super) fn account_over_nats(
    from: usize,
    to: usize,
    [published, arrived]: [u64; 2],
    [before, after]: [&[Value]; 2],
) -> Account {
    let counted = |field: &str| {
        let of = |statuses: &[Value]| peer_of(&statuses[to], from)[field].as_u64().unwrap_or_else(|| panic!("{field}"));
        of(after) - of(before)
    };
    let pair = format!("relay {from} to {to}: {}", peer_of(&after[to], from));
    let missed = counted("missed");
    assert_eq!(arrived, counted("received"), "what has arrived is what its relay received; {pair}");
    assert_eq!(arrived + missed, published, "what did not arrive is what its relay has missed; {pair}");
    Account { from, to, published, arrived, counted: missed, unlinked: 0, has_ended: false }
}

/// What a relay's status says of another one.
pub(crate) fn peer_of(status: &Value, peer: usize) -> &Value {
    let name = format!("relay-{peer}");
    let mut relays = status["relays"].as_array().expect("a list").iter();
    relays.find(|relay| relay["name"] == *name).unwrap_or_else(|| panic!("{name} is not in {status}"))
}
