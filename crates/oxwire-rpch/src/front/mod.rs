//! What every role that takes channel requests does first: echo, admission, the verdict on host and port, the first PDU.

mod channel;
mod leg;
mod life;
mod limits;
mod proxy;
mod registry;
#[cfg(test)]
pub(crate) mod test_net;
mod virtual_channel;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, PeerFault};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead};

pub use channel::Channel;
pub(crate) use channel::{BEFORE_OPEN, FirstPdu, FirstPduFault, first_destination, signature};
pub(crate) use leg::{FromServer, LEGACY_SERVER_RESPONSE, on_leg};
pub use leg::{LegEvent, ProxyTransmit};
pub(crate) use life::Life;
pub use limits::{Caller, Quota, RoleLimits};
pub(crate) use limits::{Claim, Ledger};
pub use proxy::{Handled, ProxyChannelEvent, ProxyConfig, ProxyEvent};
pub(crate) use proxy::{ProxyCore, ProxyParts, opens, proxy_methods};
pub use registry::VirtualConnectionId;
pub(crate) use registry::{Lease, Registry};
pub(crate) use virtual_channel::{VirtualChannel, virtual_channel_methods};

use crate::channel::PdusIn;
use crate::fault::broken_stream;
use crate::http::{
    ChannelKind, ChannelRequest, PathKind, Pragmas, RequestError, RpcError, RpcTarget, echo_response,
    rpc_error_response,
};

/// A channel request: what of its head matters to the roles behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requested {
    /// Which way the channel goes.
    pub kind: ChannelKind,
    /// The RPC server to be reached.
    pub rpc: RpcTarget,
    /// Which of the two paths.
    pub path: PathKind,
    /// The pragma directives.
    pub pragmas: Pragmas,
    /// Content-Length of an IN channel: how many bytes it carries. 0 for an OUT channel.
    pub length: u32,
}

/// Names one question about access; answered by the role's `verdict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessHandle(u64);

/// A channel request that waits for the caller's verdict.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AccessRequest {
    /// Names the question.
    pub handle: AccessHandle,
    /// The connection of the request.
    pub conn: ConnectionId,
    /// Who asks.
    pub caller: Caller,
    /// What for: the RPC server's host and port, and the rest of the request.
    pub request: Arc<Requested>,
}

/// What the caller says to an [`AccessRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The channel goes on.
    Allow,
    /// The channel is refused with `503 RPC Error: <code>`, [MS-RPCH] 2.1.2.1.3; codes are at [`RpcError`].
    Deny(u32),
}

/// A channel that was turned away, or ended before it belonged to a virtual connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelRefused {
    /// Its connection, which is being closed.
    pub conn: ConnectionId,
    /// Who opened it.
    pub caller: Caller,
    /// Why: the PDU or the request, the state and the section.
    pub fault: PeerFault,
}

/// What a [`Front`] found out.
#[derive(Debug)]
pub(crate) enum Arrival {
    Access(AccessRequest),
    /// The claim of a half-open channel goes with it.
    Channel(Box<Channel>),
    Refused(ChannelRefused),
}

#[derive(Debug)]
struct Opening {
    caller: Caller,
    request: Arc<Requested>,
    /// `None` once the verdict has come.
    question: Option<AccessHandle>,
    pdus: PdusIn,
    received: u64,
    ended: bool,
}

#[derive(Debug)]
enum Held {
    /// Answered; what is left of the request is ignored.
    Echo,
    Opening(Box<Opening>),
}

/// Takes channel requests up to and with their first PDU.
#[derive(Debug)]
pub(crate) struct Front {
    limits: RoleLimits,
    pub(crate) ledger: Ledger,
    timeout: Duration,
    max_pdu: u16,
    held: HashMap<ConnectionId, Held>,
    questions: HashMap<AccessHandle, ConnectionId>,
    next_question: u64,
    /// When half-open channels end, earliest first, with those that are half open no more among them.
    deadlines: VecDeque<(Instant, ConnectionId)>,
    /// The deadline of each channel that is half open, here or in the role's table.
    half_open: HashMap<ConnectionId, Instant>,
    transmits: VecDeque<HttpTransmit>,
    arrivals: VecDeque<Arrival>,
}

