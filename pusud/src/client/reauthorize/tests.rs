use super::*;

/// Calls whoever may be called by `now`, and gives the turns of those who were.
fn called(turns: &Turns, seats: &[Seat], now: Instant) -> Vec<Turn> {
    turns.call_next(now);
    let asked = |seat: &Seat| match seat.called()? {
        Called::Ask(turn) => Some(turn),
        Called::Forget => None,
    };
    seats.iter().filter_map(asked).collect()
}

fn seats(turns: &Rc<Turns>, count: usize) -> Vec<Seat> {
    (0..count).map(|_| turns.take_seat(Waker::noop().clone())).collect()
}

#[test]
fn one_after_the_other_and_no_faster() {
    let turns = Rc::new(Turns::new(1));
    let seats = seats(&turns, 3);
    assert!(called(&turns, &seats, Instant::now()).is_empty(), "nobody has queued");
    turns.queue_all();
    let start = Instant::now();
    assert_eq!(called(&turns, &seats, start).len(), 1);
    assert_eq!(turns.call_next(start), Some(start + turns.interval));
    assert_eq!(called(&turns, &seats, start + turns.interval).len(), 1);
    assert_eq!(called(&turns, &seats, start + turns.interval * 2).len(), 1);
    assert_eq!(turns.call_next(start + turns.interval * 3), None);
    assert_eq!(turns.state.borrow().in_flight, 0);
    seats[1].queue();
    seats[1].queue();
    assert_eq!(called(&turns, &seats, start + turns.interval * 3).len(), 1);
    assert_eq!(called(&turns, &seats, start + turns.interval * 4).len(), 0);
}

#[test]
fn few_at_a_time() {
    let turns = Rc::new(Turns::new(4));
    let mut seats = seats(&turns, 20);
    turns.queue_all();
    let start = Instant::now();
    let later = |n: usize| start + turns.interval * n as u32;
    let mut in_flight: Vec<Turn> = (0..20).flat_map(|n| called(&turns, &seats, later(n))).collect();
    assert_eq!(in_flight.len(), IN_FLIGHT_MAX / 4);
    in_flight.pop();
    turns.call_next(later(20));
    assert_eq!(turns.call_next(later(21)), None, "one has ended, one may begin");
    // Those who leave make room too, called or not.
    seats.clear();
    assert_eq!(turns.state.borrow().in_flight, IN_FLIGHT_MAX / 4 - 1);
    drop(in_flight);
    assert_eq!(turns.state.borrow().in_flight, 0);
}

#[test]
fn what_cannot_be_decided_is_asked_again_after_longer_and_longer_pauses() {
    let turns = Rc::new(Turns::new(1));
    let seats = seats(&turns, 2);
    turns.queue_all();
    let mut now = Instant::now();
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        let turn = called(&turns, &seats, now).pop().expect("the pause is over");
        turn.undecided_at(now);
        turn.undecided_at(now);
        seats[0].queue();
        drop(turn);
        let end = now + Duration::from_secs(seconds);
        assert_eq!(turns.call_next(now), Some(end));
        now = end;
    }
    called(&turns, &seats, now).pop().expect("the pause is over").decided();
    assert_eq!(turns.state.borrow().backoff, BACKOFF_MIN);
}

#[test]
fn when_all_is_to_be_forgotten_nobody_is_asked() {
    let turns = Rc::new(Turns::new(1));
    let seats = seats(&turns, 2);
    turns.queue_all();
    turns.call_next(Instant::now());
    turns.forget_all();
    assert!(seats.iter().all(|seat| matches!(seat.called(), Some(Called::Forget))));
    assert_eq!(turns.state.borrow().in_flight, 0);
    assert_eq!(turns.call_next(Instant::now() + BACKOFF_MAX), None);
}
