//! What a caller decides.

use std::sync::Arc;
use std::time::Duration;

use oxwire_http::{HeadError, Origin, Version};

use crate::flow_control::AckThreshold;
use crate::http::{DEFAULT_CHANNEL_LENGTH, MAX_CHANNEL_LENGTH, MIN_CHANNEL_LENGTH, PathKind, Pragmas, RpcTarget};
use crate::rts::RtsCookie;

/// Proxy Use, [MS-RPCH] 3.2.2.1.2: whether connections go through an HTTP proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyUse {
    /// Direct connection.
    #[default]
    Direct,
    /// Indirect connection: every connection goes through the driver's HTTP proxy.
    Indirect,
    /// Not known: echo requests go both ways, and the answers decide ([MS-RPCH] 3.2.2.4.1.1).
    Determine,
}

/// How one connection is to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// To the origin itself.
    Direct,
    /// Through the HTTP proxy that the driver knows: by a tunnel, which CONNECT opens, for `http` too. An endless request is more than
    /// a forwarding proxy takes.
    HttpProxy,
}

/// Settings of a [`Client`](super::Client).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The RPC over HTTP proxy, inbound and outbound.
    pub origin: Origin,
    /// The path of the requests. Default: `/rpc/rpcproxy.dll`.
    pub path: Arc<str>,
    /// The RPC server behind the proxy.
    pub rpc: RpcTarget,
    /// Pragma directives.
    pub pragmas: Pragmas,
    /// The version in request lines. Default 1.1, with which connections outlast a response through every middlebox; the text
    /// says that clients SHOULD send 1.0.
    pub version: Version,
    /// Proxy Use. Default: direct.
    pub proxy_use: ProxyUse,
    /// Content-Length of an IN channel request, and so its lifetime: 131,072 to 2,147,483,648 bytes. Default 1 GiB (note 8).
    pub in_channel_length: u32,
    /// IN channel recycling begins with this many bytes left. Default 4,096 (note 32); from 256, which acknowledgements need, to a quarter
    /// of the length.
    pub recycle_threshold: u32,
    /// ReceiveWindow, 8,192 to 262,144 bytes. Default 65,536 (notes 15, 24).
    pub receive_window: u32,
    /// When consumed PDUs are acknowledged. Default: Windows' rule.
    pub ack_threshold: AckThreshold,
    /// The largest PDU that is taken, in bytes; not less than the fragment size that the bind agrees on. Default 32,768, half of
    /// the receive window.
    pub max_pdu: u16,
    /// Bytes of PDUs that wait to be sent. Default 4 MiB.
    pub queue_bytes: usize,
    /// ClientKeepalive: how often the inbound proxy is to probe the client's connection, in milliseconds. Default 300,000, and
    /// never 0: the text lets it mean 300,000, and a Windows proxy answers it with 0x6C0 (impacket).
    pub client_keepalive: u32,
    /// The association group, for load balancing. Default: a cookie of this virtual connection's own.
    pub association_group: Option<RtsCookie>,
    /// A ConnectionTimeout shorter than the peer's ([MS-RPCH] 3.2.2.2.1 allows it): where a middlebox drops what is silent for
    /// 300 s, say so. Default: the peer's.
    pub connection_timeout: Option<Duration>,
    /// How long the connection establishment may take, authentication included. Default 2 minutes.
    pub setup_timeout: Duration,
    /// How long a channel recycling may take. Default 2 minutes.
    pub recycling_timeout: Duration,
    /// How long a PDU may wait to be sent while the peer's window does not move. Default 5 minutes.
    pub stall_timeout: Duration,
    /// How long the OUT channel may be silent; its proxy pings within its ConnectionTimeout. Default 15 minutes.
    pub silence_timeout: Duration,
    /// The proxy use determination timer, [MS-RPCH] 3.2.2.2.3. Default 200 ms (note 29).
    pub proxy_use_timeout: Duration,
    /// How long the echo requests may take in all. Default 30 s.
    pub echo_timeout: Duration,
    /// How long the body of a failure is awaited, for its EEInfo. Default 5 s.
    pub failure_timeout: Duration,
    /// How often a channel whose request was held back, by authentication or a lost connection, is opened again. Default 4.
    pub max_reopens: u32,
}

