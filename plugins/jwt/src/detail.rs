//! The detail of a verdict: what the log and `pusud authorize` say beside it, as long as a verdict may have it.
//!
//! **Invariant:** a verdict is never lost because there is too much to say about it.

use pusu_plugin_api::abi::TEXT_BYTES_MAX;

/// Room for the count of what is left out.
const COUNT_BYTES: usize = 64;

/// Sentences that are added one by one; those that have no room are counted.
#[derive(Default)]
pub(crate) struct Detail {
    text: String,
    left_out: usize,
}

impl Detail {
    /// One more sentence.
    pub(crate) fn add(&mut self, sentence: &str) {
        let separator = if self.text.is_empty() { "" } else { "; " };
        let bytes = self.text.len() + separator.len() + sentence.len();
        // Behind one that is left out none stands, so that it is the end that is missing.
        if self.left_out > 0 || bytes > TEXT_BYTES_MAX - COUNT_BYTES {
            self.left_out += 1;
            return;
        }
        self.text.push_str(separator);
        self.text.push_str(sentence);
    }

    /// All of it as one text.
    pub(crate) fn text(self) -> String {
        match self.left_out {
            0 => self.text,
            count => format!("{}; and {count} more that have no room", self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_counted() {
        let mut detail = Detail::default();
        ["one", "two"].into_iter().for_each(|sentence| detail.add(sentence));
        assert_eq!(detail.text(), "one; two");
        let mut detail = Detail::default();
        let long = "x".repeat(1000);
        for _ in 0..100 {
            detail.add(&long);
        }
        detail.add("short");
        let text = detail.text();
        assert!(text.len() <= TEXT_BYTES_MAX && text.ends_with("x; and 36 more that have no room"), "{}", text.len());
    }
}
