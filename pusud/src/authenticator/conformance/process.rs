//! The check of the process: a plugin is a guest in it, and leaves everything that belongs to all as it was. With
//! `isolation: process` that is the daemon's process too, but for one that is the plugin's own.

use super::calls::ORDINARY;
use super::runtime::without_its_own;
use super::subject::{Loaded, block_on};
use super::{Job, Passed};
use crate::authenticator::library;
use crate::authenticator::worker::WORKER_NAME;
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// Calls that are made between the two looks.
const CALLS: usize = 64;
/// The names of some things that are looked at.
const IGNORED: &str = "the set of ignored signals";
const CAUGHT: &str = "the set of caught signals";
const THREAD: &str = "thread";
const BLOCKED: &str = "the set of blocked signals";
/// The signals of Linux, from number 1 on.
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];
/// How long threads that are ending get to be gone.
const SETTLING_MAX: Duration = Duration::from_secs(2);

/// Loads it, makes an instance, asks it, destroys it, and compares. Descriptors and threads are compared from a second
/// instance on: a library may keep one for all of them.
pub(super) fn unchanged(job: &Job) -> Result<Passed> {
    // A first runtime, and a first thread, leave something in the process for good.
    block_on(async { Ok(()) })?;
    let before = look();
    let (loaded, _) = Loaded::here(job)?;
    let mut blocked = ask(&loaded, before.get(BLOCKED))?;
    let held_before = held();
    blocked.extend(ask(&loaded, before.get(BLOCKED))?);
    let (mut before, mut after) = (before, look());
    let has_runtime = loaded.subject().has_runtime();
    let note = if has_runtime { forgive_runtime(&mut before, &mut after)? } else { None };
    let mut changes = changes(&before, &after);
    if blocked.iter().any(|signals| Some(signals) != before.get(BLOCKED)) {
        changes.push("threads that call it block other signals now".to_owned());
    }
    let left = left_behind(&held_before);
    changes.extend(left.into_iter().filter(|name| !has_runtime || !name.starts_with(THREAD)));
    if changes.is_empty() { Ok(Passed::saying(note.unwrap_or_default())) } else { bail!("{}", changes.join("; ")) }
}

/// Takes the signals of a language's runtime out of both, and makes sure that such a runtime hands on what is not its. Gives
/// words for the report if it has handlers.
fn forgive_runtime(before: &mut Look, after: &mut Look) -> Result<Option<String>> {
    let mut has_changed = false;
    for name in [IGNORED, CAUGHT] {
        has_changed |= before.get(name) != after.get(name);
        for look in [&mut *before, &mut *after] {
            if let Some(signals) = look.get_mut(name) {
                *signals = without_its_own(signals);
            }
        }
    }
    if !has_changed {
        return Ok(None);
    }
    // The daemon ignores SIGPIPE. Where that is lost this process ends here.
    let (reader, mut writer) = std::io::pipe().context("cannot make a pipe")?;
    drop(reader);
    ensure!(writer.write(b" ").is_err(), "a pipe without a reader can be written to");
    Ok(Some("its runtime has signal handlers: tell operators to set `isolation: process`".to_owned()))
}

/// Makes an instance, asks it, and destroys it. Gives the signals that the threads blocked that called it, which are `usual`
/// where it has changed nothing.
fn ask(loaded: &Loaded, usual: Option<&String>) -> Result<BTreeSet<String>> {
    let instance = loaded.start()?;
    block_on(async {
        for _ in 0..CALLS {
            instance.ask(ORDINARY).await;
        }
        Ok(())
    })?;
    let blocked = blocked_for_good(usual);
    instance.stop()?;
    Ok(blocked)
}

/// What is there now and was not before, when threads that are ending have had their time.
pub(super) fn left_behind(before: &Look) -> Vec<String> {
    let started = Instant::now();
    loop {
        let mut now = held();
        now.retain(|name, is| before.get(name) != Some(is));
        if now.is_empty() || started.elapsed() >= SETTLING_MAX {
            return now.into_iter().map(|(name, is)| format!("{name} is left behind: {is:?}")).collect();
        }
        std::thread::yield_now();
    }
}

/// What belongs to the whole process: names and values.
pub(super) type Look = BTreeMap<String, String>;

