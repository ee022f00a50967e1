//! The terminal of `pusud top`: its other screen, on which page after page is drawn, and its keys, which are read one by one.
//!
//! **Invariant:** dropping it leaves the terminal as it was.

/// What Ctrl-C sends where it is no signal.
pub(super) const CTRL_C: u8 = 3;
/// What Ctrl-D sends.
pub(super) const CTRL_D: u8 = 4;

pub(super) use system::Screen;

#[cfg(unix)]
mod system {
    use anyhow::Context as _;
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use std::io::{self, IsTerminal as _, Read as _, Write as _};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// To the other screen, without a cursor; and back.
    const ENTER: &str = "\x1b[?1049h\x1b[?25l";
    const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
    /// To the upper left; to the end of the line; to the end of the screen.
    const HOME: &str = "\x1b[H";
    const END_OF_LINE: &str = "\x1b[K";
    const END_OF_SCREEN: &str = "\x1b[J";

    /// The terminal, as it was.
    pub(in super::super) struct Screen {
        before: Termios,
        is_told_to_end: Arc<AtomicBool>,
    }

    impl Screen {
        /// Takes the terminal; `None`: standard input and output are not both one.
        pub(in super::super) fn open() -> anyhow::Result<Option<Self>> {
            let (input, output) = (io::stdin(), io::stdout());
            if !input.is_terminal() || !output.is_terminal() {
                return Ok(None);
            }
            let is_told_to_end = Arc::<AtomicBool>::default();
            for signal in [SIGTERM, SIGHUP, SIGINT] {
                signal_hook::flag::register(signal, is_told_to_end.clone()).context("cannot listen to signals")?;
            }
            let before = tcgetattr(&input).context("cannot read the modes of the terminal")?;
            let mut modes = before.clone();
            // Keys one by one and not shown. Ctrl-C is a key, too, so that nothing ends without leaving the screen.
            modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
            tcsetattr(&input, OptionalActions::Now, &modes).context("cannot set the modes of the terminal")?;
            let screen = Self { before, is_told_to_end };
            write(ENTER)?;
            Ok(Some(screen))
        }

        /// Rows and columns.
        pub(in super::super) fn size(&self) -> (usize, usize) {
            match tcgetwinsize(io::stdout()) {
                Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row.into(), size.ws_col.into()),
                _ => (24, 80),
            }
        }

        /// Draws a page in place of the last one.
        pub(in super::super) fn draw(&mut self, page: &str) -> anyhow::Result<()> {
            let lines: Vec<&str> = page.lines().collect();
            // No end of a line behind the last one: the screen would move up.
            write(&format!("{HOME}{}{END_OF_SCREEN}", lines.join(&format!("{END_OF_LINE}\r\n")) + END_OF_LINE))
        }

        /// Hands each key to `take`, on a thread of its own, as long as that says so.
        pub(in super::super) fn read_keys(&self, take: impl Fn(u8) -> bool + Send + 'static) -> anyhow::Result<()> {
            let read = move || {
                let mut key = [0];
                while matches!(io::stdin().read(&mut key), Ok(1)) && take(key[0]) {}
            };
            std::thread::Builder::new().name("pusud-keys".into()).spawn(read).context("the system gives no thread")?;
            Ok(())
        }

        /// A signal has come that ends the command.
        pub(in super::super) fn is_told_to_end(&self) -> bool {
            self.is_told_to_end.load(Ordering::Relaxed)
        }
    }

    impl Drop for Screen {
        fn drop(&mut self) {
            // The terminal may have gone.
            let _ = write(LEAVE);
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
        }
    }

    fn write(text: &str) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write to the terminal")
    }
}

#[cfg(not(unix))]
mod system {
    /// There is none here: there is no relay to look at either.
    pub(in super::super) enum Screen {}

    impl Screen {
        pub(in super::super) fn open() -> anyhow::Result<Option<Self>> {
            Ok(None)
        }

        pub(in super::super) fn size(&self) -> (usize, usize) {
            match *self {}
        }

        pub(in super::super) fn draw(&mut self, _page: &str) -> anyhow::Result<()> {
            match *self {}
        }

        pub(in super::super) fn read_keys(&self, _take: impl Fn(u8) -> bool + Send + 'static) -> anyhow::Result<()> {
            match *self {}
        }

        pub(in super::super) fn is_told_to_end(&self) -> bool {
            match *self {}
        }
    }
}