impl Front {
    pub(crate) fn new(limits: RoleLimits, timeout: Duration, max_pdu: u16) -> Self {
        Self {
            limits,
            ledger: Ledger::default(),
            timeout,
            max_pdu,
            held: HashMap::new(),
            questions: HashMap::new(),
            next_question: 0,
            deadlines: VecDeque::new(),
            half_open: HashMap::new(),
            transmits: VecDeque::new(),
            arrivals: VecDeque::new(),
        }
    }

    /// Whether the connection is one whose request is being taken.
    pub(crate) fn holds(&self, conn: ConnectionId) -> bool {
        self.held.contains_key(&conn)
    }

    /// Takes an event of a connection that belongs to nobody yet.
    pub(crate) fn handle(&mut self, now: Instant, conn: ConnectionId, caller: &Caller, event: HttpEvent) {
        match event {
            HttpEvent::Head(Head::Request(head)) => self.on_head(now, conn, caller, &head),
            HttpEvent::Body(bytes) => self.on_body(conn, bytes),
            HttpEvent::End => self.on_end(conn),
            HttpEvent::Reset(_) => self.on_gone(conn),
            // A response head does not come from a client, and trailers say nothing here.
            _ => {}
        }
    }

    fn on_head(&mut self, now: Instant, conn: ConnectionId, caller: &Caller, head: &RequestHead) {
        let request = match ChannelRequest::parse(head) {
            Err(error) => return self.refuse_head(conn, caller, error),
            Ok(ChannelRequest::Echo { .. }) => return self.echo(conn),
            Ok(ChannelRequest::In { rpc, path, pragmas, length }) => {
                Requested { kind: ChannelKind::In, rpc, path, pragmas, length }
            }
            Ok(ChannelRequest::Out { rpc, path, pragmas, .. }) => {
                Requested { kind: ChannelKind::Out, rpc, path, pragmas, length: 0 }
            }
        };
        if let Err(limit) = self.ledger.claim(&self.limits, caller, Claim::HalfOpen) {
            let fault = limit_fault("Open_Start", limit);
            self.turn_away(conn, caller.clone(), fault, SERVER_TOO_BUSY);
            return;
        }
        let handle = AccessHandle(self.next_question);
        self.next_question = self.next_question.wrapping_add(1);
        let request = Arc::new(request);
        self.questions.insert(handle, conn);
        self.begin(now, conn);
        let opening = Opening {
            caller: caller.clone(),
            request: Arc::clone(&request),
            question: Some(handle),
            pdus: PdusIn::new(self.max_pdu),
            received: 0,
            ended: false,
        };
        self.held.insert(conn, Held::Opening(Box::new(opening)));
        let caller = caller.clone();
        self.arrivals.push_back(Arrival::Access(AccessRequest { handle, conn, caller, request }));
    }

    /// Starts the timer of a half-open channel.
    fn begin(&mut self, now: Instant, conn: ConnectionId) {
        if let Some(deadline) = now.checked_add(self.timeout) {
            // Channels that stopped being half open stay behind in the queue; it is swept once they are the greater part.
            if self.deadlines.len() > 64 && self.deadlines.len() / 2 > self.half_open.len() {
                let live = &self.half_open;
                self.deadlines.retain(|(deadline, conn)| live.get(conn) == Some(deadline));
            }
            // `now` may have gone back: the queue stays in order.
            let deadline = self.deadlines.back().map_or(deadline, |(last, _)| deadline.max(*last));
            self.deadlines.push_back((deadline, conn));
            self.half_open.insert(conn, deadline);
        }
    }

    /// The channel is half open no more: paired, handed over, or gone.
    pub(crate) fn release(&mut self, conn: ConnectionId, caller: &Caller) {
        self.half_open.remove(&conn);
        self.ledger.release(caller, Claim::HalfOpen);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.iter().find(|(deadline, conn)| self.half_open.get(conn) == Some(deadline)).map(|due| due.0)
    }

    /// Ends the channels that are half open here and have been so for too long; gives the next one that lies in the role's table.
    pub(crate) fn next_due(&mut self, now: Instant) -> Option<ConnectionId> {
        while let Some((deadline, conn)) = self.deadlines.front().copied() {
            let live = self.half_open.get(&conn) == Some(&deadline);
            if live && deadline > now {
                return None;
            }
            self.deadlines.pop_front();
            if !live {
                continue;
            }
            match self.held.remove(&conn) {
                Some(Held::Opening(opening)) => {
                    let state = if opening.question.is_some() { "AccessWait" } else { "Open_Start" };
                    self.refuse_opening(conn, *opening, setup_fault(state), RpcError::SERVER_UNAVAILABLE);
                }
                Some(echo) => {
                    self.held.insert(conn, echo);
                }
                None => return Some(conn),
            }
        }
        None
    }

