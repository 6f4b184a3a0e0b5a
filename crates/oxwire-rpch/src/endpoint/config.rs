//! Settings of the endpoint and of the virtual connections that it hands out.

use std::time::Duration;

use crate::flow_control::AckThreshold;
use crate::front::RoleLimits;
use crate::settings::settings;

/// What a client gets as the response to an IN channel request. [MS-RPCH] 2.1.2.1.3 has it in error conditions only; servers in the
/// field differ, and clients take all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum InChannelResponse {
    /// Nothing while the request is open (gromox, Windows).
    #[default]
    Nothing,
    /// The head of a `200 Success` at once, whose body never comes (LPE).
    HeldOpen,
    /// `200 Success` with Content-Length 0 once the channel is in use (openchange).
    Success,
}

/// Settings of a virtual connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VirtualConnectionConfig {
    /// ReceiveWindow of the IN channel, 8,192 to 262,144 bytes. Default 65,536, as Windows (note 24).
    pub receive_window: u32,
    /// When received bytes are acknowledged. Default as Windows (note 27).
    pub ack_threshold: AckThreshold,
    /// ConnectionTimeout, 120 to 14,400 seconds: told to the client, and half of it without a PDU brings a ping. Default 120 s.
    pub connection_timeout: Duration,
    /// Content-Length of OUT channel responses: how many bytes an OUT channel carries before it is recycled, 131,072 to
    /// 2,147,483,648. Default 1 GiB, as Windows (note 10).
    pub channel_lifetime: u32,
    /// OUT channel recycling starts with this many bytes left. Default 8,192, as Windows (note 51).
    pub recycle_threshold: u32,
    /// Bytes of RPC PDUs that may wait to be sent. Default 1 MiB.
    pub send_queue: usize,
    /// The largest PDU that is taken from the client, in bytes. Default 32,768: half of the receive window, so that the Windows threshold
    /// never lets one wait for ever.
    pub max_pdu: u16,
    /// The response to IN channel requests. Default: nothing.
    pub in_channel_response: InChannelResponse,
    /// How long the client may be silent: its pings come more often. Default 900 s, as servers in the field; `None` is for ever,
    /// for clients that neither ping nor close.
    pub idle_timeout: Option<Duration>,
    /// How long a recycling may take. Default 15 minutes, the connection setup timer of [MS-RPCH] 3.2.5.2.1.
    pub setup_timeout: Duration,
}

impl VirtualConnectionConfig {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self {
        receive_window: 65_536,
        ack_threshold: AckThreshold::HalfWindow,
        connection_timeout: Duration::from_secs(120),
        channel_lifetime: 1 << 30,
        recycle_threshold: 8_192,
        send_queue: 1 << 20,
        max_pdu: 32_768,
        in_channel_response: InChannelResponse::Nothing,
        idle_timeout: Some(Duration::from_secs(900)),
        setup_timeout: Duration::from_secs(15 * 60),
    };

    settings!(receiver connection_timeout channel_lifetime recycle_threshold send_queue idle_timeout setup_timeout);

    /// Sets the response to IN channel requests.
    #[must_use]
    pub const fn with_in_channel_response(mut self, response: InChannelResponse) -> Self {
        self.in_channel_response = response;
        self
    }

    /// Bytes that a virtual connection may come to hold: its send queue, and the receive windows of an IN channel and its successor.
    #[must_use]
    pub fn memory(&self) -> usize {
        let window = usize::try_from(self.receive_window).unwrap_or(usize::MAX);
        self.send_queue.saturating_add(window.saturating_mul(2))
    }
}

impl Default for VirtualConnectionConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Settings of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointConfig {
    /// Who may hold how much.
    pub limits: RoleLimits,
    /// How long a channel may be half open: from its request until its virtual connection is open. Default 15 minutes, [MS-RPCH]
    /// 3.2.5.2.1; a public endpoint sets less.
    pub half_open_timeout: Duration,
    /// Settings of the virtual connections.
    pub connection: VirtualConnectionConfig,
}

impl EndpointConfig {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self {
        limits: RoleLimits::DEFAULT,
        half_open_timeout: Duration::from_secs(15 * 60),
        connection: VirtualConnectionConfig::DEFAULT,
    };

    /// Sets who may hold how much.
    #[must_use]
    pub const fn with_limits(mut self, limits: RoleLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how long a channel may be half open.
    #[must_use]
    pub const fn with_half_open_timeout(mut self, timeout: Duration) -> Self {
        self.half_open_timeout = timeout;
        self
    }

    /// Sets the settings of the virtual connections.
    #[must_use]
    pub const fn with_connection(mut self, connection: VirtualConnectionConfig) -> Self {
        self.connection = connection;
        self
    }
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self::DEFAULT
    }
}
