//! Making a lineup of what the settings name, and one lineup of another: what is the same goes on, what is not is made anew.
//!
//! **Invariant:** where a lineup cannot be made, the one before goes on; no instance of it has ended.

use super::super::generation::{Generation, Plan, Reload};
use super::super::images::Images;
use super::super::swapped::Swapped;
use super::slot::{Lasts, Slot};
use super::trial::{Shadow, Trial};
use super::{EntryFacts, Lineup};
use crate::config::{AuthenticatorConfig, OnSwap};
use anyhow::{Context as _, Result, anyhow};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An entry of the settings, and what runs of it already.
struct Prepared<'a> {
    config: &'a AuthenticatorConfig,
    plan: Plan,
    old: Option<&'a Slot>,
    differences: Vec<&'static str>,
}

impl Lineup {
    /// Resolves, checks, loads and creates what the settings name.
    ///
    /// # Errors
    /// One message for the operator.
    pub(in crate::authenticator) fn start(
        config: &AuthenticatorConfig,
        call_timeout: Duration,
        images: &Images,
    ) -> Result<Self> {
        let mut slots = Vec::new();
        for entry in config.entries() {
            let plan = Plan::make(entry, call_timeout)?;
            slots.push(begun(entry, plan, Lasts::new(), false, images)?);
        }
        let lineup = Self::of(config, slots, None, 1);
        lineup.slots().for_each(|slot| slot.generation.begin_hearing());
        lineup.set_can_recheck(config);
        Ok(lineup)
    }

    fn of(config: &AuthenticatorConfig, slots: Vec<Slot>, before: Option<&Self>, number: u32) -> Self {
        let (mut deciding, mut shadows) = (Vec::new(), Vec::new());
        for (slot, entry) in slots.into_iter().zip(config.entries()) {
            if entry.entry.shadow {
                let known = before.and_then(|before| before.shadows.iter().find(|known| known.slot.name == slot.name));
                let trial = known.map_or_else(Trial::new, |known| Arc::clone(&known.trial));
                let place = EntryFacts { index: entry.entry.index, ..EntryFacts::default() };
                shadows.push(Shadow { slot, place, trial });
            } else {
                deciding.push(slot);
            }
        }
        let since = now().into();
        Self {
            number: number.into(),
            since,
            deciding,
            shadows,
            is_list: config.is_list(),
            timeout: config.list.timeout,
        }
    }

    /// Whether grants can be rechecked, for all of them.
    pub(in crate::authenticator) fn set_can_recheck(&self, config: &AuthenticatorConfig) {
        self.slots().for_each(|slot| slot.lasts.lasting.set_can_recheck(config.on_swap == OnSwap::Reauthorize));
    }

    /// What is to decide in place of this one, as the settings say now; `None`: this one goes on, and may have reloaded.
    /// Those that cannot reload, and all if the caller `wants_new`, are made anew.
    ///
    /// # Errors
    /// One message for the operator; then nothing has changed, but for what it says.
    pub(in crate::authenticator) fn swap(
        &self,
        config: &AuthenticatorConfig,
        call_timeout: Duration,
        images: &Images,
        wants_new: bool,
    ) -> Result<(Option<Self>, Swapped)> {
        let prepared = self.prepare(config, call_timeout)?;
        let (mut swapped, mut slots) = (self.is_changed(&prepared, config), Vec::new());
        let mut to_reload = Vec::new();
        // What may fail and has no effect yet comes first.
        for one in prepared {
            let same = one.old.filter(|old| one.differences.is_empty() && !old.generation.is_lost());
            match same.filter(|old| !wants_new && old.generation.can_reload()) {
                Some(old) => {
                    to_reload.push((slots.len(), one.plan, one.config));
                    slots.push(Slot::new(one.config, old.lasts.clone(), Arc::clone(&old.generation)));
                }
                None => {
                    let (slot, how) = one.made_anew(images)?;
                    swapped = swapped.max(how);
                    slots.push(slot);
                }
            }
        }
        let mut reloaded: Vec<String> = Vec::new();
        for (at, plan, entry) in to_reload {
            let slot = &mut slots[at];
            let how = match slot.generation.reload(plan.create_timeout()) {
                Reload::Nothing => Swapped::Nothing,
                Reload::Done => {
                    reloaded.push(slot.name.clone());
                    slot.count_generation();
                    Swapped::Reloaded
                }
                Reload::NotPossible => {
                    let made = begun(entry, plan, slot.lasts.clone(), true, images);
                    *slot = made.map_err(|error| with_reloaded(&error, &reloaded))?;
                    Swapped::Renewed
                }
            };
            swapped = swapped.max(how);
        }
        match swapped {
            Swapped::Nothing => return Ok((None, swapped)),
            Swapped::Reloaded => {
                self.number.fetch_add(1, Ordering::AcqRel);
                self.since.store(now(), Ordering::Relaxed);
                return Ok((None, swapped));
            }
            Swapped::Renewed | Swapped::Replaced => {}
        }
        let new = Self::of(config, slots, Some(self), self.number() + 1);
        let is_new = |slot: &&Slot| !self.slots().any(|old| Arc::ptr_eq(&old.generation, &slot.generation));
        new.slots().filter(is_new).for_each(|slot| slot.generation.begin_hearing());
        Ok((Some(new), swapped))
    }