    fn echo(&mut self, conn: ConnectionId) {
        let Ok((head, body)) = echo_response() else { return };
        for event in [HttpEvent::Head(Head::Response(head)), HttpEvent::Body(body), HttpEvent::End] {
            self.transmits.push_back(HttpTransmit::Event { conn, event });
        }
        self.held.insert(conn, Held::Echo);
    }

    fn on_body(&mut self, conn: ConnectionId, bytes: Bytes) {
        let Some(Held::Opening(opening)) = self.held.get_mut(&conn) else { return };
        opening.received = opening.received.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        opening.pdus.push(bytes);
        if opening.pdus.held() > BEFORE_OPEN {
            let Some(Held::Opening(opening)) = self.held.remove(&conn) else { return };
            let state = if opening.question.is_some() { "AccessWait" } else { "Open_Start" };
            let fault = PeerFault {
                state,
                expected: "no more than 4096 bytes before the channel is accepted".into(),
                found: "more".into(),
                spec: "[MS-RPCH] 3.2.2.4.2",
                advice: "a client sends RPC PDUs once it has CONN/C2",
            };
            self.refuse_opening(conn, *opening, fault, RpcError::PROTOCOL_ERROR);
            return;
        }
        self.advance(conn);
    }

    fn on_end(&mut self, conn: ConnectionId) {
        match self.held.get_mut(&conn) {
            Some(Held::Echo) => {
                self.held.remove(&conn);
            }
            Some(Held::Opening(opening)) => {
                opening.ended = true;
                self.advance(conn);
            }
            None => {}
        }
    }

    /// The connection is gone.
    fn on_gone(&mut self, conn: ConnectionId) {
        if let Some(Held::Opening(opening)) = self.held.remove(&conn) {
            self.forget(conn, &opening);
        }
    }

    fn forget(&mut self, conn: ConnectionId, opening: &Opening) {
        if let Some(handle) = opening.question {
            self.questions.remove(&handle);
        }
        self.release(conn, &opening.caller);
    }

    /// Takes the verdict on a channel request. Without effect once the connection is gone.
    pub(crate) fn verdict(&mut self, handle: AccessHandle, verdict: Verdict) {
        let Some(conn) = self.questions.remove(&handle) else { return };
        let Some(Held::Opening(opening)) = self.held.get_mut(&conn) else { return };
        opening.question = None;
        match verdict {
            Verdict::Allow => self.advance(conn),
            Verdict::Deny(code) => {
                let Some(Held::Opening(opening)) = self.held.remove(&conn) else { return };
                let fault = PeerFault {
                    state: "AccessWait",
                    expected: "a host and port that this user may reach".into(),
                    found: format!("{}, refused with RPC Error {code:x}", opening.request.rpc).into(),
                    spec: "[MS-RPCH] 3.2.3.5.11",
                    advice: "the application's verdict",
                };
                self.refuse_opening(conn, *opening, fault, code);
            }
        }
    }

    /// Reads the first PDU, once the verdict and the PDU are here.
    fn advance(&mut self, conn: ConnectionId) {
        let Some(Held::Opening(opening)) = self.held.get_mut(&conn) else { return };
        if opening.question.is_some() {
            return;
        }
        let fault = match opening.pdus.next_pdu() {
            Err(error) => broken_stream("Open_Start", error),
            Ok(None) if opening.ended => PeerFault {
                state: "Open_Start",
                expected: "a first PDU".into(),
                found: "the end of the request".into(),
                spec: first_pdu_spec(opening.request.kind),
                advice: "the Content-Length has to hold the PDU that begins the channel",
            },
            Ok(None) => return,
            Ok(Some(pdu)) => match FirstPdu::decode(opening.request.kind, pdu.bytes()) {
                Ok(first) => {
                    let Some(Held::Opening(opening)) = self.held.remove(&conn) else { return };
                    let Opening { caller, request, pdus, received, ended, .. } = *opening;
                    let channel = Channel { conn, caller, request, first, pdus, received, ended };
                    self.arrivals.push_back(Arrival::Channel(Box::new(channel)));
                    return;
                }
                Err(fault) => first_pdu_fault(opening.request.kind, fault),
            },
        };
        if let Some(Held::Opening(opening)) = self.held.remove(&conn) {
            self.refuse_opening(conn, *opening, fault, RpcError::PROTOCOL_ERROR);
        }
    }

