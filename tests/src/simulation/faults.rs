//! Faults planted in the network: what the invariants are there to find.

use bytes::Bytes;

use super::random::Random;
use super::watch::Hop;

/// One fault.
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
    /// An acknowledgement allows more than there is.
    OverrunWindow,
    /// No ping arrives.
    SwallowedPings,
    /// A byte of an RPC PDU's body is another.
    FlippedByte,
    /// A recycling PDU of the server does not arrive.
    LostRecycling,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 10] = [
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
    ];
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
            Fault::SwallowedPings => 0,
            Fault::LostPdu | Fault::DuplicatedPdu | Fault::ReorderedPdus | Fault::FlippedByte => random.below(200),
            Fault::LostAcknowledgement | Fault::OverrunWindow => random.below(20),
            Fault::DoubledA5 | Fault::StaleCookie | Fault::LostRecycling => random.below(3),
        };
        Self { fault, wait, done: false, held: None }
    }

    /// What arrives of one PDU that was sent, where it was sent as one write.
    pub(super) fn tamper(&mut self, hop: Hop, pdu: Bytes) -> Vec<Bytes> {
        let is_rpc = matches!(pdu.as_ref(), [5, 0, kind, ..] if *kind != 20);
        let rts = rts(&pdu);
        let command = pdu.get(20).copied();
        let fits = match self.fault {
            Fault::LostAcknowledgement => rts == Some((2, 1)) && command == Some(1),
            Fault::OverrunWindow => rts == Some((2, 1)) && command == Some(1) && hop != Hop::ClientIn,
            Fault::DoubledA5 => {
                matches!(hop, Hop::ServerOut | Hop::OutClient)
                    && matches!(rts, Some((0x10, 3) | (0, 2)))
                    && command == Some(13)
            }
            Fault::StaleCookie => matches!(hop, Hop::ClientIn | Hop::ClientOut) && rts.is_some_and(|rts| rts.0 == 4),
            Fault::SwallowedPings => rts == Some((1, 0)),
            Fault::LostRecycling => matches!(hop, Hop::OutClient) && rts.is_some() && command == Some(13),
            Fault::LostPdu | Fault::DuplicatedPdu | Fault::FlippedByte => is_rpc,
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
            Fault::DoubledA5 | Fault::DuplicatedPdu => vec![pdu.clone(), pdu],
            // Version is 8 bytes, each Cookie 20: the second is the predecessor's.
            Fault::StaleCookie => vec![changed(&pdu, 20 + 8 + 20 + 4, |byte| !byte)],
            Fault::FlippedByte => vec![changed(&pdu, 20, |byte| byte ^ 0x40)],
            // Available Window, a megabyte more.
            Fault::OverrunWindow => vec![changed(&pdu, 20 + 4 + 4 + 2, |byte| byte | 0x10)],
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
