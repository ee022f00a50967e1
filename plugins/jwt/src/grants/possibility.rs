//! The possibility that a rule gives something: a token that is accepted, meets its conditions and fills its patterns with
//! channels that are allowed.
//!
//! **Invariant:** a rule that gives something for some token passes. The converse may fail, as far as it is not looked for.

use super::condition::{Condition, Test};
use super::reach::{Values, reaches};
use super::template::Template;
use super::{KINDS, Rule};
use crate::claims::{ClaimPath, Moment, Plain, Rules};
use crate::patterns::Allowed;
use pusu_plugin_api::abi::SUBJECT_BYTES_MAX;
use pusu_plugin_api::template::check_value;
use serde_json::Value;

/// A time that has passed for longer is over by every clock, and by more than any leeway: a day.
const PASSED_MS: i64 = 86_400_000;

/// What tokens that are accepted can have.
pub(crate) struct Tokens<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) allowed: &'a Allowed,
    /// The time, in milliseconds since 1970.
    pub(crate) now_ms: i64,
}

/// Checks that a rule can give something.
///
/// # Errors
/// It never does, and why.
pub(super) fn check(rule: &Rule, tokens: &Tokens<'_>) -> Result<(), String> {
    for condition in &rule.conditions {
        tokens.check_condition(condition, rule)?;
    }
    if let Some(permissions) = &tokens.rules.claim {
        check_permissions(rule, permissions)?;
    }
    check_objects(rule, tokens.rules.claim.as_ref())?;
    for (name, access) in KINDS {
        let templates = rule.patterns.iter().filter(|(of, _)| *of == access);
        for (index, (_, template)) in templates.enumerate() {
            let filled = template.placeholders().try_for_each(|claim| tokens.check_placeholder(template, claim, rule));
            filled.map_err(|why| format!("`{name}`, item {}: {why}", index + 1))?;
        }
    }
    let is_within = |dots: bool| {
        let values = |claim: &ClaimPath| tokens.texts(claim, rule, dots);
        let reaches = |template| tokens.allowed.patterns().any(|allowed| reaches(template, values, allowed));
        rule.patterns.iter().any(|(_, template)| reaches(template))
    };
    if is_within(rule.dots) {
        return Ok(());
    }
    let hint =
        if !rule.dots && is_within(true) { "; a value has no dot unless the rule says `dots: true`" } else { "" };
    Err(format!("gives nothing: no channel that its patterns match is among `allowed_channels`{hint}"))
}