    fn refuse_head(&mut self, conn: ConnectionId, caller: &Caller, error: RequestError) {
        let fault = PeerFault {
            state: "Open_Start",
            expected: "an IN channel request, an OUT channel request or an echo request".into(),
            found: error.to_string().into(),
            spec: "[MS-RPCH] 2.1.2.1",
            advice: "route other requests elsewhere; RPC_CONNECT goes to the mixed proxy of version 1",
        };
        self.turn_away(conn, caller.clone(), fault, RpcError::PROTOCOL_ERROR);
    }

    fn refuse_opening(&mut self, conn: ConnectionId, opening: Opening, fault: PeerFault, code: u32) {
        self.forget(conn, &opening);
        self.turn_away(conn, opening.caller, fault, code);
    }

    /// Answers `503 RPC Error` and closes. Only for connections whose response has not begun.
    pub(crate) fn turn_away(&mut self, conn: ConnectionId, caller: Caller, fault: PeerFault, code: u32) {
        if let Ok((head, _)) = rpc_error_response(&RpcError::new(code)) {
            for event in [HttpEvent::Head(Head::Response(head)), HttpEvent::End] {
                self.transmits.push_back(HttpTransmit::Event { conn, event });
            }
        }
        self.transmits.push_back(HttpTransmit::Close { conn });
        self.arrivals.push_back(Arrival::Refused(ChannelRefused { conn, caller, fault }));
    }

    /// Ends a connection whose response has begun.
    pub(crate) fn cut_off(&mut self, conn: ConnectionId, caller: Caller, fault: PeerFault) {
        self.transmits.push_back(HttpTransmit::Abort { conn });
        self.arrivals.push_back(Arrival::Refused(ChannelRefused { conn, caller, fault }));
    }

    pub(crate) fn transmit(&mut self, transmit: HttpTransmit) {
        self.transmits.push_back(transmit);
    }

    /// What is still to go out on a connection that is being handed over, in order.
    pub(crate) fn take_transmits(&mut self, conn: ConnectionId) -> VecDeque<HttpTransmit> {
        if self.transmits.iter().all(|transmit| transmit.conn() != conn) {
            return VecDeque::new();
        }
        let (its, others) = self.transmits.drain(..).partition(|transmit| transmit.conn() == conn);
        self.transmits = others;
        its
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<HttpTransmit> {
        self.transmits.pop_front()
    }

    pub(crate) fn poll_arrival(&mut self) -> Option<Arrival> {
        self.arrivals.pop_front()
    }
}

/// The section that says which PDUs a channel may begin with.
const fn first_pdu_spec(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::In => "[MS-RPCH] 3.2.3.5",
        ChannelKind::Out => "[MS-RPCH] 3.2.4.5",
    }
}

fn first_pdu_fault(kind: ChannelKind, fault: FirstPduFault) -> PeerFault {
    let expected = match kind {
        ChannelKind::In => "CONN/B1, or IN_R1/A1 (IN_R2/A1)",
        ChannelKind::Out => "CONN/A1, or OUT_R1/A3 (OUT_R2/A3)",
    };
    let found = match fault {
        FirstPduFault::Decode(error) => error.to_string().into(),
        FirstPduFault::Other(name) => name,
    };
    PeerFault {
        state: "Open_Start",
        expected: expected.into(),
        found,
        spec: first_pdu_spec(kind),
        advice: "a channel begins with the PDU that names its virtual connection",
    }
}

/// RPC_S_SERVER_TOO_BUSY: a limit was reached. [MS-ERREF] 2.2
pub(crate) const SERVER_TOO_BUSY: u32 = 0x6BB;

/// A limit was reached.
pub(crate) fn limit_fault(state: &'static str, limit: &'static str) -> PeerFault {
    PeerFault {
        state,
        expected: format!("room within the limit `{limit}`").into(),
        found: "one more".into(),
        spec: "[MS-RPCH] 3.2.3.5.11",
        advice: "raise the limit if these clients are to be served",
    }
}

/// The connection setup timer has expired.
pub(crate) fn setup_fault(state: &'static str) -> PeerFault {
    PeerFault {
        state,
        expected: "the rest of the virtual connection in time".into(),
        found: "the expiry of the connection setup timer".into(),
        spec: "[MS-RPCH] 3.2.5.2.1",
        advice: "the other channel did not come, or the application gave no verdict",
    }
}
