//! The two channels of a virtual connection, and the virtual channels that they are instances of.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{ConnectionId, PeerFault};
use oxwire_http::{HeadError, HttpEvent};

use super::config::Config;
use super::io::{Io, rts};
use crate::channel::{Lifetime, PdusIn};
use crate::fault;
use crate::flow_control::{Receiver, Sender};
use crate::http::ChannelKind;
use crate::ping::PingOriginator;
use crate::rts::conn::{ConnA1, ConnB1};
use crate::rts::in_r1::{InR1A1, InR1A5};
use crate::rts::out_r1::OutR1A3;
use crate::rts::{AssociationGroupId, ChannelLifetime, ClientKeepalive, Cookie, ReceiveWindowSize, RtsCookie, Version};

/// The one ProtocolVersion there is. [MS-RPCH] 3.2.1.1.3
pub(super) const PROTOCOL_VERSION: Version = Version(1);

/// Bytes of an IN_R1/A5 RTS PDU: room for it is kept back from all else, since it is the last word on an IN channel.
const A5_LENGTH: usize = 40;

/// Bytes of a FlowControlAckWithDestination RTS PDU.
const ACK_LENGTH: u32 = 56;

/// The largest ReceiveWindowSize, [MS-RPCH] 2.2.3.5.1: so much an outbound proxy may hold for the client.
const MAX_RECEIVE_WINDOW: u32 = 262_144;

/// Bytes that a successor OUT channel may bring beyond its receive window before it is the default: RTS PDUs other than acknowledgements.
const RTS_SLACK: usize = 8 << 10;

/// An RPC PDU has 16 bytes or more, and its acknowledgement 56: so many times the peer's receive window all acknowledgements take of what
/// was sent into it.
const ACKS_PER_WINDOW: usize = 4;

/// An IN channel instance: Sending Channel and Ping Originator. [MS-RPCH] 3.2.2.1
#[derive(Debug)]
pub(super) struct InChannel {
    pub(super) conn: ConnectionId,
    pub(super) cookie: RtsCookie,
    pub(super) sender: Sender,
    lifetime: Lifetime,
}

impl InChannel {
    /// Opens it for connection establishment; CONN/B1 follows by [`send_b1`](Self::send_b1).
    pub(super) fn open(io: &mut Io) -> Result<Self, HeadError> {
        let head = io.channel_head(ChannelKind::In, false)?;
        let (conn, cookie) = (io.open(head), io.cookie());
        Ok(Self { conn, cookie, sender: Sender::new(0), lifetime: Lifetime::new(io.config.in_channel_length) })
    }

    /// CONN/B1, [MS-RPCH] 2.2.4.5.
    pub(super) fn send_b1(&mut self, io: &mut Io, names: Names) {
        let pdu = ConnB1 {
            version: PROTOCOL_VERSION,
            virtual_connection_cookie: Cookie(names.cookie),
            in_channel_cookie: Cookie(self.cookie),
            channel_lifetime: ChannelLifetime(io.config.in_channel_length),
            client_keepalive: ClientKeepalive(io.config.client_keepalive),
            association_group_id: AssociationGroupId(names.association_group),
        };
        self.write_rts(io, rts(&pdu));
    }

    /// Opens a successor, with IN_R1/A1 as its first PDU. [MS-RPCH] 3.2.2.5.12
    pub(super) fn open_successor(
        io: &mut Io,
        names: Names,
        predecessor: &Self,
        cookie: RtsCookie,
    ) -> Result<Self, HeadError> {
        let head = io.channel_head(ChannelKind::In, false)?;
        let conn = io.open(head);
        // IN_R2/A4 brings no window: what holds for the inbound proxy goes on to hold.
        let sender = Sender::new(predecessor.sender.peer_receive_window());
        let mut this = Self { conn, cookie, sender, lifetime: Lifetime::new(io.config.in_channel_length) };
        let pdu = InR1A1 {
            version: PROTOCOL_VERSION,
            virtual_connection_cookie: Cookie(names.cookie),
            predecessor_channel_cookie: Cookie(predecessor.cookie),
            successor_channel_cookie: Cookie(cookie),
        };
        this.write_rts(io, rts(&pdu));
        Ok(this)
    }

    /// IN_R1/A5 or IN_R2/A5, its last PDU. [MS-RPCH] 3.2.2.5.5
    pub(super) fn send_a5(&mut self, io: &mut Io, successor: RtsCookie) {
        self.write_rts(io, rts(&InR1A5 { successor_in_channel_cookie: Cookie(successor) }));
    }

    /// Sends an RTS PDU, which counts against the lifetime alone.
    pub(super) fn write_rts(&mut self, io: &mut Io, pdu: Bytes) {
        self.lifetime.on_sent(pdu.len());
        io.send(self.conn, HttpEvent::Body(pdu));
    }

    /// Whether an RTS PDU has room, and IN_R1/A5 behind it.
    pub(super) fn has_room_for_rts(&self, len: usize) -> bool {
        self.lifetime.has_room_for_rts(len.saturating_add(A5_LENGTH))
    }

