//! `rpc_proxy LISTEN BACKEND USER PASSWORD LIFETIME`: the endpoint of RPC over HTTP in front of an RPC server that is reached by TCP. What
//! comes on a virtual connection goes to a TCP connection of its own, PDU by PDU, and back; OUT channels live LIFETIME bytes.
//!
//! What is said on a successor OUT channel waits until the client has closed the predecessor. OUT_R2/B3 and the response on the successor go
//! out at one time, on two connections, and FreeRDP's client, which takes the response for another one where it comes first, waits for ever.
//!
//! For `tests/interop`, where the client is FreeRDP's and the RPC server is one that this library does not have. LISTEN is without TLS.

#[path = "../../crates/oxwire/examples/support/network.rs"]
#[allow(dead_code, reason = "nothing is connected to by HTTP here")]
mod network;

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use network::Network;
use oxwire::auth::ChannelBinding;
use oxwire::auth::ntlm::{ExtendedProtection, nt_hash};
use oxwire::auth::server::{Answer, ServerConfig, ServerEvent, ServerLayer};
use oxwire::core::{ConnectionId, FileTime, Principal};
use oxwire::http::{HttpEvent, HttpTransmit};
use oxwire::rpc::PduStream;
use oxwire::rpch::endpoint::{
    Endpoint, EndpointConfig, EndpointEvent, Event, Handled, VirtualConnection, VirtualConnectionConfig,
    VirtualConnectionId,
};
use oxwire::rpch::front::{Caller, Verdict};
use oxwire::rpch::http::ChannelKind;

/// The largest PDU that the RPC server may send.
const MAX_PDU: u16 = 32_768;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [listen, backend, user, password, lifetime] = args.as_slice() else {
        return Err("usage: rpc_proxy LISTEN BACKEND USER PASSWORD LIFETIME".into());
    };
    let listener = TcpListener::bind(listen)?;
    println!("http://{}", listener.local_addr()?);
    let connection = VirtualConnectionConfig::DEFAULT.with_channel_lifetime(lifetime.parse()?);
    let mut proxy = Proxy {
        endpoint: Endpoint::new(EndpointConfig::DEFAULT.with_connection(connection)),
        relays: HashMap::new(),
        backend: backend.clone(),
        outward: Vec::new(),
        held: VecDeque::new(),
        holds: false,
    };
    serve(listener, &mut proxy, user, password)
}

fn entropy(out: &mut [u8]) {
    getrandom::fill(out).expect("the system has entropy");
}

fn serve(listener: TcpListener, proxy: &mut Proxy, user: &str, password: &str) -> Result<()> {
    let mut network = Network::new();
    network.listen(listener);
    let mut config = ServerConfig::new("GATEWAY");
    // TLS ends in front of this program, and clients are bound to that.
    config.ntlm.extended_protection = ExtendedProtection::Off;
    let mut auth =
        ServerLayer::new(config, Box::new(entropy), Instant::now(), FileTime::from_system(SystemTime::now()));
    loop {
        let now = Instant::now();
        for conn in std::mem::take(&mut network.accepted) {
            auth.accept(conn, false, ChannelBinding::None)?;
        }
        // Until nobody has anything left: network, authentication, endpoint and relays, and back.
        loop {
            let mut moved = false;
            for (conn, event) in network.exchange(now) {
                moved = true;
                if let Err(error) = auth.handle(now, conn, event) {
                    eprintln!("{error}");
                    network.transmit(now, HttpTransmit::Abort { conn });
                }
            }
            while let Some(event) = auth.poll_event() {
                moved = true;
                if let ServerEvent::NtHashNeeded { handle, user: asked, .. } = event {
                    let known = asked.user().eq_ignore_ascii_case(user);
                    let hash = || Answer::NtHash { hash: nt_hash(password), principal: Principal::new(user) };
                    auth.answer(now, handle, if known { hash() } else { Answer::UnknownUser })?;
                }
            }
            while let Some(delivery) = auth.poll_deliver() {
                moved = true;
                proxy.handle(now, delivery.conn, delivery.principal, delivery.event);
            }
            moved |= proxy.settle(now, &network);
            while let Some(transmit) = proxy.poll_transmit(now) {
                moved = true;
                auth.handle_outgoing(now, transmit)?;
            }
            while let Some(transmit) = auth.poll_transmit(now) {
                moved = true;
                network.transmit(now, transmit);
            }
            if !moved {
                break;
            }
        }
        network.wait(proxy.poll_timeout().into_iter().chain(auth.poll_timeout()).min());
        let now = Instant::now();
        auth.handle_timeout(now);
        proxy.handle_timeout(now);
    }
}

/// The endpoint, and what is behind it.
struct Proxy {
    endpoint: Endpoint,
    relays: HashMap<VirtualConnectionId, Relay>,
    backend: String,
    /// The connections of OUT channels, in order.
    outward: Vec<ConnectionId>,
    /// What is said on the last of them while it `holds`.
    held: VecDeque<HttpTransmit>,
    holds: bool,
}

/// A virtual connection, and the TCP connection that it goes on by.
struct Relay {
    connection: VirtualConnection,
    server: TcpStream,
    pdus: Receiver<Bytes>,
    /// What the send queue had no room for.
    unsent: Option<Bytes>,
}

