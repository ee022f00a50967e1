//! Calls into C plugins that do wrong what can be done wrong.

use super::*;
use pusu_plugin_abi as abi;

in_both_modes!(
    every_decision_comes_through,
    the_request_arrives_whole,
    verdicts_that_break_the_rules_decide_nothing_and_are_counted,
    what_restricts_and_is_not_known_decides_nothing,
    answers_that_are_one_too_many_are_dropped_and_counted,
    no_answer_means_unavailable,
    an_answer_may_come_later_from_another_thread,
    odd_lines_for_the_log_do_no_harm,
    past_the_deadline_the_plugin_is_told_and_its_late_answer_dropped,
    threads_that_hang_delay_nobody_else,
    dropping_the_question_cancels_it,
);

fn unavailable(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Unavailable(_))
}

fn asynchronous() -> String {
    format!("-DFLAGS={}", abi::F_ASYNC)
}

async fn every_decision_comes_through(isolation: Isolation) {
    let authenticator = Plugins::with(isolation, &[]).start();
    let refused = Verdict::Refuse("a reason".into());
    assert_eq!(authenticator.authorize(request("refuse")).await, refused);
    assert_eq!(authenticator.authorize(request("abstain")).await, refused);
    assert_eq!(authenticator.authorize(request("unavailable")).await, Verdict::Unavailable("a reason".into()));
    let Verdict::Grant(grant) = authenticator.authorize(request("expires")).await else { panic!("must grant") };
    assert_eq!(grant.expires, Some(std::time::UNIX_EPOCH + Duration::from_secs(4_102_444_800)));
    assert!(matches!(authenticator.authorize(request("expired")).await, Verdict::Refuse(_)));
    assert_eq!(authenticator.counts(), Counts::default());
}

async fn the_request_arrives_whole(isolation: Isolation) {
    let authenticator = Plugins::with(isolation, &[]).start();
    let expected = "size=1 first timeout=1 peer=192.0.2.1:5000 attrs=1 http.origin=https://example.com";
    assert_eq!(authenticator.authorize(request("describe")).await, Verdict::Refuse(expected.into()));
    let bare = Request { again: true, attributes: vec![], ..request("describe") };
    let expected = "size=1 again timeout=1 peer=192.0.2.1:5000 attrs=0 =";
    assert_eq!(authenticator.authorize(bare).await, Verdict::Refuse(expected.into()));
    assert_eq!(authenticator.authorize(request("")).await, Verdict::Refuse("a reason".into()));
    assert_eq!(authenticator.authorize(request("extension")).await, Verdict::Refuse("none".into()));
}

async fn verdicts_that_break_the_rules_decide_nothing_and_are_counted(isolation: Isolation) {
    let authenticator = Plugins::with(isolation, &[]).start();
    let commands = [
        "not-utf8-pattern",
        "not-utf8-reason",
        "null-pattern",
        "null-permissions",
        "too-many-permissions",
        "huge-permissions",
        "too-long-reason",
        "wrong-size",
        "null-verdict",
        "garbage-decision",
        "null-attributes",
        "too-many-attributes",
        "attribute-twice",
        "bad-attribute-key",
        "too-long-pattern",
        "too-long-subject",
        "ttl x",
    ];
    for (index, command) in commands.into_iter().enumerate() {
        assert_eq!(authenticator.authorize(request(command)).await, Verdict::Unavailable(String::new()), "{command}");
        assert_eq!(authenticator.counts().malformed, index as u64 + 1, "{command}");
    }
    let Verdict::Refuse(longest) = authenticator.authorize(request("longest-reason")).await else { panic!() };
    assert_eq!(longest.len(), abi::TEXT_BYTES_MAX);
}

async fn what_restricts_and_is_not_known_decides_nothing(isolation: Isolation) {
    let authenticator = Plugins::with(isolation, &[]).start();
    for command in ["critical-access", "critical-attribute"] {
        assert_eq!(authenticator.authorize(request(command)).await, Verdict::Unavailable(String::new()), "{command}");
    }
    assert_eq!(authenticator.counts().malformed, 2);
    for command in ["access-for-later", "attribute"] {
        let verdict = authenticator.authorize(request(command)).await;
        assert!(matches!(verdict, Verdict::Grant(_)), "{command}: {verdict:?}");
    }
    let Verdict::Grant(grant) = authenticator.authorize(request("ttl 1500")).await else { panic!("must grant") };
    assert_eq!(grant.lifetime, Some(Duration::from_millis(1500)));
}

