//! Autodiscover v2: one GET, one URL as the answer, in JSON.
//!
//! A client names a mailbox and one protocol; the answer is that protocol's URL, an error with a code, or an HTTP redirect. The
//! service has no published specification: this follows what Exchange 2016 and later and their clients send.

mod answer;
mod query;

pub use answer::{Answer, JsonError, JsonLimits};
pub use query::{Protocol, Query, QueryError};
