//! Sums over all logs of a relay, for those who look.
//!
//! Each log's lock is held for as long as it takes to read four numbers: whoever publishes never waits for all of them.

use super::logs::Logs;

/// What there is of logs.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Sum {
    /// Channels that have a log.
    pub logs: usize,
    /// Publications in them.
    pub entries: usize,
    /// What they take, in bytes.
    pub bytes: usize,
    /// For how long the oldest publication has been there, in milliseconds.
    pub oldest_ms: Option<i64>,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.logs += other.logs;
        self.entries += other.entries;
        self.bytes += other.bytes;
        self.oldest_ms = self.oldest_ms.max(other.oldest_ms);
    }
}

impl Logs {
    /// What there is of each rule, in the order of the settings.
    pub fn sums(&self) -> Vec<Sum> {
        let mut sums = vec![Sum::default(); self.settings().rules.len()];
        let now = self.now();
        for log in self.all() {
            sums[log.rule()].add(log.sum(now));
        }
        sums
    }
}

/// All of them together.
impl std::iter::Sum for Sum {
    fn sum<I: Iterator<Item = Self>>(sums: I) -> Self {
        sums.fold(Self::default(), |mut all, one| {
            all.add(one);
            all
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Origin, Rule, Settings};
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    fn rule(pattern: &str, size: u32) -> Rule {
        Rule { channels: vec![pattern.into()], size, ttl: Duration::from_secs(600), name: None }
    }

    fn publish(logs: &Logs, channel: &str, content: &str) {
        let log = logs.log(channel, logs.now()).expect("it has history");
        log.publish(0, [content].into_iter(), logs.now(), &mut Vec::new(), |_, _, _| {});
    }

    #[test]
    fn each_rule_has_its_own_sum_and_all_of_them_are_what_is_counted() {
        let settings = Settings { rules: vec![rule("a.*", 2), rule("*", 9)], ..Settings::default() };
        let logs = Logs::new(settings, Origin::of_boot(&[1; 16]), 1);
        assert_eq!(logs.sums(), [Sum::default(); 2]);
        for channel in ["a.1", "a.1", "a.1", "a.2", "b"] {
            publish(&logs, channel, "\"x\"");
        }
        let sums = logs.sums();
        assert_eq!([(sums[0].logs, sums[0].entries), (sums[1].logs, sums[1].entries)], [(2, 3), (1, 1)]);
        let all: Sum = sums.into_iter().sum();
        assert_eq!((all.logs, all.bytes), (3, logs.bytes()));
        assert!(all.oldest_ms.is_some_and(|oldest| (0..60_000).contains(&oldest)));
    }

    /// Whoever asks for the sums of very many logs keeps nobody from publishing.
    #[test]
    fn a_hundred_thousand_logs_are_summed_up_while_somebody_publishes() {
        let settings = Settings { rules: vec![rule("*", 9)], bytes_max: 1 << 30 };
        let logs = Logs::new(settings, Origin::of_boot(&[1; 16]), 1);
        (0..100_000).for_each(|n| publish(&logs, &format!("channel.{n}"), "1"));
        let began = Instant::now();
        let sum: Sum = logs.sums().into_iter().sum();
        let took = began.elapsed();
        assert_eq!((sum.logs, sum.entries), (100_000, 100_000));
        // A hundredth of that is usual in a build that is optimized.
        assert!(took < Duration::from_secs(2), "{took:?}");
        let (ended, has_ended) = mpsc::channel();
        std::thread::scope(|scope| {
            let logs = &logs;
            scope.spawn(move || {
                let sums: Vec<Sum> = (0..5).flat_map(|_| logs.sums()).collect();
                let _ = ended.send(sums);
            });
            let mut published = 0_u64;
            while has_ended.try_recv().is_err() {
                publish(logs, &format!("channel.{}", published % 100_000), "1");
                published += 1;
            }
            assert!(published > 100, "only {published} were published meanwhile");
        });
    }
}
