//! A client and an endpoint's virtual connection, with nothing between them.

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use oxwire::core::{ConnectionIds, Principal};
use oxwire::http::{HttpEvent, HttpTransmit, Origin, Scheme};
use oxwire::rpch::client::{self, Client};
use oxwire::rpch::endpoint::VirtualConnectionConfig;
use oxwire::rpch::endpoint::{Endpoint, EndpointConfig, EndpointEvent, Event, Handled, VirtualConnection};
use oxwire::rpch::front::{Caller, Verdict};

/// An RPC PDU of `len` bytes, 16 to 65,535: a request by its header.
#[must_use]
pub fn rpc_pdu(len: u16) -> Vec<u8> {
    let mut pdu = vec![5, 0, 0, 3, 0x10, 0, 0, 0];
    pdu.extend(len.to_le_bytes());
    pdu.resize(usize::from(len.max(16)), 0);
    pdu
}

/// Both ends, and the one `now` of both.
#[derive(Debug)]
pub struct Pair {
    now: Instant,
    client: Client,
    endpoint: Endpoint,
    connection: Option<Box<VirtualConnection>>,
    caller: Caller,
}

impl Pair {
    /// An open virtual connection.
    #[must_use]
    pub fn open(seed: u8) -> Self {
        let origin = Origin { scheme: Scheme::Https, host: "proxy.test".into(), port: 443 };
        let rpc = oxwire::rpch::http::RpcTarget { server: "mbx.test".into(), port: 6001 };
        let config = client::Config::new(origin, rpc).with_receive_window(262_144).with_in_channel_length(1 << 31);
        let mut state = seed;
        let entropy = move |out: &mut [u8]| {
            state = state.wrapping_add(1);
            out.fill(state);
        };
        let connection = VirtualConnectionConfig::DEFAULT.with_receive_window(262_144).with_channel_lifetime(1 << 31);
        let mut this = Self {
            now: Instant::now(),
            client: Client::new(config, Box::new(entropy), ConnectionIds::starting_at(1)),
            endpoint: Endpoint::new(EndpointConfig::DEFAULT.with_connection(connection)),
            connection: None,
            caller: Caller::new(IpAddr::from([192, 0, 2, 1]), Principal::new("ada")),
        };
        assert!(this.client.connect(this.now).is_ok());
        while this.pump() > 0 {}
        this.events();
        assert!(this.connection.is_some(), "it is open");
        this
    }

    /// The server's end alone.
    #[must_use]
    pub fn into_connection(self) -> Option<Box<VirtualConnection>> {
        self.connection
    }

    /// Moves what either end has to say to the other; gives how much that was.
    fn pump(&mut self) -> usize {
        let (now, mut moved) = (self.now, 0);
        while let Some(transmit) = self.client.poll_transmit(now) {
            moved += 1;
            self.deliver(transmit);
        }
        while let Some(event) = self.endpoint.poll_event() {
            moved += 1;
            match (event, &mut self.connection) {
                (EndpointEvent::Access(request), _) => self.endpoint.verdict(now, request.handle, Verdict::Allow),
                (EndpointEvent::Opened(connection), _) => self.connection = Some(connection),
                (EndpointEvent::Attach { channel, .. }, Some(connection)) => {
                    assert!(connection.attach(now, channel).is_ok());
                }
                (other, _) => assert!(!matches!(other, EndpointEvent::Refused(_)), "{other:?}"),
            }
        }
        while let Some(transmit) = self.endpoint.poll_transmit() {
            moved += 1;
            to_client(&mut self.client, now, transmit);
        }
        if let Some(connection) = &mut self.connection {
            while let Some(transmit) = connection.poll_transmit(now) {
                moved += 1;
                to_client(&mut self.client, now, transmit);
            }
        }
        moved
    }

    fn deliver(&mut self, transmit: HttpTransmit) {
        let HttpTransmit::Event { conn, event } = transmit else { return };
        // The body of a channel that is open goes to its virtual connection alone.
        if let (HttpEvent::Body(_), Some(connection)) = (&event, &mut self.connection)
            && connection.connections().any(|own| own == conn)
        {
            assert!(connection.handle(self.now, conn, event).is_ok());
            return;
        }
        if let Ok(Handled::BelongsTo(_, event)) = self.endpoint.handle(self.now, conn, &self.caller, event)
            && let Some(connection) = &mut self.connection
        {
            assert!(connection.handle(self.now, conn, event).is_ok());
        }
    }

    /// Takes and consumes what came; gives its bytes.
    fn events(&mut self) -> usize {
        let (now, mut bytes) = (self.now, 0);
        while let Some(event) = self.client.poll_event() {
            if let client::Event::Pdu(pdu) = event {
                bytes += pdu.len();
                assert!(self.client.consume(now, pdu.len()).is_ok());
            }
        }
        if let Some(connection) = &mut self.connection {
            while let Some(event) = connection.poll_event() {
                if let Event::Pdu(pdu) = event {
                    bytes += pdu.len();
                    assert!(connection.consume(now, pdu.len()).is_ok());
                }
            }
        }
        bytes
    }

    /// One PDU from the server to the client, from `send_pdu` to its consumption; gives its bytes.
    pub fn down(&mut self, pdu: Bytes) -> usize {
        if let Some(connection) = &mut self.connection {
            assert!(connection.send_pdu(self.now, pdu).is_ok());
        }
        // More than once, where a channel is recycled.
        while self.pump() > 0 {}
        let bytes = self.events();
        self.pump();
        bytes
    }

    /// One PDU from the client to the server.
    pub fn up(&mut self, pdu: Bytes) -> usize {
        assert!(self.client.send_pdu(self.now, pdu).is_ok());
        // More than once, where a channel is recycled.
        while self.pump() > 0 {}
        let bytes = self.events();
        self.pump();
        bytes
    }
}

fn to_client(client: &mut Client, now: Instant, transmit: HttpTransmit) {
    if let HttpTransmit::Event { conn, event } = transmit {
        assert!(client.handle(now, conn, event).is_ok());
    }
}