    /// Whether an RPC PDU has room, and so many bytes of acknowledgements behind it.
    pub(super) fn has_room_for_rpc(&self, len: usize, acks: usize) -> bool {
        self.lifetime.has_room_for_rpc(len.saturating_add(acks))
    }

    pub(super) fn approaches_its_end(&self, threshold: u32) -> bool {
        self.lifetime.approaches_its_end(threshold)
    }

    /// Counts an RPC PDU that goes out.
    pub(super) fn on_rpc_sent(&mut self, len: usize) -> bool {
        let sent = self.sender.send(len);
        if sent {
            self.lifetime.on_sent(len);
        }
        sent
    }
}

/// What names a virtual connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) cookie: RtsCookie,
    pub(super) association_group: RtsCookie,
}

impl Names {
    pub(super) fn new(io: &mut Io) -> Self {
        let cookie = io.cookie();
        let association_group = match io.config.association_group {
            Some(group) => group,
            None => io.cookie(),
        };
        Self { cookie, association_group }
    }
}

/// An OUT channel instance: Receiving Channel. [MS-RPCH] 3.2.2.1
#[derive(Debug)]
pub(super) struct OutChannel {
    pub(super) conn: ConnectionId,
    pub(super) cookie: RtsCookie,
    pub(super) receiver: Receiver,
    pub(super) pdus: PdusIn,
    /// Its OUT channel response has come.
    pub(super) responded: bool,
}

impl OutChannel {
    fn new(io: &Io, conn: ConnectionId, cookie: RtsCookie) -> Self {
        let largest = u32::from(io.config.max_pdu);
        let receiver = Receiver::new(io.config.receive_window, io.config.ack_threshold).with_largest_pdu(largest);
        Self { conn, cookie, receiver, pdus: PdusIn::new(io.config.max_pdu), responded: false }
    }

    /// Opens it for connection establishment; CONN/A1 follows by [`send_a1`](Self::send_a1).
    pub(super) fn open(io: &mut Io) -> Result<Self, HeadError> {
        let head = io.channel_head(ChannelKind::Out, false)?;
        let (conn, cookie) = (io.open(head), io.cookie());
        Ok(Self::new(io, conn, cookie))
    }

    /// CONN/A1, [MS-RPCH] 2.2.4.2, which is the whole body of its request.
    pub(super) fn send_a1(&self, io: &mut Io, names: Names) {
        let pdu = ConnA1 {
            version: PROTOCOL_VERSION,
            virtual_connection_cookie: Cookie(names.cookie),
            out_channel_cookie: Cookie(self.cookie),
            receive_window_size: ReceiveWindowSize(io.config.receive_window),
        };
        io.send(self.conn, HttpEvent::Body(rts(&pdu)));
        io.send(self.conn, HttpEvent::End);
    }

    /// Opens a successor, with OUT_R1/A3 as its first PDU. [MS-RPCH] 3.2.2.5.6
    pub(super) fn open_successor(
        io: &mut Io,
        names: Names,
        predecessor: &Self,
        cookie: RtsCookie,
    ) -> Result<Self, HeadError> {
        let head = io.channel_head(ChannelKind::Out, true)?;
        let conn = io.open(head);
        let this = Self::new(io, conn, cookie);
        let pdu = OutR1A3 {
            version: PROTOCOL_VERSION,
            virtual_connection_cookie: Cookie(names.cookie),
            predecessor_channel_cookie: Cookie(predecessor.cookie),
            successor_channel_cookie: Cookie(cookie),
            outbound_proxy_receive_window_size: ReceiveWindowSize(io.config.receive_window),
        };
        io.send(conn, HttpEvent::Body(rts(&pdu)));
        Ok(this)
    }

    /// Bytes that the acknowledgements of all that an outbound proxy may hold take on an IN channel, where they are as seldom as the
    /// window allows. A window of less than two of the largest PDUs may need one for each PDU: a quarter of the IN channel has to do.
    pub(super) fn acks_to_the_end(config: &Config) -> usize {
        let (window, largest) = (config.receive_window, u32::from(config.max_pdu));
        let each = window.saturating_sub((window / 2).max(largest)).max(1);
        let acks = MAX_RECEIVE_WINDOW.saturating_add(window).div_ceil(each);
        usize::try_from(acks.saturating_mul(ACK_LENGTH).min(config.in_channel_length / 4)).unwrap_or(usize::MAX)
    }

    /// OUT_R1/A11 or OUT_R2/C1: fills the rest of the request's body.
    pub(super) fn send_last(&self, io: &mut Io, pdu: Bytes) {
        io.send(self.conn, HttpEvent::Body(pdu));
        io.send(self.conn, HttpEvent::End);
    }

