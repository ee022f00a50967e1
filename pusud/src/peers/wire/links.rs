//! Links of a relay, as it tells its peers, and the bytes of that.

use super::fields::{Fields, Malformed};
use super::framing::frame;
use super::kind;

/// Most of them in one frame. A list of so many may not be all.
pub(crate) const LINKS_TOLD_MAX: usize = 64;

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkTold {
    /// The relay at the other end.
    pub name: Box<str>,
    /// Each knows the other's interest; else they are still learning it.
    pub is_linked: bool,
}

/// Appends LINKS.
pub(crate) fn links(out: &mut Vec<u8>, links: &[LinkTold]) {
    frame(out, kind::LINKS, |out| {
        for link in links.iter().take(LINKS_TOLD_MAX) {
            // Names are shorter: HELLO has the same byte for them.
            out.push(link.name.len() as u8);
            out.extend_from_slice(link.name.as_bytes());
            out.push(link.is_linked.into());
        }
    });
}

/// Reads the fields of LINKS.
///
/// # Errors
/// They are none.
pub(super) fn parse(mut fields: Fields<'_>) -> Result<Vec<LinkTold>, Malformed> {
    let mut links = Vec::new();
    while !fields.is_empty() {
        let (name, is_linked) = (fields.short_text()?, fields.flag()?);
        if links.len() >= LINKS_TOLD_MAX || name.is_empty() {
            return Err(fields.wrong());
        }
        links.push(LinkTold { name: name.into(), is_linked });
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::wire::{Frame, HEAD_BYTES, parse};

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let one = |name: &str, is_linked| LinkTold { name: name.into(), is_linked };
        let all = vec![one("r2", true), one("r3", false)];
        let mut bytes = Vec::new();
        links(&mut bytes, &all);
        let fields = &bytes[HEAD_BYTES..];
        assert_eq!(parse(kind::LINKS, fields), Ok(Frame::Links(all)));
        assert_eq!(parse(kind::LINKS, &[]), Ok(Frame::Links(Vec::new())));
        for end in [1, 2, 3, 5] {
            assert!(parse(kind::LINKS, &fields[..end]).is_err(), "{end}");
        }
        let many = fields[..4].repeat(LINKS_TOLD_MAX + 1);
        assert!(parse(kind::LINKS, &many[4..]).is_ok() && parse(kind::LINKS, &many).is_err(), "too many");
        for wrong in [&[2, b'r', b'2', 2][..], &[0, 1], &[2, b'r', b'\n', 1]] {
            assert!(parse(kind::LINKS, wrong).is_err(), "{wrong:?}");
        }
    }
}
