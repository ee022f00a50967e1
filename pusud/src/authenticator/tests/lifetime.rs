//! Lifetimes of instances: making one and destroying one have their time, and nothing is used up by doing it often.

use super::*;
use crate::authenticator::creation::{HANGING_MAX, hanging};
use pusu_plugin_abi as abi;
use serde_json::json;

in_both_modes!(
    making_an_instance_has_a_deadline_and_the_next_reload_works,
    destroying_an_instance_has_its_time,
    a_serial_plugin_is_entered_once_at_a_time_for_cancelling_too,
    whatever_is_called_a_serial_plugin_is_entered_once_at_a_time,
    reloads_use_up_no_file_numbers,
    lines_of_a_plugin_that_floods_the_log_are_left_out_and_counted,
);

const SHORT: Duration = Duration::from_millis(300);

async fn making_an_instance_has_a_deadline_and_the_next_reload_works(isolation: Isolation) {
    let plugins = Plugins::with(isolation, &["-DVERSION=\"1\""]);
    let authenticator = plugins.start();
    let config = AuthenticatorConfig { create_timeout: SHORT, ..plugins.config() };
    for switch in ["-DCREATE_HANGS", "-DCREATE_LOGS"] {
        plugins.compile("bad.so", &["-DVERSION=\"2\"", switch]);
        let started = Instant::now();
        let error = format!("{:#}", authenticator.swap(&config, PATIENCE, false).unwrap_err());
        assert!(error.contains("bad.so is not loaded and created within 300ms"), "{error}");
        assert!(error.contains("`authenticator_create_timeout`"), "{error}");
        assert!(started.elapsed() < PATIENCE / 2, "{switch}: {:?}", started.elapsed());
        assert_eq!(authenticator.authorize(request("version")).await, Verdict::Refuse("1".into()));
    }
    plugins.compile("bad.so", &["-DVERSION=\"3\""]);
    assert_ne!(authenticator.swap(&config, PATIENCE, false).unwrap(), Swapped::Nothing);
    assert_eq!(authenticator.authorize(request("version")).await, Verdict::Refuse("3".into()));
    // At a start as well.
    plugins.compile("bad.so", &["-DCREATE_HANGS"]);
    let error = plugins.refusal(&config);
    assert!(error.contains("bad.so is not loaded and created within 300ms"), "{error}");
}

#[tokio::test]
async fn an_instance_that_comes_too_late_is_destroyed_and_those_that_hang_are_bounded() {
    let plugins = Plugins::with(Isolation::Thread, &[]);
    let authenticator = plugins.start();
    let wait_for = plugins.path().join("go");
    let wait_for = wait_for.to_str().unwrap();
    plugins.compile("bad.so", &[&format!("-DCREATE_WAITS={wait_for:?}")]);
    let mut config = AuthenticatorConfig { create_timeout: SHORT / 3, ..plugins.config() };
    for hangs in 1..=HANGING_MAX {
        config.options.insert("number".into(), json!(hangs));
        authenticator.swap(&config, PATIENCE, false).unwrap_err();
        assert_eq!(hanging(), hangs);
    }
    let error = format!("{:#}", authenticator.swap(&config, PATIENCE, false).unwrap_err());
    assert!(error.contains("4 threads hang in making an instance") && error.contains("restart the daemon"), "{error}");
    assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Grant(_)));
    std::fs::write(wait_for, "").unwrap();
    until("they have come back", || hanging() == 0).await;
    assert_ne!(authenticator.swap(&config, PATIENCE, false).unwrap(), Swapped::Nothing);
    assert_eq!(authenticator.generation(), 2);
}

/// What is logged from here on, by all threads of the process. Once in a process.
fn log_file() -> PathBuf {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (file, path) = file.keep().unwrap();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(std::sync::Mutex::new(file)).finish();
    tracing::subscriber::set_global_default(subscriber).expect("every test has a process of its own (nextest)");
    path
}

async fn destroying_an_instance_has_its_time(isolation: Isolation) {
    let log = log_file();
    let plugins = Plugins::with(isolation, &["-DDESTROY_TAKES_MS=2000"]);
    let authenticator = plugins.start();
    assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Grant(_)));
    let mut config = plugins.config();
    config.options.insert("number".into(), json!(2));
    assert_ne!(authenticator.swap(&config, PATIENCE, false).unwrap(), Swapped::Nothing);
    let destroyed = |times| std::fs::read_to_string(&log).unwrap().matches(" destroyed").count() == times;
    until("the first is destroyed, which takes two seconds", || destroyed(1)).await;
    let started = Instant::now();
    authenticator.stop();
    assert!(started.elapsed() < Duration::from_secs(6));
    until("the second is destroyed when the relay stops", || destroyed(2)).await;
}