impl Tokens<'_> {
    /// Whether some claim meets a condition and all others that are about it.
    fn check_condition(&self, condition: &Condition, rule: &Rule) -> Result<(), String> {
        let claim = &condition.claim;
        let never = |why: &str| Err(format!("gives nothing: `when`: {why}"));
        let plain = claim.plain();
        if plain == Some(Plain::Audience) && self.rules.audiences.is_empty() {
            return never("a token with `aud` is refused where `jwt_audience` is not set");
        }
        match (&condition.test, plain) {
            (Test::Exists, _) | (Test::Contains(_), None | Some(Plain::Text | Plain::Audience)) => {}
            (Test::Contains(_), Some(Plain::Moment)) => {
                return never(&format!("`{claim}` is a number in every token, which contains no text"));
            }
            (Test::Equals(any), _) => {
                if !any.iter().any(|value| is_possible(claim, value)) {
                    let expected = match plain {
                        Some(Plain::Moment) => "a number of seconds since 1970",
                        Some(Plain::Audience) => "a text or a list of texts",
                        _ => "a text of at most 1024 bytes",
                    };
                    return never(&format!("`{claim}` is {expected} in every token, and never what it should equal"));
                }
                if any.iter().all(|value| !is_possible(claim, value) || self.has_expired(claim, value)) {
                    return never("the time that `exp` should equal has passed, and such a token is refused");
                }
            }
        }
        // Where one of several values is known to be the claim's, one of them has to meet everything.
        let Some(known) = self.known(claim, rule) else { return Ok(()) };
        let accepted: Vec<&Value> = known.iter().filter(|value| self.is_accepted(claim, value)).collect();
        if accepted.is_empty() {
            return match plain {
                Some(Plain::Audience) => never(
                    "`aud` would have to equal nothing of `jwt_audience`, and such a token is refused; where `aud` is a list, \
                     `contains` finds what is in it",
                ),
                _ if self.has_issuers(claim) => never(
                    "`iss` would have to equal none of `jwt_issuer` or `jwt_oidc_issuer`, and such a token is refused",
                ),
                // That is said of the condition with these values.
                _ => Ok(()),
            };
        }
        let is_met = |value: &&Value| of(claim, rule).all(|condition| condition.test.is_met_by(value));
        if !accepted.iter().any(is_met) {
            let options = match plain {
                Some(Plain::Audience) => " and `jwt_audience`",
                Some(Plain::Text) if self.has_issuers(claim) => " and `jwt_issuer` or `jwt_oidc_issuer`",
                _ => "",
            };
            return never(&format!("its conditions on `{claim}`{options} exclude each other"));
        }
        Ok(())
    }

    /// Whether there is a value for a placeholder.
    fn check_placeholder(&self, template: &Template, claim: &ClaimPath, rule: &Rule) -> Result<(), String> {
        if claim.plain() == Some(Plain::Audience) && self.rules.audiences.is_empty() {
            return Err(format!(
                "gives nothing: a token with `{claim}` is refused where `jwt_audience` is not set, so nothing is filled in"
            ));
        }
        let fits = |text: &str| {
            let value = |other: &ClaimPath| Some(if other == claim { text } else { "x" });
            template.fill(|_| rule.dots, value).is_ok()
        };
        // Whatever contains a text that does not fit does not fit either, as a text or as a list.
        let needed = of(claim, rule).filter_map(|condition| match &condition.test {
            Test::Contains(any) => Some(any),
            Test::Equals(_) | Test::Exists => None,
        });
        let known = self.known(claim, rule);
        let is_audience = claim.plain() == Some(Plain::Audience);
        let has_fit = |value: &Value| self.meets_all(claim, value, rule) && text(value).is_some_and(|text| fits(&text));
        if needed.into_iter().all(|any| any.iter().any(|text| fits(text)))
            && known.is_none_or(|known| known.iter().any(has_fit))
            && (!is_audience || self.rules.audiences.iter().any(|audience| fits(audience)))
        {
            return Ok(());
        }
        let by = match claim.plain() {
            _ if of(claim, rule).next().is_some() => "`when`",
            Some(Plain::Audience) => "`jwt_audience`",
            _ => "`jwt_issuer` or `jwt_oidc_issuer`",
        };
        Err(format!(
            "gives nothing: no value that {by} lets `{claim}` have may stand in a channel (a text without `*`, control \
             characters and, unless `dots: true`, dots, or a whole number)"
        ))
    }

    /// The texts that may stand in the place of a claim.
    fn texts(&self, claim: &ClaimPath, rule: &Rule, dots: bool) -> Values {
        let Some(known) = self.known(claim, rule) else { return Values::Any { dots } };
        let met = known.iter().filter(|value| self.meets_all(claim, value, rule));
        Values::OneOf(met.filter_map(text).filter(|text| check_value(text, dots).is_ok()).collect())
    }

    /// The values of which one has to be the claim's; `None`: it may have any.
    fn known(&self, claim: &ClaimPath, rule: &Rule) -> Option<Vec<Value>> {
        let equals = of(claim, rule).find_map(|condition| match &condition.test {
            Test::Equals(any) => Some(any.clone()),
            Test::Contains(_) | Test::Exists => None,
        });
        let issuers =
            || self.has_issuers(claim).then(|| self.rules.issuers.iter().map(|text| text.as_str().into()).collect());
        equals.or_else(issuers)
    }

    fn has_issuers(&self, claim: &ClaimPath) -> bool {
        *claim == ClaimPath::name("iss") && !self.rules.issuers.is_empty()
    }

    /// Whether a token with this value, which is no list, is accepted.
    fn is_accepted(&self, claim: &ClaimPath, value: &Value) -> bool {
        let is_one_of = |known: &[String]| value.as_str().is_some_and(|text| known.iter().any(|known| known == text));
        is_possible(claim, value)
            && !self.has_expired(claim, value)
            && (!self.has_issuers(claim) || is_one_of(&self.rules.issuers))
            && (claim.plain() != Some(Plain::Audience) || is_one_of(&self.rules.audiences))
    }

    /// Whether a token with this value has expired.
    fn has_expired(&self, claim: &ClaimPath, value: &Value) -> bool {
        let end_ms = || serde_json::from_value::<Moment>(value.clone()).ok()?.unix_ms().ok();
        *claim == ClaimPath::name("exp")
            && end_ms().is_some_and(|end_ms| end_ms < self.now_ms.saturating_sub(PASSED_MS))
    }

    fn meets_all(&self, claim: &ClaimPath, value: &Value, rule: &Rule) -> bool {
        self.is_accepted(claim, value) && of(claim, rule).all(|condition| condition.test.is_met_by(value))
    }
}

