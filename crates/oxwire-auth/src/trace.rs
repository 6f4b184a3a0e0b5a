//! Events for `tracing`, under the feature of that name. Without it nothing of an event is evaluated, or compiled in.
//!
//! Fields mean the same in every crate: `conn` is the number of the connection, `limit` the name of the setting that was
//! reached, `reason` a text of this workspace's or of the driver's. What a peer has written (a head, a name, a text, a body) is in
//! no event: it may be a secret that stands in the wrong place.

/// One event, the target the crate's name: `event!(debug, conn = conn.number(), "connection opened")`.
macro_rules! event {
    ($level:ident, $($event:tt)+) => {{
        #[cfg(feature = "tracing")]
        ::tracing::$level!(target: "oxwire_auth", $($event)+);
    }};
}

pub(crate) use event;

/// A server's reason without what the client wrote.
#[cfg(feature = "tracing")]
pub(crate) struct RefuseReason<'a>(pub(crate) &'a crate::server::RefuseReason);

#[cfg(feature = "tracing")]
impl std::fmt::Display for RefuseReason<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            // A token without a scheme in front of it would be shown as one.
            crate::server::RefuseReason::Scheme(_) => f.write_str("the scheme is not offered on this connection"),
            crate::server::RefuseReason::Negotiate(crate::spnego::Refusal::NoCommonMechanism { .. }) => {
                f.write_str("no common mechanism")
            }
            reason => reason.fmt(f),
        }
    }
}

/// A client's reason without what the server wrote.
#[cfg(feature = "tracing")]
pub(crate) struct FailReason<'a>(pub(crate) &'a crate::client::FailReason);

#[cfg(feature = "tracing")]
impl std::fmt::Display for FailReason<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            crate::client::FailReason::NoCommonScheme { .. } => f.write_str("no usable scheme among those offered"),
            crate::client::FailReason::Negotiate(
                crate::spnego::Refusal::NoCommonMechanism { .. } | crate::spnego::Refusal::NotOffered(_),
            ) => f.write_str("no common mechanism"),
            reason => reason.fmt(f),
        }
    }
}
