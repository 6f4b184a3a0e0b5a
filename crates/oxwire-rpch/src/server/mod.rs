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
use crate::flow_control::{AckThreshold, Receiver};
use crate::front::RoleLimits;

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

    /// Sets how much a proxy may hold.
    #[must_use]
    pub const fn with_limits(mut self, limits: RoleLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how long an establishment or a recycling may take.
    #[must_use]
    pub const fn with_setup_timeout(mut self, timeout: Duration) -> Self {
        self.setup_timeout = timeout;
        self
    }

    /// Sets the ReceiveWindow; what lies outside 8,192 to 262,144 is taken as the nearer bound ([MS-RPCH] 2.2.3.5.1).
    #[must_use]
    pub fn with_receive_window(mut self, bytes: u32) -> Self {
        self.receive_window = bytes.clamp(8_192, 262_144);
        self
    }

    /// Sets when received bytes are acknowledged.
    #[must_use]
    pub const fn with_ack_threshold(mut self, threshold: AckThreshold) -> Self {
        self.ack_threshold = threshold;
        self
    }

    /// Sets when OUT channel recycling starts.
    #[must_use]
    pub const fn with_recycle_threshold(mut self, bytes: u32) -> Self {
        self.recycle_threshold = bytes;
        self
    }

    /// Sets how much may wait to be sent. A limit below the largest PDU leaves that PDU no way out.
    #[must_use]
    pub const fn with_send_queue(mut self, bytes: usize) -> Self {
        self.send_queue = bytes;
        self
    }

    /// Sets the largest PDU.
    #[must_use]
    pub const fn with_max_pdu(mut self, bytes: u16) -> Self {
        self.max_pdu = bytes;
        self
    }

    /// Bytes that a virtual connection may come to hold: its send queue, and the receive windows of an IN channel and its successor.
    #[must_use]
    pub fn memory(&self) -> usize {
        let window = usize::try_from(self.receive_window).unwrap_or(usize::MAX);
        self.send_queue.saturating_add(window.saturating_mul(2))
    }

    fn receiver(&self) -> Receiver {
        Receiver::new(self.receive_window, self.ack_threshold).with_largest_pdu(u32::from(self.max_pdu))
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}
