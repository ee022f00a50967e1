//! The connections to the operations port: so many at a time, and whoever comes takes the place of the one that has been
//! idle for longest.

use super::activity::Activity;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::AbortHandle;

/// Connections at a time.
pub(super) const CONNECTIONS_MAX: usize = 64;
/// Open files: the connections and one that is too many, the socket for those who look after it and for the runtime, the
/// runtime's own, and the pairs of sockets of channels that are listened to.
pub const FILES_MAX: u64 = CONNECTIONS_MAX as u64 + 1 + 2 + 3 + 2 * super::streams::TAILS_MAX as u64;

/// All connections, which is cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Connections(Arc<Mutex<Places>>);

#[derive(Default)]
struct Places {
    next: u64,
    taken: Vec<Place>,
}

struct Place {
    number: u64,
    activity: Arc<Activity>,
    /// `None`: its task has not been started yet.
    task: Option<AbortHandle>,
}

/// A place that is taken; dropping it gives it back.
pub(super) struct Seat {
    connections: Connections,
    number: u64,
}

impl Connections {
    /// Takes a place, where needed that of the connection that has been idle for longest; `None`: all are being answered.
    pub(super) fn take(&self, activity: &Arc<Activity>) -> Option<Seat> {
        let mut places = self.places();
        if places.taken.len() >= CONNECTIONS_MAX {
            let idle = |(at, place): (usize, &Place)| Some((place.activity.awaited()?.1, at));
            let (_, at) = places.taken.iter().enumerate().filter_map(idle).min()?;
            // It drops its connection, and finds its place gone.
            if let Some(task) = places.taken.swap_remove(at).task {
                task.abort();
            }
        }
        let number = places.next;
        places.next += 1;
        places.taken.push(Place { number, activity: activity.clone(), task: None });
        Some(Seat { connections: self.clone(), number })
    }

    /// The connection at this place is served by that task.
    pub(super) fn is_served(&self, number: u64, task: AbortHandle) {
        if let Some(place) = self.places().taken.iter_mut().find(|place| place.number == number) {
            place.task = Some(task);
        }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Its number.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.places().taken.retain(|place| place.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn the_one_that_was_idle_for_longest_goes_and_nobody_who_is_answered() {
        let connections = Connections::default();
        let mut seats = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            let activity = Activity::new();
            activity.is_busy();
            seats.push((connections.take(&activity).unwrap(), activity));
        }
        assert!(connections.take(&Activity::new()).is_none());
        seats[7].1.is_idle();
        tokio::time::advance(Duration::from_secs(1)).await;
        seats[3].1.is_idle();
        let task = tokio::spawn(std::future::pending::<()>());
        connections.is_served(seats[7].0.number(), task.abort_handle());
        let new = connections.take(&Activity::new()).unwrap();
        assert!(task.await.unwrap_err().is_cancelled());
        drop(seats.remove(7));
        assert_eq!(connections.places().taken.len(), CONNECTIONS_MAX);
        drop(new);
        assert_eq!(connections.places().taken.len(), CONNECTIONS_MAX - 1);
    }
}
