use super::*;

fn header(boot: u8, connection: u32) -> Header {
    Header { boot: BootId([boot; 16]), connection }
}

fn about(name: &str, heartbeat: u64) -> About {
    About {
        heartbeat,
        minor: 0,
        content_bytes_max: 1,
        has_joined: true,
        is_stopping: false,
        has_history: false,
        server: "S".into(),
        cluster: "".into(),
        network: "n".into(),
        name: name.into(),
    }
}

#[test]
fn a_relay_is_linked_while_it_is_heard() {
    let (mut roster, start) = (Roster::default(), Instant::now());
    let at = |seconds| start + Duration::from_secs(seconds);
    let (id, heard, _) = roster.heard(header(1, 1), about("r", 1), true, start);
    assert_eq!(heard, Heard::Linked);
    let id = id.unwrap();
    assert_eq!(roster.heard(header(1, 1), about("r", 2), true, at(1)).1, Heard::Same);
    assert_eq!(roster.fallen_silent(start, at(3)), []);
    assert_eq!(roster.fallen_silent(at(2), at(4)), [], "it could not be heard for long enough");
    assert_eq!(roster.fallen_silent(start, at(4)), [id]);
    assert_eq!((roster.fallen_silent(start, at(5)), roster.linked().count()), (vec![], 0));
    assert_eq!(roster.heard(header(1, 1), about("r", 9), true, at(9)).1, Heard::Linked);
    let relay = roster.get(id).unwrap();
    assert_eq!(relay.resume, Some(Resume::since(2)), "it says how far it is since the last one");
    roster.down(id);
    assert_eq!((roster.forget_old(at(3608)), roster.forget_old(at(3609))), (vec![], vec![id]));
    assert!(roster.get(id).is_none());
    let (stopped, ..) = roster.heard(header(2, 1), about("s", 1), true, start);
    roster.stopped(stopped.unwrap());
    assert_eq!((roster.forget_old(at(59)), roster.forget_old(at(60))), (vec![], vec![stopped.unwrap()]));
}

#[test]
fn another_connection_or_server_is_another_way() {
    let (mut roster, now) = (Roster::default(), Instant::now());
    roster.heard(header(1, 1), about("r", 1), true, now);
    assert_eq!(roster.heard(header(1, 2), about("r", 2), true, now).1, Heard::Moved);
    let elsewhere = About { server: "T".into(), ..about("r", 3) };
    assert_eq!(roster.heard(header(1, 2), elsewhere, true, now).1, Heard::Moved);
}

#[test]
fn a_later_start_takes_the_place_of_an_earlier_one_with_what_was_counted() {
    let (mut roster, now) = (Roster::default(), Instant::now());
    let (old, ..) = roster.heard(header(1, 1), about("r", 1), true, now);
    roster.get_mut(old.unwrap()).unwrap().traffic.missed = 5;
    let (new, heard, replaced) = roster.heard(header(2, 1), about("r", 1), true, now);
    assert_eq!((heard, replaced), (Heard::Linked, old));
    assert_eq!(roster.get(new.unwrap()).unwrap().traffic.missed, 5);
    assert_eq!(roster.heard(header(1, 1), about("r", 2), true, now), (None, Heard::Replaced, None));
    assert_eq!(roster.find_or_add(header(1, 1), now), None, "nothing more is taken of it");
    assert_eq!(roster.all().count(), 1);
}

#[test]
fn strangers_take_nobodys_place_and_relays_take_theirs() {
    let (mut roster, now) = (Roster::default(), Instant::now());
    let (down, ..) = roster.heard(header(254, 1), about("down", 1), true, now);
    roster.down(down.unwrap());
    roster.heard(header(255, 1), about("r", 1), true, now + SILENT);
    let stranger =
        |n: usize| Header { boot: BootId(std::array::from_fn(|at| (n >> (8 * (at % 2))) as u8)), connection: 1 };
    for n in 0..2 * RELAYS_MAX {
        let has_room = n < RELAYS_MAX - 2;
        assert_eq!(roster.find_or_add(stranger(n), now + SILENT).is_some(), has_room, "{n}");
    }
    assert_eq!((roster.all().count(), roster.linked().count()), (RELAYS_MAX, 1));
    for n in 2..RELAYS_MAX {
        assert_eq!(roster.heard(stranger(1000 + n), about(&n.to_string(), 1), true, now).1, Heard::Linked);
    }
    assert_eq!((roster.take_forgotten(), roster.get(down.unwrap()).is_some()), (vec![], true));
    // One more takes the place of the one that is down.
    roster.heard(stranger(999), about("more", 1), true, now);
    assert_eq!((roster.take_forgotten(), roster.get(down.unwrap()).is_some()), (vec![down.unwrap()], false));
    assert_eq!(roster.heard(stranger(998), about("too many", 1), true, now).1, Heard::Full);
    assert!(roster.find_or_add(stranger(9), now).is_none(), "all are linked");
}

/// A clock was set back between two starts.
#[test]
fn a_start_that_looks_earlier_is_heard_when_the_other_one_is_gone() {
    let (mut roster, now) = (Roster::default(), Instant::now());
    let (other, ..) = roster.heard(header(2, 1), about("r", 1), true, now);
    assert_eq!(roster.heard(header(1, 1), about("r", 1), true, now).1, Heard::Replaced);
    roster.down(other.unwrap());
    assert_eq!(roster.heard(header(1, 1), about("r", 2), true, now).1, Heard::Linked);
    assert!(!roster.is_replaced(BootId([1; 16])) && roster.is_replaced(BootId([2; 16])));
}

/// Answers may overtake publications, and heartbeats never do.
#[test]
fn the_number_of_an_answer_does_not_count() {
    let (mut roster, now) = (Roster::default(), Instant::now());
    let (id, ..) = roster.heard(header(1, 1), about("r", 5), true, now);
    assert_eq!(roster.heard(header(1, 1), about("r", 9), false, now).1, Heard::Same);
    assert_eq!(roster.heard(header(1, 1), about("r", 9), true, now).1, Heard::Gap);
    assert_eq!(roster.get(id.unwrap()).unwrap().resume, Some(Resume::since(5)));
}

#[test]
fn whoever_is_down_may_lack_what_was_said_long_ago() {
    let (mut roster, now) = (Roster::default(), Instant::now());
    assert!(roster.have_all_heard(now));
    let (id, ..) = roster.heard(header(1, 1), about("r", 1), true, now);
    let (stopped, ..) = roster.heard(header(2, 1), about("s", 1), true, now);
    roster.stopped(stopped.unwrap());
    assert!(!roster.have_all_heard(now) && roster.have_all_heard(now + ASKED));
    roster.down(id.unwrap());
    assert!(!roster.have_all_heard(now + ASKED));
    roster.forget_old(now + SHOWN);
    assert!(roster.have_all_heard(now + SHOWN), "nobody knows of it any more");
}
