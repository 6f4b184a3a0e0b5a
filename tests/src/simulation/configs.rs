//! What each role is configured with: windows of 8 to 256 KiB, channel lifetimes from 128 KiB on, thresholds and timeouts by chance.

use std::collections::BTreeMap;

use oxwire::http::{Origin, Scheme};
use oxwire::rpch::client::{self, ProxyUse};
use oxwire::rpch::endpoint::VirtualConnectionConfig;
use oxwire::rpch::flow_control::AckThreshold;
use oxwire::rpch::front::ProxyConfig;
use oxwire::rpch::server::ServerConfig;

use super::random::Random;
use super::roles::Node;
use super::settings::Settings;

/// The largest PDU.
const MAX_PDU: u16 = 4_096;

/// Bytes that the client's and the server's queue take.
pub(super) const QUEUE: usize = 100_000;

/// The settings of all roles of one run.
#[derive(Debug)]
pub(super) struct Configs {
    pub(super) client: client::Config,
    /// Two inbound proxies, two outbound proxies.
    pub(super) proxies: Vec<ProxyConfig>,
    pub(super) connection: VirtualConnectionConfig,
    pub(super) server: ServerConfig,
}

fn window(random: &mut Random) -> u32 {
    ((8_192 << random.below(6)) - u32::from(random.one_in(4)) * 100).max(8_192)
}

fn lifetime(random: &mut Random) -> u32 {
    131_072 + u32::try_from(random.below(60_000)).unwrap_or(0)
}

fn threshold(random: &mut Random) -> AckThreshold {
    [AckThreshold::HalfWindow, AckThreshold::EveryRelease, AckThreshold::Below(6_000)][random.index(3)]
}

impl Configs {
    pub(super) fn new(random: &mut Random, settings: &Settings) -> Self {
        let origin = Origin { scheme: Scheme::Http, host: "proxy.test".into(), port: 80 };
        let Ok(rpc) = "mbx.test:6001".parse() else { panic!("a target") };
        let mut client = client::Config::new(origin, rpc)
            .with_in_channel_length(lifetime(random))
            .with_receive_window(window(random))
            .with_ack_threshold(threshold(random))
            .with_queue_bytes(QUEUE)
            .with_connection_timeout(settings.own_timeout)
            .with_proxy_use(if settings.determine { ProxyUse::Determine } else { ProxyUse::Direct })
            .with_max_pdu(MAX_PDU);
        client.pragmas.min_conn_timeout = settings.asked_timeout;
        let proxies = (0..4).map(|_| {
            ProxyConfig::DEFAULT
                .with_receive_window(window(random))
                .with_ack_threshold(threshold(random))
                .with_channel_lifetime(lifetime(random))
                .with_connection_timeout(settings.timeout)
                .with_max_pdu(MAX_PDU)
        });
        let proxies = proxies.collect();
        let connection = VirtualConnectionConfig::DEFAULT
            .with_connection_timeout(settings.timeout)
            .with_receive_window(window(random))
            .with_ack_threshold(threshold(random))
            .with_channel_lifetime(lifetime(random))
            .with_send_queue(QUEUE)
            .with_max_pdu(MAX_PDU);
        let server = ServerConfig::DEFAULT
            .with_receive_window(window(random))
            .with_ack_threshold(threshold(random))
            .with_send_queue(QUEUE)
            .with_max_pdu(MAX_PDU);
        Self { client, proxies, connection, server }
    }

    /// The ReceiveWindow of each role.
    pub(super) fn windows(&self) -> BTreeMap<Node, u32> {
        let proxy = |n: usize| self.proxies[n].receive_window;
        BTreeMap::from([
            (Node::Client, self.client.receive_window),
            (Node::In(0), proxy(0)),
            (Node::In(1), proxy(1)),
            (Node::Out(0), proxy(2)),
            (Node::Out(1), proxy(3)),
            (Node::Server, self.server.receive_window),
            (Node::Endpoint, self.connection.receive_window),
        ])
    }
}
