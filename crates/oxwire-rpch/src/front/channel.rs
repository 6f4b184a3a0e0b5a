//! A channel whose request was accepted and whose first PDU has come.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use oxwire_core::{ConnectionId, DecodeError, PeerFault, Reader};

use crate::channel::PdusIn;
use crate::fault::pdu_name;
use crate::front::{Caller, Requested};
use crate::http::ChannelKind;
use crate::rts::conn::{ConnA1, ConnB1};
use crate::rts::in_r1::InR1A1;
use crate::rts::out_r1::OutR1A3;
use crate::rts::{Command, Destination, ForwardDestination, PduName, RtsCookie, RtsHeader, RtsPdu, Signature};

/// The PDUs that may come first on a channel from the client, in state Open_Start. IN_R1/A1 and IN_R2/A1 are one PDU, and so are
/// OUT_R1/A3 and OUT_R2/A3: the proxy's table decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FirstPdu {
    ConnA1(ConnA1),
    ConnB1(ConnB1),
    InA1(InR1A1),
    OutA3(OutR1A3),
}

impl FirstPdu {
    pub(crate) const fn virtual_connection_cookie(&self) -> RtsCookie {
        match self {
            Self::ConnA1(pdu) => pdu.virtual_connection_cookie.0,
            Self::ConnB1(pdu) => pdu.virtual_connection_cookie.0,
            Self::InA1(pdu) => pdu.virtual_connection_cookie.0,
            Self::OutA3(pdu) => pdu.virtual_connection_cookie.0,
        }
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::ConnA1(_) => "CONN/A1",
            Self::ConnB1(_) => "CONN/B1",
            Self::InA1(_) => "IN_R1/A1 or IN_R2/A1",
            Self::OutA3(_) => "OUT_R1/A3 or OUT_R2/A3",
        }
    }

    /// Reads the first PDU of a channel.
    pub(crate) fn decode(kind: ChannelKind, pdu: &[u8]) -> Result<Self, FirstPduFault> {
        let signature = signature(pdu)?;
        let names = |name| signature.is_some_and(|signature| signature.names().any(|candidate| candidate == name));
        let mut r = Reader::new(pdu);
        let first = match kind {
            ChannelKind::Out if names(PduName::ConnA1) => Self::ConnA1(r.structure()?),
            ChannelKind::Out if names(PduName::OutR1A3) => Self::OutA3(r.structure()?),
            ChannelKind::In if names(PduName::ConnB1) => Self::ConnB1(r.structure()?),
            ChannelKind::In if names(PduName::InR1A1) => Self::InA1(r.structure()?),
            _ => return Err(FirstPduFault::Other(pdu_name(pdu))),
        };
        Ok(first)
    }
}

/// Why a first PDU is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FirstPduFault {
    Decode(DecodeError),
    Other(Cow<'static, str>),
}

impl From<DecodeError> for FirstPduFault {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

/// The signature of an RTS PDU; `None` for an RPC PDU and for an RTS PDU that no section has.
pub(crate) fn signature(pdu: &[u8]) -> Result<Option<Signature>, DecodeError> {
    if !is_rts(pdu) {
        return Ok(None);
    }
    let mut r = Reader::new(pdu);
    let rts: RtsPdu<'_> = r.structure()?;
    r.finish()?;
    Ok(Signature::of(&rts))
}

/// Whether a whole PDU is an RTS PDU: its PTYPE says so.
pub(crate) fn is_rts(pdu: &[u8]) -> bool {
    pdu.get(2) == Some(&RtsHeader::PTYPE)
}

/// Where a PDU is to be forwarded, [MS-RPCH] 3.2.1.5.2: a Destination command, which comes first. The PDU has been decoded before.
pub(crate) fn first_destination(pdu: &[u8]) -> Result<Option<ForwardDestination>, DecodeError> {
    let rts: RtsPdu<'_> = Reader::new(pdu).structure()?;
    Ok(match rts.commands().next() {
        Some(Command::Destination(Destination(to))) => Some(to),
        _ => None,
    })
}

/// A channel that a client has opened: its request was accepted, and its first PDU is here.
///
/// Of the first channels of a virtual connection the role that took it makes the machine. A successor channel is handed to the
/// machine it belongs to.
pub struct Channel {
    pub(crate) conn: ConnectionId,
    pub(crate) caller: Caller,
    pub(crate) request: Arc<Requested>,
    pub(crate) first: FirstPdu,
    /// What came behind the first PDU.
    pub(crate) pdus: PdusIn,
    /// Bytes of the request's body that have come.
    pub(crate) received: u64,
    /// The request is whole.
    pub(crate) ended: bool,
}

impl Channel {
    /// Its transport connection.
    #[must_use]
    pub const fn conn(&self) -> ConnectionId {
        self.conn
    }

    /// Which way it goes.
    #[must_use]
    pub fn kind(&self) -> ChannelKind {
        self.request.kind
    }

    /// Who opened it.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Its request.
    #[must_use]
    pub fn request(&self) -> &Requested {
        &self.request
    }

    /// The virtual connection that its first PDU names.
    #[must_use]
    pub const fn virtual_connection_cookie(&self) -> RtsCookie {
        self.first.virtual_connection_cookie()
    }

    /// Takes more of the body. Nothing but a ping has a reason to come before the virtual connection is open.
    pub(crate) fn push(&mut self, bytes: Bytes) -> Result<(), PeerFault> {
        self.received = self.received.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        self.pdus.push(bytes);
        if self.pdus.held() > BEFORE_OPEN {
            return Err(PeerFault {
                state: "half open",
                expected: "no more than 4096 bytes before the virtual connection is open".into(),
                found: "more".into(),
                spec: "[MS-RPCH] 3.2.2.4.2",
                advice: "a client sends RPC PDUs once it has CONN/C2",
            });
        }
        Ok(())
    }
}

/// Bytes that a channel may send before its virtual connection is open: pings.
pub(crate) const BEFORE_OPEN: usize = 4096;

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("conn", &self.conn)
            .field("caller", &self.caller)
            .field("request", &self.request)
            .field("first", &self.first.name())
            .finish_non_exhaustive()
    }
}
