//! Why a negotiation ends.

use oxwire_core::{DecodeError, SecurityError};

use super::MechType;

/// Why a negotiation failed. It is for the log of this end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A token that does not decode.
    #[error("malformed token: {0}")]
    Malformed(#[from] DecodeError),
    /// A token that is not the next one, or without a negotiation on this connection.
    #[error("unexpected {0} on this connection: a proxy or pool that does not keep one client on one connection?")]
    Unexpected(&'static str),
    /// The initiator offers nothing that the acceptor has, or the acceptor hints at nothing that the initiator has.
    #[error("no common mechanism: the other end offers {offered}")]
    NoCommonMechanism {
        /// What the other end offers.
        offered: Box<str>,
    },
    /// No mechanism of this end could begin.
    #[error("no mechanism could begin: {0}")]
    NothingToOffer(Box<str>),
    /// The acceptor chose what was not offered.
    #[error("the acceptor chose {0}, which was not offered")]
    NotOffered(MechType),
    /// The other end said reject.
    #[error("the other end rejects the negotiation: it has no mechanism in common, or refuses the mechanism's token")]
    Rejected,
    /// The other end called it complete before the mechanism was.
    #[error("the other end ended the negotiation before {0} was through")]
    EndedEarly(MechType),
    /// The list of mechanisms had to be protected, and was not.
    #[error(
        "no mechListMIC, which {mech} needs here: it is not what both ends prefer, so that somebody between them may have taken \
         the better one out of the list"
    )]
    NoMechListMic {
        /// The mechanism that was chosen.
        mech: MechType,
    },
    /// The list of mechanisms was changed on the way.
    #[error(
        "the mechListMIC is wrong: the list of mechanisms was changed on the way, or the session keys are not the same"
    )]
    WrongMechListMic,
    /// The mechanism's own reason.
    #[error("{mech}: {reason}")]
    Mechanism {
        /// The mechanism.
        mech: MechType,
        /// Its words.
        reason: Box<str>,
    },
}

impl Refusal {
    pub(super) fn of(mech: MechType, error: &SecurityError) -> Self {
        let reason = match error {
            SecurityError::Refused(text) => text.clone().into_owned(),
            error => error.to_string(),
        };
        Self::Mechanism { mech, reason: reason.into() }
    }
}