    /// Keeps what comes before the predecessor's last PDU: two connections are not ordered. Acknowledgements are among it, of what the
    /// client sends into `peer_window` meanwhile.
    pub(super) fn hold(&mut self, state: &'static str, piece: Bytes, peer_window: u32) -> Result<(), PeerFault> {
        self.pdus.push(piece);
        let [window, peer_window] =
            [self.receiver.receive_window(), peer_window].map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let rts = RTS_SLACK.saturating_add(peer_window.saturating_mul(ACKS_PER_WINDOW));
        if self.pdus.held() > window.saturating_add(rts) {
            return Err(fault::wrong_value(
                state,
                "no more than a receive window and acknowledgements on a successor OUT channel that is not the default yet",
                format!("{} bytes", self.pdus.held()),
                "[MS-RPCH] 3.2.1.1.4",
            ));
        }
        Ok(())
    }
}

/// The virtual IN channel state machine, [MS-RPCH] 3.2.2 figure 25.
#[derive(Debug)]
pub(super) struct VirtualIn {
    /// The default IN channel: RPC PDUs go out here.
    pub(super) default: InChannel,
    pub(super) state: InState,
    pub(super) ping: PingOriginator,
    /// Predecessors that have said IN_R1/A5, until their proxies close them: those may still be forwarding.
    pub(super) predecessors: VecDeque<Predecessor>,
    /// OUT_R1/A7 or OUT_R2/A7, which waits for a successor.
    pub(super) a7: Option<Bytes>,
    /// A Keep-Alive RTS PDU is due.
    pub(super) keep_alive: Option<ClientKeepalive>,
}

/// A predecessor IN channel that has said IN_R1/A5 or IN_R2/A5.
#[derive(Debug)]
pub(super) struct Predecessor {
    pub(super) conn: ConnectionId,
    pub(super) deadline: Option<Instant>,
    /// IN_R1: its proxy is another one than the default channel's, and knows the virtual connection until it closes.
    pub(super) elsewhere: bool,
}

impl VirtualIn {
    /// Whether a successor may be asked for. A proxy that still knows the virtual connection by a former channel takes IN_R1/A1 for
    /// IN_R2/A1, and ends it for the wrong predecessor ([MS-RPCH] 3.2.3.5.5.1); and nobody knows which proxy a request comes to.
    pub(super) fn may_recycle(&self) -> bool {
        matches!(self.state, InState::Opened) && !self.predecessors.iter().any(|predecessor| predecessor.elsewhere)
    }
}

#[derive(Debug)]
pub(super) enum InState {
    /// Opened.
    Opened,
    /// Opened_A4W: the successor is asked for.
    OpenedA4W(Successor<InChannel>),
}

/// A channel that is to take over.
#[derive(Debug)]
pub(super) struct Successor<C> {
    pub(super) channel: C,
    pub(super) deadline: Option<Instant>,
    pub(super) reopens: u32,
}

impl InState {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::OpenedA4W(_) => "Opened_A4W",
        }
    }
}

/// The virtual OUT channel state machine, [MS-RPCH] 3.2.2 figure 26.
#[derive(Debug)]
pub(super) struct VirtualOut {
    /// The default OUT channel: RPC PDUs come in here.
    pub(super) default: OutChannel,
    pub(super) state: OutState,
    /// Bytes of RPC PDUs from channels before the default one, not yet consumed.
    pub(super) stale: usize,
    /// An acknowledgement of the default OUT channel found no room on the IN channel.
    pub(super) ack_due: bool,
}

#[derive(Debug)]
pub(super) enum OutState {
    /// Opened. OUT_R1/A2 may have come, and waits until all PDUs of the predecessor before are consumed: so no more than two
    /// receive windows are ever held.
    Opened { asked: bool },
    /// Opened_A6W: OUT_R1/A3 is sent.
    OpenedA6W(Successor<OutChannel>),
    /// Opened_A10W: OUT_R1/A7 is sent.
    OpenedA10W(Successor<OutChannel>),
    /// B3W: OUT_R2/A7 and OUT_R2/C1 are sent.
    B3W(Successor<OutChannel>),
}

impl OutState {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::OpenedA6W(_) => "Opened_A6W",
            Self::OpenedA10W(_) => "Opened_A10W",
            Self::B3W(_) => "B3W",
        }
    }

    pub(super) const fn successor(&self) -> Option<&Successor<OutChannel>> {
        match self {
            Self::Opened { .. } => None,
            Self::OpenedA6W(s) | Self::OpenedA10W(s) | Self::B3W(s) => Some(s),
        }
    }

    /// Whether the predecessor is to be read to its end before the successor is unplugged.
    pub(super) const fn ends_predecessor(&self) -> bool {
        matches!(self, Self::OpenedA10W(_) | Self::B3W(_))
    }

    pub(super) const fn successor_mut(&mut self) -> Option<&mut Successor<OutChannel>> {
        match self {
            Self::Opened { .. } => None,
            Self::OpenedA6W(s) | Self::OpenedA10W(s) | Self::B3W(s) => Some(s),
        }
    }
}