async fn a_serial_plugin_is_entered_once_at_a_time_for_cancelling_too(isolation: Isolation) {
    for flags in [abi::F_SERIAL, abi::F_SERIAL | abi::F_ASYNC] {
        let plugins = Plugins::with(isolation, &[&format!("-DFLAGS={flags}")]);
        let authenticator = plugins.start();
        for _ in 0..5 {
            // Given up while it is in the plugin.
            let given_up = tokio::time::timeout(SHORT / 6, authenticator.authorize(request("pending-100ms"))).await;
            assert!(given_up.is_err());
        }
        assert_eq!(authenticator.authorize(request("overlaps")).await, Verdict::Refuse("0".into()));
        let Verdict::Refuse(cancelled) = authenticator.authorize(request("cancelled")).await else { panic!() };
        // Those that were given up in the queue were never asked, and so are not cancelled either.
        assert_eq!(cancelled != "0", flags & abi::F_ASYNC != 0, "{cancelled}");
    }
}

/// Every function of an instance takes its time, and all of them are called at once: authorize, cancel, reload, health and
/// ended.
async fn whatever_is_called_a_serial_plugin_is_entered_once_at_a_time(isolation: Isolation) {
    for (flags, is_serial) in [(abi::F_SERIAL | abi::F_ASYNC | abi::F_GRANTS, true), (abi::F_GRANTS, false)] {
        let flags = format!("-DFLAGS={flags}");
        let switches = [&flags, "-DRELOADS", "-DHEALTH=PUSU_HEALTH_GOOD", "-DHEARS", "-DSLOW_MS=10"];
        let plugins = Plugins::with(isolation, &switches);
        // Asks about its health as soon as it is there.
        let authenticator = plugins.start();
        let swapping = {
            let (authenticator, config) = (authenticator.clone(), plugins.config());
            tokio::task::spawn_blocking(move || {
                for _ in 0..5 {
                    assert_eq!(authenticator.swap(&config, PATIENCE, false).unwrap(), Swapped::Reloaded);
                }
            })
        };
        for _ in 0..10 {
            // What is granted ends at once, of which the plugin is told; the other is given up while it is in the plugin.
            assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Grant(_)));
            let given_up = tokio::time::timeout(SHORT / 30, authenticator.authorize(request("pending-100ms"))).await;
            assert!(given_up.is_err());
        }
        swapping.await.unwrap();
        let number = |what: &'static str| {
            let asked = authenticator.authorize(request(what));
            async move {
                let Verdict::Refuse(number) = asked.await else { panic!("{what} is a number") };
                number.parse::<u64>().unwrap()
            }
        };
        let started = Instant::now();
        while number("heard").await < 10 {
            assert!(started.elapsed() < PATIENCE, "it does not hear of all ends");
        }
        // Of one that is not SERIAL the calls do meet, so that the other is seen to be kept from it.
        assert_eq!(number("overlaps").await == 0, is_serial);
    }
}

async fn reloads_use_up_no_file_numbers(isolation: Isolation) {
    if !cfg!(target_os = "linux") {
        return;
    }
    let plugins = Plugins::with(isolation, &[]);
    let authenticator = plugins.start();
    let mut config = plugins.config();
    let numbers = || {
        let entries = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse::<usize>().ok()).collect::<Vec<_>>()
    };
    let before = numbers();
    for reload in 0..200 {
        config.options.insert("number".into(), json!(reload));
        assert_ne!(authenticator.swap(&config, PATIENCE, false).unwrap(), Swapped::Nothing);
    }
    until("those before it are gone", || numbers().len() <= before.len() + 4).await;
    assert!(matches!(authenticator.authorize(request("grant")).await, Verdict::Grant(_)));
    let highest = numbers().into_iter().filter(|number| !before.contains(number)).max().unwrap_or(0);
    assert!(highest < 200, "{highest}: as many reloads as there are numbers, and none would work any more");
}

async fn lines_of_a_plugin_that_floods_the_log_are_left_out_and_counted(isolation: Isolation) {
    let log = log_file();
    let authenticator = Plugins::with(isolation, &[]).start();
    let started = Instant::now();
    assert!(matches!(authenticator.authorize(request("flood")).await, Verdict::Grant(_)));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(matches!(authenticator.authorize(request("log")).await, Verdict::Grant(_)));
    let said = || std::fs::read_to_string(&log).unwrap();
    until("those left out are counted", || said().contains("left out")).await;
    let (lines, most) = (said().matches(" flood").count(), 200 + 2 * 100 * (1 + started.elapsed().as_secs() as usize));
    assert!((150..=most).contains(&lines), "{lines}");
}
