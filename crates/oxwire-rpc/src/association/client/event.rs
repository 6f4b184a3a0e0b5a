//! What a client is told, and what it gives.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oxwire_core::{Error, Guid};

use super::super::{CallId, ContextId, SecurityId};
use crate::pdu::{
    AuthLevel, AuthType, BindTimeFeatures, ContextResult, DataRepresentation, FaultStatus, RejectReason, ResultReason,
    SyntaxIdentifier,
};

/// A security context to be built, [MS-RPCE] 3.3.1.5.2.1.
#[derive(Debug)]
pub struct Security<S> {
    /// auth_type.
    pub auth_type: AuthType,
    /// auth_level: [`AuthLevel::CALL`] is raised to [`AuthLevel::PKT`] ([MS-RPCE] 2.2.1.1.8).
    pub level: AuthLevel,
    /// The mechanism, before its first step.
    pub context: S,
    /// Whether header signing is offered, at level pkt and above. The mechanisms of this workspace can.
    pub header_signing: bool,
}

impl<S> Security<S> {
    /// One that offers header signing.
    #[must_use]
    pub const fn new(auth_type: AuthType, level: AuthLevel, context: S) -> Self {
        Self { auth_type, level, context, header_signing: true }
    }
}

/// Where a call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The presentation context, which a bind or an alter_context got accepted.
    pub context: ContextId,
    /// opnum.
    pub opnum: u16,
    /// object.
    pub object: Option<Guid>,
    /// The security context. `None` takes the newest one that is complete, or none where there is none.
    pub security: Option<SecurityId>,
    /// How long the call may take from now on. `None`: [`Config::call_timeout`](super::super::Config::call_timeout).
    pub timeout: Option<Duration>,
}

impl Call {
    /// A call of an operation of the interface that `context` stands for.
    #[must_use]
    pub const fn new(context: ContextId, opnum: u16) -> Self {
        Self { context, opnum, object: None, security: None, timeout: None }
    }

    /// Sets [`Call::object`].
    #[must_use]
    pub const fn with_object(mut self, object: Guid) -> Self {
        self.object = Some(object);
        self
    }

    /// Sets [`Call::security`].
    #[must_use]
    pub const fn with_security(mut self, security: SecurityId) -> Self {
        self.security = Some(security);
        self
    }

    /// Sets [`Call::timeout`].
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// What a bind or an alter_context came to for one interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContextOutcome {
    /// Accepted: calls may use it.
    Accepted,
    /// Not accepted. [`ResultReason::ABSTRACT_SYNTAX_NOT_SUPPORTED`]: the server has no such interface.
    Rejected {
        /// result.
        result: ContextResult,
        /// reason.
        reason: ResultReason,
    },
}

/// Whether a call may have been executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing of it was taken out: it may be made again.
    NotSent,
    /// Some of it was, and no whole answer came.
    Unknown,
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A bind or an alter_context is through, with all legs of its security.
    Bound {
        /// The contexts that it offered, in the order of the verb's argument.
        contexts: Vec<(ContextId, SyntaxIdentifier, ContextOutcome)>,
        /// The security context that it built.
        security: Option<SecurityId>,
        /// assoc_group_id, which another connection names to join the group.
        assoc_group_id: u32,
        /// The bind-time features that both ends have.
        features: BindTimeFeatures,
    },
    /// bind_nak: the association has ended.
    Refused {
        /// provider_reject_reason.
        reason: RejectReason,
        /// Extended error information ([MS-EERR]), undecoded.
        extended_error: Option<Bytes>,
    },
    /// An alter_context was answered by a fault. What was bound before stands; its contexts and its security do not.
    AlterRefused {
        /// The contexts that it offered.
        contexts: Vec<ContextId>,
        /// status.
        status: FaultStatus,
    },
    /// [`Step::Pending`](oxwire_core::Step::Pending): answer the context through
    /// [`security_mut`](super::Association::security_mut), then call [`resume_security`](super::Association::resume_security).
    SecurityPending {
        /// The security context.
        security: SecurityId,
    },
    /// A call is answered.
    Response {
        /// The call.
        call: CallId,
        /// The stub data.
        stub: Bytes,
        /// How the server writes integers.
        drep: DataRepresentation,
    },
    /// A call has failed at the server.
    Fault {
        /// The call.
        call: CallId,
        /// status.
        status: FaultStatus,
        /// PFC_DID_NOT_EXECUTE: it may be made again.
        did_not_execute: bool,
        /// Extended error information ([MS-EERR]), undecoded.
        extended_error: Option<Bytes>,
    },
    /// A call has no answer and will have none.
    Undelivered {
        /// The call.
        call: CallId,
        /// Whether it may have been executed.
        fate: Fate,
        /// Why.
        reason: Arc<str>,
    },
    /// The server asks to end the connection once the calls in flight are through. \[C706\] 12.6.4.11
    Shutdown,
    /// Close the connection: the association has ended and nothing more comes out. The reason is that of every later error.
    Closed {
        /// Why.
        reason: Arc<str>,
    },
}

/// A call that was not taken, with its stub data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// The stub data.
    pub stub: Bytes,
    /// Why.
    pub error: Box<Error>,
}
