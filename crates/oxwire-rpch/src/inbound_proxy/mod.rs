//! The inbound proxy, [MS-RPCH] 3.2.3: IN channels from clients over HTTP, and a leg to the server for each.
//!
//! An [`InboundProxy`] takes IN channel requests and hands out [`VirtualInChannel`]s, each of which is driven by itself.

mod channel;
mod receive;
mod states;
#[cfg(test)]
mod tests;

use oxwire_core::ConnectionIds;

pub use channel::VirtualInChannel;

use crate::front::{ProxyConfig, ProxyCore, proxy_methods};
use crate::http::ChannelKind;

/// Takes IN channel requests and hands out what they begin.
///
/// A channel whose first PDU is CONN/B1, or IN_R1/A1 with a cookie that is not in the table, begins a [`VirtualInChannel`]; IN_R2/A1
/// with a known cookie is the successor of one. Echo requests are answered here.
///
/// # Where the text leaves no choice
/// A known cookie means IN_R2, and another PredecessorChannelCookie than that of the channel at hand is a protocol error (3.2.3.5.5.1). So
/// a client that has gone to another inbound proxy, has used a whole channel up there and comes back before this one has forwarded what it
/// holds, is turned away with its virtual connection. [`Client`](crate::client::Client) waits until the proxy it has left closes the channel.
#[derive(Debug)]
pub struct InboundProxy {
    core: ProxyCore<VirtualInChannel>,
}

impl InboundProxy {
    /// A proxy without channels. `legs` names the connections to servers that it asks for.
    #[must_use]
    pub fn new(config: ProxyConfig, legs: ConnectionIds) -> Self {
        Self { core: ProxyCore::new(ChannelKind::In, config, legs, VirtualInChannel::open) }
    }

    proxy_methods!(VirtualInChannel);
}
