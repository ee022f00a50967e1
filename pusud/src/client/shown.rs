//! One client as operators are shown it: its subject, kept where somebody may look, and what it is authorized by, which its
//! task says when it is asked.

use super::{Client, Context};
use crate::hub::Outbox;

impl Client {
    /// Answers an operator who looks at this client.
    pub(super) fn answer_questions(&self) {
        for question in self.context.hub.take_questions(self.listener) {
            // Nobody may wait for it any more.
            question.send(self.session.shown(|number| self.context.hub.named(&self.outbox, number))).ok();
        }
    }
}

impl Context {
    /// A client is authorized as `subject`: that is shown to operators, where there may be any.
    pub(super) fn show_subject(&self, outbox: &Outbox, subject: &str) {
        if self.is_asked && !subject.is_empty() {
            self.hub.name_subject(outbox, self.revocations.subject_key(subject), subject);
        }
    }
}
