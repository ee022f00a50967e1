use super::*;

fn define(metrics: &InstanceMetrics, kind: i32, name: &str, bounds: &[f64]) -> i32 {
    Definition::check(kind, name.into(), "Help.".into(), Vec::new(), bounds.to_vec())
        .map_or_else(|status| status, |definition| metrics.define(&definition))
}

fn values(metrics: &InstanceMetrics) -> Vec<Value> {
    metrics.read().into_iter().map(|(_, value)| value).collect()
}

#[test]
fn they_count_and_what_does_not_fit_is_ignored() {
    let metrics = InstanceMetrics::default();
    let counter = define(&metrics, abi::METRIC_COUNTER, "asked_total", &[]);
    let gauge = define(&metrics, abi::METRIC_GAUGE, "waiting", &[]);
    let histogram = define(&metrics, abi::METRIC_HISTOGRAM, "took_seconds", &[1.0, 2.0]);
    assert_eq!((counter, gauge, histogram), (0, 1, 2));
    assert_eq!(define(&metrics, abi::METRIC_GAUGE, "waiting", &[]), gauge, "it was defined before");
    for (number, by) in [(counter, 2.0), (counter, -1.0), (counter, f64::NAN), (gauge, 5.0), (gauge, -7.0)] {
        metrics.add(number, by);
    }
    metrics.add(-1, 1.0);
    metrics.add(99, 1.0);
    metrics.add(histogram, 1.0);
    metrics.set(counter, 9.0);
    metrics.set(gauge, f64::INFINITY);
    for seen in [1.0, 1.5, 3.0, f64::NAN] {
        metrics.observe(histogram, seen);
    }
    let counted = Value::Histogram { bounds: vec![1.0, 2.0], counts: vec![1, 1, 1], sum: 5.5 };
    assert_eq!(values(&metrics), [Value::Counter(2.0), Value::Gauge(-2.0), counted]);
}

#[test]
fn definitions_are_checked() {
    let metrics = InstanceMetrics::default();
    let long = "a".repeat(65);
    for (kind, name, bounds, status) in [
        (9, "a", &[][..], abi::UNSUPPORTED),
        (abi::METRIC_COUNTER, "a", &[], abi::MALFORMED),
        (abi::METRIC_GAUGE, "", &[], abi::MALFORMED),
        (abi::METRIC_GAUGE, "A", &[], abi::MALFORMED),
        (abi::METRIC_GAUGE, "1a", &[], abi::MALFORMED),
        (abi::METRIC_GAUGE, "a-b", &[], abi::MALFORMED),
        (abi::METRIC_GAUGE, long.as_str(), &[], abi::MALFORMED),
        (abi::METRIC_GAUGE, "a", &[1.0], abi::MALFORMED),
        (abi::METRIC_HISTOGRAM, "a", &[2.0, 1.0], abi::MALFORMED),
        (abi::METRIC_HISTOGRAM, "a", &[1.0, 1.0], abi::MALFORMED),
        (abi::METRIC_HISTOGRAM, "a", &[f64::NAN], abi::MALFORMED),
        (abi::METRIC_HISTOGRAM, "a", &[0.0; 17], abi::MALFORMED),
    ] {
        assert_eq!(define(&metrics, kind, name, bounds), status, "{kind} {name}");
    }
    let labels = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), String::new())).collect::<Vec<_>>();
    let of = |labels| Definition::check(abi::METRIC_GAUGE, "a".into(), String::new(), labels, Vec::new());
    assert!(of(labels(&["a", "b", "c", "d"])).is_ok());
    for keys in [&["a", "a"][..], &["A"], &["a", "b", "c", "d", "e"]] {
        assert_eq!(of(labels(keys)), Err(abi::MALFORMED), "{keys:?}");
    }
    assert_eq!(define(&metrics, abi::METRIC_GAUGE, "a", &[]), 0);
    assert_eq!(define(&metrics, abi::METRIC_HISTOGRAM, "a", &[]), abi::MALFORMED, "one name, two kinds");
}

#[test]
fn there_are_only_so_many() {
    let metrics = InstanceMetrics::default();
    for number in 0..abi::METRICS_MAX {
        assert!(define(&metrics, abi::METRIC_GAUGE, &format!("g{number}"), &[]) >= 0);
    }
    assert_eq!(define(&metrics, abi::METRIC_GAUGE, "one_more", &[]), abi::FULL);
    assert_eq!(define(&metrics, abi::METRIC_GAUGE, "g7", &[]), 7);
}

#[test]
fn counters_go_on_through_instances_and_gauges_begin_anew() {
    let totals = Arc::new(Totals::default());
    let old = InstanceMetrics::new(totals.clone());
    for (kind, name) in [(abi::METRIC_COUNTER, "asked_total"), (abi::METRIC_GAUGE, "waiting")] {
        old.add(define(&old, kind, name, &[]), 3.0);
    }
    let new = InstanceMetrics::new(totals.clone());
    assert_eq!(values(&new), [], "a series that it has not defined is not shown");
    let counter = define(&new, abi::METRIC_COUNTER, "asked_total", &[]);
    define(&new, abi::METRIC_GAUGE, "waiting", &[]);
    old.add(0, 1.0);
    new.add(counter, 1.0);
    drop(old);
    assert_eq!(values(&new), [Value::Counter(5.0), Value::Gauge(0.0)]);
    drop(new);
    let third = InstanceMetrics::new(totals);
    define(&third, abi::METRIC_COUNTER, "asked_total", &[]);
    assert_eq!(values(&third), [Value::Counter(0.0)], "nobody had it any more");
}

#[test]
fn what_is_counted_in_a_process_is_handed_on_once() {
    let (there, here) = (InstanceMetrics::default(), InstanceMetrics::default());
    let counter = define(&there, abi::METRIC_COUNTER, "asked_total", &[]);
    let histogram = define(&there, abi::METRIC_HISTOGRAM, "took_seconds", &[1.0]);
    // Also what has not moved yet is known from its definition on.
    for (definition, change) in there.take_changes() {
        here.merge(&definition, &change);
    }
    assert_eq!(values(&here).len(), 2);
    for round in 1..=3 {
        there.add(counter, 2.0);
        there.observe(histogram, 0.5);
        for (definition, change) in there.take_changes() {
            here.merge(&definition, &change);
        }
        let counted = Value::Histogram { bounds: vec![1.0], counts: vec![round, 0], sum: 0.5 * round as f64 };
        assert_eq!(values(&here), [Value::Counter(2.0 * round as f64), counted]);
    }
    assert!(there.take_changes().is_empty());
}

#[test]
fn the_memory_of_a_plugin_is_one_gauge_without_labels() {
    let gauge = |metrics: &InstanceMetrics, labels: &[(&str, &str)], bytes: f64| {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let name = abi::METRIC_MEMORY.to_owned();
        let definition = Definition::check(abi::METRIC_GAUGE, name, "Help.".into(), labels, Vec::new()).unwrap();
        metrics.set(metrics.define(&definition), bytes);
    };
    let metrics = InstanceMetrics::default();
    assert_eq!(metrics.memory_bytes_max(), None);
    gauge(&metrics, &[("of", "one")], 1.0);
    assert_eq!(metrics.memory_bytes_max(), None);
    for (said, taken) in [(268_435_456.0, 256 << 20), (0.9, 0), (-1.0, 0), (1e300, usize::MAX)] {
        gauge(&metrics, &[], said);
        assert_eq!(metrics.memory_bytes_max(), Some(taken), "{said}");
    }
}