/// The conditions on a claim.
fn of<'a>(claim: &'a ClaimPath, rule: &'a Rule) -> impl Iterator<Item = &'a Condition> {
    rule.conditions.iter().filter(move |condition| condition.claim == *claim)
}

/// Whether a claim may have this value, which is no list, in a token that is not refused for its shape.
fn is_possible(claim: &ClaimPath, value: &Value) -> bool {
    match claim.plain() {
        None => true,
        Some(Plain::Text | Plain::Audience) => {
            let is_subject = *claim == ClaimPath::name("sub");
            value.as_str().is_some_and(|text| !is_subject || text.len() <= SUBJECT_BYTES_MAX)
        }
        Some(Plain::Moment) => {
            serde_json::from_value::<Moment>(value.clone()).is_ok_and(|moment| moment.unix_ms().is_ok())
        }
    }
}

/// What a value puts into a pattern, if it is a text or a whole number, however that is written.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        // The token may have it without a point.
        Value::Number(number) => {
            number.as_f64().filter(|float| float.fract() == 0.0).map(|float| format!("{}", float as i64))
        }
        _ => None,
    }
}

/// Checks that what has to stand in the claim with the permissions is what stands there.
fn check_permissions(rule: &Rule, permissions: &ClaimPath) -> Result<(), String> {
    let filled = rule.patterns.iter().flat_map(|(_, template)| template.placeholders());
    let mut all = rule.conditions.iter().map(|condition| &condition.claim).chain(filled);
    let is_list = |way: &[String]| KINDS.iter().any(|(name, _)| *way == [*name]);
    if let Some(odd) = all.find(|claim| claim.below(permissions).is_some_and(|way| !is_list(way))) {
        return Err(format!(
            "gives nothing: a token with `{odd}` is refused: `{permissions}` has the permissions (`jwt_claim`), and nothing \
             beside the lists `read` and `write`"
        ));
    }
    let mut compared = rule.conditions.iter().filter(|condition| matches!(condition.test, Test::Equals(_)));
    match compared.find(|condition| condition.claim.is_within(permissions)) {
        Some(list) => Err(format!("gives nothing: `{}` is a list in every token, which equals nothing", list.claim)),
        None => Ok(()),
    }
}

/// Checks that no claim has to be an object and something else.
fn check_objects(rule: &Rule, permissions: Option<&ClaimPath>) -> Result<(), String> {
    let filled = || rule.patterns.iter().flat_map(|(_, template)| template.placeholders());
    let compared = rule.conditions.iter().filter(|condition| condition.test != Test::Exists);
    let plain: Vec<&ClaimPath> = compared.map(|condition| &condition.claim).chain(filled()).collect();
    for claim in &plain {
        if permissions == Some(*claim) {
            return Err(format!(
                "gives nothing: `{claim}` has the permissions (`jwt_claim`), and is no text, number or list"
            ));
        }
        let mut all = rule.conditions.iter().map(|condition| &condition.claim).chain(filled());
        if let Some(inner) = all.find(|inner| inner.is_within(claim)) {
            return Err(format!(
                "gives nothing: `{claim}` would have to be a text, a number or a list, and an object with `{inner}` as well"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
