//! The host's table `pusu.metrics/1`: counters, gauges and histograms of the plugin.

use super::copy::{Past, copy, copy_list};
use super::host_table::guarded;
use crate::authenticator::callbacks;
use crate::authenticator::log_line::LogLine;
use crate::authenticator::metrics::{Definition, InstanceMetrics};
use pusu_plugin_abi as abi;
use std::ffi::c_void;
use std::ptr;

pub(super) static TABLE: abi::Metrics = abi::Metrics {
    struct_size: size_of::<abi::Metrics>() as u32,
    reserved: 0,
    define: Some(define),
    add: Some(add),
    set: Some(set),
    observe: Some(observe),
};

unsafe extern "C" fn define(ctx: *mut c_void, metric: *const abi::Metric) -> i32 {
    guarded(abi::MALFORMED, || {
        let Some(host) = callbacks::find(ctx.addr()) else { return abi::UNSUPPORTED };
        // SAFETY: by the ABI the definition is borrowed for this call.
        let (name, status) = match unsafe { copy_definition(metric) } {
            Ok(definition) => (definition.name.clone(), host.metrics().define(&definition)),
            // SAFETY: as above.
            Err(status) => (unsafe { name_of(metric) }, status),
        };
        if let Some(why) = host.metrics().refuse(&name, status) {
            host.log(LogLine { level: 2, text: why.into_bytes(), ..LogLine::default() });
        }
        status
    })
}

unsafe extern "C" fn add(ctx: *mut c_void, id: i32, by: f64) {
    with(ctx, |metrics| metrics.add(id, by));
}

unsafe extern "C" fn set(ctx: *mut c_void, id: i32, value: f64) {
    with(ctx, |metrics| metrics.set(id, value));
}

unsafe extern "C" fn observe(ctx: *mut c_void, id: i32, value: f64) {
    with(ctx, |metrics| metrics.observe(id, value));
}

fn with(ctx: *mut c_void, change: impl FnOnce(&InstanceMetrics)) {
    guarded((), || {
        if let Some(host) = callbacks::find(ctx.addr()) {
            change(host.metrics());
        }
    });
}

/// The name in a definition that is refused, as far as it can be told.
///
/// # Safety
/// As for [`copy_definition`].
unsafe fn name_of(metric: *const abi::Metric) -> String {
    // SAFETY: the caller vouches for it, and any of them begins with its size.
    if metric.is_null() || (unsafe { ptr::read_unaligned(metric.cast::<u32>()) } as usize) < size_of::<abi::Metric>() {
        return String::new();
    }
    // SAFETY: it has the size of the struct at least; the caller vouches for the name.
    let name = unsafe { copy(ptr::read_unaligned(metric).name, Past::Cut(abi::METRIC_NAME_BYTES_MAX)) };
    String::from_utf8_lossy(&name.unwrap_or_default()).into_owned()
}

/// Copies a definition out of the plugin's memory, and checks it.
///
/// # Safety
/// A `metric` that is not NULL, and what it points to, can be read as far as its lengths say and the bounds allow.
unsafe fn copy_definition(metric: *const abi::Metric) -> Result<Definition, i32> {
    if metric.is_null() {
        return Err(abi::MALFORMED);
    }
    // SAFETY: any of them begins with its size; the caller vouches for the rest.
    let size = unsafe { ptr::read_unaligned(metric.cast::<u32>()) };
    if (size as usize) < size_of::<abi::Metric>() {
        return Err(abi::MALFORMED);
    }
    // SAFETY: it has the size of the struct at least, by its own account and by the caller's.
    let metric = unsafe { ptr::read_unaligned(metric) };
    let text = |text: abi::Str, max: usize| {
        // SAFETY: the caller vouches for what the definition points to.
        let bytes = unsafe { copy(text, Past::Refuse(max)) }.map_err(|_| abi::MALFORMED)?;
        String::from_utf8(bytes).map_err(|_| abi::MALFORMED)
    };
    // SAFETY: as above.
    let labels = unsafe { copy_list("labels", metric.labels, metric.labels_len, abi::METRIC_LABELS_MAX) };
    // SAFETY: as above.
    let bounds = unsafe { copy_list("bounds", metric.bounds, metric.bounds_len, abi::METRIC_BOUNDS_MAX) };
    let (Ok(labels), Ok(bounds)) = (labels, bounds) else { return Err(abi::MALFORMED) };
    let label = |label: abi::Attr| {
        Ok((text(label.key, abi::METRIC_NAME_BYTES_MAX)?, text(label.value, abi::METRIC_NAME_BYTES_MAX)?))
    };
    let labels = labels.into_iter().map(label).collect::<Result<_, i32>>()?;
    let name = text(metric.name, abi::METRIC_NAME_BYTES_MAX)?;
    Definition::check(metric.kind, name, text(metric.help, abi::METRIC_HELP_BYTES_MAX)?, labels, bounds)
}
