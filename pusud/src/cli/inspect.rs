//! `pusud plugins inspect`: everything that a library's file says. Runs none of its code.

use super::plugins::printable;
use super::print;
use anyhow::anyhow;
use pusud::authenticator::{self, Inspection};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(super) struct Args {
    /// The library
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// # Errors
/// The file cannot be read, or the library would not serve here; what is known about it is printed all the same.
pub(super) fn inspect(args: &Args) -> anyhow::Result<()> {
    let shown = args.file.display();
    let inspection = authenticator::inspect(&args.file).map_err(|error| anyhow!("{shown} {error:#}"))?;
    print(&if args.json { format!("{:#}\n", as_json(&inspection)) } else { readable(&inspection) })?;
    match (inspection.manifest, inspection.ownership) {
        (Err(error), _) | (_, Err(error)) => Err(anyhow!("{shown} does not serve here: it {error:#}")),
        _ => Ok(()),
    }
}

fn readable(inspection: &Inspection) -> String {
    let mut rows: Vec<(&str, String)> = vec![("file", inspection.path.display().to_string())];
    match &inspection.manifest {
        Ok(manifest) => rows.extend([
            ("id", manifest.id.clone()),
            ("version", manifest.version.clone()),
            ("description", manifest.description.clone()),
            ("license", manifest.license.clone()),
            ("options", manifest.option_names()),
            ("flags", inspection.flags().join(", ")),
            ("needs tables", manifest.needs.join(", ")),
            ("abi", format!("{}.{}", pusu_plugin_abi::ABI_MAJOR, manifest.abi_minor)),
            ("built with", manifest.sdk.clone()),
        ]),
        Err(error) => rows.push(("manifest", format!("none that serves: the file {error:#}"))),
    }
    rows.extend([
        ("platform", inspection.platform.clone().unwrap_or_else(|| "not a library".to_owned())),
        ("needs", inspection.needed.join(", ")),
        ("glibc", inspection.glibc_floor.as_ref().map_or(String::new(), |floor| format!("{floor} or newer"))),
        ("layout proof", if inspection.layout_proof { "present" } else { "absent (needed of no plugin)" }.to_owned()),
        ("size", format!("{} bytes", inspection.bytes)),
        ("sha256", inspection.sha256.clone()),
    ]);
    if inspection.needs_its_folder {
        rows.push(("loading", "in place, since it looks for libraries beside itself ($ORIGIN)".to_owned()));
    }
    match &inspection.ownership {
        Ok(warnings) => rows.extend(warnings.iter().map(|warning| ("warning", format!("the file {warning}")))),
        Err(error) => rows.push(("refused", format!("the file {error:#}"))),
    }
    let mut text = String::new();
    for (name, value) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<14}{}", printable(&value));
    }
    text
}

fn as_json(inspection: &Inspection) -> Value {
    let manifest = inspection.manifest.as_ref().ok().map(|manifest| {
        json!({
            "id": manifest.id,
            "version": manifest.version,
            "description": manifest.description,
            "license": manifest.license,
            "options": manifest.options,
            "takes_other_options": manifest.takes_other_options,
            "flags": inspection.flags(),
            "needs": manifest.needs,
            "abi": format!("{}.{}", pusu_plugin_abi::ABI_MAJOR, manifest.abi_minor),
            "built_with": manifest.sdk,
        })
    });
    let errors = [inspection.manifest.as_ref().err(), inspection.ownership.as_ref().err()];
    json!({
        "file": inspection.path,
        "manifest": manifest,
        "platform": inspection.platform,
        "needs": inspection.needed,
        "glibc_floor": inspection.glibc_floor,
        "needs_its_folder": inspection.needs_its_folder,
        "layout_proof": inspection.layout_proof,
        "bytes": inspection.bytes,
        "sha256": inspection.sha256,
        "warnings": inspection.ownership.as_ref().unwrap_or(&Vec::new()),
        "errors": errors.into_iter().flatten().map(|error| format!("{error:#}")).collect::<Vec<_>>(),
    })
}