/// Looks at this process. What the system does not tell is left out.
pub(super) fn look() -> Look {
    let mut look = Look::new();
    let mut note = |name: String, value: String| drop(look.insert(name, value));
    if let Ok(folder) = std::env::current_dir() {
        note("the working directory".into(), folder.display().to_string());
    }
    for (name, value) in std::env::vars_os() {
        note(format!("the environment variable {}", name.display()), value.display().to_string());
    }
    if let Some(locale) = library::locale() {
        note("the locale".into(), locale);
    }
    // The first thread's, which calls `create` and `destroy`.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for (key, name) in [("Umask", "the umask"), ("SigIgn", IGNORED), ("SigCgt", CAUGHT), ("SigBlk", BLOCKED)] {
        if let Some(value) = field(&status, key) {
            note(name.into(), signals(value));
        }
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    // "Max open files            1024                 4096                 files"
    for line in limits.lines().filter(|line| line.len() > 26) {
        let (name, value) = line.split_at(26);
        note(format!("the limit \"{}\"", name.trim()), value.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    look
}

/// The descriptors and threads that it holds.
pub(super) fn held() -> Look {
    let mut held = Look::new();
    for (folder, what) in [("/proc/self/fd", "descriptor"), ("/proc/self/task", THREAD)] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = format!("{what} {}", entry.file_name().display());
            let is = fs::read_link(entry.path()).map(|to| to.display().to_string());
            let is = is.or_else(|_| fs::read_to_string(entry.path().join("comm")).map(|name| name.trim().to_owned()));
            match is {
                Ok(is) if !is.ends_with("/fd") => drop(held.insert(name, is)),
                // It is gone again, or the one through which the folder of the descriptors is read.
                _ => {}
            }
        }
    }
    held
}

/// As [`blocked_by_callers`], when what passes has had its time: the C library blocks all signals for a moment in a thread
/// that begins, ends or starts another one.
fn blocked_for_good(usual: Option<&String>) -> BTreeSet<String> {
    let began = Instant::now();
    loop {
        let blocked = blocked_by_callers();
        if blocked.iter().all(|signals| Some(signals) == usual) || began.elapsed() >= SETTLING_MAX {
            return blocked;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Of the threads that call the plugin the signals that they block.
fn blocked_by_callers() -> BTreeSet<String> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let statuses = tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
    let callers = statuses.filter(|status| field(status, "Name").is_some_and(|name| name.starts_with(WORKER_NAME)));
    callers.filter_map(|status| field(&status, "SigBlk").map(signals)).collect()
}

/// The names of a set of signals (signal(7)), without those two that the C library keeps for itself and sets up with the
/// first thread.
fn signals(set: &str) -> String {
    let Ok(set) = u64::from_str_radix(set, 16) else { return set.to_owned() };
    let name =
        |number: usize| SIGNALS.get(number - 1).map_or_else(|| format!("signal {number}"), |name| format!("SIG{name}"));
    let numbers = (1..=64).filter(|number| set >> (number - 1) & 1 == 1 && !matches!(number, 32 | 33));
    numbers.map(name).collect::<Vec<_>>().join(" ")
}

/// A field of a file in /proc.
fn field<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim)
}

/// Each difference, as a phrase.
pub(super) fn changes(before: &Look, after: &Look) -> Vec<String> {
    let mut changes = Vec::new();
    for (name, is) in after {
        match before.get(name) {
            Some(was) if was == is => {}
            Some(was) => changes.push(format!("{name} was {was:?} and is {is:?} now")),
            None => changes.push(format!("{name} is left behind: {is:?}")),
        }
    }
    changes.extend(before.keys().filter(|name| !after.contains_key(*name)).map(|name| format!("{name} is gone")));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names() {
        assert_eq!(signals("0000000180000a01"), "SIGHUP SIGUSR1 SIGUSR2", "and not 32 and 33");
        assert_eq!(signals("8000000000000000"), "signal 64");
        assert_eq!(signals("0000000000000000"), "");
    }

    #[test]
    fn each_difference_is_named() {
        let of = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, is)| (name.to_string(), is.to_string())).collect();
        let before: Look = of(&[("the umask", "0022"), ("PATH", "/bin"), ("the locale", "C")]);
        let after: Look = of(&[("the umask", "0000"), ("PATH", "/bin"), ("LANG", "C")]);
        let expected =
            [r#"LANG is left behind: "C""#, r#"the umask was "0022" and is "0000" now"#, "the locale is gone"];
        assert_eq!(changes(&before, &after), expected);
        assert_eq!(changes(&before, &before), Vec::<String>::new());
    }
}