async fn answers_that_are_one_too_many_are_dropped_and_counted(isolation: Isolation) {
    let authenticator = Plugins::with(isolation, &[]).start();
    assert!(matches!(authenticator.authorize(request("twice")).await, Verdict::Grant(_)));
    until("the second answer is counted", || authenticator.counts().late == 1).await;
    assert!(matches!(authenticator.authorize(request("wrong-ticket")).await, Verdict::Grant(_)));
    assert_eq!(authenticator.counts().late, 2);
    assert_eq!(authenticator.authorize(request("wrong-ctx")).await, Verdict::Refuse("a reason".into()));
}

async fn no_answer_means_unavailable(isolation: Isolation) {
    let authenticator = Plugins::with(isolation, &[]).start();
    for (index, command) in ["silent", "error", "unknown-status", "pending"].into_iter().enumerate() {
        let verdict = authenticator.authorize(request(command)).await;
        assert!(unavailable(&verdict), "{command}: {verdict:?}");
        assert_eq!(authenticator.counts().failed, index as u64 + 1, "{command}");
    }
    assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Grant(_)));
}

async fn an_answer_may_come_later_from_another_thread(isolation: Isolation) {
    let authenticator = Plugins::with(isolation, &[&asynchronous()]).start();
    assert!(matches!(authenticator.authorize(request("thread")).await, Verdict::Grant(_)));
}

async fn odd_lines_for_the_log_do_no_harm(isolation: Isolation) {
    let authenticator = Plugins::with(isolation, &[]).start();
    assert!(matches!(authenticator.authorize(request("log")).await, Verdict::Grant(_)));
}

async fn past_the_deadline_the_plugin_is_told_and_its_late_answer_dropped(isolation: Isolation) {
    let plugins = Plugins::with(isolation, &[&asynchronous()]);
    let authenticator = Authenticator::start(&plugins.config(), Duration::from_millis(50)).unwrap();
    assert!(unavailable(&authenticator.authorize(request("pending")).await));
    until("the plugin has answered the cancelled ticket", || authenticator.counts().late == 1).await;
    assert_eq!(authenticator.counts().timed_out, 1);
    assert_eq!(authenticator.counts().stuck_threads, 0, "PENDING holds no thread");
    assert_eq!(authenticator.authorize(request("cancelled")).await, Verdict::Refuse("1".into()));
}

async fn threads_that_hang_delay_nobody_else(isolation: Isolation) {
    let plugins = Plugins::with(isolation, &[]);
    let authenticator = Authenticator::start(&plugins.config(), Duration::from_secs(2)).unwrap();
    let hanging: Vec<_> = (0..3)
        .map(|_| {
            let authenticator = authenticator.clone();
            tokio::spawn(async move { authenticator.authorize(request("hang")).await })
        })
        .collect();
    assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Grant(_)));
    for hangs in hanging {
        assert!(unavailable(&hangs.await.unwrap()));
    }
    until("the threads are found to hang", || authenticator.counts().stuck_threads == 3).await;
    assert!(matches!(authenticator.authorize(request("release")).await, Verdict::Grant(_)));
    until("the threads have come back", || authenticator.counts().stuck_threads == 0).await;
    assert!(authenticator.ready());
}

#[tokio::test]
async fn a_panicked_instance_is_asked_no_more() {
    let plugins = Plugins::with(Isolation::Thread, &[]);
    let config = AuthenticatorConfig { restarts: false, ..plugins.config() };
    let authenticator = Authenticator::start(&config, PATIENCE).unwrap();
    assert!(unavailable(&authenticator.authorize(request("panic")).await));
    assert!(unavailable(&authenticator.authorize(request("grant")).await));
    assert!(!authenticator.ready());
    assert_eq!(authenticator.counts().turned_away, 1);
}

async fn dropping_the_question_cancels_it(isolation: Isolation) {
    // SERIAL: when the second question is answered, the plugin has seen the first.
    let flags = format!("-DFLAGS={}", abi::F_ASYNC | abi::F_SERIAL);
    let authenticator = Plugins::with(isolation, &[&flags]).start();
    {
        let question = authenticator.authorize(request("pending"));
        tokio::pin!(question);
        let other = authenticator.authorize(request("grant"));
        tokio::select! {
            biased;
            _ = &mut question => panic!("is never answered"),
            verdict = other => assert!(matches!(verdict, Verdict::Grant(_))),
        }
    }
    // The fixture answers a ticket when it is told that nobody wants the answer any more.
    until("the plugin was told", || authenticator.counts().late == 1).await;
    assert_eq!(authenticator.authorize(request("cancelled")).await, Verdict::Refuse("1".into()));
}
