//! The proof, at load time, that a Rust plugin's types have the layout that the daemon's have.
//!
//! abi_stable compares the two descriptions type by type; nothing of the plugin is called through it. Its report runs
//! to hundreds of lines, of which the few that say what differs are kept here.

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::{
    AbiInstability, AbiInstabilityErrors, ExpectedFound, check_layout_compatibility,
};
use abi_stable::library::AbiHeaderRef;
use abi_stable::type_layout::{TLFieldOrFunction, TypeLayout};
use anyhow::{Context, Result, anyhow};
use pusu_plugin_abi::proof::ProofRef;
use std::fmt::Display;

/// How many differences an error message tells of.
const DIFFERENCES_MAX: usize = 4;
/// How much of one value an error message shows, in characters.
const VALUE_CHARS_MAX: usize = 80;

/// Checks the header that a Rust plugin exports.
///
/// # Errors
/// It is of another abi_stable, has no layout, or has another one than the daemon; the error says what differs.
pub(super) fn check(header: AbiHeaderRef) -> Result<()> {
    let header = header
        .upgrade()
        .map_err(|error| anyhow!("is built with an abi_stable that this daemon's cannot check: {}", short(&error)))?;
    let layout = header.layout().context("leaves the layout of its types out of its proof; export it with the SDK")?;
    compare(<ProofRef as StableAbi>::LAYOUT, layout)
}

fn compare(expected: &'static TypeLayout, found: &'static TypeLayout) -> Result<()> {
    check_layout_compatibility(expected, found).map_err(|errors| {
        anyhow!(
            "lays out the ABI's types in another way than this daemon: {}; build it against the pusu-plugin-abi 1.x \
             that pusu-plugin-api brings",
            explain(&errors)
        )
    })
}

fn explain(errors: &AbiInstabilityErrors) -> String {
    let mut differences: Vec<String> = Vec::new();
    for error in &errors.errors {
        let place =
            error.stack_trace.last().map_or_else(|| format!("`{}`", errors.interface.name()), |at| place(&at.expected));
        for difference in &error.errs {
            let line = format!("{place}: {}", describe(difference));
            if !differences.contains(&line) {
                differences.push(line);
            }
        }
    }
    let more = differences.len().saturating_sub(DIFFERENCES_MAX);
    differences.truncate(DIFFERENCES_MAX);
    let mut text = differences.join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    text
}

fn place(at: &TLFieldOrFunction) -> String {
    match at {
        TLFieldOrFunction::Field(field) => format!("`{}: {}`", field.name(), field.full_type().name()),
        TLFieldOrFunction::Function(function) => format!("function `{}`", short(function)),
    }
}

fn describe(difference: &AbiInstability) -> String {
    use AbiInstability as Differs;
    match difference {
        Differs::Name(pair) => pair_of("type", &pair.expected, &pair.found),
        Differs::Package(pair) => pair_of("package", &pair.expected, &pair.found),
        Differs::PackageVersion(pair) => pair_of("package version", &pair.expected, &pair.found),
        Differs::Size(pair) => pair_of("size", &pair.expected, &pair.found),
        Differs::Alignment(pair) => pair_of("alignment", &pair.expected, &pair.found),
        Differs::FieldCountMismatch(pair) => pair_of("number of fields", &pair.expected, &pair.found),
        Differs::UnexpectedField(ExpectedFound { expected, found }) => {
            pair_of("field", &expected.name(), &found.name())
        }
        Differs::MismatchedPrimitive(pair) => {
            pair_of("primitive type", &format!("{:?}", pair.expected), &format!("{:?}", pair.found))
        }
        other => shortened(&format!("{other:?}")),
    }
}

fn pair_of(what: &str, expected: &impl Display, found: &impl Display) -> String {
    format!("{what} is {}, expected is {}", short(found), short(expected))
}

fn short(value: &impl Display) -> String {
    shortened(&value.to_string())
}

/// One line of bounded length.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(VALUE_CHARS_MAX) {
        Some((cut, _)) => format!("{}...", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    mod ours {
        #[repr(C)]
        #[derive(abi_stable::StableAbi)]
        pub(super) struct Facts {
            pub(super) magic: [u8; 8],
            pub(super) size: u32,
        }
    }

    mod other {
        #[repr(C)]
        #[derive(abi_stable::StableAbi)]
        pub(super) struct Facts {
            pub(super) magic: [u8; 8],
            pub(super) length: u64,
        }
    }

    #[test]
    fn the_same_layout_passes() {
        compare(<ProofRef as StableAbi>::LAYOUT, <ProofRef as StableAbi>::LAYOUT).unwrap();
        compare(<ours::Facts as StableAbi>::LAYOUT, <ours::Facts as StableAbi>::LAYOUT).unwrap();
    }

    #[test]
    fn another_layout_is_refused_in_a_few_lines() {
        let error = compare(<ours::Facts as StableAbi>::LAYOUT, <other::Facts as StableAbi>::LAYOUT).unwrap_err();
        let error = format!("{error:#}");
        for part in ["size is 16, expected is 12", "field is length, expected is size", "Facts"] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
        assert!(error.len() < 1000, "{error}");
    }

    #[test]
    fn types_of_another_crate_are_refused() {
        let error = compare(<ProofRef as StableAbi>::LAYOUT, <ours::Facts as StableAbi>::LAYOUT).unwrap_err();
        assert!(format!("{error:#}").contains("expected is"), "{error:#}");
    }
}
