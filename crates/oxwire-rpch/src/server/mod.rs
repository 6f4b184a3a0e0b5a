//! The server, [MS-RPCH] 3.2.5: legs from inbound and outbound proxies, paired into virtual connections.
//!
//! A [`Server`] takes TCP connections from proxies, pairs them by their virtual connection cookie and hands out
//! [`VirtualConnection`]s. A connection whose first PDU is no RTS PDU is one of version 1 and handed out as such ([MS-RPCH] 3).

mod connection;
mod legs;
mod machine;
mod receive;
mod states;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use connection::VirtualConnection;
pub use legs::Leg;
pub use machine::{Server, ServerEvent};

pub use crate::endpoint::Event;
use crate::flow_control::AckThreshold;
use crate::front::RoleLimits;
use crate::settings::settings;

/// Settings of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerConfig {
    /// How much a proxy may hold: addresses are those of the proxies, users are not known here.
    pub limits: RoleLimits,
    /// How long a leg, an establishment or a recycling may take. Default 15 minutes, [MS-RPCH] 3.2.5.2.1.
    pub setup_timeout: Duration,
    /// ReceiveWindow of IN channels, 8,192 to 262,144 bytes. Default 65,536.
    pub receive_window: u32,
    /// When received bytes are acknowledged. Default as Windows (note 27).
    pub ack_threshold: AckThreshold,
    /// OUT channel recycling starts with this many bytes left. Default 8,192, as Windows (note 51).
    pub recycle_threshold: u32,
    /// Bytes of RPC PDUs that may wait to be sent. Default 1 MiB.
    pub send_queue: usize,
    /// The largest PDU that is taken, in bytes. Default 32,768.
    pub max_pdu: u16,
}

impl ServerConfig {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self {
        limits: RoleLimits::DEFAULT,
        setup_timeout: Duration::from_secs(15 * 60),
        receive_window: 65_536,
        ack_threshold: AckThreshold::HalfWindow,
        recycle_threshold: 8_192,
        send_queue: 1 << 20,
        max_pdu: 32_768,
    };

    settings!(receiver limits setup_timeout recycle_threshold send_queue);

    /// Bytes that a virtual connection may come to hold: its send queue, and the receive windows of an IN channel and its successor.
    #[must_use]
    pub fn memory(&self) -> usize {
        let window = usize::try_from(self.receive_window).unwrap_or(usize::MAX);
        self.send_queue.saturating_add(window.saturating_mul(2))
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}
