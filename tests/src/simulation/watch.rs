//! Reads along on every connection: names each RTS PDU, and keeps a reference count of windows and lifetimes.

use std::collections::{BTreeMap, HashMap};

use bytes::{Bytes, BytesMut};
use oxwire::core::{ConnectionId, Limits, decode_all};
use oxwire::rpch::rts::{Command, PduName, RtsCookie, RtsPdu, Signature};

use super::roles::Node;
use super::tally::Tally;

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

#[derive(Debug, Default)]
struct Stream {
    buffer: BytesMut,
    begun: bool,
    /// No PDUs: an echo request's body.
    other: bool,
    /// RPC bytes sent on this channel instance, and the highest number that its receiver allows.
    sent: u64,
    allowed: u64,
    /// Bytes of body and their limit.
    carried: u64,
}

/// The reference counts and the names.
#[derive(Debug, Default)]
pub(super) struct Watch {
    streams: HashMap<(Node, ConnectionId), Stream>,
    channels: HashMap<RtsCookie, (Node, ConnectionId)>,
    in_proxy: Option<Node>,
    out_proxy: Option<Node>,
    in_same: bool,
    out_same: bool,
    /// OUT_Rx/A1 and A2 whose x the client has not decided.
    undecided: [u64; 2],
    pub(super) tally: Tally,
}

/// Over which hop each PDU goes, [MS-RPCH] 2.2.4.2 to 2.2.4.51; empty is any.
const fn hops(name: PduName) -> &'static [Hop] {
    use PduName as P;
    match name {
        P::ConnA1 | P::OutR1A3 | P::OutR1A11 | P::OutR2A3 | P::OutR2C1 => &[Hop::ClientOut],
        P::ConnA2 | P::OutR1A4 | P::OutR2A4 | P::PingTrafficSentNotify => &[Hop::OutServer],
        P::ConnA3 | P::ConnC2 | P::InR1A4 | P::InR2A4 | P::OutR1A2 | P::OutR1A6 | P::OutR1A10 => &[Hop::OutClient],
        P::OutR2A2 | P::OutR2A6 | P::OutR2B3 => &[Hop::OutClient],
        P::ConnB1 | P::InR1A1 | P::InR1A5 | P::InR2A1 | P::InR2A5 | P::OutR1A7 | P::OutR2A7 | P::KeepAlive => {
            &[Hop::ClientIn]
        }
        P::ConnB2 | P::InR1A2 | P::InR1A6 | P::InR1B1 | P::InR2A2 | P::OutR1A8 | P::OutR2A8 => &[Hop::InServer],
        P::ConnB3 | P::InR1B2 => &[Hop::ServerIn],
        P::ConnC1 | P::InR1A3 | P::InR2A3 | P::OutR1A1 | P::OutR1A5 | P::OutR1A9 => &[Hop::ServerOut],
        P::OutR2A1 | P::OutR2A5 | P::OutR2B1 | P::OutR2B2 => &[Hop::ServerOut],
        P::Echo => &[Hop::InClient, Hop::OutClient],
        P::Ping | P::FlowControlAck | P::FlowControlAckWithDestination => &[],
    }
}

/// `Some(true)` for a name of IN_R2 or OUT_R2, `Some(false)` for one of IN_R1 or OUT_R1.
fn same_proxy(name: PduName) -> Option<(bool, bool)> {
    let text = name.name();
    let inward = text.starts_with("IN_");
    match text.split('/').next() {
        Some("IN_R1" | "OUT_R1") => Some((inward, false)),
        Some("IN_R2" | "OUT_R2") => Some((inward, true)),
        _ => None,
    }
}

impl Watch {
    /// `bytes` go out on a connection. `to` is the other end; `window` its ReceiveWindow; `limit` what the body may hold in all.
    #[allow(clippy::too_many_arguments, reason = "they are what there is to know of a write")]
    pub(super) fn sent(
        &mut self,
        from: Node,
        to: Node,
        hop: Hop,
        conn: ConnectionId,
        bytes: &Bytes,
        window: u32,
        limit: Option<u64>,
    ) -> Result<(), String> {
        let stream = self
            .streams
            .entry((from, conn))
            .or_insert_with(|| Stream { allowed: u64::from(window), ..Stream::default() });
        if !stream.begun {
            stream.begun = true;
            if bytes.as_ref() == b"ncacn_http/1.0" {
                stream.begun = false;
                return Ok(());
            }
            stream.other = bytes.first() != Some(&5);
        }
        stream.carried += bytes.len() as u64;
        if let Some(limit) = limit
            && stream.carried > limit
            && !stream.other
        {
            return Err(format!("{from:?} put {} bytes on a {hop:?} channel of {limit}", stream.carried));
        }
        if stream.other {
            return Ok(());
        }
        let mut rest = if stream.buffer.is_empty() {
            bytes.clone()
        } else {
            stream.buffer.extend_from_slice(bytes);
            stream.buffer.split().freeze()
        };
        loop {
            let len = rest
                .get(8..10)
                .and_then(|len| len.try_into().ok())
                .map_or(usize::MAX, |len| u16::from_le_bytes(len).into());
            if len < 16 {
                return Err(format!("{from:?} sent a PDU of {len} bytes"));
            }
            if rest.len() < len {
                break;
            }
            let pdu = rest.split_to(len);
            if pdu.get(2) == Some(&20) {
                self.rts(from, to, hop, conn, &pdu)?;
            } else {
                let stream = self.streams.entry((from, conn)).or_default();
                stream.sent += pdu.len() as u64;
                if stream.sent > stream.allowed {
                    return Err(format!(
                        "{from:?} sent {} bytes of RPC PDUs on {hop:?} where {} were allowed",
                        stream.sent, stream.allowed
                    ));
                }
                self.tally.rpc_pdus += 1;
            }
        }
        if let Some(stream) = self.streams.get_mut(&(from, conn)) {
            stream.buffer.extend_from_slice(&rest);
        }
        Ok(())
    }

