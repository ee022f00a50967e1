//! The plugin that a check is made of: read and checked as the daemon would, its options chosen, ready for instances.

use super::Job;
use crate::authenticator::facts::Facts;
use crate::authenticator::file::LibraryFile;
use crate::authenticator::grants::GrantBook;
use crate::authenticator::host::Host;
use crate::authenticator::lasting::Lasting;
use crate::authenticator::library::Plugin;
use crate::authenticator::manifest::Manifest;
use crate::authenticator::verdict::{Authorization, Request, Verdict};
use crate::authenticator::workers::Workers;
use crate::authenticator::{image, options};
use anyhow::{Context, Result, anyhow, bail, ensure};
use pusu_plugin_abi as abi;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// A checked library.
pub(super) struct Subject {
    file: LibraryFile,
    manifest: Manifest,
    options: Zeroizing<String>,
    call_timeout: Duration,
}

/// A loaded library.
pub(super) struct Loaded {
    plugin: Plugin,
    subject: Subject,
}

/// An instance with threads that call it.
pub(super) struct Instance(Workers);

impl Subject {
    /// Does what the daemon does before it loads anything.
    ///
    /// # Errors
    /// Why the daemon would refuse the file or the options.
    pub(super) fn read(job: &Job) -> Result<Self> {
        let file = LibraryFile::read(&job.file)?;
        let manifest = Manifest::find(file.bytes())?;
        file.check_ownership(false, false)?;
        let options = options::chosen(&job.options, &manifest)?;
        Ok(Self { file, manifest, options, call_timeout: job.call_timeout })
    }

    /// What it is, in a few words.
    pub(super) fn summary(&self) -> String {
        format!("{} {}, {}", self.manifest.id, self.manifest.version, self.manifest.sdk)
    }

    /// Makes sure that the bytes of the manifest that the ABI keeps for later are 0.
    pub(super) fn reserved_bytes(&self) -> Result<()> {
        self.manifest
            .reserved_bytes()
            .map_err(|found| anyhow!("{found}; it has to be 0 until the ABI gives it a meaning"))
    }

    /// What an instance has of the daemon.
    fn host(&self) -> Arc<Host> {
        Host::new(&self.manifest.id, Facts::on_trial(self.file.path()), self.lasting())
    }

    /// What an authenticator has through all its instances: here each one its own.
    fn lasting(&self) -> Lasting {
        Lasting { grants: self.manifest.has(abi::F_GRANTS).then(GrantBook::new), ..Lasting::default() }
    }

    /// Loads it, and nothing more.
    pub(super) fn load(self) -> Result<()> {
        Loaded::new(self).map(drop)
    }
}

impl Loaded {
    /// Reads and loads the job's library.
    pub(super) fn of(job: &Job) -> Result<Self> {
        Self::new(Subject::read(job)?)
    }

    fn new(subject: Subject) -> Result<Self> {
        let image = image::place(&subject.file, &subject.manifest.id)?;
        Ok(Self { plugin: Plugin::load(image.path(), &subject.manifest)?, subject })
    }

    /// Makes an instance and destroys it.
    pub(super) fn create_and_destroy(&self) -> Result<()> {
        let host = self.subject.host();
        self.plugin.create(host, &self.subject.options).map(drop)
    }

    /// An instance whose calls have the job's time.
    pub(super) fn start(&self) -> Result<Instance> {
        self.start_with(self.subject.call_timeout)
    }

    /// An instance whose calls have this much time.
    pub(super) fn start_with(&self, call_timeout: Duration) -> Result<Instance> {
        let host = self.subject.host();
        let instance = self.plugin.create(host.clone(), &self.subject.options)?;
        Ok(Instance(Workers::start(Arc::new(instance), host, self.subject.manifest.flags, call_timeout)?))
    }
}

impl Instance {
    /// Asks.
    pub(super) async fn ask(&self, authorization: &[u8]) -> Verdict {
        let request = Request {
            authorization: Authorization::new(authorization),
            peer: "192.0.2.1:50123".to_owned(),
            again: false,
            recheck: false,
            attributes: vec![("http.origin".to_owned(), "https://example.com".to_owned())],
        };
        self.0.ask(request).await
    }

    /// Makes sure that the plugin has kept the ABI's rules so far.
    ///
    /// # Errors
    /// Which it has broken.
    pub(super) fn judge(&self) -> Result<()> {
        ensure!(!self.0.retired(), "it has panicked, so the daemon would not ask this instance again");
        let counts = self.0.counts();
        for (count, what) in [
            (counts.timed_out, "not answered in time"),
            (counts.failed, "failed by the plugin, or forgotten: `authorize` returned without an answer"),
            (counts.malformed, "answered with a verdict that breaks the ABI's rules"),
            (counts.late, "answered again, or under a ticket that was never given out"),
            (counts.turned_away, "turned away, since too many others hang in the plugin"),
        ] {
            match count {
                0 => {}
                1 => bail!("1 call was {what}"),
                more => bail!("{more} calls were {what}"),
            }
        }
        Ok(())
    }

    /// Destroys it, and makes sure that its threads have come back.
    pub(super) fn stop(self) -> Result<()> {
        let left = self.0.stop();
        ensure!(left == 0, "{left} threads have not come back from the plugin a second after it was to stop");
        Ok(())
    }
}

/// What the verdict is, as a word for a report.
pub(super) fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Grant(_) => "granted",
        Verdict::Refuse(_) => "refused",
        Verdict::Unavailable(_) => "could not decide",
    }
}

/// Runs a check's questions.
pub(super) fn block_on<T>(questions: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start a runtime")?.block_on(questions)
}
