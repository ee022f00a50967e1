//! The standard error of a plugin's process: passed on to the daemon's own, line by line, at the rate of the plugin's log.

use crate::authenticator::log_rate::{self, LogRate};
use pusu_plugin_abi as abi;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::Builder;
use std::time::Instant;

/// Passes on what comes, on a thread of its own (`pusu-auth-err`), until it ends.
///
/// # Errors
/// The system gives no thread.
pub(super) fn forward(stream: UnixStream, plugin: &str) -> io::Result<()> {
    let plugin = plugin.to_owned();
    Builder::new().name("pusu-auth-err".into()).spawn(move || {
        let rate = LogRate::default();
        pass_on(stream, &plugin, &rate, &mut io::stderr());
        log_rate::tell(&plugin, rate.left_out());
    })?;
    Ok(())
}

fn pass_on(stream: impl Read, plugin: &str, rate: &LogRate, out: &mut impl Write) {
    let mut lines = BufReader::new(stream);
    let mut line = Vec::new();
    let mut is_cut = false;
    loop {
        line.clear();
        match (&mut lines).take(abi::LOG_BYTES_MAX as u64).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            // A line that was as long as a piece has ended.
            Ok(1) if is_cut && line == b"\n" => {
                is_cut = false;
                continue;
            }
            Ok(_) => {}
        }
        // A longer one is as many lines as it takes: what the daemon writes next is not to stand in the middle of one.
        is_cut = !line.ends_with(b"\n");
        if is_cut {
            line.push(b'\n');
        }
        let Some(left_out) = rate.passes(Instant::now()) else { continue };
        log_rate::tell(plugin, left_out);
        // Nobody may be reading the daemon's, which is no reason to let the plugin wait.
        let _ = out.write_all(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_pass_whole_at_a_rate_and_long_ones_in_pieces_that_are_lines() {
        let (rate, mut out) = (LogRate::default(), Vec::new());
        let (piece, half) = (vec![b'x'; abi::LOG_BYTES_MAX], vec![b'x'; abi::LOG_BYTES_MAX / 2]);
        let said = [&piece[..], &half, b"\n", &piece, &piece, b"\n\nlast"].concat();
        let pieces = [&piece[..], b"\n", &half, b"\n", &piece, b"\n", &piece, b"\n\nlast\n"].concat();
        pass_on(&said[..], "Test", &rate, &mut out);
        assert!(out == pieces, "{} bytes, not {}", out.len(), pieces.len());
        out.clear();
        pass_on(&b"again\n".repeat(10_000)[..], "Test", &rate, &mut out);
        let passed = out.len() / b"again\n".len();
        assert!((100..1_000).contains(&passed), "{passed}");
        // Of some it was told with a line that passed later.
        assert!(rate.left_out() <= 10_000 - passed as u64);
    }
}
