//! Counters of plugins (`pusu.metrics/1`): through a swap, and through the end of a process.

use super::*;

in_both_modes!(counters_go_on_through_a_swap);

fn plugins(isolation: Isolation) -> (Plugins, AuthenticatorConfig) {
    let plugins = Plugins::new(isolation);
    plugins.compile_from("grants_plugin.c", "grants.so", &[]);
    let settings_dir = Some(plugins.path().to_owned());
    let config = AuthenticatorConfig { id: "GrantsAuthenticator".into(), settings_dir, ..plugins.config() };
    (plugins, config)
}

fn values(authenticator: &Authenticator) -> Vec<(String, Value)> {
    authenticator.metrics().into_iter().map(|(definition, value)| (definition.name, value)).collect()
}

fn expected(granted: f64, waiting: f64) -> [(String, Value); 2] {
    [("granted_total".to_owned(), Value::Counter(granted)), ("waiting".to_owned(), Value::Gauge(waiting))]
}

async fn count(authenticator: &Authenticator, number: u32) {
    let verdict = authenticator.authorize(request(&format!("read=a count={number}"))).await;
    assert!(matches!(verdict, Verdict::Grant(_)), "{verdict:?}");
}

async fn counters_go_on_through_a_swap(isolation: Isolation) {
    let (plugins, config) = plugins(isolation);
    let authenticator = Authenticator::start(&config, PATIENCE).unwrap();
    assert_eq!(values(&authenticator), expected(0.0, 0.0), "what has not moved is shown");
    count(&authenticator, 3).await;
    until("it is handed on", || values(&authenticator) == expected(3.0, 3.0)).await;
    plugins.compile_from("grants_plugin.c", "grants.so", &["-DVERSION=\"2\""]);
    assert_ne!(authenticator.swap(&config, PATIENCE, false).unwrap(), Swapped::Nothing);
    // The gauge is the new instance's.
    assert_eq!(values(&authenticator), expected(3.0, 0.0));
    count(&authenticator, 2).await;
    until("it is handed on", || values(&authenticator) == expected(5.0, 2.0)).await;
}

#[tokio::test]
#[cfg(unix)]
async fn counters_go_on_through_the_end_of_a_process() {
    let (_plugins, config) = plugins(Isolation::Process);
    let authenticator = Authenticator::start(&config, PATIENCE).unwrap();
    count(&authenticator, 3).await;
    until("it is handed on", || values(&authenticator) == expected(3.0, 3.0)).await;
    assert!(matches!(authenticator.authorize(request("abort")).await, Verdict::Unavailable(_)));
    until("it runs again", || authenticator.ready()).await;
    until("the gauge begins anew", || values(&authenticator) == expected(3.0, 0.0)).await;
    count(&authenticator, 2).await;
    until("it is handed on", || values(&authenticator) == expected(5.0, 2.0)).await;
}
