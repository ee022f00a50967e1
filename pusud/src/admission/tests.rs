use super::*;
use proptest::prelude::*;

fn admission(
    connections: usize,
    unauthorized: usize,
    unauthorized_per_address: usize,
    per_address: usize,
) -> Arc<Admission> {
    let limits = Limits {
        max_unauthorized: unauthorized,
        max_unauthorized_per_address: unauthorized_per_address,
        max_connections_per_address: per_address,
        ..Limits::default()
    };
    Admission::new(connections, &limits, &[ListenerLimits::default()])
}

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

/// Lets one in that is authorized at once.
fn authorized(admission: &Arc<Admission>, address: &str) -> Result<Place, Refusal> {
    admission.admit(0, Some(ip(address)), Beginning::Request).map(|pass| pass.place)
}

/// The limit that stands in the way of `address`.
fn refused(admission: &Arc<Admission>, address: &str) -> Option<Refusal> {
    match admission.admit(0, Some(ip(address)), Beginning::Request) {
        Ok(pass) => {
            admission.leave(&pass.place);
            None
        }
        Err(refusal) => Some(refusal),
    }
}

#[test]
fn all_connections_are_bounded() {
    let admission = admission(2, 2, 0, 0);
    let one = authorized(&admission, "127.0.0.1").unwrap();
    let _other = authorized(&admission, "192.0.2.1").unwrap();
    assert_eq!(refused(&admission, "192.0.2.2"), Some(Refusal::MaxConnections));
    admission.leave(&one);
    assert_eq!(refused(&admission, "192.0.2.2"), None);
    assert_eq!(admission.refusals().iter().collect::<Vec<_>>(), [(Refusal::MaxConnections, 1)]);
}

#[test]
fn those_that_are_not_authorized_are_bounded_in_all_and_by_address() {
    let admission = admission(100, 3, 2, 0);
    let one = admission.admit(0, Some(ip("192.0.2.1")), Beginning::Request).unwrap();
    let _two = admission.admit(0, Some(ip("192.0.2.1")), Beginning::Request).unwrap();
    assert_eq!(refused(&admission, "192.0.2.1"), Some(Refusal::MaxUnauthorized), "of one address");
    assert_eq!(refused(&admission, "192.0.2.2"), None);
    let _three = admission.admit(0, Some(ip("127.0.0.1")), Beginning::Request).unwrap();
    assert_eq!(refused(&admission, "192.0.2.2"), Some(Refusal::MaxUnauthorized), "in all");
    drop(one.probation);
    assert_eq!(refused(&admission, "192.0.2.1"), None, "one is authorized now");
    assert_eq!(admission.census(), Census { connections: 3, unauthorized: 2, handshakes: 0 });
}

#[test]
fn an_address_is_bounded_whether_authorized_or_not() {
    let admission = admission(100, 100, 0, 2);
    let one = authorized(&admission, "192.0.2.1").unwrap();
    let _two = admission.admit(0, Some(ip("192.0.2.1")), Beginning::Request).unwrap();
    assert_eq!(refused(&admission, "192.0.2.1"), Some(Refusal::MaxConnectionsPerAddress));
    assert_eq!(refused(&admission, "::ffff:192.0.2.1"), Some(Refusal::MaxConnectionsPerAddress), "the same, mapped");
    assert_eq!(refused(&admission, "192.0.2.2"), None);
    admission.leave(&one);
    assert_eq!(refused(&admission, "192.0.2.1"), None);
}

#[test]
fn addresses_of_ipv6_count_by_their_network() {
    let admission = admission(100, 100, 0, 1);
    let _one = authorized(&admission, "2001:db8:1:2::1").unwrap();
    assert_eq!(refused(&admission, "2001:db8:1:2:ffff::2"), Some(Refusal::MaxConnectionsPerAddress));
    assert_eq!(refused(&admission, "2001:db8:1:3::1"), None);
}

#[test]
fn this_machine_and_limits_of_zero_are_not_counted_by_address() {
    let strict = admission(100, 100, 1, 1);
    let _places: Vec<_> = ["127.0.0.1", "127.8.8.8", "::1", "::1"]
        .map(|address| strict.admit(0, Some(ip(address)), Beginning::Request).unwrap())
        .into();
    assert_eq!(strict.state().addresses.len(), 0);
    let off = admission(100, 100, 0, 0);
    let _places: Vec<_> = (0..50).map(|_| off.admit(0, Some(ip("192.0.2.1")), Beginning::Request).unwrap()).collect();
    assert_eq!(off.state().addresses.len(), 0);
}

proptest! {
    /// Whoever comes, is authorized and goes in whatever order: the counts are those of a list of all who are inside.
    #[test]
    fn the_counts_agree_with_a_list(steps in proptest::collection::vec((0u8..4, 0u8..4), 0..200)) {
        let admission = admission(12, 8, 3, 4);
        let mut inside: Vec<(u8, Option<Place>, Option<Probation>)> = Vec::new();
        for (what, from) in steps {
            let at = inside.iter().position(|one| one.0 == from);
            match (what, at) {
                (0 | 1, _) => {
                    let all = inside.len();
                    let own = inside.iter().filter(|one| one.0 == from).count();
                    let waiting = inside.iter().filter(|one| one.2.is_some()).count();
                    let own_waiting = inside.iter().filter(|one| one.0 == from && one.2.is_some()).count();
                    let expected = match () {
                        () if all >= 12 => Some(Refusal::MaxConnections),
                        () if own >= 4 => Some(Refusal::MaxConnectionsPerAddress),
                        () if waiting >= 8 || own_waiting >= 3 => Some(Refusal::MaxUnauthorized),
                        () => None,
                    };
                    match admission.admit(0, Some(IpAddr::from([192, 0, 2, from])), Beginning::Request) {
                        Ok(pass) => {
                            prop_assert_eq!(expected, None);
                            inside.push((from, Some(pass.place), Some(pass.probation)));
                        }
                        Err(refusal) => prop_assert_eq!(expected, Some(refusal)),
                    }
                }
                (2, Some(at)) => inside[at].2 = None,
                (_, Some(at)) => {
                    let (_, place, probation) = inside.swap_remove(at);
                    // Either may go first.
                    if from % 2 == 0 {
                        drop(probation);
                        admission.leave(&place.unwrap());
                    } else {
                        admission.leave(&place.unwrap());
                        drop(probation);
                    }
                }
                (_, None) => {}
            }
            let waiting = inside.iter().filter(|one| one.2.is_some()).count();
            prop_assert_eq!(admission.census(), Census { connections: inside.len(), unauthorized: waiting, handshakes: 0 });
            let mut addresses: Vec<_> = inside.iter().map(|one| one.0).collect();
            addresses.sort_unstable();
            addresses.dedup();
            prop_assert_eq!(admission.state().addresses.len(), addresses.len());
        }
    }
}
