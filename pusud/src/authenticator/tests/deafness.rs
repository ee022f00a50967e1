//! Instances that do not take the news of their grants.

use super::*;
use crate::authenticator::decider::{Decider, Gone, Offers};
use crate::authenticator::facts::Facts;
use crate::authenticator::grants::Heard;
use crate::authenticator::host::Host;
use crate::authenticator::lasting::Lasting;
use crate::authenticator::verdict::Decision;
use crate::authenticator::workers::Workers;
use pusu_plugin_abi as abi;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// More ends than may wait.
const ENDS: u64 = 65_540;

/// Takes no news before the test lets it.
struct Deaf {
    host: Arc<Host>,
    gate: Mutex<Receiver<()>>,
    given_up: Arc<AtomicUsize>,
    can_renew: bool,
}

impl Decider for Deaf {
    fn authorize(&self, _ticket: u64, _left: Duration, _request: &Request) -> Result<abi::Status, Gone> {
        Err(Gone)
    }

    fn can_cancel(&self) -> bool {
        false
    }

    fn cancel(&self, _ticket: u64) {}

    fn offers(&self) -> Offers {
        Offers { hears: true, adopts: true, ..Offers::default() }
    }

    fn hear(&self, _epoch: u64, _heard: &Heard) -> Result<(), Gone> {
        // Until the test has let go of its end.
        self.gate.lock().unwrap().recv().or(Ok(()))
    }

    fn can_renew(&self) -> bool {
        self.can_renew
    }

    fn give_up(&self, _why: &str, epoch: u64) {
        assert_eq!(epoch, self.host.epoch());
        self.given_up.fetch_add(1, Ordering::SeqCst);
        if self.can_renew {
            // As the next process does before it is asked.
            self.host.go_on_hearing(self.offers());
        }
    }
}

fn start(can_renew: bool) -> (Workers, Arc<Host>, Arc<AtomicUsize>, SyncSender<()>) {
    let lasting = Lasting::new();
    lasting.grants.as_ref().unwrap().open().unwrap();
    let (host, given_up) = (Host::new("Deaf", Facts::default(), lasting), Arc::default());
    let (open, gate) = sync_channel(0);
    let decider = Deaf { host: Arc::clone(&host), gate: Mutex::new(gate), given_up: Arc::clone(&given_up), can_renew };
    let workers = Workers::start(Arc::new(decider), Arc::clone(&host), 0, PATIENCE).unwrap();
    workers.begin_hearing();
    (workers, host, given_up, open)
}

fn end_many(host: &Host) {
    let (book, epoch) = (host.grant_book().unwrap(), host.epoch());
    (1..=ENDS).for_each(|ticket| drop(book.grant(ticket, epoch, "", 0)));
}

#[tokio::test]
async fn an_instance_that_leaves_too_many_news_waiting_is_lost() {
    let (workers, host, given_up, open) = start(false);
    assert!(workers.ready() && !workers.is_lost());
    end_many(&host);
    assert!(!workers.ready() && workers.is_lost());
    let turned_away = workers.ask(request("secret")).await;
    assert_eq!(turned_away, Decision::Unavailable("the authenticator hangs".into()));
    until("it is given up", || given_up.load(Ordering::SeqCst) == 1).await;
    drop(open);
}

#[tokio::test]
#[cfg(unix)]
async fn a_process_that_leaves_too_many_news_waiting_is_started_again() {
    let (workers, host, given_up, open) = start(true);
    let first = host.epoch();
    end_many(&host);
    until("it is started again", || given_up.load(Ordering::SeqCst) == 1).await;
    until("it decides again", || workers.ready() && host.epoch() != first).await;
    assert!(!workers.is_lost());
    drop(open);
}
