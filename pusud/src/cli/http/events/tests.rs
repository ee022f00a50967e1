//! Streams of events, whole and cut.

use super::*;
use proptest::prelude::*;

/// What is seen of a stream: kinds and data, and the time to wait.
type Seen = (Vec<(String, String)>, Option<Duration>);

fn read(bytes: &[u8], cuts: impl Iterator<Item = usize>) -> Seen {
    let mut reader = EventReader::new(usize::MAX / 2);
    let seen = read_with(&mut reader, bytes, cuts);
    let text = |data: Vec<u8>| String::from_utf8_lossy(&data).into_owned();
    let all = seen.into_iter().map(|(kind, data, whole)| {
        assert!(whole);
        (kind, text(data))
    });
    (all.collect(), reader.retry())
}

fn read_with(
    reader: &mut EventReader,
    mut bytes: &[u8],
    mut cuts: impl Iterator<Item = usize>,
) -> Vec<(String, Vec<u8>, bool)> {
    let mut seen = Vec::new();
    while !bytes.is_empty() {
        let (chunk, rest) = bytes.split_at(cuts.next().unwrap_or(usize::MAX).min(bytes.len()));
        bytes = rest;
        let show = |event: Event<'_>| {
            seen.push((event.kind.to_owned(), event.data.to_vec(), event.whole));
            Ok(())
        };
        reader.feed(chunk, show).unwrap();
    }
    seen
}

fn whole(text: &str) -> Vec<(String, String)> {
    read(text.as_bytes(), std::iter::empty()).0
}

fn events(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(kind, data)| ((*kind).to_owned(), (*data).to_owned())).collect()
}

#[test]
fn events_are_read_as_the_standard_has_it() {
    for (text, expected) in [
        ("data: a\n\ndata: b\n\n", &[("", "a"), ("", "b")][..]),
        ("data: YHOO\ndata: +2\ndata: 10\n\n", &[("", "YHOO\n+2\n10")]),
        ("data\n\ndata\ndata\n\ndata:", &[("", ""), ("", "\n")]),
        ("data:test\n\ndata: test\n\n", &[("", "test"), ("", "test")]),
        ("data:  first event\nid: 1\n\n", &[("", " first event")]),
        (": test stream\n\ndata: a:b\nid\n\n", &[("", "a:b")]),
        ("event: add\ndata: 1\n\nevent: add\n\ndata: 2\n\n", &[("add", "1"), ("", "2")]),
        ("event: one\nevent: two\ndata: 1\n\n", &[("two", "1")]),
        ("data: a\r\ndata: b\r\n\r\ndata: c\r\rdata: d\r\n\n", &[("", "a\nb"), ("", "c"), ("", "d")]),
        ("data: a\r\n\rdata: b\n\r\n", &[("", "a"), ("", "b")]),
        ("\u{feff}data: a\n\n\u{feff}data: b\n\n", &[("", "a")]),
        ("Data: a\ndata : b\n data: c\nsomething: else\n\n", &[]),
        ("data: a", &[]),
        ("data: a\n", &[]),
    ] {
        assert_eq!(whole(text), events(expected), "{text:?}");
    }
}

#[test]
fn the_last_time_to_wait_counts_and_has_to_be_a_number() {
    for (text, expected) in [
        ("data: a\n\n", None),
        ("retry: 1500\n", Some(1500)),
        ("retry: 1\nretry: 2\n\n", Some(2)),
        ("retry: 7\nretry: soon\nretry: -1\nretry:\nretry: 99999999999999999999\n", Some(7)),
    ] {
        let retry = read(text.as_bytes(), std::iter::empty()).1;
        assert_eq!(retry, expected.map(Duration::from_millis), "{text:?}");
    }
}

/// Lines of a stream, many of them with a meaning, and all ends that a line may have.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        4 => Just("data: x".to_owned()),
        4 => "[^\r\n]{0,80}".prop_map(|text| format!("data: {text}")),
        2 => Just("event: end".to_owned()),
        2 => Just(": comment".to_owned()),
        2 => "retry: [0-9]{1,4}",
        6 => Just(String::new()),
        1 => "[^\r\n]{0,9}",
    ];
    let end = prop_oneof![4 => Just("\n"), 1 => Just("\r\n"), 1 => Just("\r")];
    prop::collection::vec((line, end), 0..40)
        .prop_map(|lines| lines.into_iter().flat_map(|(line, end)| (line + end).into_bytes()).collect())
}

/// What the standard says, read off the whole text.
fn naive(bytes: &[u8]) -> Seen {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (mut seen, mut retry, mut kind, mut data) = (Vec::new(), None, "", None::<String>);
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            _ if line.is_empty() => {
                seen.extend(data.take().map(|data| (kind.to_owned(), data)));
                kind = "";
            }
            "data" => data = Some(data.map_or_else(|| value.to_owned(), |data| data + "\n" + value)),
            "event" => kind = value,
            "retry" if !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => {
                retry = Some(Duration::from_millis(value.parse().unwrap()));
            }
            _ => {}
        }
    }
    (seen, retry)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn cuts_change_nothing(bytes in streams(), cuts in prop::collection::vec(1usize..30, 1..40)) {
        let expected = naive(&bytes);
        prop_assert_eq!(&read(&bytes, std::iter::empty()), &expected);
        prop_assert_eq!(&read(&bytes, cuts.into_iter().cycle()), &expected);
        prop_assert_eq!(&read(&bytes, std::iter::repeat(1)), &expected);
    }

    #[test]
    fn of_large_data_the_beginning_is_kept(
        lines in prop::collection::vec(0usize..5000, 1..6), cuts in prop::collection::vec(1usize..6000, 1..9),
    ) {
        const MAX: usize = 100;
        let data: Vec<String> = lines.iter().map(|&length| "x".repeat(length)).collect();
        let data = data.join("\n");
        let text = format!("data: {}\n\n", data.replace('\n', "\ndata: "));
        let mut reader = EventReader::new(MAX);
        let seen = read_with(&mut reader, text.repeat(2).as_bytes(), cuts.into_iter().cycle());
        prop_assert_eq!(seen.len(), 2);
        for (_, kept, whole) in seen {
            prop_assert!(data.as_bytes().starts_with(&kept));
            prop_assert_eq!(whole, kept.len() == data.len());
            prop_assert!(kept.len() >= data.len().min(MAX));
        }
        prop_assert!(reader.line.capacity() + reader.data.capacity() <= 4 * (MAX + FIELD_BYTES));
    }

    #[test]
    fn anything_is_read(bytes: Vec<u8>, cuts in prop::collection::vec(1usize..9, 1..9)) {
        read_with(&mut EventReader::new(8), &bytes, cuts.into_iter().cycle());
    }
}

#[test]
fn what_is_refused_ends_the_reading() {
    let mut shown = 0;
    let refused = EventReader::new(9).feed(b"data: a\n\ndata: b\n\n", |_| {
        shown += 1;
        Err(Failure::lasting("enough"))
    });
    assert_eq!((refused.unwrap_err().message.as_str(), shown), ("enough", 1));
}
