//! What a [`ContextTable`](super::ContextTable) holds at most.

use std::time::Duration;

/// What a [`ContextTable`](super::ContextTable) holds at most, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableLimits {
    /// How long a context lives without a request: X-ExpirationInfo. Default 15 minutes, as Exchange has it;
    /// at least 1 ms.
    pub lifetime: Duration,
    /// Contexts in all. Default 100,000.
    pub contexts: usize,
    /// Contexts of one user. Default 256.
    pub contexts_per_user: usize,
    /// Answers kept for each context, for a client that repeats a request. Default 64.
    pub answers_per_context: usize,
    /// Bytes of answers kept for each context. Default 256 KiB.
    pub answer_bytes_per_context: usize,
    /// Bytes of answers kept in all; past it the contexts that answered longest ago lose theirs. Default 64 MiB.
    pub answer_bytes: usize,
}

impl TableLimits {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self {
        lifetime: Duration::from_secs(15 * 60),
        contexts: 100_000,
        contexts_per_user: 256,
        answers_per_context: 64,
        answer_bytes_per_context: 256 << 10,
        answer_bytes: 64 << 20,
    };

    /// Sets [`TableLimits::lifetime`].
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets [`TableLimits::contexts`].
    #[must_use]
    pub const fn with_contexts(mut self, contexts: usize) -> Self {
        self.contexts = contexts;
        self
    }

    /// Sets [`TableLimits::contexts_per_user`].
    #[must_use]
    pub const fn with_contexts_per_user(mut self, contexts: usize) -> Self {
        self.contexts_per_user = contexts;
        self
    }

    /// Sets [`TableLimits::answers_per_context`]; 0 keeps none.
    #[must_use]
    pub const fn with_answers_per_context(mut self, answers: usize) -> Self {
        self.answers_per_context = answers;
        self
    }

    /// Sets [`TableLimits::answer_bytes_per_context`].
    #[must_use]
    pub const fn with_answer_bytes_per_context(mut self, bytes: usize) -> Self {
        self.answer_bytes_per_context = bytes;
        self
    }

    /// Sets [`TableLimits::answer_bytes`].
    #[must_use]
    pub const fn with_answer_bytes(mut self, bytes: usize) -> Self {
        self.answer_bytes = bytes;
        self
    }
}

impl Default for TableLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Why a table takes no further context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableFull {
    /// [`TableLimits::contexts`].
    #[error("the table holds {0} contexts, its limit; raise `contexts`, or wait until some have expired")]
    Total(usize),
    /// [`TableLimits::contexts_per_user`].
    #[error("the user holds {0} contexts, the limit; raise `contexts_per_user`, or wait until some have expired")]
    User(usize),
    /// A context with that cookie is in the table already: the cookie was imported twice, or the entropy repeats itself.
    #[error("a context with that cookie is in the table already")]
    Duplicate,
}