    /// Finds and checks everything that the settings name, and what runs of it already.
    fn prepare<'a>(&'a self, config: &'a AuthenticatorConfig, call_timeout: Duration) -> Result<Vec<Prepared<'a>>> {
        let mut prepared = Vec::new();
        for entry in config.entries() {
            let plan = Plan::make(entry, call_timeout)?;
            let same_name = || self.slots().find(|slot| slot.name == entry.name());
            // Without a list, what stands there is the same entry, whatever it is called.
            let old = if config.is_list() || self.is_list { same_name() } else { self.deciding.first() };
            let differences = old.map(|old| plan.differences_from(&old.generation)).unwrap_or_default();
            prepared.push(Prepared { config: entry, plan, old, differences });
        }
        Ok(prepared)
    }

    /// Whether the list itself is another one: who stands in it, in which order, and what follows where one cannot decide.
    fn is_changed(&self, prepared: &[Prepared<'_>], config: &AuthenticatorConfig) -> Swapped {
        let now = |shadow: bool| {
            let of_kind = move |one: &&Prepared<'_>| one.config.entry.shadow == shadow;
            prepared.iter().filter(of_kind).map(|one| (one.old.map(|old| old.lasts.number), one.config.entry.goes_on))
        };
        let before = |slot: &Slot| (Some(slot.lasts.number), slot.goes_on);
        let is_same = now(false).eq(self.deciding.iter().map(before))
            && now(true).eq(self.shadows.iter().map(|shadow| before(&shadow.slot)))
            && self.is_list == config.is_list()
            && self.timeout == config.list.timeout;
        if is_same { Swapped::Nothing } else { Swapped::Replaced }
    }
}

impl Prepared<'_> {
    /// A new instance, in place of what runs of it.
    fn made_anew(self, images: &Images) -> Result<(Slot, Swapped)> {
        let Self { config, plan, old, differences } = self;
        let how = if old.is_some() && differences.is_empty() { Swapped::Renewed } else { Swapped::Replaced };
        let lasts = old.map_or_else(Lasts::new, |old| old.lasts.clone());
        let is_no_swap = plan.is_no_swap() && !differences.is_empty();
        let slot = begun(config, plan, lasts, true, images);
        let slot = match is_no_swap {
            true => slot.with_context(|| format!("a restart would bring {}", differences.join(", "))),
            false => slot,
        };
        Ok((slot?, how))
    }
}

/// Makes an instance, which hears of nothing yet.
fn begun(entry: &AuthenticatorConfig, plan: Plan, lasts: Lasts, serves: bool, images: &Images) -> Result<Slot> {
    let generation: Generation = plan.carry_out(serves, images, &lasts.lasting)?;
    let slot = Slot::new(entry, lasts, Arc::new(generation));
    slot.count_generation();
    Ok(slot)
}

/// Those that have read their files again stay as they are, whatever becomes of the others.
fn with_reloaded(error: &anyhow::Error, reloaded: &[String]) -> anyhow::Error {
    match reloaded {
        [] => anyhow!("{error:#}"),
        some => anyhow!("{error:#}; all the same, {} read the files again", some.join(", ")),
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
