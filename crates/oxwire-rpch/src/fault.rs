//! What goes wrong, in one vocabulary for all roles: each error names the PDU, the state and the section.

use std::borrow::Cow;

use oxwire_core::{Limits, PeerFault, decode_all};
use oxwire_rpc::StreamError;
use oxwire_rpc::association::OutgoingPdu;
use oxwire_rpc::pdu::Ptype;

use crate::rts::{RtsPdu, Signature};

/// What to do about a peer that breaks the protocol.
const ADVICE: &str = "the virtual connection is closed, others go on; look for a broken or hostile peer or middlebox";

/// The name of a PDU, for people: `OUT_R1/A2 or OUT_R2/A2` where bytes alone do not tell, `request` for an RPC PDU.
#[must_use]
pub fn pdu_name(pdu: &[u8]) -> Cow<'static, str> {
    let ptype = Ptype(pdu.get(2).copied().unwrap_or(u8::MAX));
    if ptype != Ptype::RTS {
        return match ptype.name() {
            Some(name) => format!("RPC PDU {name}").into(),
            None => format!("RPC PDU of type {}", ptype.0).into(),
        };
    }
    match decode_all::<RtsPdu<'_>>(pdu, &Limits::DEFAULT) {
        Ok(rts) => match Signature::of(&rts) {
            Some(signature) => {
                let names: Vec<_> = signature.names().map(|name| name.name()).collect();
                format!("{} RTS PDU", names.join(" or ")).into()
            }
            None => {
                let header = rts.header();
                format!(
                    "an RTS PDU that no section has (flags {:?}, {} commands)",
                    header.flags, header.number_of_commands
                )
                .into()
            }
        },
        Err(error) => format!("an RTS PDU that does not decode ({error})").into(),
    }
}

/// A PDU that the state does not allow.
#[must_use]
pub fn unexpected_pdu(state: &'static str, expected: &'static str, pdu: &[u8], spec: &'static str) -> PeerFault {
    PeerFault { state, expected: expected.into(), found: pdu_name(pdu), spec, advice: ADVICE }
}

/// A PDU with a wrong value, such as a cookie of another channel.
#[must_use]
pub fn wrong_value(
    state: &'static str,
    expected: &'static str,
    found: impl Into<Cow<'static, str>>,
    spec: &'static str,
) -> PeerFault {
    PeerFault { state, expected: expected.into(), found: found.into(), spec, advice: ADVICE }
}

/// A stream that can no longer be cut into PDUs: an oversized fragment, a length that is none.
#[must_use]
pub fn broken_stream(state: &'static str, error: StreamError) -> PeerFault {
    PeerFault {
        state,
        expected: "PDUs whose frag_length is 16 to the largest fragment agreed on".into(),
        found: error.to_string().into(),
        spec: "[C706] 12.6.3.1",
        advice: ADVICE,
    }
}

/// Something that was awaited and did not come in time.
#[must_use]
pub fn timed_out(state: &'static str, expected: &'static str, spec: &'static str) -> PeerFault {
    PeerFault {
        state,
        expected: expected.into(),
        found: "nothing within the time allowed".into(),
        spec,
        advice: "the virtual connection is closed; open another one, or allow more time",
    }
}

/// Why a verb did not take a PDU. The PDU is in it: nothing is lost.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the PDU of {} bytes was not taken: {reason}", pdu.len())]
pub struct Refused {
    /// The PDU as it was given.
    pub pdu: OutgoingPdu,
    /// Why.
    pub reason: RefusedReason,
}

/// The length alone: it carries somebody's mail.
impl std::fmt::Debug for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Refused({} bytes, {:?})", self.pdu.len(), self.reason)
    }
}

