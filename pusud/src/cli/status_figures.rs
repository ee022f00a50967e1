//! Figures of `pusud status` in words: who is connected how, what there is of what has a bound, and how long things take.
//!
//! Functions of values alone; what has never happened is left out.

use super::columns::bytes;
use pusud::control::{Histogram, Memory, OpenFiles, Times};
use pusud::routing::{States, Transports};

/// What clients speak.
pub(super) fn by_transport(all: &Transports) -> impl Iterator<Item = String> + use<> {
    let Transports { ws, wss, sse, sses, http, https, other } = *all;
    counted([
        (ws, "ws"),
        (wss, "wss"),
        (sse, "sse"),
        (sses, "sses"),
        (http, "http"),
        (https, "https"),
        (other, "other"),
    ])
}

/// Whether they take what is sent to them; said where some do not.
pub(super) fn by_state(all: &States) -> impl Iterator<Item = String> + use<> {
    let States { open, blocked, closing } = *all;
    let says_more = blocked + closing > 0;
    counted([(open, "open"), (blocked, "blocked"), (closing, "closing")]).filter(move |_| says_more)
}

fn counted<const N: usize>(all: [(usize, &'static str); N]) -> impl Iterator<Item = String> {
    all.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"))
}

/// What waits, against its bound.
pub(super) fn memory(memory: &Memory) -> String {
    let Memory { queued_bytes, queued_bytes_max, ceiling_bytes, .. } = *memory;
    let [waits, most, ceiling] = [queued_bytes, queued_bytes_max, ceiling_bytes].map(|amount| bytes(amount as f64));
    format!("{waits} wait, at most {most}; the relay takes at most {ceiling}")
}

/// Open files, where the system tells.
pub(super) fn open_files(files: &OpenFiles) -> Option<String> {
    let used = files.used?;
    Some(match files.max {
        Some(max) => format!("{used} of {max}"),
        None => used.to_string(),
    })
}

/// How long things take that have been measured.
pub(super) fn times(times: &Times) -> impl Iterator<Item = String> + use<> {
    let Times { fan_out, accepted_to_flushed, authorize, settle } = times;
    let all = [
        ("fan-out", fan_out),
        ("from accepted to flushed", accepted_to_flushed),
        ("authorize", authorize),
        ("settle", settle),
    ];
    let said = all.map(|(what, took)| within(took).map(|within| format!("{what} {within}")));
    said.into_iter().flatten()
}

/// In what times most of it was done; nothing where nothing was.
pub(super) fn within(took: &Histogram) -> Option<String> {
    let all: u64 = took.counts.iter().sum();
    let share = |percent: u64| {
        let wanted = (all * percent).div_ceil(100);
        let mut so_far = 0;
        let place = took.counts.iter().position(|count| {
            so_far += count;
            so_far >= wanted
        });
        match place.and_then(|place| took.bounds.get(place)) {
            Some(bound) => format!("within {} ms", bound * 1000.0),
            None => format!("beyond {} ms", took.bounds.last().unwrap_or(&0.0) * 1000.0),
        }
    };
    (all > 0).then(|| format!("half {}, 99 % {}", share(50), share(99)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_times_are_told_by_the_bounds_that_they_are_within() {
        let took = |counts: &[u64]| Histogram { bounds: vec![0.001, 0.01], counts: counts.to_vec(), sum: 0.0 };
        assert_eq!(within(&took(&[0, 0, 0])), None);
        assert_eq!(within(&took(&[99, 1, 0])).unwrap(), "half within 1 ms, 99 % within 1 ms");
        assert_eq!(within(&took(&[50, 48, 2])).unwrap(), "half within 1 ms, 99 % beyond 10 ms");
    }

    #[test]
    fn states_are_told_where_somebody_does_not_read() {
        let said = |blocked| by_state(&States { open: 3, blocked, closing: 0 }).collect::<Vec<_>>();
        assert_eq!(said(0), [""; 0]);
        assert_eq!(said(2), ["3 open", "2 blocked"]);
    }
}