impl Config {
    /// The defaults, for a proxy and a server behind it.
    #[must_use]
    pub fn new(origin: Origin, rpc: RpcTarget) -> Self {
        Self {
            origin,
            path: PathKind::NoCert.as_str().into(),
            rpc,
            pragmas: Pragmas::default(),
            version: Version::Http11,
            proxy_use: ProxyUse::Direct,
            in_channel_length: DEFAULT_CHANNEL_LENGTH,
            recycle_threshold: 4_096,
            receive_window: 65_536,
            ack_threshold: AckThreshold::HalfWindow,
            max_pdu: 32_768,
            queue_bytes: 4 << 20,
            client_keepalive: 300_000,
            association_group: None,
            connection_timeout: None,
            setup_timeout: Duration::from_secs(120),
            recycling_timeout: Duration::from_secs(120),
            stall_timeout: Duration::from_secs(300),
            silence_timeout: Duration::from_secs(900),
            proxy_use_timeout: Duration::from_millis(200),
            echo_timeout: Duration::from_secs(30),
            failure_timeout: Duration::from_secs(5),
            max_reopens: 4,
        }
    }

    /// From the URL of an RPC proxy, `https://mail.test/rpc/rpcproxy.dll`. A query is ignored: `rpc` says the server.
    ///
    /// # Errors
    /// [`HeadError::Url`].
    pub fn from_url(url: &str, rpc: RpcTarget) -> Result<Self, HeadError> {
        let (origin, target) = Origin::from_url(url)?;
        let path = target.split_once('?').map_or(&*target, |(path, _)| path);
        let path = if path == "/" { PathKind::NoCert.as_str() } else { path };
        let mut this = Self::new(origin, rpc);
        this.path = path.into();
        Ok(this)
    }

    /// What lies outside the bounds of its field is brought to the nearer one.
    pub(super) fn clamped(mut self) -> Self {
        self.in_channel_length = self.in_channel_length.clamp(MIN_CHANNEL_LENGTH, MAX_CHANNEL_LENGTH);
        self.recycle_threshold = self.recycle_threshold.clamp(256, self.in_channel_length / 4);
        self.receive_window = self.receive_window.clamp(8_192, 262_144);
        if self.client_keepalive == 0 {
            self.client_keepalive = 300_000;
        }
        self.client_keepalive = self.client_keepalive.max(60_000);
        self
    }
}

macro_rules! builders {
    ($($name:ident: $type:ty = $with:ident;)*) => {
        impl Config {
            $(
                #[doc = concat!("Sets [`Config::", stringify!($name), "`].")]
                #[must_use]
                pub fn $with(mut self, $name: $type) -> Self {
                    self.$name = $name;
                    self
                }
            )*
        }
    };
}

builders! {
    path: Arc<str> = with_path;
    pragmas: Pragmas = with_pragmas;
    version: Version = with_version;
    proxy_use: ProxyUse = with_proxy_use;
    in_channel_length: u32 = with_in_channel_length;
    recycle_threshold: u32 = with_recycle_threshold;
    receive_window: u32 = with_receive_window;
    ack_threshold: AckThreshold = with_ack_threshold;
    max_pdu: u16 = with_max_pdu;
    queue_bytes: usize = with_queue_bytes;
    client_keepalive: u32 = with_client_keepalive;
    association_group: Option<RtsCookie> = with_association_group;
    connection_timeout: Option<Duration> = with_connection_timeout;
    setup_timeout: Duration = with_setup_timeout;
    recycling_timeout: Duration = with_recycling_timeout;
    stall_timeout: Duration = with_stall_timeout;
    silence_timeout: Duration = with_silence_timeout;
    proxy_use_timeout: Duration = with_proxy_use_timeout;
    echo_timeout: Duration = with_echo_timeout;
    failure_timeout: Duration = with_failure_timeout;
    max_reopens: u32 = with_max_reopens;
}
