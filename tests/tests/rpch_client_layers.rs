//! The RPC over HTTP client through all layers: its machine, authentication, HTTP, bytes cut anywhere, HTTP, authentication, and
//! the endpoint. No authentication, Basic and NTLM; channels as short as there are, recycled under traffic both ways.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::auth::client::{ClientConfig, ClientEvent, ClientLayer};
use oxwire::auth::ntlm::nt_hash;
use oxwire::auth::server::{Answer, ServerConfig, ServerEvent, ServerLayer};
use oxwire::auth::{AuthScheme, ChannelBinding, Credentials};
use oxwire::core::{ConnectionId, ConnectionIds, Entropy, FileTime, Principal, Transmit};
use oxwire::http::{Connection, HttpEvent, HttpLimits, HttpTransmit, Origin};
use oxwire::rpch::client::{Client, CloseReason, Config, Event, Recycling};
use oxwire::rpch::endpoint::{
    self, Endpoint, EndpointConfig, EndpointEvent, Handled, InChannelResponse, VirtualConnection,
    VirtualConnectionConfig,
};
use oxwire::rpch::front::{Caller, Verdict};
use oxwire::rpch::http::{ChannelKind, RpcError};

const USER: &str = "alice";
const PASSWORD: &str = "correct horse";

struct Link {
    client: Connection,
    server: Connection,
}

struct World {
    now: Instant,
    client: Client,
    client_auth: Option<ClientLayer>,
    server_auth: Option<ServerLayer>,
    endpoint: Endpoint,
    opened: Option<VirtualConnection>,
    links: BTreeMap<ConnectionId, Link>,
    verdict: Verdict,
    password: &'static str,
    seed: u64,
    /// How many bytes one read gives at most.
    pieces: usize,
    to_client: Vec<Bytes>,
    to_server: Vec<Bytes>,
    events: Vec<Event>,
    principals: Vec<Option<Principal>>,
    server_closed: bool,
}

fn entropy(mut seed: u64) -> Box<dyn Entropy + Send> {
    Box::new(move |out: &mut [u8]| {
        for byte in out {
            *byte = next(&mut seed).to_le_bytes()[3];
        }
    })
}

fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 11
}

fn caller(principal: Option<Principal>) -> Caller {
    let mut caller = Caller::anonymous([127, 0, 0, 1].into());
    caller.principal = principal;
    caller
}

impl World {
    fn new(scheme: Option<AuthScheme>, response: InChannelResponse, pieces: usize) -> Self {
        let now = Instant::now();
        let wall = FileTime::from_intervals(134_117_856_000_000_000);
        let origin = Origin::from_url("http://proxy.test/").unwrap().0;
        let config = Config::new(origin, "mbx1:6001".parse().unwrap()).with_in_channel_length(131_072);
        let connection =
            VirtualConnectionConfig::DEFAULT.with_channel_lifetime(131_072).with_in_channel_response(response);
        let client_auth = scheme.map(|scheme| {
            let mut config = ClientConfig::default();
            config.preference = vec![scheme];
            config.cleartext = true;
            ClientLayer::new(config, entropy(3), now, wall)
        });
        let server_auth = scheme.map(|scheme| {
            let mut config = ServerConfig::new("PROXY");
            config.schemes = vec![scheme];
            config.cleartext = true;
            ServerLayer::new(config, entropy(4), now, wall)
        });
        Self {
            now,
            client: Client::new(config, entropy(5), ConnectionIds::default()),
            client_auth,
            server_auth,
            endpoint: Endpoint::new(EndpointConfig::default().with_connection(connection)),
            opened: None,
            links: BTreeMap::new(),
            verdict: Verdict::Allow,
            password: PASSWORD,
            seed: 6,
            pieces,
            to_client: Vec::new(),
            to_server: Vec::new(),
            events: Vec::new(),
            principals: Vec::new(),
            server_closed: false,
        }
    }

