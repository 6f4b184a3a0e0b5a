//! What a server is told.

use std::sync::Arc;

use bytes::Bytes;
use oxwire_core::Guid;

use super::super::{CallId, ContextId, SecurityId, Verification};
use crate::pdu::{AuthLevel, AuthType, DataRepresentation, SyntaxIdentifier};

/// What a bind, or an alter_context with a new security context, asks for. The PDUs behind it wait for the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Negotiate {
    /// The first one of the connection; otherwise it joins what is bound.
    pub is_bind: bool,
    /// assoc_group_id of a bind: 0 asks for a new group. [`AssociationGroups`](super::super::AssociationGroups)
    pub assoc_group_id: u32,
    /// The interfaces that are offered and that this server has.
    pub interfaces: Vec<SyntaxIdentifier>,
    /// The security that is asked for: the acceptance has to bring a context for it. Level call comes as pkt ([MS-RPCE] 2.2.1.1.8),
    /// here and in the other events.
    pub security: Option<(SecurityId, AuthType, AuthLevel)>,
}

/// A request, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The call, for the answer.
    pub call: CallId,
    /// p_cont_id.
    pub context: ContextId,
    /// The interface that the presentation context stands for.
    pub interface: SyntaxIdentifier,
    /// opnum.
    pub opnum: u16,
    /// object.
    pub object: Option<Guid>,
    /// How the client writes integers.
    pub drep: DataRepresentation,
    /// The security context, and its level. `None`: without security.
    pub security: Option<(SecurityId, AuthLevel)>,
    /// PFC_MAYBE: the client does not wait for an answer. It may be answered all the same.
    pub maybe: bool,
    /// What a verification trailer behind the arguments is held against: [`Verification::check`], once they are decoded.
    pub verification: Verification,
    /// The stub data, with padding and a verification trailer behind the arguments where the client sent them.
    pub stub: Bytes,
}

/// What a server is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Answer by [`accept`](super::Association::accept) or [`refuse`](super::Association::refuse).
    Negotiate(Negotiate),
    /// [`Step::Pending`](oxwire_core::Step::Pending): answer the context through
    /// [`security_mut`](super::Association::security_mut), then call [`resume_security`](super::Association::resume_security).
    SecurityPending {
        /// The security context.
        security: SecurityId,
    },
    /// A security context is established.
    Authenticated {
        /// The security context.
        security: SecurityId,
        /// Its level.
        level: AuthLevel,
        /// Who the client is, where the mechanism tells.
        peer: Option<String>,
    },
    /// A security context refused the client, who is told by bind_nak or a fault. The text is for the log of this end.
    SecurityFailed {
        /// The security context.
        security: SecurityId,
        /// Why.
        reason: Arc<str>,
    },
    /// Answer by [`respond`](super::Association::respond) or [`fault`](super::Association::fault), in any order.
    Request(Request),
    /// The client asks to give a call up (co_cancel). Answer it all the same, early if possible:
    /// [`FaultStatus::NCA_FAULT_CANCEL`](crate::pdu::FaultStatus::NCA_FAULT_CANCEL) says that it was given up.
    Cancel {
        /// The call.
        call: CallId,
    },
    /// Nobody waits for a call any more: orphaned, or its connection is gone. It is not to be answered.
    Abandoned {
        /// The call.
        call: CallId,
    },
    /// Close the connection once `poll_transmit` gives nothing. The reason is that of every later error.
    Closed {
        /// Why.
        reason: Arc<str>,
    },
}

/// The answer to a [`Negotiate`].
#[derive(Debug)]
pub struct Acceptance<S> {
    /// The association group: not 0. Only a bind looks at it.
    pub assoc_group_id: u32,
    /// The acceptor for the security that was asked for, before its first step.
    pub security: Option<S>,
}