    fn rts(&mut self, from: Node, to: Node, hop: Hop, conn: ConnectionId, pdu: &Bytes) -> Result<(), String> {
        let limits = Limits::DEFAULT;
        let rts = decode_all::<RtsPdu<'_>>(pdu, &limits).map_err(|error| format!("{from:?} sent: {error}"))?;
        let Some(signature) = Signature::of(&rts) else {
            return Err(format!("{from:?} sent an RTS PDU that no section has: {:?}", rts.header()));
        };
        self.context(from, to, hop, conn, signature, &rts);
        for command in rts.commands() {
            if let Command::FlowControlAck(ack) = command {
                let key = match hop {
                    // On a leg, what comes back acknowledges what goes there, whichever channel it is.
                    Hop::ServerIn | Hop::OutServer => Some((to, conn)),
                    _ => self.channels.get(&ack.channel_cookie).copied(),
                };
                // Seen when its receiver sends it: earlier than its sender can act on it.
                if let Some(stream) = key.and_then(|key| self.streams.get_mut(&key)) {
                    stream.allowed =
                        stream.allowed.max(u64::from(ack.bytes_received) + u64::from(ack.available_window));
                }
            }
        }
        let goes_here = |name: &PduName| hops(*name).is_empty() || hops(*name).contains(&hop);
        let of_sequence = |name: &PduName| match same_proxy(*name) {
            Some((true, same)) => same == self.in_same,
            Some((false, same)) => same == self.out_same || matches!(name, PduName::OutR1A1 | PduName::OutR1A2),
            None => true,
        };
        // The last PDUs of one sequence may go between proxy and server while the client has begun the next.
        let names = || signature.names().filter(goes_here);
        let name = names().find(of_sequence).or_else(|| names().next());
        match name {
            Some(PduName::OutR1A1) => self.undecided[0] += 1,
            Some(PduName::OutR1A2) => self.undecided[1] += 1,
            Some(name) => *self.tally.pdus.entry(name).or_default() += 1,
            None => *self.tally.unnamed.entry(format!("{signature:?} on {hop:?}")).or_default() += 1,
        }
        Ok(())
    }

    /// What a PDU tells about what comes.
    fn context(&mut self, from: Node, to: Node, hop: Hop, conn: ConnectionId, signature: Signature, rts: &RtsPdu<'_>) {
        let has = |wanted| signature.names().any(|name| name == wanted);
        let channel = rts.commands().filter_map(|command| match command {
            Command::Cookie(cookie) => Some(cookie.0),
            _ => None,
        });
        match hop {
            Hop::ClientIn if has(PduName::ConnB1) || has(PduName::InR2A1) => {
                if has(PduName::InR2A1) {
                    self.in_same = self.in_proxy == Some(to);
                }
                self.in_proxy = Some(to);
                self.name_channel(channel.last(), from, conn);
            }
            Hop::ClientOut if has(PduName::ConnA1) || has(PduName::OutR2A3) => {
                if has(PduName::OutR2A3) {
                    self.out_same = self.out_proxy == Some(to);
                    let names = if self.out_same {
                        [PduName::OutR2A1, PduName::OutR2A2]
                    } else {
                        [PduName::OutR1A1, PduName::OutR1A2]
                    };
                    for (name, count) in names.into_iter().zip(&mut self.undecided) {
                        *self.tally.pdus.entry(name).or_default() += std::mem::take(count);
                    }
                }
                self.out_proxy = Some(to);
                // What counts flows the other way.
                self.name_channel(channel.last(), to, conn);
            }
            _ => {}
        }
    }

    fn name_channel(&mut self, cookie: Option<RtsCookie>, sender: Node, conn: ConnectionId) {
        if let Some(cookie) = cookie {
            self.channels.insert(cookie, (sender, conn));
        }
    }
}

/// Adds one map of counts to another.
pub(super) fn add<K: Ord + Clone>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *to.entry(key.clone()).or_default() += count;
    }
}
