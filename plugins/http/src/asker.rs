//! An instance at work: takes a client's facts, makes a question of them, and asks it unless somebody has already.

use crate::cache::Now;
use crate::desk::{Desk, Waiter};
use crate::options::Settings;
use crate::question::{Facts, Questioner};
use crate::service::Service;
use crate::thread::Thread;
use pusu_plugin_api::{CreateError, Host};
use std::sync::Arc;

/// Asks for waiters of one kind.
pub(crate) struct Asker<W> {
    /// First, so that it is the first to be dropped: with it goes what is under way.
    thread: Thread,
    desk: Arc<Desk<W>>,
    service: Arc<Service>,
    questioner: Questioner,
}

impl<W: Waiter> Asker<W> {
    /// Starts the thread; contacts nobody.
    ///
    /// # Errors
    /// The system has no thread, file or random numbers to spare.
    pub(crate) fn start(settings: Settings, host: Host) -> Result<Self, CreateError> {
        let questioner =
            Questioner::new(settings.sends).ok_or_else(|| CreateError::failed("the system has no random numbers"))?;
        let thread = Thread::start()
            .map_err(|error| CreateError::failed(format_args!("the thread for HTTP cannot be started: {error}")))?;
        let desk = Arc::new(Desk::new(settings.cache_entries));
        Ok(Self { thread, desk, service: Arc::new(Service::new(settings, host)), questioner })
    }

    /// Sees to it that `waiter` is answered.
    pub(crate) fn ask(&self, facts: &Facts<'_>, waiter: W) {
        let question = self.questioner.question(facts);
        if let Some(flight) = self.desk.ask(question.name, waiter, Now::read()) {
            let service = Arc::clone(&self.service);
            self.thread.spawn(async move {
                let outcome = service.ask(question.body).await;
                flight.land(&outcome, Now::read());
            });
        }
    }
}
