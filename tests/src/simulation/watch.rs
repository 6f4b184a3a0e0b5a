//! Reads along on every connection: counts each RTS PDU by name, and keeps a reference count of windows and channel lengths.

use std::collections::HashMap;

use bytes::{Bytes, BytesMut};
use oxwire::core::{ConnectionId, Limits, decode_all};
use oxwire::rpch::rts::{Command, PduName, RtsCookie, RtsPdu, Signature};

use super::dump::Dump;
use super::names::{Named, Names, last_cookie};
use super::roles::Node;
use super::tally::Tally;
use super::violation::{Invariant, Violation};

/// What a connection is, and which way something goes on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Hop {
    ClientIn,
    InClient,
    ClientOut,
    OutClient,
    InServer,
    ServerIn,
    OutServer,
    ServerOut,
}

impl Hop {
    /// The other way.
    pub(super) const fn back(self) -> Self {
        match self {
            Self::ClientIn => Self::InClient,
            Self::InClient => Self::ClientIn,
            Self::ClientOut => Self::OutClient,
            Self::OutClient => Self::ClientOut,
            Self::InServer => Self::ServerIn,
            Self::ServerIn => Self::InServer,
            Self::OutServer => Self::ServerOut,
            Self::ServerOut => Self::OutServer,
        }
    }

    /// Over HTTP, between client and proxy.
    pub(super) const fn is_http(self) -> bool {
        matches!(self, Self::ClientIn | Self::InClient | Self::ClientOut | Self::OutClient)
    }

    /// On an IN channel or on its leg.
    pub(super) const fn is_inward(self) -> bool {
        matches!(self, Self::ClientIn | Self::InClient | Self::InServer | Self::ServerIn)
    }
}

/// A connection as one end sends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Way {
    pub(super) from: Node,
    pub(super) to: Node,
    pub(super) hop: Hop,
    pub(super) conn: ConnectionId,
}

#[derive(Debug, Default)]
struct Stream {
    buffer: BytesMut,
    begun: bool,
    /// No PDUs: an echo request's body.
    other: bool,
    /// RPC bytes sent on this channel instance, and the highest number that its receiver allows.
    sent: u64,
    allowed: u64,
    /// Bytes of body so far.
    carried: u64,
}

/// The reference counts and the names.
#[derive(Debug, Default)]
pub(super) struct Watch {
    streams: HashMap<(Node, ConnectionId), Stream>,
    /// Which way RPC PDUs go on each channel.
    channels: HashMap<RtsCookie, Way>,
    names: Names,
    pub(super) tally: Tally,
    /// Everything, where it is to be written down.
    pub(super) dump: Option<Dump>,
}

impl Watch {
    /// `bytes` go out on a connection. `window` is the receiver's ReceiveWindow; `limit` what the body may hold in all. Gives the name
    /// of what went out, where that is one RTS PDU.
    pub(super) fn sent(
        &mut self,
        way: Way,
        bytes: &Bytes,
        window: u32,
        limit: Option<u64>,
    ) -> Result<Option<PduName>, Violation> {
        let Way { from, hop, conn, .. } = way;
        let fresh = || Stream { allowed: u64::from(window), ..Stream::default() };
        let stream = self.streams.entry((from, conn)).or_insert_with(fresh);
        if !stream.begun {
            if bytes.as_ref() == b"ncacn_http/1.0" {
                return Ok(None);
            }
            stream.begun = true;
            stream.other = bytes.first() != Some(&5);
        }
        if stream.other {
            return Ok(None);
        }
        stream.carried += bytes.len() as u64;
        if let Some(limit) = limit
            && stream.carried > limit
        {
            let text = format!("{from:?} put {} bytes on a {hop:?} channel of {limit}", stream.carried);
            return Err(Invariant::Lifetime.broken(text));
        }
        let mut rest = if stream.buffer.is_empty() {
            bytes.clone()
        } else {
            stream.buffer.extend_from_slice(bytes);
            stream.buffer.split().freeze()
        };
        let mut only = None;
        loop {
            let len = frag_length(&rest).unwrap_or(usize::MAX);
            if len < 16 {
                return Err(Invariant::Driver.broken(format!("{from:?} sent a PDU of {len} bytes")));
            }
            if rest.len() < len {
                break;
            }
            let pdu = rest.split_to(len);
            if pdu.get(2) == Some(&20) {
                only = self.rts(way, &pdu)?.filter(|_| pdu.len() == bytes.len());
            } else {
                self.rpc(way, pdu.len())?;
            }
            if let Some(dump) = &mut self.dump {
                dump.sent(way, &pdu, only);
            }
        }
        if let Some(stream) = self.streams.get_mut(&(from, conn)) {
            stream.buffer.extend_from_slice(&rest);
        }
        Ok(only)
    }

