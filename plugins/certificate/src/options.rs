//! Options as they stand in the settings, and the rules that follow from them.

use crate::property::Property;
use crate::rule::{Condition, Conditions, Rule};
use crate::template::Template;
use crate::wildcard::Wildcard;
use pusu_plugin_api::options::Place;
use pusu_plugin_api::serde::de::value::SeqAccessDeserializer;
use pusu_plugin_api::serde::de::{Deserializer, Error, SeqAccess, Visitor};
use pusu_plugin_api::serde::{self, Deserialize};
use pusu_plugin_api::{Access, CreateError, Pattern};
use std::fmt;

#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
pub(crate) struct Options {
    certificate_rules: Vec<WrittenRule>,
    #[serde(default)]
    certificate_denied: Vec<WrittenRule>,
}

/// A rule as it was written; of who is denied, the conditions alone.
#[derive(Deserialize)]
#[serde(crate = "serde", deny_unknown_fields)]
struct WrittenRule {
    common_name: Option<Texts>,
    dns: Option<Texts>,
    uri: Option<Texts>,
    email: Option<Texts>,
    ip: Option<Texts>,
    subject: Option<Texts>,
    issuer: Option<Texts>,
    serial: Option<Texts>,
    sha256: Option<Texts>,
    key_sha256: Option<Texts>,
    read: Option<Vec<Pattern>>,
    write: Option<Vec<Pattern>>,
}

impl Options {
    /// The rules that are meant.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub(crate) fn rules(&self) -> Result<Vec<Rule>, CreateError> {
        let place = Place::option("certificate_rules");
        if self.certificate_rules.is_empty() {
            return Err(place.error(
                "expected at least one rule, found an empty list, with which nobody could connect; a rule is such as \
                 `{common_name: \"sensor-*\", write: [\"measurements.{common_name}\"]}`",
            ));
        }
        let rule = |(index, rule): (usize, &WrittenRule)| {
            let place = place.item(index);
            rule.meant().map_err(|text| place.error(text))
        };
        self.certificate_rules.iter().enumerate().map(rule).collect()
    }

    /// Conditions on certificates that get nothing.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub(crate) fn denied(&self) -> Result<Vec<Conditions>, CreateError> {
        let place = Place::option("certificate_denied");
        let denied = |(index, denied): (usize, &WrittenRule)| {
            let place = place.item(index);
            if denied.read.is_some() || denied.write.is_some() {
                return Err(place.error("expected conditions alone, found `read` or `write`"));
            }
            let conditions = denied.conditions().map_err(|text| place.error(text))?;
            if conditions.is_empty() {
                return Err(place.error("expected at least one condition, found none, with which nobody could connect"));
            }
            Ok(conditions)
        };
        self.certificate_denied.iter().enumerate().map(denied).collect()
    }
}

impl WrittenRule {
    fn meant(&self) -> Result<Rule, String> {
        let conditions = self.conditions()?;
        let mut patterns = Vec::new();
        for (name, access, written) in [("read", Access::READ, &self.read), ("write", Access::WRITE, &self.write)] {
            for (index, pattern) in written.iter().flatten().enumerate() {
                let template = Template::parse(pattern).and_then(|template| has_its_parts(template, &conditions));
                let template = template.map_err(|error| format!("`{name}`, item {}: {error}", index + 1))?;
                patterns.push((access, template));
            }
        }
        if patterns.is_empty() {
            return Err("expected at least one pattern below `read` or `write`, found none".to_owned());
        }
        Ok(Rule { conditions, patterns })
    }

    fn conditions(&self) -> Result<Conditions, String> {
        let mut conditions = Vec::new();
        for property in Property::ALL {
            let Some(Texts(texts)) = self.texts(property) else { continue };
            let wildcard = |text: &String| Wildcard::parse(property, text);
            let any_of = texts.iter().map(wildcard).collect::<Result<_, _>>();
            let any_of = any_of.map_err(|error| format!("`{}`: {error}", property.name()))?;
            conditions.push(Condition { property, any_of });
        }
        Ok(Conditions(conditions))
    }

    fn texts(&self, property: Property) -> Option<&Texts> {
        let texts = match property {
            Property::CommonName => &self.common_name,
            Property::Dns => &self.dns,
            Property::Uri => &self.uri,
            Property::Email => &self.email,
            Property::Ip => &self.ip,
            Property::Subject => &self.subject,
            Property::Issuer => &self.issuer,
            Property::Serial => &self.serial,
            Property::Sha256 => &self.sha256,
            Property::KeySha256 => &self.key_sha256,
        };
        texts.as_ref()
    }
}

/// Gives back a template whose parts the conditions have.
fn has_its_parts(template: Template, conditions: &Conditions) -> Result<Template, String> {
    for placeholder in template.placeholders().filter(|placeholder| placeholder.is_part) {
        let condition = conditions.on(placeholder.property);
        if !condition.is_some_and(|condition| condition.any_of.iter().all(Wildcard::has_one_star)) {
            let (name, property) = (placeholder.name(), placeholder.property.name());
            return Err(format!(
                "`{{{name}}}` is what the `*` of `{property}` stands for, so the rule needs `{property}` with one `*` in \
                 each text"
            ));
        }
    }
    Ok(template)
}

/// One text, or a list of them of which one has to fit.
struct Texts(Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts (numbers in quotes)")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Texts, E> {
        Ok(Texts(vec![text.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, texts: A) -> Result<Texts, A::Error> {
        let texts = Vec::<String>::deserialize(SeqAccessDeserializer::new(texts))?;
        // A list that is there and empty is no condition that anybody could meet.
        if texts.is_empty() { Err(A::Error::invalid_length(0, &"at least one")) } else { Ok(Texts(texts)) }
    }
}
