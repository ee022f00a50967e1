//! The check of the tables that a plugin offers: the same ones each time, whoever asks, and whole.

use super::subject::Loaded;
use super::{Job, Passed};
use crate::authenticator::library::{Place, Plugin};
use anyhow::{Result, anyhow, bail, ensure};
use pusu_plugin_abi as abi;
use std::thread;

/// The tables that a plugin may offer.
const IDS: [&str; 4] = [abi::EXT_GRANTS, abi::EXT_RELOAD, abi::EXT_CHECK, abi::EXT_HEALTH];
/// What names no table: empty, not UTF-8, as long as an id may be, and one that nobody offers.
const STRANGE: [&[u8]; 4] = [b"", b"\xff\xfe/1", &[b'x'; abi::KEY_BYTES_MAX], b"com.example.conformance/1"];
/// Threads that ask at once, and how often each does.
const THREADS: usize = 4;
const TIMES: usize = 100;

/// Asks for every table: without an instance, from several threads at once, of two instances, and when they are gone.
pub(super) fn constant(job: &Job) -> Result<Passed> {
    let (loaded, plugin) = Loaded::here(job)?;
    let ids = || IDS.iter().map(|id| id.as_bytes()).chain(STRANGE);
    let alone: Vec<_> = ids().map(|id| plugin.look_up(id)).collect();
    for (id, found) in ids().zip(&alone) {
        always(id, *found, || plugin.look_up(id))?;
        ask_at_once(plugin, id, *found)?;
    }
    let (first, second) = (loaded.instance(plugin)?, loaded.instance(plugin)?);
    let of_instance: Vec<_> = ids().map(|id| first.look_up(id)).collect();
    for ((id, found), alone) in ids().zip(&of_instance).zip(&alone) {
        always(id, *found, || first.look_up(id))?;
        always(id, *found, || second.look_up(id))?;
        always(id, *alone, || plugin.look_up(id))?;
        ensure!(
            alone.is_none() || alone == found,
            "gives another table for `{}` without an instance than of one",
            id.escape_ascii()
        );
    }
    drop((first, second));
    for (id, alone) in ids().zip(&alone) {
        always(id, *alone, || plugin.look_up(id))?;
    }
    for (id, found) in ids().zip(&of_instance).skip(IDS.len()) {
        ensure!(found.is_none(), "gives a table for `{}`, which nobody has defined", id.escape_ascii());
    }
    let mut offered = Vec::new();
    for (id, found) in IDS.iter().zip(of_instance) {
        let Some(place) = found else { continue };
        place.check(id).map_err(|why| anyhow!("its table `{id}` {why}"))?;
        ensure!(
            *id != abi::EXT_GRANTS || loaded.subject().has(abi::F_GRANTS),
            "offers `{id}` without PUSU_F_GRANTS in the manifest, so that it is told of nothing"
        );
        offered.push(*id);
    }
    Ok(Passed::saying(if offered.is_empty() { super::NOT_OFFERED.to_owned() } else { offered.join(", ") }))
}

fn always(id: &[u8], before: Option<Place>, ask: impl Fn() -> Option<Place>) -> Result<()> {
    ensure!(ask() == before && ask() == before, "gives another table for `{}` from call to call", id.escape_ascii());
    Ok(())
}

fn ask_at_once(plugin: Plugin, id: &[u8], before: Option<Place>) -> Result<()> {
    thread::scope(|scope| {
        let ask = || (0..TIMES).try_for_each(|_| always(id, before, || plugin.look_up(id)));
        let asking: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
        asking
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|_| bail!("a thread that asked has died")))
    })
}
