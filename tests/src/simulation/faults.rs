//! Faults planted in the network: what the invariants are there to find.

use bytes::Bytes;

use super::random::Random;
use super::violation::Invariant;
use super::watch::Hop;

/// One fault, and the invariant that finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A FlowControlAck does not arrive.
    LostAcknowledgement,
    /// OUT_R1/A5 or OUT_R2/A5 arrives twice; of the collapsed endpoint, A6.
    DoubledA5,
    /// A successor channel names a predecessor that is none.
    StaleCookie,
    /// An RPC PDU does not arrive.
    LostPdu,
    /// An RPC PDU arrives twice.
    DuplicatedPdu,
    /// Two RPC PDUs arrive in the other order.
    ReorderedPdus,
    /// A ReceiveWindow is announced larger than it is.
    OverrunWindow,
    /// No ping arrives.
    SwallowedPings,
    /// A byte of an RPC PDU's body is another.
    FlippedByte,
    /// A recycling PDU of the server does not arrive.
    LostRecycling,
    /// A channel is announced shorter than its sender takes it for.
    ShortChannel,
    /// Ends of connections do not arrive.
    LostEnds,
    /// The application is not told of a PDU that never went out.
    UnreportedPdu,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::LostAcknowledgement,
        Self::DoubledA5,
        Self::StaleCookie,
        Self::LostPdu,
        Self::DuplicatedPdu,
        Self::ReorderedPdus,
        Self::OverrunWindow,
        Self::SwallowedPings,
        Self::FlippedByte,
        Self::LostRecycling,
        Self::ShortChannel,
        Self::LostEnds,
        Self::UnreportedPdu,
    ];

    /// What finds it.
    #[must_use]
    pub const fn found_by(self) -> Invariant {
        match self {
            Self::LostPdu | Self::DuplicatedPdu | Self::ReorderedPdus | Self::FlippedByte => Invariant::Order,
            Self::LostAcknowledgement | Self::LostRecycling => Invariant::Deadlock,
            Self::DoubledA5 | Self::StaleCookie => Invariant::Sequence,
            Self::OverrunWindow => Invariant::Window,
            Self::SwallowedPings => Invariant::Silence,
            Self::ShortChannel => Invariant::Lifetime,
            Self::LostEnds => Invariant::Leak,
            Self::UnreportedPdu => Invariant::Loss,
        }
    }
}

/// A fault, waiting for its moment.
#[derive(Debug)]
pub(super) struct Planted {
    fault: Fault,
    /// So many that would do pass first.
    wait: u64,
    done: bool,
    held: Option<(Hop, Bytes)>,
}

/// Flags and number of commands of an RTS PDU.
fn rts(pdu: &[u8]) -> Option<(u16, u16)> {
    match pdu {
        [5, 0, 20, _, _, _, _, _, _, _, _, _, _, _, _, _, flags, 0, count, 0, ..] => {
            Some((u16::from(*flags), u16::from(*count)))
        }
        _ => None,
    }
}

fn changed(pdu: &Bytes, at: usize, by: impl Fn(u8) -> u8) -> Bytes {
    let mut bytes = pdu.to_vec();
    if let Some(byte) = bytes.get_mut(at) {
        *byte = by(*byte);
    }
    bytes.into()
}

impl Planted {
    pub(super) fn new(fault: Fault, random: &mut Random) -> Self {
        let wait = match fault {
            Fault::OverrunWindow
            | Fault::SwallowedPings
            | Fault::ShortChannel
            | Fault::LostEnds
            | Fault::UnreportedPdu => 0,
            Fault::LostPdu | Fault::DuplicatedPdu | Fault::ReorderedPdus | Fault::FlippedByte => random.below(200),
            Fault::LostAcknowledgement => random.below(20),
            Fault::DoubledA5 | Fault::StaleCookie | Fault::LostRecycling => random.below(3),
        };
        Self { fault, wait, done: false, held: None }
    }

    /// The application forgets what it is told.
    pub(super) const fn forgets(&self) -> bool {
        matches!(self.fault, Fault::UnreportedPdu)
    }

