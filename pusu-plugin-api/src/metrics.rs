//! Counters, gauges and histograms of the authenticator among the relay's own: `pusu.metrics/1`.
//!
//! A series does nothing where the relay has no metrics, so that an author need not ask.

use crate::host::Host;
use pusu_plugin_abi as abi;
use std::ffi::c_void;
use std::time::Duration;

/// A number that only rises; [`Host::counter`] makes one. It belongs to the authenticator: a new instance that defines
/// the same goes on where the one before was. Nothing that clients bring (channel, user, address) belongs into names or
/// labels.
#[derive(Clone, Debug)]
pub struct Counter(pub(crate) Series);

/// A number that goes up and down; [`Host::gauge`] makes one. It belongs to the instance, and begins at 0.
#[derive(Clone, Debug)]
pub struct Gauge(pub(crate) Series);

/// Counts values by size; [`Host::histogram`] makes one. It belongs to the authenticator, as a [`Counter`] does.
#[derive(Clone, Debug)]
pub struct Histogram(pub(crate) Series);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1.0);
    }

    /// As many more; what is below 0 or not finite is ignored.
    pub fn add(&self, by: f64) {
        self.0.call(|metrics| metrics.add, by);
    }
}

impl Gauge {
    /// Is now `value`; what is not finite is ignored.
    pub fn set(&self, value: f64) {
        self.0.call(|metrics| metrics.set, value);
    }

    /// Goes up, or down if `by` is below 0; what is not finite is ignored.
    pub fn add(&self, by: f64) {
        self.0.call(|metrics| metrics.add, by);
    }
}

impl Histogram {
    /// Saw `value`; what is not finite is ignored.
    pub fn observe(&self, value: f64) {
        self.0.call(|metrics| metrics.observe, value);
    }

    /// Saw something that took so long, in seconds.
    pub fn observe_time(&self, time: Duration) {
        self.observe(time.as_secs_f64());
    }
}

type Function = unsafe extern "C" fn(ctx: *mut c_void, id: i32, number: f64);

#[derive(Clone, Debug)]
pub(crate) struct Series {
    host: Host,
    /// `None` where the relay has no metrics, or does not take this one.
    id: Option<i32>,
}

impl Series {
    /// Defines a series. If the relay has metrics and does not take it, a line of the log says why.
    pub(crate) fn define(
        host: &Host,
        kind: i32,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        bounds: &[f64],
    ) -> Self {
        let text = |text: &str| abi::Str::borrow(text.as_bytes());
        let labels: Vec<abi::Attr> =
            labels.iter().map(|(key, value)| abi::Attr { key: text(key), value: text(value) }).collect();
        let metric = abi::Metric {
            struct_size: size_of::<abi::Metric>() as u32,
            kind,
            name: text(name),
            help: text(help),
            labels: labels.as_ptr(),
            labels_len: labels.len(),
            bounds: bounds.as_ptr(),
            bounds_len: bounds.len(),
        };
        let said = host.0.with_tables(|tables| {
            let define = tables.metrics?.define?;
            // SAFETY: the table is open, and the metric with everything it borrows outlives the call.
            Some(unsafe { define(tables.host.ctx, &metric) })
        });
        if let Some(code) = said.filter(|code| *code < 0) {
            let why = match code {
                abi::MALFORMED => "a name, a label or a bound breaks a rule of pusu.metrics/1",
                abi::FULL => "there are too many metrics already",
                _ => "the relay does not know its kind",
            };
            host.warn(format_args!("the metric `{name}` is not counted: {why}"));
        }
        Self { host: host.clone(), id: said.filter(|code| *code >= 0) }
    }

    fn call(&self, function: impl FnOnce(&abi::Metrics) -> Option<Function>, number: f64) {
        let Some(id) = self.id else { return };
        self.host.0.with_tables(|tables| {
            let function = function(tables.metrics.as_ref()?)?;
            // SAFETY: the table is open.
            unsafe { function(tables.host.ctx, id, number) };
            Some(())
        });
    }
}
