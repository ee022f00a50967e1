//! Who decides. TODO by helper.

pub mod verdict;

use crate::config::AuthenticatorConfig;
use std::path::PathBuf;
use std::time::Duration;
pub use verdict::{Authorization, Grant, Request, Verdict};

/// A running authenticator; clones are the same one.
#[derive(Clone)]
pub struct Authenticator;

/// What is running, for the log and `pusud check`.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The manifest's id, or `None`.
    pub id: String,
    /// The plugin's version.
    pub version: String,
    /// Lower-case hex; empty for `None`.
    pub sha256: String,
    /// The library's file; `None` for the built-in one.
    pub path: Option<PathBuf>,
}

impl Authenticator {
    /// Resolves, checks, loads and creates.
    pub fn start(config: &AuthenticatorConfig, call_timeout: Duration) -> anyhow::Result<Self> {
        let _ = (config, call_timeout);
        Ok(Self)
    }

    /// What is running.
    pub fn identity(&self) -> Identity {
        Identity { id: "None".into(), version: String::new(), sha256: String::new(), path: None }
    }

    /// Asks.
    pub async fn authorize(&self, request: Request) -> Verdict {
        let _ = request;
        Verdict::Grant(Grant {
            permissions: vec![crate::permission::Permission::new("*", crate::permission::Access::READ_WRITE)],
            ..Grant::default()
        })
    }

    /// Stops.
    pub fn stop(&self) {}
}

/// One file of a plugins directory, as far as its manifest tells.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The file.
    pub path: PathBuf,
    /// What its manifest says, or why it does not serve.
    pub outcome: Result<Facts, String>,
}

/// What a manifest says.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The id that the settings name.
    pub id: String,
    /// The plugin's version.
    pub version: String,
    /// The major version of the ABI it was built for.
    pub abi: u32,
    /// What it was built with; may be empty.
    pub sdk: String,
    /// The names of the options it takes.
    pub options: Vec<String>,
}

/// Reads the manifests of all libraries in `directory`, sorted by file name, running none of them.
///
/// # Errors
/// When the directory cannot be read.
pub fn list(directory: &std::path::Path) -> anyhow::Result<Vec<Listed>> {
    let _ = directory;
    Ok(Vec::new())
}
