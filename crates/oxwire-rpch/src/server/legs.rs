//! Legs from proxies: until their first PDU is here, and after.

use std::net::IpAddr;

use oxwire_core::{ConnectionId, DecodeError, Reader};

use crate::channel::{Lifetime, PdusIn};
use crate::flow_control::Receiver;
use crate::front::{FirstPduFault, signature};
use crate::http::ChannelKind;
use crate::rts::conn::{ConnA2, ConnB2};
use crate::rts::in_r1::InR1A2;
use crate::rts::out_r1::OutR1A4;
use crate::rts::{PduName, RtsCookie};
use crate::unacknowledged::Unacknowledged;

/// The PDUs that may come first on a leg, in state Open_Start. [MS-RPCH] 3.2.5
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstLegPdu {
    ConnA2(ConnA2),
    ConnB2(ConnB2),
    InR1A2(InR1A2),
    OutR1A4(OutR1A4),
}

impl FirstLegPdu {
    pub(super) fn decode(pdu: &[u8]) -> Result<Self, FirstPduFault> {
        let signature = signature(pdu)?;
        let is = |name| signature.is_some_and(|signature| signature.names().any(|candidate| candidate == name));
        let mut r = Reader::new(pdu);
        let first: Result<Self, DecodeError> = if is(PduName::ConnA2) {
            r.structure().map(Self::ConnA2)
        } else if is(PduName::ConnB2) {
            r.structure().map(Self::ConnB2)
        } else if is(PduName::InR1A2) {
            r.structure().map(Self::InR1A2)
        } else if is(PduName::OutR1A4) {
            r.structure().map(Self::OutR1A4)
        } else {
            return Err(FirstPduFault::Other(crate::fault::pdu_name(pdu)));
        };
        Ok(first?)
    }

    pub(super) const fn virtual_connection_cookie(&self) -> RtsCookie {
        match self {
            Self::ConnA2(pdu) => pdu.virtual_connection_cookie.0,
            Self::ConnB2(pdu) => pdu.virtual_connection_cookie.0,
            Self::InR1A2(pdu) => pdu.virtual_connection_cookie.0,
            Self::OutR1A4(pdu) => pdu.virtual_connection_cookie.0,
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::ConnA2(_) => "CONN/A2",
            Self::ConnB2(_) => "CONN/B2",
            Self::InR1A2(_) => "IN_R1/A2",
            Self::OutR1A4(_) => "OUT_R1/A4",
        }
    }

    pub(super) const fn kind(&self) -> ChannelKind {
        match self {
            Self::ConnA2(_) | Self::OutR1A4(_) => ChannelKind::Out,
            Self::ConnB2(_) | Self::InR1A2(_) => ChannelKind::In,
        }
    }

    /// Whether it opens a virtual connection, as against recycling one of its channels.
    pub(super) const fn opens(&self) -> bool {
        matches!(self, Self::ConnA2(_) | Self::ConnB2(_))
    }

    /// The section that processes it, and the state it may come in besides Open_Start.
    pub(super) const fn spec(&self) -> &'static str {
        match self {
            Self::ConnA2(_) => "[MS-RPCH] 3.2.5.5.3",
            Self::ConnB2(_) => "[MS-RPCH] 3.2.5.5.4",
            Self::InR1A2(_) => "[MS-RPCH] 3.2.5.5.5",
            Self::OutR1A4(_) => "[MS-RPCH] 3.2.5.5.9",
        }
    }
}

/// A connection from a proxy whose first PDU is here.
#[derive(Debug)]
pub struct Leg {
    pub(super) conn: ConnectionId,
    pub(super) address: IpAddr,
    pub(super) first: FirstLegPdu,
    pub(super) pdus: PdusIn,
}

impl Leg {
    /// Its transport connection.
    #[must_use]
    pub const fn conn(&self) -> ConnectionId {
        self.conn
    }

    /// The virtual connection that its first PDU names.
    #[must_use]
    pub const fn virtual_connection_cookie(&self) -> RtsCookie {
        self.first.virtual_connection_cookie()
    }

    /// From an inbound proxy, or from an outbound proxy.
    #[must_use]
    pub const fn kind(&self) -> ChannelKind {
        self.first.kind()
    }
}

/// A leg from an inbound proxy, in use.
#[derive(Debug)]
pub(super) struct InLeg {
    pub(super) conn: ConnectionId,
    pub(super) pdus: PdusIn,
    pub(super) cookie: RtsCookie,
    pub(super) receiver: Receiver,
}

/// The cookies that a leg to an outbound proxy is named by.
#[derive(Debug, Clone, Copy)]
pub(super) struct LegNames {
    pub(super) cookie: RtsCookie,
    /// The predecessor's, after OUT_R2: the proxy may still name the leg by it, and the client its channel.
    previous: Option<RtsCookie>,
}

impl LegNames {
    pub(super) fn has(self, cookie: RtsCookie) -> bool {
        self.cookie == cookie || self.previous == Some(cookie)
    }
}

/// A leg to an outbound proxy, in use.
#[derive(Debug)]
pub(super) struct OutLeg {
    pub(super) conn: ConnectionId,
    pub(super) pdus: PdusIn,
    pub(super) names: LegNames,
    pub(super) sent: Unacknowledged,
    pub(super) lifetime: Lifetime,
    /// ChannelLifetime, which a successor in OUT_R2 has too.
    pub(super) limit: u32,
}

/// Kept back of the channel lifetime for RTS PDUs, and for what the proxy sends by itself and the server learns late or never: pings of
/// up to 1,031 bytes, CONN/A3, OUT_R1/A10.
const RESERVE: u32 = 4_096;

impl OutLeg {
    pub(super) fn new(conn: ConnectionId, pdus: PdusIn, cookie: RtsCookie, window: u32, limit: u32) -> Self {
        Self {
            conn,
            pdus,
            names: LegNames { cookie, previous: None },
            sent: Unacknowledged::new(window),
            lifetime: Lifetime::new(limit).with_reserve(RESERVE),
            limit,
        }
    }

    /// OUT_R2: the same leg carries the successor channel, whose lifetime begins.
    pub(super) fn recycle(&mut self, successor: RtsCookie) {
        self.names = LegNames { cookie: successor, previous: Some(self.names.cookie) };
        self.lifetime = Lifetime::new(self.limit).with_reserve(RESERVE);
    }

    /// The largest PDU that the channel lifetime can ever take.
    pub(super) const fn room(&self) -> u32 {
        self.limit.saturating_sub(RESERVE)
    }

    /// OUT_R1: another proxy's leg has taken over. Gives what was sent on this one.
    pub(super) fn leave(self) -> (LeavingLeg, Unacknowledged) {
        let Self { conn, pdus, names, sent, .. } = self;
        (LeavingLeg { conn, pdus, names }, sent)
    }

    /// Counts an RPC PDU that goes out, where the proxy's window lets it.
    #[must_use]
    pub(super) fn send(&mut self, len: usize) -> bool {
        let goes = self.sent.send(len);
        if goes {
            self.lifetime.on_sent(len);
        }
        goes
    }
}

/// The leg to an outbound proxy that empties its queue to the client, after OUT_R1/A9.
#[derive(Debug)]
pub(super) struct LeavingLeg {
    pub(super) conn: ConnectionId,
    pub(super) pdus: PdusIn,
    pub(super) names: LegNames,
}
