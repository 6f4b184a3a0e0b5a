//! EMSMDB and AsyncEMSMDB, row by row of [MS-OXCRPC] 3.1 and 3.3: clients of RPC over HTTP and the server, with nothing between them
//! but HTTP events and a clock that the test moves.

mod connect;
mod execute;
mod push;
mod wait;

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use oxwire::core::{ConnectionId, ConnectionIds, FileTime, Guid, Limits, Principal, SecretString, decode_all};
use oxwire::http::{HttpEvent, HttpTransmit, Reset};
use oxwire::mapi::mapihttp::{ConnectFlags, ExecuteFlags};
use oxwire::mapi::rop::{Handle, LogonRequest, NotificationTypes, RequestBuilder};
use oxwire::mapi::rpc_header_ext::{ExtendedBuffer, PayloadForm, write_extended_buffer};
use oxwire::mapirpc::Operation;
use oxwire::mapirpc::async_emsmdb::{EcDoAsyncWaitExRequest, EcDoAsyncWaitExResponse};
use oxwire::mapirpc::emsmdb::{
    EcDoAsyncConnectExRequest, EcDoAsyncConnectExResponse, EcDoConnectExRequest, EcDoConnectExResponse,
    EcDoRpcExt2Request, EcDoRpcExt2Response, ProtocolVersion,
};
use oxwire::rpc::association::client::{Association, Call, Event};
use oxwire::rpc::association::{CallId, Config};
use oxwire::rpc::ndr::{ContextHandle, NdrDecode, NdrEncode, decode_stub, encode_stub};
use oxwire::rpc::pdu::{DataRepresentation, FaultStatus};
use oxwire::rpch::client as rpch;
use oxwire::rpch::http::RpcTarget;

use super::{INTERFACES, RpcSide};
use crate::log::Log;
use crate::mailbox::Delivered;
use crate::serve::app::App;
use crate::serve::tests::{Answer, payload, subscribe};
use crate::serve::users::{Users, user_dn};

const ADA: &str = "ada@oxwire.test";
const BERT: &str = "bert@oxwire.test";
const LARGEST: u32 = 0x8007;
/// In Ada's inbox, beside those that every mailbox begins with: more than one payload tells, at a kilobyte each.
const MESSAGES: usize = 200;
const DELIVERED: Delivered = Delivered { folder: 5, message: 40 };

/// The handle names no session.
const NO_SESSION: FaultStatus = FaultStatus::NCA_FAULT_CONTEXT_MISMATCH;

/// Connections of different clients have different names at the server.
const APART: u64 = 1000;

/// A client with one virtual connection.
struct Client {
    principal: Principal,
    machine: rpch::Client,
    association: Association,
    opened: bool,
    /// The reason, once the virtual connection has ended.
    ended: Option<String>,
    came: Vec<(CallId, Result<Bytes, FaultStatus>)>,
}

impl Client {
    fn new(now: Instant, address: &str, port: u16) -> Self {
        let target = RpcTarget { server: "mailbox.oxwire.test".into(), port };
        let config = rpch::Config::from_url("https://mail.oxwire.test/rpc/rpcproxy.dll", target).unwrap();
        let mut machine = rpch::Client::new(config, Box::new(crate::entropy::fill), ConnectionIds::default());
        machine.connect(now).unwrap();
        let mut association = Association::new(Config::default(), Box::new(crate::entropy::fill));
        association.bind(now, WALL, &INTERFACES, None).unwrap();
        Self { principal: Principal::new(address), machine, association, opened: false, ended: None, came: Vec::new() }
    }

    /// Moves PDUs between the machine and the association.
    fn settle(&mut self, now: Instant) {
        loop {
            if let Some(event) = self.machine.poll_event() {
                match event {
                    rpch::Event::Pdu(pdu) => {
                        let len = pdu.len();
                        self.association.handle_pdu(now, WALL, pdu).unwrap();
                        self.machine.consume(now, len).unwrap();
                    }
                    rpch::Event::Opened { .. } => self.opened = true,
                    rpch::Event::Closed { reason, .. } => {
                        (self.opened, self.ended) = (false, Some(reason.to_string()));
                    }
                    _ => {}
                }
            } else if let Some(event) = self.association.poll_event() {
                match event {
                    Event::Response { call, stub, .. } => self.came.push((call, Ok(stub))),
                    Event::Fault { call, status, .. } => self.came.push((call, Err(status))),
                    _ => {}
                }
            } else if !self.opened {
                return;
            } else if let Some(pdu) = self.association.poll_transmit(now).unwrap() {
                self.machine.send_pdu(now, pdu).unwrap();
            } else {
                return;
            }
        }
    }
}