/// Why a verb did not take a PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedReason {
    /// The virtual connection is not opened yet: [MS-RPCH] 3.2.2.4.2 lets nothing be sent before.
    #[error("the virtual connection is not opened; wait for the event that says so")]
    NotOpened,
    /// The queue is full.
    #[error("the queue of {limit} bytes is full; give it again once PDUs have gone out, or raise the limit")]
    QueueFull {
        /// Its limit, in bytes.
        limit: usize,
    },
    /// The PDU is larger than the peer's whole receive window, so it could never be sent.
    #[error("it is larger than the peer's receive window of {window} bytes; use smaller fragments")]
    LargerThanWindow {
        /// PeerReceiveWindow, in bytes.
        window: u32,
    },
    /// The PDU is larger than a channel carries.
    #[error("it is larger than a channel of {lifetime} bytes carries; use smaller fragments or longer channels")]
    LargerThanChannel {
        /// ChannelLifetime, in bytes.
        lifetime: u32,
    },
    /// The bytes are not one whole RPC PDU.
    #[error("it is not one whole RPC PDU: its frag_length and its length differ, or it is an RTS PDU")]
    NotAPdu,
    /// The virtual connection has ended.
    #[error("the virtual connection has ended")]
    Closed,
}

/// Whether bytes are one whole RPC PDU: anything else would put the stream out of step.
#[must_use]
pub fn is_one_rpc_pdu(pdu: &[u8]) -> bool {
    says(pdu, pdu.len())
}

/// The same of a PDU whose head, if it has one, holds the common header.
pub(crate) fn is_whole(pdu: &OutgoingPdu) -> bool {
    let head = pdu.head.as_slice();
    says(if head.is_empty() { &pdu.body } else { head }, pdu.len())
}

/// Whether a common header is of an RPC PDU of so many bytes.
fn says(pdu: &[u8], len: usize) -> bool {
    let (Some(header), false) = (pdu.first_chunk::<16>(), pdu.get(2) == Some(&Ptype::RTS.0)) else { return false };
    let little = header.get(4).is_some_and(|drep| drep & 0xF0 == 0x10);
    let (low, high) = match header {
        [_, _, _, _, _, _, _, _, a, b, ..] if little => (*a, *b),
        [_, _, _, _, _, _, _, _, a, b, ..] => (*b, *a),
    };
    usize::from(u16::from_le_bytes([low, high])) == len
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An OUT_R1/A2 by hand from [MS-RPCH] 2.2.4.24: header, Destination FDClient.
    const OUT_R1_A2: &[u8] =
        &[5, 0, 20, 3, 0x10, 0, 0, 0, 28, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 13, 0, 0, 0, 0, 0, 0, 0];

    #[test]
    fn errors_name_pdu_state_and_section() {
        let fault = unexpected_pdu("Opened_A6W", "an OUT_R1/A6 RTS PDU", OUT_R1_A2, "[MS-RPCH] 3.2.2.5.6");
        let text = fault.to_string();
        for part in ["OUT_R1/A2", "OUT_R2/A2", "Opened_A6W", "[MS-RPCH] 3.2.2.5.6", "OUT_R1/A6"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(pdu_name(&[5, 0, 0]), "RPC PDU request");
        assert_eq!(pdu_name(&[5, 0, 77]), "RPC PDU of type 77");
        for len in 0..OUT_R1_A2.len() {
            let _no_panic = pdu_name(&OUT_R1_A2[..len]);
        }
    }

    #[test]
    fn what_is_one_rpc_pdu() {
        // co_cancel, \[C706\] 12.6.4.8, in both byte orders.
        assert!(is_one_rpc_pdu(&[5, 0, 18, 3, 0x10, 0, 0, 0, 16, 0, 0, 0, 9, 0, 0, 0]));
        assert!(is_one_rpc_pdu(&[5, 0, 18, 3, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 9]));
        assert!(!is_one_rpc_pdu(&[5, 0, 18, 3, 0x10, 0, 0, 0, 17, 0, 0, 0, 9, 0, 0, 0]));
        assert!(!is_one_rpc_pdu(OUT_R1_A2));
        assert!(!is_one_rpc_pdu(&[]));
    }
}
