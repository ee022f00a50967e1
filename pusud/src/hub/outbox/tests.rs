use super::*;
use crate::frames;
use std::future::poll_fn;
use std::io;
use std::io::Read as _;
use std::rc::Rc;

const BYTES_MAX: usize = 10_000;

/// An outbox over loopback with small kernel buffers, and the client's end.
async fn pair() -> (Rc<Outbox>, std::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    client.set_recv_buffer_size(4096).unwrap();
    client.connect(&listener.local_addr().unwrap().into()).unwrap();
    let (socket, _) = listener.accept().await.unwrap();
    socket2::SockRef::from(&socket).set_send_buffer_size(4096).unwrap();
    let outbox = Outbox::new(socket);
    outbox.reach(Stage::WebSocket);
    (Rc::new(outbox), client.into())
}

fn frames(byte: u8, len: usize) -> Frames {
    vec![byte; len].into()
}

/// Pushes until the kernel takes no more and something waits.
fn fill(outbox: &Outbox) -> usize {
    let mut pushed = 0;
    while outbox.queue.borrow().is_empty() {
        outbox.push(frames(b'f', 1000), BYTES_MAX).unwrap();
        pushed += 1000;
        outbox.flush(Lane::FIRST);
    }
    pushed
}

#[tokio::test(flavor = "current_thread")]
async fn everything_leaves_in_order_through_a_full_kernel() {
    let (outbox, mut client) = pair().await;
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        client.read_to_end(&mut all).unwrap();
        all
    });
    let mut expected = Vec::new();
    for n in 0..500u32 {
        let len = 1 + (n as usize * 37) % 900;
        expected.extend(vec![n as u8; len]);
        outbox.push(frames(n as u8, len), BYTES_MAX).unwrap();
        outbox.flush(Lane::FIRST);
        poll_fn(|cx| outbox.poll_drained(cx)).await;
    }
    outbox.shut_down();
    assert_eq!(reader.join().unwrap(), expected);
}

#[tokio::test(flavor = "current_thread")]
async fn one_write_carries_many_frames() {
    let (outbox, mut client) = pair().await;
    for n in 0..3 {
        outbox.push(frames(b'0' + n, 2), BYTES_MAX).unwrap();
    }
    assert!(outbox.mark(Lane::FIRST) && !outbox.mark(Lane::FIRST));
    outbox.flush(Lane::FIRST);
    assert!(outbox.mark(Lane::FIRST), "a flush takes the mark away");
    let mut got = [0; 6];
    client.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"001122");
}

#[tokio::test(flavor = "current_thread")]
async fn a_full_outbox_disconnects_with_4001_at_a_frame_boundary() {
    let (outbox, mut client) = pair().await;
    let mut sent = fill(&outbox);
    let overflow = loop {
        match outbox.push(frames(b'x', 1000), BYTES_MAX) {
            Ok(()) => sent += 1000,
            Err(overflow) => break overflow,
        }
        assert!(outbox.cost() <= BYTES_MAX + 1000 + 64);
    };
    assert!(outbox.is_closing());
    assert_eq!(outbox.push(frames(b'y', 1), BYTES_MAX), Ok(()), "further frames are dropped without a word");
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        client.read_to_end(&mut all).unwrap();
        all
    });
    poll_fn(|cx| outbox.poll_drained(cx)).await;
    outbox.shut_down();
    let all = reader.join().unwrap();
    let close = frames::close(Disconnect::SlowConsumer);
    assert!(all.ends_with(&close));
    assert_eq!((all.len() - close.len()) % 1000, 0, "no frame was cut");
    assert_eq!(all.len() - close.len() + overflow.dropped.bytes, sent + 1000, "what is lost is counted");
}

#[tokio::test(flavor = "current_thread")]
async fn a_peer_that_resets_breaks_the_outbox() {
    let (outbox, client) = pair().await;
    fill(&outbox);
    socket2::SockRef::from(&client).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(client);
    poll_fn(|cx| outbox.poll_drained(cx)).await;
    assert!(outbox.is_closing());
}

/// Every lane's mark is one of its own, and whichever lane comes first takes everything along.
#[tokio::test(flavor = "current_thread")]
async fn it_stands_once_in_each_lane() {
    let (outbox, _client) = pair().await;
    let many = Lane::of(10_000);
    outbox.push(frames(b'x', 10), BYTES_MAX).unwrap();
    assert!(outbox.mark(many) && outbox.mark(Lane::FIRST) && !outbox.mark(many));
    assert_eq!(outbox.flush(Lane::FIRST).bytes, 10);
    assert!(outbox.mark(Lane::FIRST) && !outbox.mark(many));
    assert_eq!(outbox.flush(many).bytes, 0);
}

/// What has not been offered to the kernel makes nobody slow; twice the limit does all the same.
#[tokio::test(flavor = "current_thread")]
async fn who_has_taken_everything_may_have_twice_as_much_pushed() {
    let (outbox, _client) = pair().await;
    for _ in 0..17 {
        outbox.push(frames(b'x', 900), BYTES_MAX).unwrap();
    }
    assert!(outbox.cost() > BYTES_MAX + BYTES_MAX / 2);
    while outbox.push(frames(b'x', 900), BYTES_MAX).is_ok() {
        assert!(outbox.cost() < 2 * BYTES_MAX + 1000);
    }
    assert!(outbox.is_closing());
}

#[tokio::test(flavor = "current_thread")]
async fn what_has_left_by_half_is_given_up_for_its_memory_and_counted_by_messages() {
    for messages in [1, 40] {
        what_has_left_by_half_is_given_up(messages).await;
    }
}

/// Of a run of so many messages.
async fn what_has_left_by_half_is_given_up(messages: usize) {
    let (outbox, mut client) = pair().await;
    fill(&outbox);
    let mut run = Vec::new();
    let content = format!("\"{}\"", "x".repeat(40_000 / messages));
    (0..messages).for_each(|_| frames::push_publish(&mut run, "a", &content));
    let message_bytes = run.len() / messages;
    outbox.push(Frames::from(run), BYTES_MAX).unwrap();
    client.set_nonblocking(true).unwrap();
    let mut sink = [0; 1024];
    while outbox.cost() > 30_000 {
        match client.read(&mut sink) {
            Ok(bytes) => assert!(bytes > 0),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        poll_fn(|cx| std::task::Poll::Ready(outbox.poll_drained(cx).is_ready())).await;
        tokio::task::yield_now().await;
    }
    let waiting = outbox.cost();
    let lost = waiting.div_ceil(message_bytes) as u64;
    assert_eq!(outbox.disconnect_for_memory(), Dropped { messages: lost, bytes: waiting });
    assert!(outbox.is_broken() && outbox.cost() == 0);
}

#[cfg(target_pointer_width = "64")]
#[test]
fn it_is_small() {
    // Every client has one: with the counts of its `Rc` and the allocator's own word it takes 176 bytes. When it came, and why it ends, stand where there would be a gap.
    assert_eq!(size_of::<Outbox>(), 144);
}
