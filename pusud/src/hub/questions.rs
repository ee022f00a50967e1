//! Questions of an operator about one client that only its own task can answer: it is woken, and does at its next turn.

use super::{Hub, ListenerId, Outbox};
use crate::routing::AuthorizedBy;
use std::cell::RefCell;
use std::collections::HashMap;
use tokio::sync::oneshot;

/// Questions for one client that wait at a time; what is asked beyond is not answered.
const WAITING_MAX: usize = 16;

/// Those that wait, by the client's number.
#[derive(Default)]
pub(super) struct Questions(RefCell<HashMap<ListenerId, Vec<oneshot::Sender<AuthorizedBy>>>>);

impl Hub {
    /// Asks a client's task what it is authorized by.
    pub(super) fn ask_task(&self, listener: ListenerId, outbox: &Outbox) -> oneshot::Receiver<AuthorizedBy> {
        let (reply, answer) = oneshot::channel();
        let mut questions = self.questions.0.borrow_mut();
        let own = questions.entry(listener).or_default();
        own.retain(|question| !question.is_closed());
        if own.len() < WAITING_MAX {
            own.push(reply);
        }
        outbox.suspect();
        answer
    }

    /// What a client's task is to answer.
    pub fn take_questions(&self, listener: ListenerId) -> Vec<oneshot::Sender<AuthorizedBy>> {
        self.questions.0.borrow_mut().remove(&listener).unwrap_or_default()
    }
}
