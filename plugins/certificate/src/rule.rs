//! Rules: conditions on a certificate, and the patterns that those which meet all of them are given.

use crate::certificate::Certificate;
use crate::given::Given;
use crate::property::Property;
use crate::template::Template;
use crate::wildcard::{Fit, Wildcard};
use pusu_plugin_api::Access;

/// One rule.
pub(crate) struct Rule {
    pub(crate) conditions: Conditions,
    /// What is given, and for what.
    pub(crate) patterns: Vec<(Access, Template)>,
}

/// Conditions on a certificate, at most one a property. Without any, every certificate meets them.
pub(crate) struct Conditions(pub(crate) Vec<Condition>);

/// That a property has a value which fits one of these.
pub(crate) struct Condition {
    pub(crate) property: Property,
    pub(crate) any_of: Vec<Wildcard>,
}

impl Rule {
    /// Adds what the rule gives, if the certificate meets its conditions; says whether it does.
    pub(crate) fn apply(&self, certificate: &Certificate, given: &mut Given) -> bool {
        let Some(fits) = self.conditions.fits(certificate) else { return false };
        // Of several names those count that the rule is about.
        let values = |property: Property| match fits.iter().find(|(known, _)| *known == property) {
            Some((_, fits)) => fits.clone(),
            None => certificate.values(property).map(|value| Fit { value, part: None }).collect(),
        };
        for (access, template) in &self.patterns {
            template.fill(values, |filled| match filled {
                Ok(pattern) => given.add(*access, pattern),
                Err(why) => given.leave_out(why),
            });
        }
        true
    }
}

impl Conditions {
    /// The values that fit, by property; `None` where the certificate does not meet them all.
    pub(crate) fn fits<'a>(&self, certificate: &'a Certificate) -> Option<Vec<(Property, Vec<Fit<'a>>)>> {
        let one = |condition: &Condition| {
            let first = |value| condition.any_of.iter().find_map(|wildcard| wildcard.fit(value));
            let fits: Vec<Fit<'a>> = certificate.values(condition.property).filter_map(first).collect();
            (!fits.is_empty()).then_some((condition.property, fits))
        };
        self.0.iter().map(one).collect()
    }

    /// The condition on a property.
    pub(crate) fn on(&self, property: Property) -> Option<&Condition> {
        self.0.iter().find(|condition| condition.property == property)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
