//! What an RTS PDU is called: 31 signatures have 50 names, and hop, channel and history say which is meant.

use std::collections::HashMap;

use oxwire::core::ConnectionId;
use oxwire::rpch::rts::{Command, PduName, RtsCookie, RtsPdu, Signature};

use super::roles::Node;
use super::watch::Hop;

/// What is known of the channels of one virtual connection.
#[derive(Debug, Default)]
pub(super) struct Names {
    in_proxy: Option<Node>,
    out_proxy: Option<Node>,
    /// Whether the last successor, IN and OUT, went to its predecessor's proxy: IN_R2 and OUT_R2.
    same: [bool; 2],
    /// The same, of each successor by its cookie.
    by_cookie: HashMap<RtsCookie, bool>,
    /// OUT_R2/A4 that no OUT_R2/B1 has answered, by leg.
    unanswered: HashMap<ConnectionId, u64>,
    /// OUT_Rx/A1 and A2 whose x the client has not decided.
    undecided: [u64; 2],
}

/// What one RTS PDU is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// No section has it on this hop.
    Not,
    /// OUT_R1/A1 or OUT_R2/A1, OUT_R1/A2 or OUT_R2/A2: the client's choice of a proxy will say.
    Later,
    /// Its name; OUT_Rx/A3 also decides so many A1 and A2 before it.
    Name(PduName, Option<[u64; 2]>),
}

/// Over which hop each PDU goes, [MS-RPCH] 2.2.4.2 to 2.2.4.51; empty is any.
const fn hops(name: PduName) -> &'static [Hop] {
    use PduName as P;
    match name {
        P::ConnA1 | P::OutR1A3 | P::OutR1A11 | P::OutR2A3 | P::OutR2C1 => &[Hop::ClientOut],
        P::ConnA2 | P::OutR1A4 | P::OutR2A4 | P::PingTrafficSentNotify => &[Hop::OutServer],
        P::ConnA3 | P::ConnC2 | P::InR1A4 | P::InR2A4 | P::OutR1A2 | P::OutR1A6 | P::OutR1A10 => &[Hop::OutClient],
        P::OutR2A2 | P::OutR2A6 | P::OutR2B3 => &[Hop::OutClient],
        P::ConnB1 | P::InR1A1 | P::InR1A5 | P::InR2A1 | P::InR2A5 => &[Hop::ClientIn],
        P::OutR1A7 | P::OutR2A7 | P::KeepAlive => &[Hop::ClientIn],
        P::ConnB2 | P::InR1A2 | P::InR1A6 | P::InR1B1 | P::InR2A2 | P::OutR1A8 | P::OutR2A8 => &[Hop::InServer],
        P::ConnB3 | P::InR1B2 => &[Hop::ServerIn],
        P::ConnC1 | P::InR1A3 | P::InR2A3 | P::OutR1A1 | P::OutR1A5 | P::OutR1A9 => &[Hop::ServerOut],
        P::OutR2A1 | P::OutR2A5 | P::OutR2B1 | P::OutR2B2 => &[Hop::ServerOut],
        P::Echo => &[Hop::InClient, Hop::OutClient],
        P::Ping | P::FlowControlAck | P::FlowControlAckWithDestination => &[],
    }
}

/// Of a name of IN or OUT recycling: 0 or 1, and whether the proxy stays the same.
fn recycling(name: PduName) -> Option<(usize, bool)> {
    match name.name().split('/').next() {
        Some("IN_R1") => Some((0, false)),
        Some("IN_R2") => Some((0, true)),
        Some("OUT_R1") => Some((1, false)),
        Some("OUT_R2") => Some((1, true)),
        _ => None,
    }
}

/// The last cookie, which is the channel's, or its successor's.
pub(super) fn last_cookie(rts: &RtsPdu<'_>) -> Option<RtsCookie> {
    cookies(rts).last()
}

/// The cookies, in order.
pub(super) fn cookies<'a>(rts: &RtsPdu<'a>) -> impl Iterator<Item = RtsCookie> + use<'a> {
    rts.commands().filter_map(|command| match command {
        Command::Cookie(cookie) => Some(cookie.0),
        _ => None,
    })
}

impl Names {
    pub(super) fn name(
        &mut self,
        hop: Hop,
        conn: ConnectionId,
        to: Node,
        signature: Signature,
        rts: &RtsPdu<'_>,
    ) -> Named {
        let cookie = last_cookie(rts);
        let opens = self.opens(hop, to, signature, cookie);
        let fitting = || signature.names().filter(|name| hops(*name).is_empty() || hops(*name).contains(&hop));
        if fitting().any(|name| matches!(name, PduName::OutR1A1)) {
            self.undecided[0] += 1;
            return Named::Later;
        }
        if fitting().any(|name| matches!(name, PduName::OutR1A2)) {
            self.undecided[1] += 1;
            return Named::Later;
        }
        let known = cookie.and_then(|cookie| self.by_cookie.get(&cookie).copied());
        let meant = |name: PduName| match recycling(name) {
            None => true,
            // ANCE alone: the server has OUT_R2/A4 on this leg, or the leg is a predecessor's of OUT_R1.
            Some(_) if name == PduName::OutR2B1 => self.unanswered.get(&conn).is_some_and(|count| *count > 0),
            Some((way, same)) => known.unwrap_or(self.same[way]) == same,
        };
        let only = if fitting().count() == 1 { fitting().next() } else { None };
        let unanswered = |name: PduName| (name == PduName::OutR1A9).then(|| !meant(PduName::OutR2B1));
        let name = only.or_else(|| fitting().find(|name| unanswered(*name).unwrap_or_else(|| meant(*name))));
        let Some(name) = name else { return Named::Not };
        match name {
            PduName::OutR2A4 => *self.unanswered.entry(conn).or_default() += 1,
            PduName::OutR2B1 | PduName::OutR2B2 => drop(self.unanswered.remove(&conn)),
            _ => {}
        }
        Named::Name(name, opens.then(|| std::mem::take(&mut self.undecided)))
    }

    /// Takes what the first PDU of a channel tells; whether it is OUT_Rx/A3.
    fn opens(&mut self, hop: Hop, to: Node, signature: Signature, cookie: Option<RtsCookie>) -> bool {
        let (way, proxy, first, successor) = match hop {
            Hop::ClientIn => (0, &mut self.in_proxy, PduName::ConnB1, PduName::InR2A1),
            Hop::ClientOut => (1, &mut self.out_proxy, PduName::ConnA1, PduName::OutR2A3),
            _ => return false,
        };
        if !signature.is(first) && !signature.is(successor) {
            return false;
        }
        let same = proxy.replace(to) == Some(to);
        if signature.is(successor) {
            self.same[way] = same;
            self.by_cookie.extend(cookie.map(|cookie| (cookie, same)));
        }
        signature.is(PduName::OutR2A3)
    }
}
