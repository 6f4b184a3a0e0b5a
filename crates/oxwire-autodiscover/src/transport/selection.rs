//! Going through the candidates.

use super::choice::Candidate;

/// The candidate in use, and what comes when it fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<'r> {
    candidates: Vec<Candidate<'r>>,
    at: usize,
}

impl<'r> Selection<'r> {
    /// Begins with the first candidate.
    #[must_use]
    pub const fn new(candidates: Vec<Candidate<'r>>) -> Self {
        Self { candidates, at: 0 }
    }

    /// The candidate to use; `None` once all have failed.
    #[must_use]
    pub fn current(&self) -> Option<&Candidate<'r>> {
        self.candidates.get(self.at)
    }

    /// The candidate in use does not work: the next one.
    pub fn failed(&mut self) -> Option<&Candidate<'r>> {
        self.at = self.candidates.len().min(self.at + 1);
        self.current()
    }

    /// What a later Autodiscover gave. A list that is the same leaves everything as it is, all candidates failed excepted;
    /// another one begins anew, so that a server that now offers a better transport is taken at its word. `true` where the
    /// candidate to use is another one than before.
    pub fn update(&mut self, candidates: Vec<Candidate<'r>>) -> bool {
        if candidates == self.candidates && self.current().is_some() {
            return false;
        }
        let before = self.current().cloned();
        self.candidates = candidates;
        self.at = 0;
        self.current() != before.as_ref()
    }
}