impl Proxy {
    fn handle(&mut self, now: Instant, conn: ConnectionId, principal: Option<Principal>, event: HttpEvent) {
        if matches!(event, HttpEvent::Reset(_)) && self.predecessor() == Some(conn) {
            self.holds = false;
        }
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let caller = principal.map_or_else(|| Caller::anonymous(address), |principal| Caller::new(address, principal));
        match self.endpoint.handle(now, conn, &caller, event) {
            Ok(Handled::BelongsTo(id, event)) => {
                if let Some(relay) = self.relays.get_mut(&id) {
                    // What ends a virtual connection is one of its events, too.
                    let _told = relay.connection.handle(now, conn, event);
                }
            }
            Ok(_) => {}
            Err(error) => eprintln!("{error}"),
        }
    }

    fn predecessor(&self) -> Option<ConnectionId> {
        self.outward.iter().rev().nth(1).copied()
    }

    /// Whether anything has happened.
    fn settle(&mut self, now: Instant, network: &Network) -> bool {
        let mut moved = false;
        while let Some(event) = self.endpoint.poll_event() {
            moved = true;
            match event {
                EndpointEvent::Access(access) => {
                    if access.request.kind == ChannelKind::Out {
                        self.outward.push(access.conn);
                    }
                    self.endpoint.verdict(now, access.handle, Verdict::Allow);
                }
                EndpointEvent::Opened(connection) => match Relay::open(*connection, &self.backend, network) {
                    Ok(relay) => drop(self.relays.insert(relay.connection.id(), relay)),
                    Err(error) => eprintln!("{}: {error}", self.backend),
                },
                EndpointEvent::Attach { id, channel } => {
                    if let Some(relay) = self.relays.get_mut(&id) {
                        self.holds |= self.outward.last() == Some(&channel.conn());
                        eprintln!("virtual connection {}: a successor channel", id.number());
                        let _told = relay.connection.attach(now, channel);
                    }
                }
                EndpointEvent::Refused(refused) => eprintln!("refused: {}", refused.fault),
                _ => {}
            }
        }
        for relay in self.relays.values_mut() {
            moved |= relay.settle(now);
        }
        moved
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        loop {
            if let Some(held) = (!self.holds).then(|| self.held.pop_front()).flatten() {
                return Some(held);
            }
            let transmit = self.next_transmit(now)?;
            if !self.holds {
                return Some(transmit);
            }
            match &transmit {
                // The client closes it.
                HttpTransmit::Close { conn } if self.predecessor() == Some(*conn) => {}
                said if self.outward.last() == Some(&said.conn()) => self.held.push_back(transmit),
                _ => return Some(transmit),
            }
        }
    }

    fn next_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        let relayed = self.relays.values_mut().find_map(|relay| relay.connection.poll_transmit(now));
        if relayed.is_none() {
            self.relays.retain(|_, relay| !relay.connection.is_closed());
        }
        relayed.or_else(|| self.endpoint.poll_transmit())
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        self.relays.values_mut().for_each(|relay| relay.connection.handle_timeout(now));
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let relays = self.relays.values().filter_map(|relay| relay.connection.poll_timeout());
        relays.chain(self.endpoint.poll_timeout()).min()
    }
}

impl Relay {
    fn open(connection: VirtualConnection, backend: &str, network: &Network) -> Result<Self> {
        let server = TcpStream::connect(backend)?;
        server.set_nodelay(true)?;
        let (reader, wake) = (server.try_clone()?, network.waker());
        // One PDU waits here, and the rest at the server.
        let (sender, pdus) = sync_channel(1);
        thread::spawn(move || {
            read(reader, &sender, &wake);
            drop(sender);
            wake();
        });
        eprintln!("virtual connection {}: open", connection.id().number());
        Ok(Self { connection, server, pdus, unsent: None })
    }

    /// Whether anything has happened.
    fn settle(&mut self, now: Instant) -> bool {
        let mut moved = false;
        while let Some(event) = self.connection.poll_event() {
            moved = true;
            let id = self.connection.id().number();
            match event {
                Event::Pdu(pdu) => {
                    let taken = self.server.write_all(&pdu).map(|()| self.connection.consume(now, pdu.len()));
                    if taken.is_err() {
                        let _told = self.connection.close(now);
                    }
                }
                Event::Recycled(kind) => eprintln!("virtual connection {id}: {kind} recycled"),
                Event::Closed { error, in_doubt_pdus, .. } => {
                    eprintln!("virtual connection {id}: {error}, {in_doubt_pdus} PDUs in doubt");
                    let _gone = self.server.shutdown(Shutdown::Both);
                }
                _ => {}
            }
        }
        while !self.connection.is_closed() {
            let pdu = match self.unsent.take().map_or_else(|| self.pdus.try_recv(), Ok) {
                Ok(pdu) => pdu,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    let _told = self.connection.close(now);
                    return true;
                }
            };
            match self.connection.send_pdu(now, pdu) {
                Ok(()) => moved = true,
                Err(refused) => {
                    self.unsent = Some(refused.pdu.into_bytes());
                    break;
                }
            }
        }
        moved
    }
}

/// The thread's whole work: PDUs of the RPC server, to the one who decides.
fn read(mut socket: TcpStream, pdus: &SyncSender<Bytes>, wake: &impl Fn()) {
    let (mut stream, mut buffer) = (PduStream::new(MAX_PDU), BytesMut::new());
    loop {
        buffer.resize(64 << 10, 0);
        match socket.read(&mut buffer) {
            Ok(len) if len > 0 => stream.push(buffer.split_to(len).freeze()),
            _ => return,
        }
        while let Ok(Some(pdu)) = stream.next_pdu() {
            if pdus.send(pdu).is_err() {
                return;
            }
            wake();
        }
    }
}
