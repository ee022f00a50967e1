//! `pusud plugins list`: what the files of a plugins folder say of themselves. Runs none of their code.

use super::print;
use anyhow::Context as _;
use pusud::authenticator::{self, Candidate};
use pusud::config::Config;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(super) struct ListArgs {
    /// The folder to look into [default: the settings' `plugins_dir`, or plugins in the working directory]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// The settings file whose `plugins_dir` is meant [default: settings.yaml in the working directory]
    #[arg(long, value_name = "FILE", conflicts_with = "directory")]
    config: Option<PathBuf>,
}

pub(super) fn list(args: &ListArgs) -> anyhow::Result<()> {
    let directory = match &args.directory {
        Some(directory) => directory.clone(),
        None => {
            let config = Config::load_without_options(args.config.as_deref())
                .context("looking for `plugins_dir` in the settings (or give DIR)")?;
            config.authenticator.plugins_dir
        }
    };
    let files: Vec<File> = authenticator::list(&directory)?.into_iter().map(File::from).collect();
    print(&table(&directory, &files))
}

const COLUMNS: [&str; 6] = ["ID", "VERSION", "ABI", "SDK", "OPTIONS", "FILE"];

/// A file of the folder: its cells under all [`COLUMNS`] but the last, or why it does not serve.
struct File {
    name: String,
    outcome: Result<[String; COLUMNS.len() - 1], String>,
    /// What is wrong with owners and modes, or doubtful.
    open: Vec<String>,
}

impl From<Candidate> for File {
    fn from(Candidate { path, manifest, ownership }: Candidate) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let outcome = match manifest {
            Ok(manifest) => {
                let abi = format!("{}.{}", pusu_plugin_abi::ABI_MAJOR, manifest.abi_minor);
                let options = manifest.option_names();
                Ok([manifest.id, manifest.version, abi, manifest.sdk, options])
            }
            Err(error) => Err(format!("it {error:#}")),
        };
        let open = ownership.unwrap_or_else(|error| vec![format!("{error:#}")]);
        Self { name, outcome, open }
    }
}

fn table(directory: &Path, files: &[File]) -> String {
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    let (mut unfit, mut open) = (String::new(), String::new());
    for File { name, outcome, open: why } in files {
        match outcome {
            Ok([id, version, abi, sdk, options]) => {
                rows.push([id, version, abi, sdk, options, name].map(|cell| printable(cell)));
            }
            Err(why) => unfit.push_str(&format!("  {}: {}\n", printable(name), printable(why))),
        }
        open.extend(why.iter().map(|why| format!("  {}: it {}\n", printable(name), printable(why))));
    }
    let mut text = format!("plugins in {}\n", directory.display());
    if rows.len() > 1 {
        text.push_str(&aligned(&rows));
    } else {
        text.push_str("  none\n");
    }
    for (place, [id, ..]) in rows.iter().enumerate().skip(1) {
        if rows[1..place].iter().any(|earlier| earlier[0] == *id) {
            text.push_str(&format!(
                "more than one file has the id {id}: remove all but one, or no relay starts with it\n"
            ));
        }
    }
    if !open.is_empty() {
        text.push_str("libraries that others may write or replace\n");
        text.push_str(&open);
    }
    if !unfit.is_empty() {
        text.push_str("libraries that do not serve\n");
        text.push_str(&unfit);
    }
    text
}

/// Columns as wide as their widest cell.
fn aligned<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for row in rows {
        let line: String = row.iter().zip(widths).map(|(cell, width)| format!("  {cell:<width$}")).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What a file says of itself must not steer the terminal. An empty cell is a dash.
pub(super) fn printable(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(name: &str, id: &str, options: &str) -> File {
        File { name: name.into(), outcome: Ok([id, "1.0", "1", "", options].map(str::to_owned)), open: vec![] }
    }

    #[test]
    fn plugins_stand_in_a_table_and_the_others_below_with_the_reason() {
        let files = [
            plugin("liba.so", "A", "one, two"),
            plugin("liblong.so", "LongAuthenticator\u{1b}[31m", ""),
            File { name: "libc.so".into(), outcome: Err("no manifest".into()), open: vec![] },
        ];
        let expected = "\
plugins in /p
  ID                      VERSION  ABI  SDK  OPTIONS   FILE
  A                       1.0      1    -    one, two  liba.so
  LongAuthenticator\u{fffd}[31m  1.0      1    -    -         liblong.so
libraries that do not serve
  libc.so: no manifest
";
        assert_eq!(table(Path::new("/p"), &files), expected);
    }

    #[test]
    fn nothing_there_and_one_id_twice() {
        assert_eq!(table(Path::new("/p"), &[]), "plugins in /p\n  none\n");
        let twice = table(Path::new("/p"), &[plugin("a.so", "A", ""), plugin("b.so", "A", "")]);
        assert!(twice.contains("more than one file has the id A"), "{twice}");
    }
}