const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);

struct World {
    now: Instant,
    wall: FileTime,
    app: App,
    server: RpcSide,
    clients: Vec<Client>,
}

impl World {
    /// A server, and a client for each of these users, bound to all interfaces at port 6001.
    fn new(addresses: &[&str]) -> Self {
        let mut users = Users::default();
        for (number, address) in [(1, ADA), (2, BERT)] {
            let guid = Guid::from_wire([number; 16]);
            users.add(address, SecretString::from("x"), [guid, guid], WALL);
        }
        for number in 0..MESSAGES {
            let inbox = &mut users.of_mut(&Principal::new(ADA)).unwrap().mailbox;
            inbox.deliver(("Bert", BERT), &format!("number {number}"), &"x".repeat(500), WALL).unwrap();
        }
        let (now, app) = (Instant::now(), App::new(users, None, false, Log::Quiet));
        let mut world = Self { now, wall: WALL, app, server: RpcSide::new(None, None, None), clients: Vec::new() };
        for address in addresses {
            let at = world.join(address, 6001);
            assert_eq!(world.clients[at].ended, None);
        }
        world
    }

    /// Another client; its number.
    fn join(&mut self, address: &str, port: u16) -> usize {
        self.clients.push(Client::new(self.now, address, port));
        self.run();
        self.clients.len() - 1
    }

    /// Moves what there is to move, until nobody has anything left.
    fn run(&mut self) {
        loop {
            let mut idle = true;
            for (at, client) in self.clients.iter_mut().enumerate() {
                client.settle(self.now);
                while let Some(transmit) = client.machine.poll_transmit(self.now) {
                    idle = false;
                    let conn = ConnectionId::new(at as u64 * APART + transmit.conn().number());
                    let event = match transmit {
                        HttpTransmit::Open { .. } => continue,
                        HttpTransmit::Event { event, .. } => event,
                        _ => HttpEvent::Reset(Reset::unknown("closed by the client")),
                    };
                    let _ = self.server.handle(self.now, conn, None, Some(&client.principal), event);
                }
            }
            self.server.settle(self.now, self.wall, &mut self.app);
            while let Some(transmit) = self.server.poll_transmit() {
                idle = false;
                let number = transmit.conn().number();
                let client = &mut self.clients[usize::try_from(number / APART).unwrap()];
                let event = match transmit {
                    HttpTransmit::Event { event, .. } => event,
                    _ => HttpEvent::Reset(Reset::unknown("closed by the server")),
                };
                let _ = client.machine.handle(self.now, ConnectionId::new(number % APART), event);
            }
            if idle {
                return;
            }
        }
    }

