//! An instance on threads that is lost is replaced by a new one, as a process would be.

use super::*;
use pusu_plugin_abi as abi;

fn unavailable(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Unavailable(_))
}

/// The yardstick: so long after a failure others are let in again.
const SOON: Duration = Duration::from_secs(5);

/// Asks until it is granted.
async fn comes_back(authenticator: &Authenticator) {
    let started = Instant::now();
    while unavailable(&authenticator.authorize(request("grant")).await) {
        assert!(started.elapsed() < SOON, "no new instance is asked");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

in_both_modes!(a_panic_costs_one_restart, what_is_to_stay_down_does);

async fn a_panic_costs_one_restart(isolation: Isolation) {
    let authenticator = Plugins::with(isolation, &[]).start();
    let waiting = tokio::spawn({
        let authenticator = authenticator.clone();
        async move { authenticator.authorize(request("hang")).await }
    });
    // So that it is asked first.
    tokio::task::yield_now().await;
    assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Grant(_)));
    for restarts in 1..=3 {
        assert!(unavailable(&authenticator.authorize(request("panic")).await));
        comes_back(&authenticator).await;
        until("it is counted", || authenticator.counts().restarts == restarts).await;
    }
    assert!(unavailable(&waiting.await.unwrap()), "it was in the first");
    assert!(authenticator.ready() && authenticator.generation() == 1);
    assert_eq!(authenticator.counts().failed, 4, "those of lost instances count");
}

async fn what_is_to_stay_down_does(isolation: Isolation) {
    let plugins = Plugins::with(isolation, &[]);
    let config = AuthenticatorConfig { restarts: false, ..plugins.config() };
    let authenticator = Authenticator::start(&config, PATIENCE).unwrap();
    assert!(unavailable(&authenticator.authorize(request("panic")).await));
    until("it is given up", || !authenticator.ready()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(
        authenticator.authorize(request("grant")).await,
        Verdict::Unavailable("the authenticator failed".into())
    );
    assert_eq!(authenticator.counts().restarts, 0);
    // A reload is somebody's doing.
    assert_ne!(authenticator.swap(&config, PATIENCE, false).unwrap(), Swapped::Nothing);
    assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Grant(_)));
}

#[tokio::test]
async fn one_that_hangs_in_all_threads_is_replaced_within_a_bound() {
    let flags = format!("-DFLAGS={}", abi::F_SERIAL);
    let plugins = Plugins::with(Isolation::Thread, &[&flags]);
    let authenticator = Authenticator::start(&plugins.config(), Duration::from_millis(100)).unwrap();
    for restarts in 1..=4 {
        assert!(unavailable(&authenticator.authorize(request("hang")).await));
        comes_back(&authenticator).await;
        assert_eq!(authenticator.counts().restarts, restarts);
        assert_eq!(authenticator.counts().stuck_threads, restarts as usize);
    }
    assert!(unavailable(&authenticator.authorize(request("hang")).await));
    until("the fifth hangs too", || !authenticator.ready()).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(!authenticator.ready() && authenticator.counts().restarts == 4, "four are left alone at most");
}
