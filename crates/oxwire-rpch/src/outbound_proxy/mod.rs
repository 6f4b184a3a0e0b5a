//! The outbound proxy, [MS-RPCH] 3.2.4: OUT channels to clients over HTTP, and a leg to the server for each.
//!
//! An [`OutboundProxy`] takes OUT channel requests and hands out [`VirtualOutChannel`]s, each of which is driven by itself.

mod channel;
mod receive;
mod states;
#[cfg(test)]
mod tests;

use oxwire_core::ConnectionIds;

pub use channel::VirtualOutChannel;

use crate::front::{ProxyConfig, ProxyCore, proxy_methods};
use crate::http::ChannelKind;

/// Takes OUT channel requests and hands out what they begin.
///
/// A channel whose first PDU is CONN/A1, or OUT_R1/A3 with a cookie that is not in the table, begins a [`VirtualOutChannel`]; OUT_R2/A3
/// with a known cookie is the successor of one. Echo requests are answered here.
#[derive(Debug)]
pub struct OutboundProxy {
    core: ProxyCore<VirtualOutChannel>,
}

impl OutboundProxy {
    /// A proxy without channels. `legs` names the connections to servers that it asks for.
    #[must_use]
    pub fn new(config: ProxyConfig, legs: ConnectionIds) -> Self {
        Self { core: ProxyCore::new(ChannelKind::Out, config, legs, VirtualOutChannel::open) }
    }

    proxy_methods!(VirtualOutChannel);
}
