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
            ::tracing::$level!(target: "oxwire_http", $($event)+);
        }
    }};
    ($level:ident, $($event:tt)+) => {{
        #[cfg(feature = "tracing")]
        ::tracing::$level!(target: "oxwire_http", $($event)+);
    }};
}

pub(crate) use event;
