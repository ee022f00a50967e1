//! A metric of the plugin as `pusud status` shows it to people.

use pusud::authenticator::Value;
use pusud::control::PluginMetric;

/// Name, labels and value; of a histogram, how many values and their sum.
pub(super) fn of(metric: &PluginMetric) -> String {
    let name = &metric.definition.name;
    let labels: Vec<String> = metric.definition.labels.iter().map(|(key, value)| format!("{key}={value:?}")).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    match &metric.value {
        Value::Counter(value) | Value::Gauge(value) => format!("{name}{labels} {value}"),
        Value::Histogram { counts, sum, .. } => {
            format!("{name}{labels} {} with the sum {sum}", counts.iter().sum::<u64>())
        }
    }
}
