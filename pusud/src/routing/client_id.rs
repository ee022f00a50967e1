//! The id of a client, by which an operator means this one and no other.
//!
//! **Invariant:** no client of a relay that runs has the id of an earlier one.

use anyhow::anyhow;
use std::fmt;
use std::str::FromStr;

/// The id of a client: `0-17`, or `0-17-3` where three others had its number before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId {
    /// Its shard.
    pub shard: usize,
    /// Its number there, which is given out anew when it has gone.
    pub number: u32,
    /// How many had that number before.
    pub earlier: u32,
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard, number, earlier } = self;
        match earlier {
            0 => write!(f, "{shard}-{number}"),
            _ => write!(f, "{shard}-{number}-{earlier}"),
        }
    }
}

impl FromStr for ClientId {
    type Err = anyhow::Error;

    /// # Errors
    /// This is no id.
    fn from_str(id: &str) -> anyhow::Result<Self> {
        let wrong =
            || anyhow!("expected the id of a client as the list of clients has it, such as `0-17`, found {id:?}");
        let mut parts = id.splitn(3, '-');
        let shard = parts.next().and_then(|shard| shard.parse().ok()).ok_or_else(wrong)?;
        let number = parts.next().and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
        let earlier = parts.next().map_or(Ok(0), str::parse).map_err(|_| wrong())?;
        Ok(Self { shard, number, earlier })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        for (text, shard, number, earlier) in [("0-17", 0, 17, 0), ("12-0-3", 12, 0, 3)] {
            let id = ClientId { shard, number, earlier };
            assert_eq!((id.to_string().as_str(), text.parse::<ClientId>().unwrap()), (text, id));
        }
        for text in ["", "0", "a-1", "0-", "0-1-", "0-1-2-3", "0--1", "0-4294967296", "alice"] {
            let error = text.parse::<ClientId>().unwrap_err().to_string();
            assert!(error.contains("such as `0-17`"), "{error}");
        }
    }
}
