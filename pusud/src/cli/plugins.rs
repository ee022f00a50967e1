//! `pusud plugins list`: what the files of a plugins folder say of themselves. Runs none of their code.

use super::print;
use anyhow::Context as _;
use pusud::authenticator::{self, Candidate};
use pusud::config::{Config, Overrides};
use std::fmt::Write as _;
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
            let (config, _) = Config::load(args.config.as_deref(), &Overrides::default())
                .context("looking for `plugins_dir` in the settings (or give DIR)")?;
            config.authenticator.plugins_dir
        }
    };
    let listed: Vec<_> = authenticator::list(&directory)?.into_iter().map(Listed::from).collect();
    print(&table(&directory, &listed))
}

/// One file, as it stands in the table.
struct Listed {
    path: PathBuf,
    outcome: Result<Facts, String>,
}

/// What is shown of a manifest.
struct Facts {
    id: String,
    version: String,
    abi: String,
    sdk: String,
    options: Vec<String>,
}

impl From<Candidate> for Listed {
    fn from(Candidate { path, manifest }: Candidate) -> Self {
        let outcome = match manifest {
            Ok(manifest) => Ok(Facts {
                abi: format!("{}.{}", pusu_plugin_abi::ABI_MAJOR, manifest.abi_minor),
                id: manifest.id,
                version: manifest.version,
                sdk: manifest.sdk,
                options: manifest.options,
            }),
            Err(error) => Err(format!("it {error:#}")),
        };
        Self { path, outcome }
    }
}

fn table(directory: &Path, listed: &[Listed]) -> String {
    let mut rows = vec![["ID", "VERSION", "ABI", "SDK", "OPTIONS", "FILE"].map(str::to_owned)];
    let mut unfit = String::new();
    for Listed { path, outcome } in listed {
        let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        match outcome {
            Ok(facts) => rows.push([
                or_dash(&facts.id),
                or_dash(&facts.version),
                facts.abi.clone(),
                or_dash(&facts.sdk),
                or_dash(&facts.options.join(", ")),
                printable(&file),
            ]),
            Err(why) => unfit.push_str(&format!("  {}: {}\n", printable(&file), printable(why))),
        }
    }
    let mut text = format!("plugins in {}\n", directory.display());
    if rows.len() > 1 {
        text.push_str(&aligned(&rows));
    } else {
        text.push_str("  none\n");
    }
    for (place, row) in rows.iter().enumerate().skip(1) {
        if rows[1..place].iter().any(|earlier| earlier[0] == row[0]) {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "more than one file has the id {}: remove all but one, or no relay starts with it",
                row[0]
            );
        }
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

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { printable(text) }
}

/// What a file says of itself must not steer the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(file: &str, id: &str, options: &[&str]) -> Listed {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let facts = Facts { id: id.into(), version: "1.0".into(), abi: "1.0".into(), sdk: String::new(), options };
        Listed { path: Path::new("/p").join(file), outcome: Ok(facts) }
    }

    #[test]
    fn plugins_stand_in_a_table_and_the_others_below_with_the_reason() {
        let listed = [
            plugin("liba.so", "A", &["one", "two"]),
            plugin("liblong.so", "LongAuthenticator\u{1b}[31m", &[]),
            Listed { path: "/p/libc.so".into(), outcome: Err("no manifest".into()) },
        ];
        let expected = "\
plugins in /p
  ID                      VERSION  ABI  SDK  OPTIONS   FILE
  A                       1.0      1.0  -    one, two  liba.so
  LongAuthenticator\u{fffd}[31m  1.0      1.0  -    -         liblong.so
libraries that do not serve
  libc.so: no manifest
";
        assert_eq!(table(Path::new("/p"), &listed), expected);
    }

    #[test]
    fn nothing_there_and_one_id_twice() {
        assert_eq!(table(Path::new("/p"), &[]), "plugins in /p\n  none\n");
        let twice = table(Path::new("/p"), &[plugin("a.so", "A", &[]), plugin("b.so", "A", &[])]);
        assert!(twice.contains("more than one file has the id A"), "{twice}");
    }
}
