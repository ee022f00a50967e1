//! The plugin that a check is made of: read and checked as the daemon would, its options chosen, ready for instances, on
//! threads of this process or in processes of their own.

use super::Job;
use crate::authenticator::callbacks::Callbacks as _;
use crate::authenticator::decider::{Decider, Offers};
use crate::authenticator::facts::{EntryFacts, Facts};
use crate::authenticator::file::LibraryFile;
use crate::authenticator::host::Host;
use crate::authenticator::isolation::{self, Limits};
use crate::authenticator::lasting::Lasting;
use crate::authenticator::library::{self, Plugin};
use crate::authenticator::manifest::Manifest;
use crate::authenticator::verdict::{Authorization, Decision, Request};
use crate::authenticator::workers::Workers;
use crate::authenticator::{image, options};
use crate::config::{CREATE_TIMEOUT, ISOLATION_MEMORY};
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
    in_process: bool,
    /// Where it stands in a list of authenticators.
    index: u32,
    count: u32,
}

/// A library that instances can be made of.
pub(super) struct Loaded {
    /// `None`: it is loaded in processes of their own.
    plugin: Option<Plugin>,
    subject: Subject,
    lasting: Lasting,
}

/// An instance with threads that call it.
pub(super) struct Instance {
    // Let go of first: it is for the threads to destroy the instance.
    decider: Arc<dyn Decider>,
    workers: Workers,
    host: Arc<Host>,
}

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
        Ok(Self {
            file,
            manifest,
            options,
            call_timeout: job.call_timeout,
            in_process: job.in_process,
            index: 0,
            count: 1,
        })
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

    /// Whether the manifest has one of these flags.
    pub(super) fn has(&self, flag: u32) -> bool {
        self.manifest.has(flag)
    }

    /// Whether the plugin brings a language's runtime, or an interpreter: one that cannot be there twice.
    pub(super) fn has_runtime(&self) -> bool {
        self.has(abi::F_NO_SWAP)
    }

    /// Loads it in this process, and nothing more.
    pub(super) fn load(self) -> Result<()> {
        Loaded::new(self).map(drop)
    }
}

impl Loaded {
    /// Reads the job's library. It is loaded in this process, unless the job says otherwise.
    pub(super) fn of(job: &Job) -> Result<Self> {
        let subject = Subject::read(job)?;
        if !subject.in_process {
            return Self::new(subject);
        }
        let lasting = Lasting::new().of(&subject.manifest, None, false)?;
        Ok(Self { plugin: None, subject, lasting })
    }

    /// Reads the job's library and loads it in this process, whatever the job says.
    pub(super) fn here(job: &Job) -> Result<(Self, Plugin)> {
        let loaded = Self::new(Subject { in_process: false, ..Subject::read(job)? })?;
        let plugin = loaded.plugin.context("is not loaded")?;
        Ok((loaded, plugin))
    }

    fn new(subject: Subject) -> Result<Self> {
        let image = image::place(&subject.file, &subject.manifest.id)?;
        let plugin = Some(Plugin::load(image.path(), &subject.manifest)?);
        let lasting = Lasting::new().of(&subject.manifest, None, false)?;
        Ok(Self { plugin, subject, lasting })
    }

    /// What the library says of itself.
    pub(super) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The options, as one JSON object.
    pub(super) fn options(&self) -> &str {
        &self.subject.options
    }

    /// What an instance has of the daemon.
    pub(super) fn host(&self) -> Arc<Host> {
        let Subject { file, in_process, index, count, .. } = &self.subject;
        let mut facts = Facts::on_trial(file.path(), *in_process, self.subject.call_timeout);
        facts.entry = EntryFacts { index: *index, count: *count, ..facts.entry };
        Host::new(&self.subject.manifest.id, facts, self.lasting.clone())
    }

    /// Has instances told that they are entry `index` of `count`.
    pub(super) fn standing(mut self, index: u32, count: u32) -> Self {
        (self.subject.index, self.subject.count) = (index, count);
        self
    }