    /// Lets time pass, and everybody do what it is time for.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let clients = self.clients.iter().flat_map(|c| [c.machine.poll_timeout(), c.association.poll_timeout()]);
            let next = clients.chain([self.server.poll_timeout()]).flatten().min().filter(|next| *next <= end);
            self.now = next.unwrap_or(end).max(self.now);
            self.server.handle_timeout(self.now);
            for client in &mut self.clients {
                let _ = client.machine.handle_timeout(self.now);
                client.association.handle_timeout(self.now);
            }
            self.run();
            if next.is_none() {
                return;
            }
        }
    }

    /// Sends a call that need not be answered at once.
    fn begin<R: Operation + NdrEncode>(&mut self, at: usize, request: &R) -> CallId {
        self.begin_raw(at, R::OPNUM, encode_stub(request).unwrap(), R::INTERFACE)
    }

    fn begin_raw(
        &mut self,
        at: usize,
        opnum: u16,
        stub: Bytes,
        interface: oxwire::rpc::pdu::SyntaxIdentifier,
    ) -> CallId {
        let association = &mut self.clients[at].association;
        let mut call = Call::new(association.context_of(interface).expect("the interface is bound"), opnum);
        call.timeout = Some(Duration::from_secs(3600));
        let call = association.call(self.now, call, stub).unwrap();
        self.run();
        call
    }

    /// What a call came to, if it came to anything.
    fn outcome(&mut self, at: usize, call: CallId) -> Option<Result<Bytes, FaultStatus>> {
        let came = &mut self.clients[at].came;
        let found = came.iter().position(|(of, _)| *of == call)?;
        Some(came.swap_remove(found).1)
    }

    fn ask<R: Operation + NdrEncode>(&mut self, at: usize, request: &R) -> Result<Bytes, FaultStatus> {
        let call = self.begin(at, request);
        self.outcome(at, call).expect("an answer")
    }

    /// EcDoConnectEx, as a client of that user begins; the handle.
    fn connect(&mut self, at: usize) -> ContextHandle {
        let dn = self.dn(at);
        let stub = self.ask(at, &connect_request(dn.as_bytes())).unwrap();
        let response: EcDoConnectExResponse<'_> = read(&stub);
        assert_eq!(response.error_code, 0);
        response.session
    }

    fn dn(&self, at: usize) -> String {
        user_dn(self.clients[at].principal.name())
    }

    /// EcDoRpcExt2 with operations; their answers.
    fn rops(
        &mut self,
        at: usize,
        session: ContextHandle,
        handles: &[Handle],
        write: impl FnOnce(&mut RequestBuilder<'_>),
    ) -> Answer {
        let sent = payload(handles, write);
        let rop_in = extended(&sent);
        let stub = self.ask(at, &ext2(session, &rop_in)).unwrap();
        Answer { sent, received: rop_payload(&stub) }
    }

    /// A logon to the mailbox, and a subscription to what is delivered there.
    fn subscribed(&mut self, at: usize, session: ContextHandle) -> Handle {
        let dn = self.dn(at);
        let logon = LogonRequest::private(0, 0, &dn);
        let logon = self.rops(at, session, &[Handle::UNUSED], |r| r.push(&logon).unwrap()).handle(0);
        let wanted = subscribe(NotificationTypes::NEW_MAIL);
        self.rops(at, session, &[logon, Handle::UNUSED], |r| r.push(&wanted).unwrap()).handle(1)
    }

    /// EcDoAsyncConnectEx; the handle.
    fn asynchronous(&mut self, at: usize, session: ContextHandle) -> ContextHandle {
        let stub = self.ask(at, &EcDoAsyncConnectExRequest { session }).unwrap();
        let response: EcDoAsyncConnectExResponse = read(&stub);
        assert_eq!(response.error_code, 0);
        response.asynchronous
    }

    fn wait(&mut self, at: usize, asynchronous: ContextHandle) -> CallId {
        self.begin(at, &EcDoAsyncWaitExRequest { asynchronous, flags_in: 0 })
    }

    /// The answer to a wait; `None` while it waits.
    fn waited(&mut self, at: usize, call: CallId) -> Option<(u32, u32)> {
        let stub = self.outcome(at, call)?.unwrap();
        let response: EcDoAsyncWaitExResponse = read(&stub);
        Some((response.flags_out.bits(), response.error_code))
    }

    fn deliver(&mut self, to: &str) {
        self.server.on_delivered(&Principal::new(to), DELIVERED);
        self.run();
    }
}

fn read<'de, T: NdrDecode<'de>>(stub: &'de Bytes) -> T {
    decode_stub(stub, DataRepresentation::LITTLE_ENDIAN, &Limits::DEFAULT).unwrap().0
}

/// As a client of today begins.
fn connect_request(user_dn: &[u8]) -> EcDoConnectExRequest<'_> {
    EcDoConnectExRequest {
        user_dn,
        flags: ConnectFlags::NONE,
        con_mod: 1,
        limit: 0,
        code_page: 1252,
        lcid_string: 0x409,
        lcid_sort: 0x409,
        icxr_link: EcDoConnectExRequest::NO_LINK,
        can_convert_code_pages: 1,
        client_version: ProtocolVersion([0x0F00, 0x9144, 1017]),
        time_stamp: 0,
        auxiliary_in: &[],
        max_auxiliary_out: 0x1008,
    }
}

fn ext2(session: ContextHandle, rop_in: &[u8]) -> EcDoRpcExt2Request<'_> {
    EcDoRpcExt2Request {
        session,
        flags: ExecuteFlags::NO_COMPRESSION | ExecuteFlags::NO_XOR_MAGIC,
        rop_in,
        max_rop_out: LARGEST,
        auxiliary_in: &[],
        max_auxiliary_out: 0x1008,
    }
}

/// A payload behind its RPC_HEADER_EXT.
fn extended(payload: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    let written = write_extended_buffer(&mut out, PayloadForm::Plain, |w| {
        w.bytes(payload);
        Ok(())
    });
    written.unwrap();
    out
}

/// The ROP responses payload of an answer to EcDoRpcExt2 that succeeded.
fn rop_payload(stub: &Bytes) -> Bytes {
    let response: EcDoRpcExt2Response<'_> = read(stub);
    assert_eq!(response.error_code, 0);
    decode_all::<ExtendedBuffer<'_>>(response.rop_out, &Limits::DEFAULT).unwrap().payload_bytes(stub).unwrap()
}
