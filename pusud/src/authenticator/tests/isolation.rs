//! Tests of `isolation: process`: a plugin may crash, hang or panic, and is there again.

use super::*;
use pusu_plugin_abi as abi;

fn unavailable(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Unavailable(_))
}

/// The number of the process that runs the plugin, as soon as one does.
async fn process_of(authenticator: &Authenticator) -> String {
    let started = Instant::now();
    loop {
        match authenticator.authorize(request("process")).await {
            Verdict::Refuse(id) => return id,
            other => assert!(started.elapsed() < PATIENCE, "must say the number of its process: {other:?}"),
        }
    }
}

/// Asks until it is granted.
async fn comes_back(authenticator: &Authenticator) {
    let started = Instant::now();
    while unavailable(&authenticator.authorize(request("grant")).await) {
        assert!(started.elapsed() < PATIENCE, "the plugin does not run again");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn runs_elsewhere() {
    let authenticator = Plugins::with(Isolation::Process, &[]).start();
    assert_ne!(process_of(&authenticator).await, std::process::id().to_string());
    let in_thread = Plugins::with(Isolation::Thread, &[]).start();
    assert_eq!(process_of(&in_thread).await, std::process::id().to_string());
}

#[tokio::test]
async fn whatever_ends_the_process_costs_one_restart() {
    let authenticator = Plugins::with(Isolation::Process, &[]).start();
    for (number, end) in ["abort", "crash", "exit", "panic"].into_iter().enumerate() {
        let before = process_of(&authenticator).await;
        assert!(unavailable(&authenticator.authorize(request(end)).await), "{end}");
        assert_eq!(authenticator.counts().failed, number as u64 + 1, "{end}");
        until("it is known to be down, or is up again", || !authenticator.ready() || authenticator.counts().failed > 0)
            .await;
        comes_back(&authenticator).await;
        assert_ne!(process_of(&authenticator).await, before, "{end}");
    }
}

#[tokio::test]
async fn those_who_wait_are_told_when_the_process_ends() {
    let flags = format!("-DFLAGS={}", abi::F_ASYNC);
    let authenticator = Plugins::with(Isolation::Process, &[&flags]).start();
    let waiting: Vec<_> = ["pending", "pending", "hang"]
        .into_iter()
        .map(|command| {
            let authenticator = authenticator.clone();
            tokio::spawn(async move { authenticator.authorize(request(command)).await })
        })
        .collect();
    // Answered behind them, so they are in the process by then.
    assert!(matches!(authenticator.authorize(request("thread")).await, Verdict::Grant(_)));
    assert!(unavailable(&authenticator.authorize(request("abort")).await));
    for waits in waiting {
        assert!(unavailable(&waits.await.unwrap()));
    }
    assert_eq!(authenticator.counts().timed_out, 0);
    comes_back(&authenticator).await;
}

#[tokio::test]
async fn a_serial_plugin_that_hangs_is_started_again() {
    let flags = format!("-DFLAGS={}", abi::F_SERIAL);
    let plugins = Plugins::with(Isolation::Process, &[&flags]);
    let authenticator = Authenticator::start(&plugins.config(), Duration::from_millis(300)).unwrap();
    let before = process_of(&authenticator).await;
    assert!(unavailable(&authenticator.authorize(request("hang")).await));
    until("it runs again", || authenticator.counts().stuck_threads == 0 && authenticator.ready()).await;
    assert_ne!(process_of(&authenticator).await, before);
}

#[tokio::test]
async fn a_process_that_is_stopped_is_ended_and_started_again() {
    let plugins = Plugins::with(Isolation::Process, &[]);
    let authenticator = Authenticator::start(&plugins.config(), Duration::from_millis(100)).unwrap();
    let before = process_of(&authenticator).await;
    let stopped = Command::new("kill").args(["-STOP", &before]).status().unwrap();
    assert!(stopped.success());
    // It may answer once more before all of its threads have stopped.
    let started = Instant::now();
    while process_of(&authenticator).await == before {
        assert!(started.elapsed() < PATIENCE, "goes on");
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn gives_up_what_it_does_not_need_and_ends_with_its_authenticator() {
    let authenticator = Plugins::with(Isolation::Process, &[]).start();
    let process = PathBuf::from("/proc").join(process_of(&authenticator).await);
    let read = |file: &str| std::fs::read_to_string(process.join(file)).unwrap();
    let tasks = std::fs::read_dir(process.join("task")).unwrap().map(|task| task.unwrap().path());
    let of_plugin = |task: &PathBuf| std::fs::read_to_string(task.join("comm")).unwrap().starts_with("pusu-auth");
    let status = std::fs::read_to_string(tasks.into_iter().find(of_plugin).unwrap().join("status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let limits = read("limits");
    for (name, most) in [("Max core file size", 0), ("Max address space", 4 << 30), ("Max open files", 1024)] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        assert!(line.split_whitespace().next().unwrap().parse::<u64>().unwrap() <= most, "{name}{line}");
    }
    assert_eq!(authenticator.authorize(request("much-memory")).await, Verdict::Refuse("no memory".into()));
    authenticator.stop();
    until("the process is gone", || !process.join("cmdline").exists()).await;
}

#[tokio::test]
async fn calls_that_hang_do_not_keep_the_process_alive() {
    let authenticator = Plugins::with(Isolation::Process, &[]).start();
    let process = PathBuf::from("/proc").join(process_of(&authenticator).await);
    let hangs = tokio::spawn({
        let authenticator = authenticator.clone();
        async move { authenticator.authorize(request("hang")).await }
    });
    // Behind the one that hangs, so that it is in the process.
    process_of(&authenticator).await;
    authenticator.stop();
    assert!(unavailable(&hangs.await.unwrap()));
    until("the process is gone", || !process.join("cmdline").exists()).await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_child_that_the_plugin_has_forked_keeps_nothing_alive() {
    let authenticator = Plugins::with(Isolation::Process, &["-DCREATE_FORKS"]).start();
    for end in ["abort", "panic", "exit"] {
        let before = PathBuf::from("/proc").join(process_of(&authenticator).await);
        let Verdict::Refuse(forked) = authenticator.authorize(request("forked")).await else { panic!("must say it") };
        let forked = PathBuf::from("/proc").join(forked);
        assert!(forked.exists());
        let started = Instant::now();
        assert!(unavailable(&authenticator.authorize(request(end)).await), "{end}");
        assert!(started.elapsed() < PATIENCE / 2, "{end}: it was answered when its time was up");
        comes_back(&authenticator).await;
        until("neither a zombie nor the child is left", || !before.exists() && is_gone(&forked)).await;
    }
    let process = PathBuf::from("/proc").join(process_of(&authenticator).await);
    authenticator.stop();
    until("the last is gone", || !process.exists()).await;
}

/// Whether a process is gone, or has ended and nobody has asked about it: an orphan's zombie is not ours to reap.
#[cfg(target_os = "linux")]
fn is_gone(process: &Path) -> bool {
    std::fs::read_to_string(process.join("stat")).map_or(true, |stat| stat.contains(") Z "))
}

#[tokio::test]
async fn a_process_that_says_what_breaks_the_rules_is_ended_and_started_again() {
    let flags = format!("-DFLAGS={}", abi::F_ASYNC);
    let authenticator = Plugins::with(Isolation::Process, &[&flags]).start();
    for (number, command) in ["say-garbage", "say-ready-again", "say-20-mib"].into_iter().enumerate() {
        let before = process_of(&authenticator).await;
        let (waiting, failed) = (authenticator.clone(), authenticator.counts().failed);
        let waiting = tokio::spawn(async move { waiting.authorize(request("pending")).await });
        // Asked and answered behind it.
        tokio::task::yield_now().await;
        assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Grant(_)));
        assert!(unavailable(&authenticator.authorize(request(command)).await), "{command}");
        assert!(unavailable(&waiting.await.unwrap()), "{command}");
        assert_eq!(authenticator.counts().failed, failed + 2, "{command}");
        comes_back(&authenticator).await;
        assert_ne!(process_of(&authenticator).await, before, "{command}");
        assert_eq!(authenticator.counts().restarts, number as u64 + 1);
    }
    assert_eq!(authenticator.counts().timed_out, 0);
}

#[tokio::test]
async fn one_that_is_down_is_replaced_by_a_reload() {
    let plugins = Plugins::with(Isolation::Process, &[]);
    let wait_for = plugins.path().join("go");
    std::fs::write(&wait_for, "").unwrap();
    plugins.compile("bad.so", &[&format!("-DCREATE_WAITS={:?}", wait_for.to_str().unwrap())]);
    let authenticator = plugins.start();
    std::fs::remove_file(&wait_for).unwrap();
    assert!(unavailable(&authenticator.authorize(request("abort")).await));
    until("it is down", || !authenticator.ready()).await;
    std::fs::write(&wait_for, "").unwrap();
    assert_eq!(authenticator.swap(&plugins.config(), PATIENCE, false).unwrap(), Swapped::Renewed);
    assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Grant(_)));
}
