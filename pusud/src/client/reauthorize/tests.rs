use super::*;

/// Gives out what permits there are at `now`, and returns those that were fetched.
fn permits(queue: &ReauthorizationQueue, clients: &[Registration], now: Instant) -> Vec<Permit> {
    queue.permit_next(now);
    let permit = |client: &Registration| match client.take_instruction()? {
        Instruction::Reauthorize(permit) => Some(permit),
        Instruction::Forget => None,
    };
    clients.iter().filter_map(permit).collect()
}

fn registered(queue: &Rc<ReauthorizationQueue>, count: usize) -> Vec<Registration> {
    (0..count).map(|_| queue.register(Waker::noop().clone())).collect()
}

#[test]
fn one_after_the_other_and_no_faster() {
    let queue = Rc::new(ReauthorizationQueue::new(1));
    let clients = registered(&queue, 3);
    assert!(permits(&queue, &clients, Instant::now()).is_empty(), "nobody waits");
    queue.enqueue_all();
    let start = Instant::now();
    assert_eq!(permits(&queue, &clients, start).len(), 1);
    assert_eq!(queue.permit_next(start), Some(start + queue.interval));
    assert_eq!(permits(&queue, &clients, start + queue.interval).len(), 1);
    assert_eq!(permits(&queue, &clients, start + queue.interval * 2).len(), 1);
    assert_eq!(queue.permit_next(start + queue.interval * 3), None);
    assert_eq!(queue.state.borrow().in_flight, 0);
    clients[1].enqueue();
    clients[1].enqueue();
    assert_eq!(permits(&queue, &clients, start + queue.interval * 3).len(), 1);
    assert_eq!(permits(&queue, &clients, start + queue.interval * 4).len(), 0);
}

#[test]
fn few_at_a_time() {
    let queue = Rc::new(ReauthorizationQueue::new(4));
    let mut clients = registered(&queue, 20);
    queue.enqueue_all();
    let start = Instant::now();
    let later = |n: usize| start + queue.interval * n as u32;
    let mut in_flight: Vec<Permit> = (0..20).flat_map(|n| permits(&queue, &clients, later(n))).collect();
    assert_eq!(in_flight.len(), IN_FLIGHT_MAX / 4);
    in_flight.pop();
    queue.permit_next(later(20));
    assert_eq!(queue.permit_next(later(21)), None, "one has ended, one may begin");
    // Clients that leave make room too, with a permit or without.
    clients.clear();
    assert_eq!(queue.state.borrow().in_flight, IN_FLIGHT_MAX / 4 - 1);
    drop(in_flight);
    assert_eq!(queue.state.borrow().in_flight, 0);
}

#[test]
fn what_cannot_be_decided_is_asked_again_after_longer_and_longer_pauses() {
    let queue = Rc::new(ReauthorizationQueue::new(1));
    let clients = registered(&queue, 2);
    queue.enqueue_all();
    let mut now = Instant::now();
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        let permit = permits(&queue, &clients, now).pop().expect("the pause is over");
        permit.undecided_at(now);
        permit.undecided_at(now);
        clients[0].enqueue();
        drop(permit);
        let end = now + Duration::from_secs(seconds);
        assert_eq!(queue.permit_next(now), Some(end));
        now = end;
    }
    permits(&queue, &clients, now).pop().expect("the pause is over").decided();
    assert_eq!(queue.state.borrow().backoff, BACKOFF_MIN);
}

#[test]
fn when_all_is_to_be_forgotten_nobody_is_asked() {
    let queue = Rc::new(ReauthorizationQueue::new(1));
    let clients = registered(&queue, 2);
    queue.enqueue_all();
    queue.permit_next(Instant::now());
    queue.forget_all();
    assert!(clients.iter().all(|client| matches!(client.take_instruction(), Some(Instruction::Forget))));
    assert_eq!(queue.state.borrow().in_flight, 0);
    assert_eq!(queue.permit_next(Instant::now() + BACKOFF_MAX), None);
}
