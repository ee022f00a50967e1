//! Places for the operator's own sessions: a few, which are none of the clients'.

use super::Admission;
use std::sync::Arc;

/// The most sessions at a time.
pub const OPERATORS_MAX: usize = 16;

/// A place for one session; dropping it gives it back.
pub struct OperatorPlace(Arc<Admission>);

impl Admission {
    /// Takes a place for a session of the operator's; `None`: all of them are taken.
    pub fn admit_operator(self: &Arc<Self>) -> Option<OperatorPlace> {
        let operators = &mut self.state().operators;
        (*operators < OPERATORS_MAX).then(|| {
            *operators += 1;
            OperatorPlace(self.clone())
        })
    }
}

impl Drop for OperatorPlace {
    fn drop(&mut self) {
        self.0.state().operators -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Limits;

    #[test]
    fn there_are_some_and_they_are_none_of_the_clients() {
        let admission = Admission::new(1, &Limits::default(), &[Default::default()]);
        let mut taken: Vec<_> = (0..OPERATORS_MAX).map(|_| admission.admit_operator().unwrap()).collect();
        assert!(admission.admit_operator().is_none() && admission.census() == Default::default());
        taken.pop();
        assert!(admission.admit_operator().is_some());
    }
}