    /// Moves everything that can move.
    fn settle(&mut self) {
        for _ in 0..100_000 {
            let moved = [
                self.client_says(),
                self.server_says(),
                self.bytes(),
                self.decisions(),
                self.client_events(),
                self.server_events(),
            ];
            if !moved.contains(&true) {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    fn client_says(&mut self) -> bool {
        let mut moved = false;
        loop {
            let transmit = match &mut self.client_auth {
                Some(layer) => {
                    while let Some(transmit) = self.client.poll_transmit(self.now) {
                        layer.handle_outgoing(self.now, transmit).unwrap();
                    }
                    layer.poll_transmit(self.now)
                }
                None => self.client.poll_transmit(self.now),
            };
            let Some(transmit) = transmit else { return moved };
            moved = true;
            match transmit {
                HttpTransmit::Open { conn, .. } => {
                    let client = Connection::client(conn, HttpLimits::DEFAULT);
                    let server = Connection::server(self.now, conn, HttpLimits::DEFAULT);
                    assert!(self.links.insert(conn, Link { client, server }).is_none());
                    if let Some(layer) = &mut self.server_auth {
                        layer.accept(conn, false, ChannelBinding::None).unwrap();
                    }
                }
                HttpTransmit::Event { conn, event } => {
                    if let Some(link) = self.links.get_mut(&conn) {
                        link.client.send(self.now, event).unwrap();
                    }
                }
                HttpTransmit::Close { conn } => self.links.get_mut(&conn).unwrap().client.close(self.now),
                HttpTransmit::Abort { conn } => self.links.get_mut(&conn).unwrap().client.abort(self.now),
                other => panic!("{other:?}"),
            }
        }
    }

    fn server_says(&mut self) -> bool {
        let mut moved = false;
        loop {
            let mut transmit = self.endpoint.poll_transmit();
            if transmit.is_none()
                && let Some(opened) = &mut self.opened
            {
                transmit = opened.poll_transmit(self.now);
            }
            if let Some(layer) = &mut self.server_auth {
                if let Some(transmit) = transmit {
                    layer.handle_outgoing(self.now, transmit).unwrap();
                }
                transmit = layer.poll_transmit(self.now);
            }
            let Some(transmit) = transmit else { return moved };
            moved = true;
            let Some(link) = self.links.get_mut(&transmit.conn()) else { continue };
            match transmit {
                HttpTransmit::Event { event, .. } => drop(link.server.send(self.now, event)),
                HttpTransmit::Close { .. } => link.server.close(self.now),
                HttpTransmit::Abort { .. } => link.server.abort(self.now),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Bytes both ways, in pieces of any size.
    fn bytes(&mut self) -> bool {
        let (mut moved, now) = (false, self.now);
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for (conn, link) in &mut self.links {
            for client in [true, false] {
                let (from, to) =
                    if client { (&mut link.client, &mut link.server) } else { (&mut link.server, &mut link.client) };
                while let Some(transmit) = from.poll_transmit(now) {
                    moved = true;
                    match transmit {
                        Transmit::Send { head, body, .. } => {
                            let mut bytes = Bytes::from([head.as_slice(), &body].concat());
                            while !bytes.is_empty() {
                                let most = usize::try_from(next(&mut self.seed)).unwrap() % self.pieces + 1;
                                let piece = bytes.split_to(most.min(bytes.len()));
                                to.handle(now, piece).ok();
                            }
                        }
                        _ => to.handle_eof(now),
                    }
                }
                while let Some(event) = to.poll_event() {
                    moved = true;
                    if client { up.push((*conn, event)) } else { down.push((*conn, event)) }
                }
            }
        }
        for (conn, event) in up {
            match &mut self.server_auth {
                Some(layer) => {
                    layer.handle(now, conn, event).unwrap();
                    while let Some(delivery) = self.server_auth.as_mut().and_then(ServerLayer::poll_deliver) {
                        self.deliver(delivery.conn, delivery.principal, delivery.event);
                    }
                }
                None => self.deliver(conn, None, event),
            }
        }
        for (conn, event) in down {
            match &mut self.client_auth {
                Some(layer) => layer.handle(now, conn, event).unwrap(),
                None => drop(self.client.handle(now, conn, event)),
            }
        }
        if let Some(layer) = &mut self.client_auth {
            while let Some((conn, event)) = layer.poll_deliver() {
                moved = true;
                self.client.handle(now, conn, event).ok();
            }
        }
        moved
    }

    fn deliver(&mut self, conn: ConnectionId, principal: Option<Principal>, event: HttpEvent) {
        if let HttpEvent::Head(_) = event {
            self.principals.push(principal.clone());
        }
        match self.endpoint.handle(self.now, conn, &caller(principal), event).unwrap() {
            Handled::Taken => {}
            Handled::BelongsTo(_, event) => {
                self.opened.as_mut().unwrap().handle(self.now, conn, event).unwrap();
            }
        }
    }

    fn decisions(&mut self) -> bool {
        let (mut moved, now) = (false, self.now);
        while let Some(event) = self.endpoint.poll_event() {
            moved = true;
            match event {
                EndpointEvent::Access(access) => self.endpoint.verdict(now, access.handle, self.verdict),
                EndpointEvent::Opened(connection) => self.opened = Some(*connection),
                EndpointEvent::Attach { channel, .. } => self.opened.as_mut().unwrap().attach(now, channel).unwrap(),
                EndpointEvent::Refused(refused) => assert!(self.verdict != Verdict::Allow, "{refused:?}"),
                other => panic!("{other:?}"),
            }
        }
        if let Some(layer) = &mut self.client_auth {
            while let Some(event) = layer.poll_event() {
                moved = true;
                if let ClientEvent::CredentialsNeeded { handle, after, .. } = event {
                    if after.is_some() {
                        layer.refuse(now, handle).unwrap();
                    } else {
                        layer.provide(now, handle, Credentials::password(USER, self.password)).unwrap();
                    }
                }
            }
        }
        if let Some(layer) = &mut self.server_auth {
            while let Some(event) = layer.poll_event() {
                moved = true;
                if let ServerEvent::NtHashNeeded { handle, .. } | ServerEvent::PasswordNeeded { handle, .. } = event {
                    let answer = Answer::NtHash { hash: nt_hash(PASSWORD), principal: Principal::new(USER) };
                    layer.answer(now, handle, answer).unwrap();
                }
            }
            while let Some(delivery) = self.server_auth.as_mut().and_then(ServerLayer::poll_deliver) {
                self.deliver(delivery.conn, delivery.principal, delivery.event);
            }
        }
        moved
    }

    fn client_events(&mut self) -> bool {
        let mut moved = false;
        while let Some(event) = self.client.poll_event() {
            moved = true;
            match event {
                Event::Pdu(pdu) => {
                    self.client.consume(self.now, pdu.len()).unwrap();
                    self.to_client.push(pdu);
                }
                event => self.events.push(event),
            }
        }
        moved
    }

    /// What comes goes back.
    fn server_events(&mut self) -> bool {
        let mut moved = false;
        let Some(opened) = &mut self.opened else { return false };
        while let Some(event) = opened.poll_event() {
            moved = true;
            match event {
                endpoint::Event::Pdu(pdu) => {
                    opened.consume(self.now, pdu.len()).unwrap();
                    opened.send_pdu(self.now, pdu.clone()).unwrap();
                    self.to_server.push(pdu);
                }
                endpoint::Event::Closed { .. } => self.server_closed = true,
                _ => {}
            }
        }
        moved
    }

    fn closed(&self) -> Option<&CloseReason> {
        match self.events.last() {
            Some(Event::Closed { reason, .. }) => Some(reason),
            _ => None,
        }
    }
}

/// A request PDU, \[C706\] 12.6.4.9, of that length and call_id.
fn rpc(number: u32, len: usize) -> Bytes {
    let mut pdu: Vec<u8> = (0..len).map(|at| (at as u32 ^ number).to_le_bytes()[0]).collect();
    pdu[..8].copy_from_slice(&[5, 0, 0, 3, 0x10, 0, 0, 0]);
    pdu[8..10].copy_from_slice(&u16::try_from(len).unwrap().to_le_bytes());
    pdu[10..12].copy_from_slice(&[0, 0]);
    pdu[12..16].copy_from_slice(&number.to_le_bytes());
    pdu.into()
}

/// A mebibyte there and back, in PDUs of all sizes: once and in order, over many channels.
fn carries(mut world: World) -> World {
    world.client.connect(world.now).unwrap();
    world.settle();
    assert!(matches!(world.events[..], [Event::Opened { .. }]), "{:?}", world.events);
    let (mut expected, mut bytes, mut seed) = (Vec::new(), 0, 9);
    while bytes < 1 << 20 {
        let number = u32::try_from(expected.len()).unwrap();
        let pdu = rpc(number, 16 + usize::try_from(next(&mut seed)).unwrap() % 12_000);
        bytes += pdu.len();
        expected.push(pdu.clone());
        world.client.send_pdu(world.now, pdu).unwrap();
        if number % 3 == 0 {
            world.settle();
        }
    }
    world.settle();
    assert!(world.closed().is_none() && !world.server_closed, "{:?}", world.events);
    assert_eq!(world.to_server.len(), expected.len());
    assert!(world.to_server == expected && world.to_client == expected);
    for recycling in [Recycling::InR2, Recycling::OutR2] {
        let count = world.events.iter().filter(|event| **event == Event::Recycled(recycling)).count();
        assert!(count >= 7, "{recycling:?} {count} times");
    }
    world
}

#[test]
fn without_authentication() {
    for response in [InChannelResponse::Nothing, InChannelResponse::HeldOpen, InChannelResponse::Success] {
        carries(World::new(None, response, 4_096));
    }
    carries(World::new(None, InChannelResponse::Nothing, 7));
}

/// Legs without a body, the last token on the channel's request itself; each successor channel by the scheme that is known.
#[test]
fn with_basic_and_ntlm() {
    for (scheme, response) in [
        (AuthScheme::Basic, InChannelResponse::Nothing),
        (AuthScheme::Ntlm, InChannelResponse::Nothing),
        (AuthScheme::Ntlm, InChannelResponse::HeldOpen),
        (AuthScheme::Ntlm, InChannelResponse::Success),
    ] {
        let world = carries(World::new(Some(scheme), response, 4_096));
        assert!(world.principals.iter().all(|principal| *principal == Some(Principal::new(USER))));
    }
}

/// What the server refuses comes as the status that it is, once, and nothing waits.
#[test]
fn with_a_wrong_password() {
    let mut world = World::new(Some(AuthScheme::Ntlm), InChannelResponse::Nothing, 4_096);
    world.password = "wrong";
    world.client.connect(world.now).unwrap();
    world.settle();
    let Some(CloseReason::Status { status: 401, .. }) = world.closed() else { panic!("{:?}", world.events) };
    assert!(world.opened.is_none() && world.client.poll_timeout().is_none());
}

/// The endpoint's verdict, as the client's caller reads it.
#[test]
fn with_access_denied() {
    let mut world = World::new(Some(AuthScheme::Basic), InChannelResponse::Nothing, 4_096);
    world.verdict = Verdict::Deny(RpcError::ACCESS_DENIED);
    world.client.connect(world.now).unwrap();
    world.settle();
    world.now += Duration::from_secs(10);
    world.client.handle_timeout(world.now).unwrap();
    world.settle();
    let Some(CloseReason::RpcError { channel, error }) = world.closed() else { panic!("{:?}", world.events) };
    assert!(matches!(channel, ChannelKind::In | ChannelKind::Out));
    assert_eq!(error.code, 5);
}
