//! Metrics of a plugin that the relay does not take: the log says which, and the plugin goes on.

use crate::harness::{PluginsDir, Setup, bad_plugin};

crate::in_both_isolations!(a_metric_that_is_refused_is_named);

fn a_metric_that_is_refused_is_named(isolation: &str) {
    for (name, is_taken) in [("asked", false), ("asked_total", true)] {
        let plugins = PluginsDir::empty();
        bad_plugin(&plugins, &[&format!("-DMETRIC={name:?}")]);
        let settings = format!("isolation: {isolation}");
        let daemon = Setup::on_shards(1).authenticator("BadPlugin", plugins).settings(&settings).start();
        daemon.client_with("grant").subscribe("a.1");
        let log = daemon.log().text();
        assert_eq!(log.contains("the metric `asked` is not taken: its name, help"), !is_taken, "{log}");
        assert_eq!(log.matches("is not taken").count(), usize::from(!is_taken), "{log}");
    }
}
