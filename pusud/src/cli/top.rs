//! `pusud top`: a relay of this machine as it is now, again and again: what is wrong, rates, relays, clients and channels.

mod glance;
mod page;
mod screen;

use super::clients::as_json;
use super::print;
use super::relay_socket::RelaySocketArgs;
use anyhow::{Context as _, anyhow};
use glance::{Glance, Watcher};
use screen::Screen;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How often a signal is looked for while nothing happens.
const LOOK: Duration = Duration::from_millis(200);
/// What a glance takes: messages are counted for so long.
const SHORTEST: Duration = Duration::from_secs(1);

pub(super) const EXAMPLES: &str = "\
Examples:
  pusud top                                       on a terminal: a page that is drawn anew, until `q` or Ctrl-C
  pusud top --once                                one page
  pusud top --json | jq .rates                    for programs, a line every two seconds";

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    relay: RelaySocketArgs,
    /// How often it is looked at, once a second at the most
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = interval)]
    interval: Duration,
    /// One page and no more
    #[arg(long)]
    once: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if interval < SHORTEST {
        return Err("expected at least 1s: messages are counted for a second".to_owned());
    }
    Ok(interval)
}

pub(super) fn top(args: &Args) -> anyhow::Result<()> {
    let Args { relay, interval, once, json } = args;
    let path = relay.find()?;
    if !json
        && !once
        && let Some(screen) = Screen::open()?
    {
        return live(&path, *interval, screen);
    }
    let mut watcher = Watcher::new(&path);
    loop {
        let began = Instant::now();
        let glance = watcher.glance()?;
        print(&if *json { as_json(&glance)? } else { page::of(&glance, usize::MAX, usize::MAX) + "\n" })?;
        if *once {
            return Ok(());
        }
        thread::sleep(interval.saturating_sub(began.elapsed()));
    }
}

/// What happens.
enum Event {
    Key(u8),
    Glance(anyhow::Result<Box<Glance>>),
}

/// Draws page after page until somebody has seen enough.
fn live(path: &Path, interval: Duration, mut screen: Screen) -> anyhow::Result<()> {
    let (happens, events) = channel();
    look_on(path, interval, happens.clone())?;
    let keys = move |key| happens.send(Event::Key(key)).is_ok();
    screen.read_keys(keys)?;
    let ended = draw(&mut screen, &events);
    drop(screen);
    ended
}

fn look_on(path: &Path, interval: Duration, happens: Sender<Event>) -> anyhow::Result<()> {
    let path = path.to_owned();
    let look = move || {
        let mut watcher = Watcher::new(&path);
        loop {
            let began = Instant::now();
            let glance = watcher.glance();
            let is_last = glance.is_err();
            if happens.send(Event::Glance(glance.map(Box::new))).is_err() || is_last {
                return;
            }
            thread::sleep(interval.saturating_sub(began.elapsed()));
        }
    };
    thread::Builder::new().name("pusud-top".into()).spawn(look).context("the system gives no thread")?;
    Ok(())
}

fn draw(screen: &mut Screen, events: &Receiver<Event>) -> anyhow::Result<()> {
    screen.draw("looking at the relay …\n")?;
    loop {
        match events.recv_timeout(LOOK) {
            Ok(Event::Key(b'q' | b'Q' | screen::CTRL_C | screen::CTRL_D)) => return Ok(()),
            Ok(Event::Key(_)) => {}
            Ok(Event::Glance(glance)) => {
                let glance = glance?;
                let (rows, columns) = screen.size();
                screen.draw(&page::of(&glance, rows, columns))?;
            }
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Err(anyhow!("nobody looks any more")),
        }
        if screen.is_told_to_end() {
            return Ok(());
        }
    }
}
