//! The connections to the operations port: so many at a time, and whoever comes takes the place of one that would be missed
//! least.

use super::activity::{Activity, Awaited};
use super::caller;
use std::cmp::Reverse;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::AbortHandle;
use tokio::time::Instant;

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
    /// The place where it comes from, as [`caller::place`] has it.
    from: IpAddr,
    activity: Arc<Activity>,
    /// `None`: its task has not been started yet.
    task: Option<AbortHandle>,
}

/// A place that is taken; dropping it gives it back.
pub(super) struct Seat {
    connections: Connections,
    number: u64,
}

impl Places {
    /// The connection that makes room: of those that are idle or of those whose request has not come yet, whichever are
    /// more, so that a crowd of the one sort does not drive out the other; of these from where most of them come; of these
    /// one with half a request, since whoever means it sends a whole one; and the one that has waited for longest.
    fn least_missed(&self) -> Option<usize> {
        let waiting = self.taken.iter().enumerate().filter_map(|(at, place)| {
            let (awaited, since) = place.activity.awaited()?;
            Some((at, place.from, awaited, since))
        });
        let (idle, coming): (Vec<_>, Vec<_>) = waiting.partition(|(_, _, awaited, _)| *awaited == Awaited::Another);
        let more = if coming.len() >= idle.len() { coming } else { idle };
        let from_there = |there: IpAddr| more.iter().filter(|(_, from, ..)| *from == there).count();
        let missed = |(_, from, awaited, since): &&(usize, IpAddr, Awaited, Instant)| {
            (Reverse(from_there(*from)), *awaited == Awaited::First, *since)
        };
        more.iter().min_by_key(missed).map(|(at, ..)| *at)
    }
}

impl Connections {
    /// Takes a place for whoever comes from there, where needed that of another connection: one of those that the relay
    /// waits for; `None`: all are being answered.
    pub(super) fn take(&self, from: IpAddr, activity: &Arc<Activity>) -> Option<Seat> {
        let (mut places, from) = (self.places(), caller::place(from));
        if places.taken.len() >= CONNECTIONS_MAX {
            let at = places.least_missed()?;
            // It drops its connection, and finds its place gone.
            if let Some(task) = places.taken.swap_remove(at).task {
                task.abort();
            }
        }
        let number = places.next;
        places.next += 1;
        places.taken.push(Place { number, from, activity: activity.clone(), task: None });
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

    fn at(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn take(connections: &Connections, from: IpAddr) -> Option<(Seat, Arc<Activity>)> {
        let activity = Activity::new();
        Some((connections.take(from, &activity)?, activity))
    }

    /// The numbers of those that made room for as many new ones from there.
    fn gone(connections: &Connections, count: usize, from: IpAddr) -> Vec<u64> {
        let numbers = || connections.places().taken.iter().map(|place| place.number).collect::<Vec<_>>();
        let before = numbers();
        // A seat that is dropped gives its place back.
        (0..count).for_each(|_| std::mem::forget(take(connections, from).unwrap()));
        before.into_iter().filter(|number| !numbers().contains(number)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_was_idle_for_longest_goes_and_nobody_who_is_answered() {
        let connections = Connections::default();
        let mut seats = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            let (seat, activity) = take(&connections, at(1)).unwrap();
            activity.is_busy();
            seats.push((seat, activity));
        }
        assert!(take(&connections, at(1)).is_none());
        seats[7].1.is_idle();
        tokio::time::advance(Duration::from_secs(1)).await;
        seats[3].1.is_idle();
        let task = tokio::spawn(std::future::pending::<()>());
        connections.is_served(seats[7].0.number(), task.abort_handle());
        let new = take(&connections, at(1)).unwrap();
        assert!(task.await.unwrap_err().is_cancelled());
        drop(seats.remove(7));
        assert_eq!(connections.places().taken.len(), CONNECTIONS_MAX);
        drop(new);
        assert_eq!(connections.places().taken.len(), CONNECTIONS_MAX - 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_drives_out_itself() {
        let connections = Connections::default();
        let mut seats = Vec::new();
        for number in 0..CONNECTIONS_MAX {
            // The first two come from elsewhere, and a few have been answered.
            let (seat, activity) = take(&connections, at(if number < 2 { 2 } else { 1 })).unwrap();
            if [0, 5, 6].contains(&number) {
                activity.is_idle();
            }
            tokio::time::advance(Duration::from_millis(1)).await;
            seats.push((seat, activity));
        }
        seats[9].1.received();
        // 0 and 1 are older, 5 and 6 are idle, and 9 has sent half a request.
        assert_eq!(gone(&connections, 3, at(1)), [2, 3, 9]);
        for (_, activity) in &seats[10..] {
            activity.is_idle();
        }
        // Now those that are idle are the crowd; 0 comes from elsewhere.
        assert_eq!(gone(&connections, 2, at(2)), [5, 6]);
    }
}
