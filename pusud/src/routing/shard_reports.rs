//! Calling all shards: who answers within a time, and with what.
//!
//! A shard answers out of its inbox, so an answer shows that its thread takes turns, and not just that it exists.

use crate::routing::inbox::{InboxSender, Item};
use crate::routing::report::Report;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// What came back from a call.
#[derive(Debug, Default)]
pub struct ShardReports {
    /// The sum of the answers.
    pub sum: Report,
    /// The numbers of the shards that did not answer in time.
    pub hanging: Vec<usize>,
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
    let mut call = ShardReports::default();
    for (shard, answer) in answers.into_iter().enumerate() {
        match timeout_at(deadline, answer).await {
            Ok(Ok(report)) => call.sum.add(&report),
            Ok(Err(_)) | Err(_) => call.hanging.push(shard),
        }
    }
    call
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::inbox;

    #[tokio::test]
    async fn who_does_not_answer_is_named_and_the_others_are_summed() {
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
        assert_eq!((call.sum.connections, call.hanging), (4, vec![1, 2]));
        assert_eq!(hangs.next().await.count(), 1, "it was asked");
        for task in answering {
            task.await.unwrap();
        }
    }
}
