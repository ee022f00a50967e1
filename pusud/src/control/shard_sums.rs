//! The sums of what all shards report. A shard that hangs has its place in them: it would seem to have counted backwards, and
//! whoever looks at the growth of a counter would see all of its life once it answers again.

use crate::routing::{Report, ShardReports, Stats};
use std::sync::{Mutex, PoisonError};

/// What each shard had counted when it answered last.
#[derive(Default)]
pub(super) struct ShardSums(Mutex<Vec<Stats>>);

impl ShardSums {
    /// The sum of the reports. Of a shard that has not answered it has the counters of its last answer, and nothing of what
    /// there is now.
    pub(super) fn sum(&self, ShardReports(reports): ShardReports) -> Report {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.resize_with(reports.len(), Stats::default);
        let mut sum = Report::default();
        for (last, report) in last.iter_mut().zip(reports) {
            match report {
                None => sum.stats.add(last),
                Some(report) => {
                    sum.add(&report);
                    *last = report.stats;
                }
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_a_shard_that_hangs_stay_and_what_there_is_of_it_is_missing() {
        let sums = ShardSums::default();
        let report = |connections, published| {
            let stats = Stats { published, ..Stats::default() };
            Some(Report { connections, stats, ..Report::default() })
        };
        let figures = |reports| {
            let sum = sums.sum(ShardReports(reports));
            (sum.connections, sum.stats.published)
        };
        assert_eq!(figures(vec![report(3, 30), None]), (3, 30));
        assert_eq!(figures(vec![report(3, 30), report(4, 40)]), (7, 70));
        assert_eq!(figures(vec![None, report(4, 50)]), (4, 80));
        assert_eq!(figures(vec![report(3, 35), report(4, 50)]), (7, 85));
    }
}
