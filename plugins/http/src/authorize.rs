//! Authorizing clients: makes a question of a client's facts, and asks it unless the same one is asked already.

use crate::cache::Now;
use crate::options::Settings;
use crate::question::{Facts, QuestionBuilder};
use crate::service::Service;
use crate::single_flight::{SingleFlight, Waiter};
use crate::thread::Thread;
use pusu_plugin_api::{CreateError, Host};
use std::sync::Arc;

/// Authorizes clients for waiters of one kind.
pub(crate) struct Authorizer<W: Waiter> {
    /// First, so that it is the first to be dropped: with it goes what is under way.
    thread: Thread,
    single_flight: Arc<SingleFlight<W>>,
    service: Arc<Service>,
    builder: QuestionBuilder,
}

impl<W: Waiter> Authorizer<W> {
    /// Starts the thread; contacts nobody.
    ///
    /// # Errors
    /// The system has no thread, file or random numbers to spare.
    pub(crate) fn start(mut settings: Settings, host: Host) -> Result<Self, CreateError> {
        let builder = QuestionBuilder::new(std::mem::take(&mut settings.sends))
            .ok_or_else(|| CreateError::failed("the system has no random numbers"))?;
        let thread = Thread::start()
            .map_err(|error| CreateError::failed(format_args!("the thread for HTTP cannot be started: {error}")))?;
        let single_flight = Arc::new(SingleFlight::new(settings.cache_entries));
        Ok(Self { thread, single_flight, service: Arc::new(Service::new(settings, host)), builder })
    }

    /// Sees to it that `waiter` is answered. `again`: the client is authorized already, and is not served with an answer
    /// from before, which would end when the one that it has ends.
    pub(crate) fn ask(&self, facts: &Facts<'_>, again: bool, waiter: W) {
        let question = self.builder.question(facts);
        let asked = self.single_flight.ask(question.name, again, waiter, Now::read());
        if let Some((flight, unwanted)) = asked {
            let service = Arc::clone(&self.service);
            self.thread.spawn(async move {
                let outcome = tokio::select! {
                    outcome = service.ask(question.body, || flight.send()) => outcome,
                    _ = unwanted => return,
                };
                flight.land(&outcome, Now::read());
            });
        }
    }

    /// Nobody waits for the answer to `ticket` any more.
    pub(crate) fn cancel(&self, ticket: W::Ticket) {
        self.single_flight.cancel(ticket);
    }
}
