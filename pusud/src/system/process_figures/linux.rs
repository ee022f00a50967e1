//! Linux: /proc/self/stat (proc(5)).

use super::ProcessFigures;
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// The fields behind the name, counted as proc(5) does, from the state as number 3.
const FIRST_FIELD: usize = 3;
const USER_TICKS: usize = 14;
const SYSTEM_TICKS: usize = 15;
const THREADS: usize = 20;
const START_TICKS: usize = 22;
const VIRTUAL_BYTES: usize = 23;
const RESIDENT_PAGES: usize = 24;

pub(super) fn figures() -> ProcessFigures {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    read(&stat, boot_time(), rustix::param::clock_ticks_per_second() as f64, rustix::param::page_size() as u64)
}

/// When the machine was started, by the clock at the first look, so that nobody takes a clock that is set for another start:
/// seconds since 1970. /proc/stat says it too, but not where a service may see nothing of /proc
/// but its own processes.
fn boot_time() -> Option<f64> {
    static BOOT: OnceLock<Option<f64>> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let since = clock_gettime(ClockId::Boottime);
        Some(now.as_secs_f64() - (since.tv_sec as f64 + since.tv_nsec as f64 / 1e9))
    })
}

fn read(stat: &str, boot: Option<f64>, ticks: f64, page: u64) -> ProcessFigures {
    // The name stands in parentheses, and may have some itself.
    let behind = stat.rsplit_once(") ").map_or("", |(_, behind)| behind);
    let fields: Vec<&str> = behind.split_ascii_whitespace().collect();
    let field = |number: usize| fields.get(number - FIRST_FIELD)?.parse::<u64>().ok();
    let seconds = |number| field(number).map(|count| count as f64 / ticks);
    ProcessFigures {
        cpu_seconds: seconds(USER_TICKS).zip(seconds(SYSTEM_TICKS)).map(|(user, system)| user + system),
        resident_bytes: field(RESIDENT_PAGES).map(|pages| pages.saturating_mul(page)),
        virtual_bytes: field(VIRTUAL_BYTES),
        start_time: boot.zip(seconds(START_TICKS)).map(|(boot, since)| boot + since),
        threads: field(THREADS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_moves_no_field() {
        let stat =
            "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 7 8 20 0 6 0 12345 1000000 300 18446744073709551615";
        let figures = read(stat, Some(1000.0), 100.0, 4096);
        let expected = ProcessFigures {
            cpu_seconds: Some(2.0),
            resident_bytes: Some(300 * 4096),
            virtual_bytes: Some(1_000_000),
            start_time: Some(1123.45),
            threads: Some(6),
        };
        assert_eq!(figures, expected);
        assert_eq!(read("", None, 100.0, 4096), ProcessFigures::default());
    }

    #[test]
    fn this_process_has_figures() {
        let figures = figures();
        assert!(figures.resident_bytes > Some(0) && figures.resident_bytes < figures.virtual_bytes, "{figures:?}");
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        assert!(figures.start_time.is_some_and(|start| start < now + 1.0 && start > now - 3600.0), "{figures:?}");
        assert!(figures.threads > Some(0) && figures.cpu_seconds.is_some(), "{figures:?}");
    }
}
