//! Arguments that give a command the attributes of a client, as the relay would know them of a connection.
//!
//! **Invariant:** a value may be a secret, as a cookie is: none is in a message, and it is wiped when it is dropped.

use super::authorization_args::secret_text;
use anyhow::bail;
use pusu_plugin_abi::{ATTRS_MAX, KEY_BYTES_MAX, TEXT_BYTES_MAX};
use std::path::Path;
use zeroize::Zeroizing;

#[derive(clap::Args)]
pub(super) struct AttributeArgs {
    /// What the relay would know of the client, such as http.path=/chat; may be given several times
    ///
    /// Other users of this machine can see the arguments of a command: use --attribute-file for secrets.
    #[arg(long = "attribute", value_name = "NAME=VALUE")]
    attributes: Vec<String>,
    /// The same from a file (`-`: standard input), such as http.header.cookie=FILE; one line end at its end does not count
    #[arg(long = "attribute-file", value_name = "NAME=FILE")]
    attribute_files: Vec<String>,
}

impl AttributeArgs {
    /// The attributes that were given.
    ///
    /// # Errors
    /// One has no name or too long a value, there are too many, or a file cannot be read.
    pub(super) fn given(self) -> anyhow::Result<Vec<(String, Zeroizing<String>)>> {
        let mut given = Vec::new();
        for text in self.attributes {
            let text = Zeroizing::new(text);
            let (name, value) = named("--attribute", "VALUE", &text)?;
            given.push((name.to_owned(), Zeroizing::new(value.to_owned())));
        }
        for text in self.attribute_files {
            let (name, file) = named("--attribute-file", "FILE", &text)?;
            let mut bytes = secret_text(Path::new(file), "attribute")?;
            let value = String::from_utf8(std::mem::take(&mut *bytes)).expect("it is text");
            given.push((name.to_owned(), Zeroizing::new(value)));
        }
        if given.len() > ATTRS_MAX {
            bail!("expected at most {ATTRS_MAX} attributes, found {}", given.len());
        }
        if let Some((name, _)) = given.iter().find(|(_, value)| value.len() > TEXT_BYTES_MAX) {
            bail!("the attribute {name:?}: expected at most {TEXT_BYTES_MAX} bytes, found more");
        }
        Ok(given)
    }
}

fn named<'a>(flag: &str, what: &str, text: &'a str) -> anyhow::Result<(&'a str, &'a str)> {
    match text.split_once('=') {
        Some((name, rest)) if (1..=KEY_BYTES_MAX).contains(&name.len()) => Ok((name, rest)),
        Some(_) => bail!("{flag}: expected a name of 1 to {KEY_BYTES_MAX} bytes before the `=`"),
        None => bail!("{flag}: expected NAME={what}, found no `=`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(attributes: &[&str], files: &[&str]) -> AttributeArgs {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        AttributeArgs { attributes: owned(attributes), attribute_files: owned(files) }
    }

    #[test]
    fn attributes_are_given_in_both_ways() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "session=1\n").unwrap();
        let cookie = format!("http.header.cookie={}", file.path().display());
        let given = args(&["http.path=/a?b=c", "x="], &[&cookie]).given().unwrap();
        let given: Vec<_> = given.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(given, [("http.path", "/a?b=c"), ("x", ""), ("http.header.cookie", "session=1")]);
        assert!(args(&[], &[]).given().unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        let long = format!("a={}", "secret".repeat(TEXT_BYTES_MAX));
        let many: Vec<&str> = std::iter::repeat_n("a=secret", ATTRS_MAX + 1).collect();
        for (given, wanted) in [
            (args(&["secret"], &[]), "--attribute: expected NAME=VALUE"),
            (args(&["=secret"], &[]), "--attribute: expected a name of 1 to 64 bytes"),
            (args(&[&long], &[]), "the attribute \"a\": expected at most 65536 bytes"),
            (args(&many, &[]), "expected at most 64 attributes, found 65"),
            (args(&[], &["secret"]), "--attribute-file: expected NAME=FILE"),
            (args(&[], &["a=/nowhere"]), "cannot read the attribute from /nowhere"),
        ] {
            let error = given.given().unwrap_err().to_string();
            assert!(error.contains(wanted) && !error.contains("secret"), "{error}");
        }
    }
}
