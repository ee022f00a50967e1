//! Resuming: how far all channels of a relay are, asked for and told, since something of it may have been lost.
//!
//! An answer is told in pieces, as there is room for them. **Invariant:** a question is answered by pieces of its own answer alone,
//! none of which is missing.

use super::Backplane;
use super::garbage::Taken;
use super::reception::TOO_FAR;
use crate::nats::queue::Kind;
use crate::nats::roster::{RelayId, Resume};
use crate::nats::wire::{self, Header, LIST_BYTES_MAX, Numbers, Piece};
use crate::routing::Door;
use std::collections::VecDeque;
use std::rc::Rc;
use tokio::time::{Duration, Instant};

/// How long a relay may take to say something of how far its channels are before it is asked again.
const RESUME_AGAIN: Duration = Duration::from_secs(1);

/// The answers that this relay owes.
#[derive(Default)]
pub(super) struct Answers {
    /// One of each relay that has asked.
    waiting: VecDeque<Question>,
    under_way: Option<Answer>,
}

struct Question {
    relay: RelayId,
    /// Where it listens.
    subject: String,
    number: u64,
    since: u64,
}

struct Answer {
    question: Question,
    /// When it began.
    floor: u64,
    place: u32,
    /// The channels that are still to be told of.
    left: Vec<Rc<str>>,
}

impl Answers {
    /// A relay asks. Whatever it has asked before, it does not wait for that any more.
    fn ask(&mut self, question: Question) {
        self.under_way.take_if(|answer| answer.question.relay == question.relay);
        match self.waiting.iter_mut().find(|other| other.relay == question.relay) {
            Some(other) => *other = question,
            None => self.waiting.push_back(question),
        }
    }

    /// Nobody waits for an answer over this connection any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl<D: Door> Backplane<D> {
    /// Asks those that have to say how far they are.
    pub(super) fn resume_all(&mut self, now: Instant) {
        if !self.has_joined() {
            return;
        }
        let mut asked = Vec::new();
        for (_, relay) in self.roster.all_mut().filter(|(_, relay)| relay.linked.is_some()) {
            if let Some(resume) = &mut relay.resume
                && resume.asked.is_none_or(|at| at + RESUME_AGAIN <= now)
            {
                self.questions += 1;
                (resume.question, resume.asked, resume.pieces) = (self.questions, Some(now), 0);
                asked.push((relay.boot, relay.connection, resume.since, resume.question));
            }
        }
        let sender = self.sender();
        for (boot, connection, since, question) in asked {
            let subject = self.subjects.of_relay(boot, connection);
            self.send(Kind::Ordered, &subject, |out| wire::resume(out, sender, since, question));
        }
    }

    /// When a relay has to be asked again.
    pub(super) fn resume_due(&self) -> Option<Instant> {
        let asked = self.roster.linked().filter_map(|(_, relay)| relay.resume?.asked);
        asked.map(|at| at + RESUME_AGAIN).min()
    }

    /// A relay wants to know how far all channels are that were published to since this heartbeat.
    pub(super) fn answer_resume(&mut self, header: Header, since: u64, number: u64) {
        let linked = self.roster.find(header.boot).filter(|(_, relay)| relay.linked.is_some());
        let Some((relay, _)) = linked.filter(|_| self.has_joined()) else { return };
        self.tell_history_again(relay);
        let subject = self.subjects.of_relay(header.boot, header.connection);
        self.answers.ask(Question { relay, subject, number, since });
        self.to_write.notify_one();
    }

    /// Goes on with the answers, where there is room.
    pub(super) fn tell_numbers(&mut self) {
        while self.has_joined() && !self.is_stopping && self.queue.answers_waiting() < LIST_BYTES_MAX {
            let answer = match self.answers.under_way.take() {
                Some(answer) => Some(answer),
                None => self.answers.waiting.pop_front().map(|question| Answer {
                    left: self.published.since(question.since).collect(),
                    floor: self.published.floor(),
                    place: 0,
                    question,
                }),
            };
            let Some(answer) = answer else { return };
            self.tell_piece(answer);
        }
    }

    fn tell_piece(&mut self, mut answer: Answer) {
        let (mut channels, mut bytes) = (Vec::new(), 0);
        while let Some(channel) = answer.left.pop_if(|channel| bytes + channel.len() + 17 <= LIST_BYTES_MAX) {
            // One that was forgotten meanwhile has been told of in its notes.
            let Some((base, last)) = self.published.of(&channel) else { continue };
            bytes += channel.len() + 17;
            channels.push((channel, base, last));
        }
        let is_last = answer.left.is_empty();
        let piece = Piece { question: answer.question.number, floor: answer.floor, place: answer.place, is_last };
        let sender = self.sender();
        // In order with the publications that it counts.
        self.answer(Kind::Ordered, &answer.question.subject, |out| {
            wire::numbers(out, sender, piece, channels.iter().map(|(channel, base, last)| (&**channel, *base, *last)));
        });
        answer.place += 1;
        self.answers.under_way = (!is_last).then_some(answer);
    }

    pub(super) fn receive_numbers(
        &mut self,
        header: Header,
        piece: Piece,
        channels: Numbers<'_>,
        now: Instant,
    ) -> Taken {
        let Some(id) = self.source(header, now)? else { return Ok(()) };
        let mut missed = 0;
        for channel in channels {
            let Ok((channel, base, last)) = channel else { return Err("an answer that is cut short".into()) };
            // Of a new channel its barrier says it.
            if let Some(channel) = self.interest.by_name(channel)
                && (!channel.is_new || channel.knows(id))
            {
                let Some(more) = channel.reach(id, base, last) else { return Err(TOO_FAR.into()) };
                if more > 0 {
                    let name = channel.name.clone();
                    missed = if self.are_copies(id, &name) { 0 } else { more }.saturating_add(missed);
                }
            }
        }
        self.count_missed(id, missed);
        let Some(relay) = self.roster.get_mut(id) else { return Ok(()) };
        let is_asked = |resume: &&mut Resume| resume.asked.is_some() && resume.question == piece.question;
        let resume = relay.resume.as_mut().filter(is_asked).filter(|resume| resume.pieces == piece.place);
        // Where one is missing it is asked again.
        let Some(resume) = resume else { return Ok(()) };
        (resume.pieces, resume.asked) = (resume.pieces.saturating_add(1), Some(now));
        if piece.is_last {
            let since = resume.since;
            relay.resume = None;
            if since == 0 {
                self.interest.begins(id, piece.floor);
            }
        }
        Ok(())
    }

    /// Has a relay say how far all its channels are, where that is not known of all that are listened to here.
    pub(super) fn learn_numbers(&mut self, id: RelayId) {
        if !self.interest.knows(id)
            && let Some(relay) = self.roster.get_mut(id)
        {
            relay.resume = Some(Resume::since(0));
        }
    }
}