    /// Whether the end of a connection does not arrive.
    pub(super) const fn swallows_end(&self) -> bool {
        matches!(self.fault, Fault::LostEnds)
    }

    /// The length that a channel is announced with.
    pub(super) const fn announced(&self, length: u64) -> u64 {
        if matches!(self.fault, Fault::ShortChannel) && length > 0x1_0000 { length / 4 } else { length }
    }

    /// OUT_R2/A7 with another cookie than its own: what the wrong client of a plan sends.
    pub(super) fn wrong_successor(hop: Hop, pdu: &Bytes) -> Option<Bytes> {
        // Destination is 8 bytes, then a Cookie; Version makes three commands of them.
        let is_a7 = hop == Hop::ClientIn && rts(pdu) == Some((0x10, 3));
        is_a7.then(|| changed(pdu, 20 + 8 + 4, |byte| !byte))
    }

    /// What arrives of one PDU that was sent, where it was sent as one write.
    pub(super) fn tamper(&mut self, hop: Hop, pdu: Bytes) -> Vec<Bytes> {
        let is_rpc = matches!(pdu.as_ref(), [5, 0, kind, ..] if *kind != 20);
        let rts = rts(&pdu);
        let command = pdu.get(20).copied();
        let fits = match self.fault {
            Fault::LostAcknowledgement => rts == Some((2, 1)) && command == Some(1),
            // CONN/B3, and CONN/C2.
            Fault::OverrunWindow => match hop {
                Hop::ServerIn => rts == Some((0, 2)) && command == Some(0),
                Hop::OutClient => rts == Some((0, 3)) && command == Some(6),
                _ => false,
            },
            Fault::DoubledA5 => {
                matches!(hop, Hop::ServerOut | Hop::OutClient)
                    && matches!(rts, Some((0x10, 3) | (0, 2)))
                    && command == Some(13)
            }
            Fault::StaleCookie => matches!(hop, Hop::ClientIn | Hop::ClientOut) && rts.is_some_and(|rts| rts.0 == 4),
            Fault::SwallowedPings => rts == Some((1, 0)),
            Fault::LostRecycling => matches!(hop, Hop::OutClient) && rts.is_some() && command == Some(13),
            Fault::LostPdu | Fault::DuplicatedPdu | Fault::FlippedByte => is_rpc,
            Fault::ShortChannel | Fault::LostEnds | Fault::UnreportedPdu => false,
            Fault::ReorderedPdus => is_rpc && self.held.as_ref().is_none_or(|(held, _)| *held == hop),
        };
        if self.done || !fits {
            return vec![pdu];
        }
        if self.wait > 0 {
            self.wait -= 1;
            return vec![pdu];
        }
        self.done = !matches!(self.fault, Fault::SwallowedPings);
        match self.fault {
            Fault::LostAcknowledgement | Fault::LostPdu | Fault::SwallowedPings | Fault::LostRecycling => Vec::new(),
            Fault::ShortChannel | Fault::LostEnds | Fault::UnreportedPdu => vec![pdu],
            Fault::DoubledA5 | Fault::DuplicatedPdu => vec![pdu.clone(), pdu],
            // Version is 8 bytes, each Cookie 20: the second is the predecessor's.
            Fault::StaleCookie => vec![changed(&pdu, 20 + 8 + 20 + 4, |byte| !byte)],
            Fault::FlippedByte => vec![changed(&pdu, 20, |byte| byte ^ 0x40)],
            // 128 KiB more, behind Version in CONN/C2.
            Fault::OverrunWindow => {
                let version = if command == Some(6) { 8 } else { 0 };
                vec![changed(&pdu, 20 + version + 4 + 2, |byte| byte | 2)]
            }
            Fault::ReorderedPdus => match self.held.take() {
                Some((_, held)) => vec![pdu, held],
                None => {
                    self.held = Some((hop, pdu));
                    self.done = false;
                    Vec::new()
                }
            },
        }
    }
}