    fn rpc(&mut self, way: Way, len: usize) -> Result<(), Violation> {
        let stream = self.streams.entry((way.from, way.conn)).or_default();
        stream.sent += len as u64;
        if stream.sent > stream.allowed {
            let (sent, allowed) = (stream.sent, stream.allowed);
            let text =
                format!("{:?} sent {sent} bytes of RPC PDUs on {:?} where {allowed} were allowed", way.from, way.hop);
            return Err(Invariant::Window.broken(text));
        }
        self.tally.rpc_pdus += 1;
        Ok(())
    }

    fn rts(&mut self, way: Way, pdu: &Bytes) -> Result<Option<PduName>, Violation> {
        let from = way.from;
        let rts = decode(pdu).map_err(|error| Invariant::Driver.broken(format!("{from:?} sent: {error}")))?;
        let Some(signature) = Signature::of(&rts) else {
            let text = format!("{from:?} sent an RTS PDU that no section has: {:?}", rts.header());
            return Err(Invariant::Driver.broken(text));
        };
        let named = self.names.name(way.hop, way.conn, way.to, signature, &rts);
        self.open(way, signature, &rts);
        self.acknowledge(way, &rts);
        match named {
            Named::Not => {
                let text = format!("{from:?} sent {signature:?}, which no section has on {:?}", way.hop);
                Err(Invariant::Driver.broken(text))
            }
            Named::Later => Ok(None),
            Named::Name(name, decided) => {
                let same = name == PduName::OutR2A3;
                let names =
                    if same { [PduName::OutR2A1, PduName::OutR2A2] } else { [PduName::OutR1A1, PduName::OutR1A2] };
                for (name, count) in names.into_iter().zip(decided.unwrap_or_default()).filter(|(_, count)| *count > 0)
                {
                    *self.tally.pdus.entry(name).or_default() += count;
                }
                *self.tally.pdus.entry(name).or_default() += 1;
                Ok(Some(name))
            }
        }
    }

    /// The first PDU of a channel gives its cookie.
    fn open(&mut self, way: Way, signature: Signature, rts: &RtsPdu<'_>) {
        let opens = [PduName::ConnA1, PduName::ConnB1, PduName::InR2A1, PduName::OutR2A3];
        if !matches!(way.hop, Hop::ClientIn | Hop::ClientOut) || !opens.into_iter().any(|name| signature.is(name)) {
            return;
        }
        // What counts on an OUT channel flows the other way.
        let back = Way { from: way.to, to: way.from, hop: way.hop.back(), conn: way.conn };
        let counted = if way.hop == Hop::ClientIn { way } else { back };
        self.channels.extend(last_cookie(rts).map(|cookie| (cookie, counted)));
    }

    /// What a receiver allows: seen when it says so, which is earlier than the sender can act on it, and before anybody between could
    /// have changed it.
    fn acknowledge(&mut self, way: Way, rts: &RtsPdu<'_>) {
        for command in rts.commands() {
            let Command::FlowControlAck(ack) = command else { continue };
            let key = match way.hop {
                // On a leg, what comes back acknowledges what goes there, whichever channel it is.
                Hop::ServerIn | Hop::OutServer => Some((way.to, way.conn)),
                _ => {
                    let channel = self.channels.get(&ack.channel_cookie).filter(|channel| channel.to == way.from);
                    channel.map(|channel| (channel.from, channel.conn))
                }
            };
            if let Some(stream) = key.and_then(|key| self.streams.get_mut(&key)) {
                stream.allowed = stream.allowed.max(u64::from(ack.bytes_received) + u64::from(ack.available_window));
            }
        }
    }
}

/// One RTS PDU.
pub(super) fn decode(pdu: &[u8]) -> Result<RtsPdu<'_>, oxwire::core::DecodeError> {
    decode_all::<RtsPdu<'_>>(pdu, &Limits::DEFAULT)
}

/// frag_length of the PDU that begins here.
pub(super) fn frag_length(bytes: &[u8]) -> Option<usize> {
    let length = bytes.get(8..10)?.try_into().ok()?;
    Some(u16::from_le_bytes(length).into())
}
