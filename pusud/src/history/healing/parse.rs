//! Bytes to messages. Lengths that a message declares are held against the bytes that have come before anything is kept.

use super::message::{
    BootTold, Entries, EntryTold, Fetch, Message, NumbersTold, Publications, RingTold, Ringed, Rings, kind,
};
use super::wire::{Fields, Malformed, ORIGIN_BYTES};
use crate::history::log::Numbers;
use crate::history::position::NUMBER_MAX;

/// Reads a message.
pub(super) fn parse(message: &[u8]) -> Result<Message<'_>, Malformed> {
    let (kind, mut fields) = Fields::of(message)?;
    let message = match kind {
        kind::PUBLICATIONS => Message::Publications(publications(&mut fields)?),
        kind::NUMBERS => Message::Numbers(telling(&mut fields)?),
        kind::FETCH => {
            let (channel, origin) = (fields.name()?, fields.origin()?);
            let (from, to) = (fields.number()?, fields.number()?);
            Message::Fetch(Fetch { channel, origin, from, to })
        }
        kind::ENTRIES => {
            let (channel, numbers) = (fields.name()?, numbers(&mut fields)?);
            Message::Entries(Entries { channel, numbers, entries: until_end(&mut fields, entry)? })
        }
        kind::ASK => Message::Ask(fields.origin()?),
        kind::RINGS => {
            let number = fields.u32()?;
            let channels = until_end(&mut fields, |fields| {
                let channel = fields.name()?;
                let below = counted(fields, ORIGIN_BYTES + 1, |fields| Ok((fields.origin()?, fields.whole()?)))?;
                Ok((channel, below))
            })?;
            Message::Rings(Rings { number, channels })
        }
        kind::RINGED => {
            let number = fields.u32()?;
            Message::Ringed(Ringed { number, channels: until_end(&mut fields, ring)? })
        }
        kind::ACKNOWLEDGE => Message::Acknowledge(fields.u32()?),
        unknown => return Err(Malformed::UnknownKind(unknown)),
    };
    if fields.is_at_end() { Ok(message) } else { Err(fields.malformed()) }
}

fn publications<'a>(fields: &mut Fields<'a>) -> Result<Publications<'a>, Malformed> {
    let (channel, origin) = (fields.name()?, fields.origin()?);
    let (base, first, age_ms) = (fields.number()?, fields.number()?, fields.whole()?);
    let contents = until_end(fields, Fields::content)?;
    let last = first + contents.len() as u64 - 1;
    if contents.is_empty() || base > first || last > NUMBER_MAX {
        return Err(fields.malformed());
    }
    Ok(Publications { channel, origin, base, first, age_ms, contents })
}

fn telling<'a>(fields: &mut Fields<'a>) -> Result<NumbersTold<'a>, Malformed> {
    let number = fields.u32()?;
    let piece = u32::try_from(fields.whole()?).map_err(|_| fields.malformed())?;
    let mut telling = NumbersTold { number, piece, ..NumbersTold::default() };
    if !telling.set_flags(fields.u8()?) {
        return Err(fields.malformed());
    }
    telling.digest = fields.u64()?;
    telling.forgotten_ago_ms = fields.whole()?.checked_sub(1);
    telling.boots = counted(fields, ORIGIN_BYTES + 3, |fields| {
        let (origin, name) = (fields.origin()?, fields.name()?);
        Ok(BootTold { origin, name, ended_ago_ms: fields.whole()?.checked_sub(1) })
    })?;
    telling.channels = until_end(fields, |fields| {
        let channel = fields.name()?;
        Ok((channel, counted(fields, ORIGIN_BYTES + 3, numbers)?))
    })?;
    Ok(telling)
}

fn numbers(fields: &mut Fields<'_>) -> Result<Numbers, Malformed> {
    let (origin, base) = (fields.origin()?, fields.number()?);
    let (count, held) = (fields.whole()?, fields.whole()?);
    let end = base + count;
    if end > NUMBER_MAX + 1 || held > count {
        return Err(fields.malformed());
    }
    Ok(Numbers { origin, base, seen: end - 1, floor: end - held })
}

fn entry<'a>(fields: &mut Fields<'a>) -> Result<EntryTold<'a>, Malformed> {
    Ok(EntryTold { number: fields.number()?, age_ms: fields.whole()?, content: fields.content()? })
}

fn ring<'a>(fields: &mut Fields<'a>) -> Result<RingTold<'a>, Malformed> {
    let (channel, is_whole) = (fields.name()?, fields.u8()?);
    if is_whole > 1 {
        return Err(fields.malformed());
    }
    let entries = counted(fields, ORIGIN_BYTES + 3, |fields| Ok((fields.origin()?, entry(fields)?)))?;
    Ok(RingTold { channel, is_whole: is_whole == 1, entries })
}

/// A list that takes up the rest.
fn until_end<'a, T>(
    fields: &mut Fields<'a>,
    item: impl Fn(&mut Fields<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let mut list = Vec::new();
    while !fields.is_at_end() {
        list.push(item(fields)?);
    }
    Ok(list)
}

/// A list that begins with its length; each item has so many bytes at least.
fn counted<'a, T>(
    fields: &mut Fields<'a>,
    bytes: usize,
    item: impl Fn(&mut Fields<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = usize::try_from(fields.whole()?).map_err(|_| fields.malformed())?;
    if count > fields.items_max(bytes) {
        return Err(fields.malformed());
    }
    (0..count).map(|_| item(fields)).collect()
}
