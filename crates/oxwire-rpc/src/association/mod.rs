//! The association: bind, calls and their security, between whole PDUs and calls. \[C706\] chapters 9 to 12, [MS-RPCE] 3.3
//!
//! One [`client::Association`] or [`server::Association`] is one connection ("association" is \[C706\]'s word for it, [MS-RPCE]
//! says connection; several that share an assoc_group_id are an association group, see [`AssociationGroups`]). It runs over
//! any carrier that keeps PDUs whole and in order: a virtual connection of RPC over HTTP, or a stream cut by
//! [`PduStream`](crate::PduStream).
//!
//! - `handle_pdu` takes whole PDUs, `poll_transmit` gives [`OutgoingPdu`]s. They are signed and sealed as they are taken out, so
//!   what is taken has to be sent, in that order.
//! - Stub data is `Bytes`: that of a call in one fragment is a slice of the PDU that came, and what is sent without
//!   security is never copied.
//! - Security is any [`SecurityContext`], in the type parameter, so that a caller who has to answer a context's own question
//!   (a hash, a verdict, a ticket) gets at it by `security_mut`. `Box<dyn SecurityContext + Send>` is the default.
//! - Every call ends in one event: answered, faulted, or undelivered with the reason, however the connection ends.
//!
//! # What the text leaves to practice
//! - Level pkt is protected as pkt_integrity is. The table of [MS-RPCE] 3.3.1.5.2.2 signs nothing at that level; the peers in the
//!   field sign the data.
//! - Faults go out unsigned and are taken unsigned: servers in the field send them so at every level.
//! - alloc_hint is written as [MS-RPCE] 2.2.2.6 asks for, and not enforced on receipt: clients count padding and tokens into it.

pub mod client;
mod config;
mod groups;
mod outgoing;
mod reassembly;
mod security;
pub mod server;

mod verification;

use bytes::{Bytes, BytesMut};
use oxwire_core::{Error, Inline, PeerFault};

pub use config::Config;
pub use groups::{AssociationGroups, JoinRefused};
pub use security::SecurityId;
pub use verification::Verification;

#[cfg(doc)]
use oxwire_core::SecurityContext;

/// A presentation context of one connection: p_cont_id. \[C706\] 12.6.4.9
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextId(pub u16);

/// A call of one connection: call_id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

/// A PDU to be sent: `head`, then `body`. Either may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingPdu {
    /// The headers of a PDU whose stub data is the caller's own.
    pub head: Inline,
    /// The rest, or all of it.
    pub body: Bytes,
}

impl OutgoingPdu {
    /// One that is all in one piece.
    #[must_use]
    pub const fn whole(body: Bytes) -> Self {
        Self { head: Inline::EMPTY, body }
    }

    /// Bytes of the PDU.
    #[must_use]
    pub fn len(&self) -> usize {
        self.head.as_slice().len().saturating_add(self.body.len())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In one piece: copies the body where there is a head in front of it.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        let head = self.head.as_slice();
        if head.is_empty() {
            return self.body;
        }
        let mut whole = BytesMut::with_capacity(self.len());
        whole.extend_from_slice(head);
        whole.extend_from_slice(&self.body);
        whole.freeze()
    }
}

/// One that is all in one piece.
impl From<Bytes> for OutgoingPdu {
    fn from(body: Bytes) -> Self {
        Self::whole(body)
    }
}

/// MustRecvFragSize: what every end takes. \[C706\] 12.6.3.1
pub const MUST_RECV_FRAG_SIZE: u16 = 1432;

const END_IT: &str = "close the connection; calls in flight are reported undelivered";

fn peer_fault(
    state: &'static str,
    expected: impl Into<std::borrow::Cow<'static, str>>,
    found: impl Into<std::borrow::Cow<'static, str>>,
    spec: &'static str,
) -> Error {
    PeerFault { state, expected: expected.into(), found: found.into(), spec, advice: END_IT }.into()
}
