//! Deciders on a link: which authenticators a relay asks, as it tells its peers, and the bytes of that.
//!
//! **Invariant:** of options there is nothing but hashes under the key of the network; without a key there is nothing of them.

use super::fields::{Fields, Malformed};
use super::framing::frame;
use super::kind;

/// Most of them in one frame.
pub(crate) const DECIDERS_MAX: usize = 16;
/// Most tags of one: a network has two keys while one is replaced by the other.
const TAGS_MAX: u8 = 2;

/// One authenticator that decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decider {
    /// The id in its manifest.
    pub id: Box<str>,
    /// The version in its manifest; may be empty.
    pub version: Box<str>,
    /// The SHA-256 of its library; zeros for the one that is built in.
    pub library: [u8; 32],
    /// A hash of its options under each key of the network.
    pub options: Vec<[u8; 32]>,
}

/// Appends DECIDERS.
pub(crate) fn deciders(out: &mut Vec<u8>, deciders: &[Decider]) {
    frame(out, kind::DECIDERS, |out| {
        for decider in deciders.iter().take(DECIDERS_MAX) {
            text(out, &decider.id);
            text(out, &decider.version);
            out.extend_from_slice(&decider.library);
            let tags = decider.options.iter().take(TAGS_MAX.into());
            out.push(tags.len() as u8);
            tags.for_each(|tag| out.extend_from_slice(tag));
        }
    });
}

/// Texts of manifests are shorter.
fn text(out: &mut Vec<u8>, text: &str) {
    let end = (0..=text.len().min(255)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    out.push(end as u8);
    out.extend_from_slice(&text.as_bytes()[..end]);
}

/// Reads the fields of DECIDERS.
///
/// # Errors
/// They are none.
pub(super) fn parse(mut fields: Fields<'_>) -> Result<Vec<Decider>, Malformed> {
    let mut deciders = Vec::new();
    while !fields.is_empty() {
        if deciders.len() >= DECIDERS_MAX {
            return Err(fields.wrong());
        }
        let (id, version, library) = (fields.short_text()?, fields.short_text()?, fields.array()?);
        let tags = fields.u8()?;
        if tags > TAGS_MAX || id.is_empty() {
            return Err(fields.wrong());
        }
        let options = (0..tags).map(|_| fields.array()).collect::<Result<_, _>>()?;
        deciders.push(Decider { id: id.into(), version: version.into(), library, options });
    }
    Ok(deciders)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::wire::{Frame, HEAD_BYTES, parse};

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let one = |id: &str, options: Vec<[u8; 32]>| Decider {
            id: id.into(),
            version: "1.2".into(),
            library: [7; 32],
            options,
        };
        let all = vec![one("A", vec![]), one("B", vec![[1; 32], [2; 32]])];
        let mut bytes = Vec::new();
        deciders(&mut bytes, &all);
        let fields = &bytes[HEAD_BYTES..];
        assert_eq!(parse(kind::DECIDERS, fields), Ok(Frame::Deciders(all)));
        for end in 1..fields.len() {
            let cut = parse(kind::DECIDERS, &fields[..end]);
            // The first one alone is a list, too.
            assert!(cut.is_err() || end == 39, "{end}: {cut:?}");
        }
        let mut many = Vec::new();
        (0..=DECIDERS_MAX).for_each(|_| many.extend_from_slice(&fields[..39]));
        assert!(parse(kind::DECIDERS, &many).is_err(), "too many");
        let mut odd = fields[..39].to_vec();
        odd[38] = TAGS_MAX + 1;
        assert!(parse(kind::DECIDERS, &odd).is_err(), "too many tags");
        odd[1] = b'\n';
        assert!(parse(kind::DECIDERS, &odd).is_err(), "an id that would forge lines of the log");
    }
}
