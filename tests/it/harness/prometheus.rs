//! A real Prometheus that scrapes relays, and its own tool.

use super::{DEADLINE, Daemon, ReservedPort, Running, root};
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

/// Why a test is not run where they are not here.
pub(crate) const NO_PROMETHEUS: &str = "promtool and prometheus are not here (the package prometheus)";

/// Whether both are here.
pub(crate) fn has_prometheus() -> bool {
    let is_here = |program: &str| {
        let tried = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    };
    is_here("promtool") && is_here("prometheus")
}

/// A Prometheus that is running. It ends with this.
pub(crate) struct Prometheus {
    port: ReservedPort,
    running: Running,
    _folder: TempDir,
}

/// An alert that is pending or firing: its name, its state and its labels.
#[derive(Debug)]
pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) labels: Value,
}

impl Prometheus {
    /// Scrapes these relays every second, with the alerts of the repository, which fire after a second.
    pub(crate) fn over(relays: &[Daemon]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let alerts = fs::read_to_string(root().join("config/prometheus/alerts.yaml")).unwrap();
        let soon = alerts.lines().map(|line| match line.split_once("for: ") {
            Some((indent, time)) if time.ends_with('m') => format!("{indent}for: 1s\n"),
            _ => format!("{line}\n"),
        });
        fs::write(folder.path().join("alerts.yaml"), soon.collect::<String>()).unwrap();
        let targets: Vec<String> = relays.iter().map(|relay| relay.operations().to_string()).collect();
        let settings = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\nrule_files: [alerts.yaml]\n\
             scrape_configs: [{{job_name: pusud, static_configs: [{{targets: {targets:?}}}]}}]\n"
        );
        fs::write(folder.path().join("prometheus.yaml"), settings).unwrap();
        let port = ReservedPort::new();
        let running = Running::start(
            Command::new("prometheus")
                .arg("--config.file=prometheus.yaml")
                .arg("--storage.tsdb.path=data")
                .arg(format!("--web.listen-address=127.0.0.1:{}", port.port()))
                .arg("--log.level=warn")
                .current_dir(folder.path())
                .stdin(Stdio::null()),
        );
        Self { port, running, _folder: folder }
    }

    /// The value of `data` in the answer to a question of its interface; `None`: it is not there yet.
    fn ask(&self, target: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port.port())).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        write!(stream, "GET {target} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        let answer: Value = serde_json::from_str(body).ok()?;
        Some(answer["data"].clone())
    }

    /// The first value of a query, which has no characters that are escaped in a target.
    pub(crate) fn value(&self, query: &str) -> Option<f64> {
        let data = self.ask(&format!("/api/v1/query?query={query}"))?;
        data["result"][0]["value"][1].as_str()?.parse().ok()
    }

    /// The alerts that are pending or firing.
    pub(crate) fn alerts(&self) -> Vec<Alert> {
        let data = self.ask("/api/v1/alerts").expect("it serves");
        let of = |alert: &Value| Alert {
            name: alert["labels"]["alertname"].as_str().unwrap().to_owned(),
            state: alert["state"].as_str().unwrap().to_owned(),
            labels: alert["labels"].clone(),
        };
        data["alerts"].as_array().unwrap().iter().map(of).collect()
    }

    /// Waits until something holds.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            let (alerts, log) = (self.ask("/api/v1/alerts"), self.running.stderr.text());
            assert!(began.elapsed() < 2 * DEADLINE, "no {what}; alerts: {alerts:#?}\n{log}");
            // It looks once a second itself.
            std::thread::park_timeout(std::time::Duration::from_millis(100));
        }
    }
}
