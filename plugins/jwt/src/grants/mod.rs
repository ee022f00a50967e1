//! `jwt_grants`: permissions by rule, for tokens of issuers that know nothing of channels.
//!
//! The rules whose conditions the claims meet add up.
//! **Invariant:** a rule gives all that it says or nothing: a value that may not stand in a name spoils the whole rule, and
//! the log says which claim it was, never its value.

mod condition;
mod possibility;
mod reach;
mod template;
mod written;

pub(crate) use possibility::Tokens;
pub(crate) use written::WrittenRule;

use crate::claims::{ClaimPath, Denied};
use crate::members::Members;
use condition::Condition;
use pusu_plugin_api::abi::PERMISSIONS_MAX;
use pusu_plugin_api::template::{NotFilled, Unfit, check_value};
use pusu_plugin_api::{Access, Pattern};
use serde_json::Value;
use template::Template;

/// What patterns are given for, and what the lists of them are called.
const KINDS: [(&str, Access); 2] = [("read", Access::READ), ("write", Access::WRITE)];

/// Most patterns of a rule that are shown.
const SHOWN_MAX: usize = 32;

/// Conditions, and the patterns that whoever meets all of them is given.
pub(crate) struct Rule {
    conditions: Vec<Condition>,
    patterns: Vec<(Access, Template)>,
    dots: bool,
}

/// What the rules give.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Given {
    pub(crate) read: Vec<String>,
    pub(crate) write: Vec<String>,
    /// What each rule gave, or why it gave nothing, for the log and `pusud authorize`; without a value of a claim.
    pub(crate) explained: Vec<String>,
}

/// Adds up what the rules give.
///
/// # Errors
/// A claim that a rule looks at cannot be read.
pub(crate) fn give(rules: &[Rule], claims: &Members<'_>) -> Result<Given, Denied> {
    let mut given = Given::default();
    for (index, rule) in rules.iter().enumerate() {
        let number = index + 1;
        let filled = match rule.unmet(claims)? {
            Some(why) => Err(why),
            None => rule.fill(claims)?,
        };
        match filled {
            Ok(patterns) => {
                given.explained.push(format!("rule {number} gives {}", rule.shown()));
                for (access, pattern) in patterns {
                    let list = if access == Access::READ { &mut given.read } else { &mut given.write };
                    // One more than a verdict may have shows that there are too many.
                    if list.len() <= PERMISSIONS_MAX && !list.contains(&pattern) {
                        list.push(pattern);
                    }
                }
            }
            Err(why) => given.explained.push(format!("rule {number} gives nothing: {why}")),
        }
    }
    Ok(given)
}

impl Rule {
    /// Why the claims do not meet its conditions; `None`: they do.
    fn unmet(&self, claims: &Members<'_>) -> Result<Option<String>, Denied> {
        for condition in &self.conditions {
            if let Some(why) = condition.unmet(claims)? {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    /// Its patterns as the operator has written them, the first ones of many.
    fn shown(&self) -> String {
        let said = self.patterns.iter().take(SHOWN_MAX).map(|(access, template)| {
            format!("{} `{template}`", if *access == Access::READ { "read" } else { "write" })
        });
        let mut shown = said.collect::<Vec<_>>().join(", ");
        if self.patterns.len() > SHOWN_MAX {
            shown.push_str(&format!(" and {} more", self.patterns.len() - SHOWN_MAX));
        }
        shown
    }

    /// The patterns with the claims in their places, or why the rule gives nothing.
    fn fill(&self, claims: &Members<'_>) -> Result<Result<Vec<(Access, String)>, String>, Denied> {
        let mut values = Vec::<(&ClaimPath, Vec<String>)>::new();
        for claim in self.patterns.iter().flat_map(|(_, template)| template.placeholders()) {
            if values.iter().any(|(known, _)| *known == claim) {
                continue;
            }
            match texts(condition::value(claim, claims)?, self.dots) {
                Ok(texts) => values.push((claim, texts)),
                Err(why) => return Ok(Err(format!("`{{{claim}}}` {why}"))),
            }
        }
        let of = |claim: &ClaimPath| {
            values.iter().find(|(known, _)| *known == claim).map_or(&[][..], |(_, texts)| texts.as_slice())
        };
        let mut patterns = Vec::new();
        for (access, template) in &self.patterns {
            let mut lists = template.placeholders().filter(|claim| of(claim).len() > 1);
            let list = lists.next();
            if let (Some(list), Some(another)) = (list, lists.find(|another| Some(*another) != list)) {
                return Ok(Err(format!("`{{{list}}}` and `{{{another}}}` both have several values")));
            }
            let rounds = list.map_or(1, |list| of(list).len());
            for round in 0..rounds.min(PERMISSIONS_MAX + 1) {
                let value = |claim: &ClaimPath| {
                    let texts = of(claim);
                    texts.get(if texts.len() > 1 { round } else { 0 })
                };
                match template.fill(|_| self.dots, value) {
                    Ok(pattern) => patterns.push((*access, pattern)),
                    Err(NotFilled::TooLong) => {
                        return Ok(Err(format!("`{template}` would be longer than {} bytes", Pattern::BYTES_MAX)));
                    }
                    Err(not) => return Ok(Err(not.to_string())),
                }
            }
        }
        Ok(Ok(patterns))
    }
}

/// The texts that a claim puts into patterns, at least one: a text, a whole number, or a list of them.
fn texts(value: Option<Value>, dots: bool) -> Result<Vec<String>, String> {
    let one = |value: &Value| match value {
        Value::String(text) => match check_value(text, dots) {
            Ok(()) => Ok(text.clone()),
            Err(Unfit::Dot) => Err("has a dot, and the rule does not say `dots: true`".to_owned()),
            Err(unfit) => Err(unfit.to_string()),
        },
        Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
        _ => Err("is no text, no whole number and no list of these".to_owned()),
    };
    match value {
        None | Some(Value::Null) => Err("is missing".to_owned()),
        Some(Value::Array(items)) if items.is_empty() => Err("is an empty list".to_owned()),
        Some(Value::Array(items)) => items.iter().map(one).collect(),
        Some(value) => one(&value).map(|text| vec![text]),
    }
}

#[cfg(test)]
mod tests;
