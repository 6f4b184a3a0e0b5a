//! Events for `tracing`, under the feature of that name. Without it nothing of an event is evaluated, or compiled in.
//!
//! Fields mean the same in every crate: `conn` is the number of the connection, `limit` the name of the setting that was
//! reached, `reason` a text of this workspace's or of the driver's. What a peer has written (a head, a name, a text, a body) is in
//! no event: it may be a secret that stands in the wrong place.

/// One event, the target the crate's name: `event!(debug, conn = conn.number(), "connection opened")`.
///
/// With `if let … =>` in front, where there is something to tell.
macro_rules! event {
    ($level:ident, if let $some:pat = $value:expr => $($event:tt)+) => {{
        #[cfg(feature = "tracing")]
        if let $some = $value {
            ::tracing::$level!(target: "oxwire_mapihttp", $($event)+);
        }
    }};
    ($level:ident, $($event:tt)+) => {{
        #[cfg(feature = "tracing")]
        ::tracing::$level!(target: "oxwire_mapihttp", $($event)+);
    }};
}

pub(crate) use event;

/// A duration as the field `duration_ms` has it.
#[cfg(feature = "tracing")]
pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What came of a request, in one word.
#[cfg(feature = "tracing")]
pub(crate) const fn word(outcome: &crate::client::Outcome) -> &'static str {
    use crate::client::Outcome;
    match outcome {
        Outcome::Answered(_) => "answered",
        Outcome::Refused { .. } => "refused",
        Outcome::Status { .. } => "status",
        Outcome::Unanswered { .. } => "unanswered",
        Outcome::NotSent { .. } => "not sent",
    }
}

/// X-ResponseCode, where the response carried one.
#[cfg(feature = "tracing")]
pub(crate) fn code(outcome: &crate::client::Outcome) -> Option<u32> {
    use crate::client::Outcome;
    match outcome {
        Outcome::Answered(_) => Some(0),
        Outcome::Refused { code, .. } => Some(code.number()),
        _ => None,
    }
}

/// The HTTP status, where it says more than the code.
#[cfg(feature = "tracing")]
pub(crate) const fn status(outcome: &crate::client::Outcome) -> Option<u16> {
    match outcome {
        crate::client::Outcome::Status { status, .. } => Some(*status),
        _ => None,
    }
}

/// Why a context has ended.
#[cfg(feature = "tracing")]
pub(crate) const fn end_reason(reason: crate::server::EndReason) -> &'static str {
    use crate::server::EndReason;
    match reason {
        EndReason::Expired => "expired",
        EndReason::Replaced => "replaced",
        EndReason::Disconnected => "disconnected",
        EndReason::Application => "ended by the application",
    }
}
