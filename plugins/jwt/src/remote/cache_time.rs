//! The time that an answer may be kept (RFC 9111): `Cache-Control`, less the `Age` that it has already.

use std::time::Duration;

/// The time of an answer with these headers; `None` where it says nothing.
pub(super) fn cache_time<'a>(cache_control: impl Iterator<Item = &'a str>, age: Option<&str>) -> Option<Duration> {
    let mut time = None;
    for directive in cache_control.flat_map(|line| line.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return Some(Duration::ZERO),
            "max-age" if time.is_none() => time = value.trim().trim_matches('"').parse().ok().map(Duration::from_secs),
            _ => {}
        }
    }
    let age = Duration::from_secs(age.and_then(|age| age.trim().parse().ok()).unwrap_or(0));
    time.map(|time: Duration| time.saturating_sub(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_say_how_long_they_hold() {
        let of = |lines: &[&str], age: Option<&str>| cache_time(lines.iter().copied(), age).map(|time| time.as_secs());
        assert_eq!(of(&["public, max-age=19845, must-revalidate, no-transform"], None), Some(19845));
        assert_eq!(of(&["max-age=15, stale-while-revalidate=15"], Some("5")), Some(10));
        assert_eq!(of(&["public", "Max-Age=\"60\""], Some("100")), Some(0));
        assert_eq!(of(&["no-cache"], None), Some(0));
        assert_eq!(of(&["max-age=60, no-store"], None), Some(0));
        assert_eq!(of(&["private"], None), None);
        assert_eq!(of(&["max-age=-1"], None), None);
        assert_eq!(of(&["s-maxage=60"], None), None);
        assert_eq!(of(&[], Some("7")), None);
    }
}
