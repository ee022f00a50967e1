//! Whether a relay that says nothing still lives: when to ask it, and when it has not answered for too long.
//!
//! Times alone; who reads and asks is the connection. **Invariant:** time in which nobody looked for an answer does not
//! count against the relay: an answer has all of its time from the asking on.

use std::time::Duration;
use tokio::time::Instant;

/// How long a relay may say nothing and leave a ping unanswered, unless the command line says otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(40);
/// Of that, the part in which it may answer.
const TO_ANSWER: u32 = 4;
/// The least that the command line may say.
const PATIENCE_MIN: Duration = Duration::from_secs(1);

/// How long the relay may say nothing, from the command line.
#[derive(clap::Args)]
pub(super) struct PatienceArgs {
    /// How long the relay may be silent before it counts as gone; a ping asks it before that
    #[arg(long, value_name = "TIME", default_value = "40s", value_parser = patience)]
    pub(super) patience: Duration,
}

fn patience(text: &str) -> Result<Duration, String> {
    let patience = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if patience < PATIENCE_MIN {
        return Err(format!("expected at least {}, which a relay may take to answer", seconds(PATIENCE_MIN)));
    }
    Ok(patience)
}

/// What is known of a relay's life.
#[derive(Clone, Copy)]
pub(super) struct Liveness {
    patience: Duration,
    /// When it last gave a sign of life.
    heard: Instant,
    /// When it was asked for one.
    asked: Option<Instant>,
}

impl Liveness {
    /// It has just been heard of.
    pub(super) fn new(patience: Duration) -> Self {
        Self { patience, heard: Instant::now(), asked: None }
    }

    /// How long it may be silent.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// It has given a sign of life.
    pub(super) fn heard(&mut self) {
        *self = Self::new(self.patience);
    }

    /// It is asked now.
    pub(super) fn asked(&mut self) {
        self.asked = Some(Instant::now());
    }

    /// Whether it has been asked and has not answered.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// When it is to be asked, or is dead if it has been.
    pub(super) fn due(&self) -> Instant {
        let to_answer = self.patience / TO_ANSWER;
        match self.asked {
            None => self.heard + (self.patience - to_answer),
            Some(asked) => asked + to_answer,
        }
    }

    /// How long nothing was heard of it, in words.
    pub(super) fn silence(&self) -> String {
        seconds(self.heard.elapsed())
    }
}

/// Seconds, with one digit behind the point where there are few.
pub(super) fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    format!("{seconds:.*} s", usize::from(seconds < 10.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, pause};

    #[tokio::test]
    async fn it_is_asked_and_then_has_a_quarter_of_the_time() {
        pause();
        let begun = Instant::now();
        let mut liveness = Liveness::new(Duration::from_secs(40));
        assert_eq!((liveness.due() - begun, liveness.is_asked()), (Duration::from_secs(30), false));
        // Nobody has looked for a while; that is not the relay's fault.
        advance(Duration::from_secs(100)).await;
        liveness.asked();
        assert_eq!((liveness.due() - begun, liveness.is_asked()), (Duration::from_secs(110), true));
        liveness.heard();
        assert_eq!((liveness.due() - begun, liveness.is_asked()), (Duration::from_secs(130), false));
    }

    #[test]
    fn no_relay_is_given_up_at_once() {
        assert_eq!(patience("2s"), Ok(Duration::from_secs(2)));
        assert!(patience("999ms").unwrap_err().contains("at least 1.0 s"));
        assert!(patience("soon").is_err());
    }

    #[test]
    fn times_are_told_in_seconds() {
        assert_eq!(["40 s", "1.5 s"], [seconds(Duration::from_secs(40)), seconds(Duration::from_millis(1500))]);
    }
}
