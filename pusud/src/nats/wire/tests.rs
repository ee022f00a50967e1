use super::message::Message;
use super::*;
use crate::peers::BootId;
use proptest::prelude::*;

const PIECE: Piece = Piece { question: 11, floor: 3, place: 2, is_last: true };

fn sender() -> Sender {
    Sender { boot: BootId([7; 16]), connection: 3 }
}

fn about() -> About {
    About {
        heartbeat: 9,
        minor: 0,
        content_bytes_max: 1 << 20,
        has_joined: true,
        is_stopping: false,
        has_history: true,
        server: "NABC".into(),
        cluster: "".into(),
        network: "default".into(),
        name: "relay-1".into(),
    }
}

fn all() -> Vec<Vec<u8>> {
    let write = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        write(&mut out);
        out
    };
    vec![
        write(&|out| {
            publications_head(out, sender(), 5, 4);
            content(out, b"1");
            content(out, b"\"two\"");
        }),
        write(&|out| note(out, sender(), 1, 6)),
        write(&|out| presence(out, sender(), Presence::Heartbeat, &about())),
        write(&|out| presence(out, sender(), Presence::Join, &about())),
        write(&|out| presence(out, sender(), Presence::Welcome, &about())),
        write(&|out| barrier(out, sender(), 8, ["a", "b.c"].into_iter())),
        write(&|out| passed(out, sender(), (8, 2), [(0, 0, 7), (1, 2, 3)].into_iter())),
        write(&|out| resume(out, sender(), 11, 4)),
        write(&|out| numbers(out, sender(), PIECE, [("a", 0, 7)].into_iter())),
        write(&|out| goodbye(out, sender())),
        write(&|out| {
            peer_head(out, sender(), 2, 1, 4);
            out.extend_from_slice(b"frames");
        }),
        write(&|out| {
            history_head(out, sender());
            out.extend_from_slice(b"numbers");
        }),
    ]
}

#[test]
fn what_is_written_is_read() {
    let all = all();
    let read: Vec<Message<'_>> = all
        .iter()
        .map(|payload| {
            let (header, message) = parse(payload).unwrap();
            assert_eq!(header, Header { boot: BootId([7; 16]), connection: 3 });
            message
        })
        .collect();
    let Message::Publications { first: 5, base: 4, contents } = read[0] else { panic!("{:?}", read[0]) };
    assert_eq!(contents.collect::<Result<Vec<_>, _>>().unwrap(), [b"1".as_slice(), b"\"two\""]);
    assert_eq!(all[0].len(), PUBLICATIONS_HEAD_BYTES + 2 * CONTENT_HEAD_BYTES + 6);
    assert_eq!(read[1], Message::Note { base: 1, last: 6 });
    for (at, presence) in [(2, Presence::Heartbeat), (3, Presence::Join), (4, Presence::Welcome)] {
        assert_eq!(read[at], Message::Presence(presence, about()));
    }
    let Message::Barrier { number: 8, channels } = read[5] else { panic!("{:?}", read[5]) };
    assert_eq!(channels.collect::<Result<Vec<_>, _>>().unwrap(), ["a", "b.c"]);
    let Message::Passed { number: 8, floor: 2, lasts } = read[6] else { panic!("{:?}", read[6]) };
    assert_eq!(lasts.collect::<Result<Vec<_>, _>>().unwrap(), [(0, 0, 7), (1, 2, 3)]);
    assert_eq!(read[7], Message::Resume { since: 11, question: 4 });
    let Message::Numbers { piece: PIECE, channels } = read[8] else { panic!("{:?}", read[8]) };
    assert_eq!(channels.collect::<Result<Vec<_>, _>>().unwrap(), [("a", 0, 7)]);
    assert_eq!(read[9], Message::Goodbye);
    assert_eq!(read[10], Message::Peer { to: 2, conversation: 1, number: 4, frames: b"frames" });
    assert_eq!(read[11], Message::History(b"numbers"));
}

#[test]
fn what_is_cut_short_or_of_another_version_is_none() {
    for (at, payload) in all().iter().enumerate() {
        let mut other = payload.clone();
        other[0] = VERSION + 1;
        assert_eq!(parse(&other), Err(Malformed), "{at}");
        assert_eq!(parse(&payload[..HEADER_BYTES - 1]), Err(Malformed), "{at}");
        let mut unknown = payload.clone();
        unknown[1] = 200;
        assert_eq!(parse(&unknown).map(|(_, message)| message), Ok(Message::Unknown), "{at}");
    }
    let note = &all()[1];
    assert!(parse(&note[..note.len() - 1]).is_err() && parse(&[note, &b"x"[..]].concat()).is_err());
    let publications = &all()[0];
    let Ok((_, Message::Publications { contents, .. })) = parse(&publications[..publications.len() - 1]) else {
        panic!("its head is whole")
    };
    assert_eq!(contents.map(|content| content.is_ok()).collect::<Vec<_>>(), [true, false]);
}

/// Sums of them would not fit into 64 bits.
#[test]
fn numbers_that_nobody_can_have_counted_are_none() {
    for payload in all().iter().filter(|payload| !matches!(payload[1], 10..)) {
        let mut other = payload.clone();
        other[HEADER_BYTES] = 0x7f;
        assert_eq!(parse(&other), Err(Malformed), "{}", payload[1]);
    }
}

proptest! {
    #[test]
    fn garbage_is_read_without_harm(kind in 0u8..15, rest in any::<Vec<u8>>()) {
        let mut payload = Vec::new();
        goodbye(&mut payload, sender());
        payload[1] = kind;
        payload.extend_from_slice(&rest);
        match parse(&payload) {
            Ok((_, Message::Publications { contents, .. })) => prop_assert!(contents.count() <= rest.len()),
            Ok((_, Message::Barrier { channels, .. })) => prop_assert!(channels.count() <= rest.len()),
            Ok((_, Message::Passed { lasts, .. })) => prop_assert!(lasts.count() <= rest.len()),
            Ok((_, Message::Numbers { channels, .. })) => prop_assert!(channels.count() <= rest.len()),
            _ => {}
        }
    }
}
