//! Who a request comes from, once authentication has said so.

use std::fmt;
use std::sync::Arc;

/// The name under which the caller knows an authenticated user.
///
/// Server machines take a `Principal`, never headers. Two are the same user exactly when their names are equal byte for byte:
/// whoever makes one (an acceptor's caller) maps `DOMAIN\user`, `user@domain` and every letter case to one name first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal(Arc<str>);

impl Principal {
    /// A principal of that name.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({:?})", &*self.0)
    }
}