    /// Makes an instance, and threads for nothing.
    pub(super) fn create(&self, host: Arc<Host>) -> Result<Arc<dyn Decider>> {
        let Subject { file, manifest, options, .. } = &self.subject;
        if let Some(plugin) = self.plugin {
            return Ok(Arc::new(plugin.create(host, options)?));
        }
        let limits = Limits {
            memory_bytes_max: Some(ISOLATION_MEMORY),
            create_timeout: CREATE_TIMEOUT,
            // One that ends is a failed check.
            restarts: false,
        };
        isolation::start(file, manifest, options, limits, host)
    }

    /// Makes an instance of these options in this process and destroys it.
    pub(super) fn try_options(&self, plugin: Plugin, options: &str) -> Result<()> {
        plugin.create(self.host(), options).map(drop)
    }

    /// Makes an instance and destroys it.
    pub(super) fn create_and_destroy(&self) -> Result<()> {
        self.create(self.host()).map(drop)
    }

    /// An instance whose calls have the job's time, and that hears of what it has granted.
    pub(super) fn start(&self) -> Result<Instance> {
        self.start_with(self.subject.call_timeout)
    }

    /// An instance whose calls have this much time.
    pub(super) fn start_with(&self, call_timeout: Duration) -> Result<Instance> {
        let instance = self.start_deaf(call_timeout)?;
        instance.workers.begin_hearing();
        Ok(instance)
    }

    /// An instance whose calls have the job's time, and that hears of nothing that it has granted.
    pub(super) fn start_for_news(&self) -> Result<Instance> {
        self.start_deaf(self.subject.call_timeout)
    }

    fn start_deaf(&self, call_timeout: Duration) -> Result<Instance> {
        let host = self.host();
        let decider = self.create(Arc::clone(&host))?;
        let workers =
            Workers::start(Arc::clone(&decider), Arc::clone(&host), self.subject.manifest.flags, call_timeout)?;
        Ok(Instance { decider, workers, host })
    }

    /// Makes an instance in this process, for what only the library can be asked.
    pub(super) fn instance(&self, plugin: Plugin) -> Result<library::Instance> {
        plugin.create(self.host(), &self.subject.options)
    }
}

impl Instance {
    /// Asks.
    pub(super) async fn ask(&self, authorization: &[u8]) -> Decision {
        let request = Request {
            authorization: Authorization::new(authorization),
            peer: "192.0.2.1:50123".to_owned(),
            again: false,
            recheck: false,
            encrypted: false,
            attributes: vec![("http.origin".to_owned(), "https://example.com".to_owned().into())],
        };
        self.workers.ask(request).await
    }

    /// Which tables it offers.
    pub(super) fn offers(&self) -> Offers {
        self.decider.offers()
    }

    /// What the threads call.
    pub(super) fn decider(&self) -> &dyn Decider {
        &*self.decider
    }

    /// The metrics that it has defined without success, and how many series with.
    pub(super) fn metrics(&self) -> (Vec<String>, usize) {
        (self.host.metrics().refused(), self.host.metrics().read().len())
    }

    /// Has it read its files again, as the daemon does; within the time that it has for that.
    pub(super) fn reload(&self) -> Option<Result<(), String>> {
        self.workers.reload(CREATE_TIMEOUT)
    }

    /// Makes sure that the plugin has kept the ABI's rules so far.
    ///
    /// # Errors
    /// Which it has broken.
    pub(super) fn judge(&self) -> Result<()> {
        ensure!(self.decider.is_up(), "its process has ended");
        ensure!(!self.workers.retired(), "it has panicked, so the daemon would not ask this instance again");
        let counts = self.workers.counts();
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
        let Self { decider, workers, .. } = self;
        drop(decider);
        let left = workers.stop();
        ensure!(left == 0, "{left} threads have not come back from the plugin a second after it was to stop");
        Ok(())
    }
}

/// What the verdict is, as a word for a report.
pub(super) fn word(verdict: &Decision) -> &'static str {
    match verdict {
        Decision::Grant(_) => "granted",
        Decision::Refuse(_) => "refused",
        Decision::Abstain(_) => "abstained",
        Decision::Unavailable(_) => "could not decide",
    }
}

/// Runs a check's questions.
pub(super) fn block_on<T>(questions: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start a runtime")?.block_on(questions)
}
