//! Calling all shards: who answers within a time, and with what.
//!
//! A shard answers out of its inbox, so an answer shows that its thread takes turns, and not just that it exists.

use crate::routing::inbox::{InboxSender, Item};
use crate::routing::report::Report;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// What came back from a call: the answer of each shard, in their order; `None`: it did not answer in time.
#[derive(Debug, Default)]
pub struct ShardReports(pub Vec<Option<Report>>);

impl ShardReports {
    /// The numbers of the shards that did not answer in time.
    pub fn hanging(&self) -> Vec<usize> {
        self.0.iter().enumerate().filter(|(_, report)| report.is_none()).map(|(shard, _)| shard).collect()
    }
}

/// Asks all shards at once, and waits for each until `within` is over. A shard that has ended counts as hanging.
pub async fn collect_reports(inboxes: &[InboxSender], within: Duration) -> ShardReports {
    let deadline = Instant::now() + within;
    let ask = |inbox: &InboxSender| {
        let (reply, answer) = oneshot::channel();
        inbox.send(Item::Report(reply));
        answer
    };
    let answers: Vec<_> = inboxes.iter().map(ask).collect();
    let mut reports = Vec::with_capacity(answers.len());
    for answer in answers {
        // A shard that has ended drops the question.
        reports.push(timeout_at(deadline, answer).await.ok().and_then(Result::ok));
    }
    ShardReports(reports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::inbox;

    #[tokio::test]
    async fn who_does_not_answer_is_named() {
        let (inboxes, mut receivers): (Vec<_>, Vec<_>) = (0..4).map(|_| inbox::inbox()).unzip();
        let mut hangs = receivers.remove(1);
        drop(receivers.remove(1));
        let answering = receivers.into_iter().map(|mut inbox| {
            tokio::spawn(async move {
                for item in inbox.next().await {
                    if let Item::Report(reply) = item {
                        reply.send(Report { connections: 2, ..Report::default() }).ok();
                    }
                }
            })
        });
        let answering: Vec<_> = answering.collect();
        let call = collect_reports(&inboxes, Duration::from_millis(100)).await;
        let connections: Vec<_> =
            call.0.iter().map(|report| report.as_ref().map(|report| report.connections)).collect();
        assert_eq!((connections, call.hanging()), (vec![Some(2), None, None, Some(2)], vec![1, 2]));
        assert_eq!(hangs.next().await.count(), 1, "it was asked");
        for task in answering {
            task.await.unwrap();
        }
    }
}
