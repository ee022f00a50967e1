//! Places for conversations with connections that are not let in: a few, and whoever comes when there is none takes that of
//! the oldest. So nobody keeps others from being heard by saying nothing.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// The places. Clones are the same ones.
#[derive(Clone)]
pub struct Places {
    most: usize,
    /// Who has one, the oldest first. Its end is dropped when somebody else takes it.
    taken: Arc<Mutex<VecDeque<oneshot::Sender<Infallible>>>>,
}

/// One of them, taken: resolves when somebody else takes it, and is free again when this is dropped.
pub type TakenPlace = oneshot::Receiver<Infallible>;

impl Places {
    /// So many.
    pub fn new(most: usize) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// Takes one.
    pub fn take(&self) -> TakenPlace {
        let (place, displaced) = oneshot::channel();
        let mut taken = self.taken.lock().expect("nothing panics while it holds the list");
        taken.retain(|place| !place.is_closed());
        if taken.len() >= self.most {
            taken.pop_front();
        }
        taken.push_back(place);
        displaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_gives_way_unless_somebody_has_gone() {
        let places = Places::new(2);
        let (mut first, second) = (places.take(), places.take());
        drop(second);
        let mut third = places.take();
        let is_taken = |place: &mut TakenPlace| place.try_recv() == Err(oneshot::error::TryRecvError::Closed);
        assert!(!is_taken(&mut first), "one place was free");
        let mut fourth = places.take();
        assert!(is_taken(&mut first) && !is_taken(&mut third) && !is_taken(&mut fourth));
    }
}
