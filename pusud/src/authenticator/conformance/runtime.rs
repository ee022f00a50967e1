//! Signal handlers of a language's runtime, which a plugin that brings one cannot be without.
//!
//! A runtime of Go catches faults in its own code, and hands on what is not its. The flag NO_SWAP says that there is one.

/// The signals that it may catch. None of them stops, reloads or steers a process.
const OF_RUNTIMES: [&str; 9] =
    ["SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGSEGV", "SIGPIPE", "SIGURG", "SIGPROF"];

/// The signals of a set without those that are a runtime's affair.
pub(super) fn without_its_own(signals: &str) -> String {
    let others = signals.split(' ').filter(|name| !OF_RUNTIMES.contains(name));
    others.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_the_process_stays() {
        assert_eq!(without_its_own("SIGBUS SIGHUP SIGURG SIGTERM"), "SIGHUP SIGTERM");
        assert_eq!(without_its_own("SIGPIPE"), "");
    }
}
