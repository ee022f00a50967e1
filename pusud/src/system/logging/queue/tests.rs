use super::*;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

/// Takes a piece whenever it is let, and fails where it is told to.
struct Pipe {
    taken: Sender<Vec<u8>>,
    let_on: Receiver<io::Result<()>>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.let_on.recv().unwrap_or(Ok(()))?;
        self.taken.send(bytes.to_vec()).ok();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pipe() -> (Arc<Queue>, Receiver<Vec<u8>>, Sender<io::Result<()>>) {
    let (taken, takes) = channel();
    let (lets_on, let_on) = channel();
    let queue = Queue::start(Pipe { taken, let_on }, Duration::from_secs(3600), || {}).unwrap();
    (queue, takes, lets_on)
}

#[test]
fn nobody_waits_for_a_reader_that_stands_still_and_what_does_not_fit_is_counted() {
    let (queue, taken, lets_on) = pipe();
    let line = [&[b'x'; 1023][..], b"\n"].concat();
    let fit = QUEUE_BYTES_MAX / line.len();
    queue.push(b"first\n");
    // Whatever the thread has taken out until now: what it writes goes on counting.
    (0..2 * fit).for_each(|_| queue.push(&line));
    assert_eq!(queue.lost(), fit as u64 + 1);
    (0..2).for_each(|_| lets_on.send(Ok(())).unwrap());
    queue.flush(Duration::from_secs(10));
    assert_eq!((queue.take_untold(), queue.take_untold()), (queue.lost(), 0), "once");
    let written: Vec<u8> = taken.try_iter().flatten().collect();
    assert!(written.starts_with(b"first\n") && written.ends_with(b"x\n"));
    assert!(written.len() <= QUEUE_BYTES_MAX);
}

#[test]
fn what_cannot_be_written_is_counted_and_what_comes_later_is_written() {
    let (queue, taken, lets_on) = pipe();
    lets_on.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
    queue.push(b"one\ntwo\n");
    queue.flush(Duration::from_secs(10));
    assert_eq!((queue.lost(), queue.take_untold()), (2, 0), "there is nobody to tell");
    lets_on.send(Ok(())).unwrap();
    queue.push(b"three\n");
    queue.flush(Duration::from_secs(10));
    assert_eq!(taken.try_iter().collect::<Vec<_>>(), [b"three\n"]);
}

#[test]
fn a_flush_ends_although_nobody_reads() {
    let (queue, _taken, _lets_on) = pipe();
    queue.push(b"one\n");
    let began = Instant::now();
    queue.flush(Duration::from_millis(20));
    assert!(began.elapsed() >= Duration::from_millis(20));
}
