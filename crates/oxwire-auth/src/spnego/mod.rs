//! SPNEGO ([RFC 4178], [MS-SPNG]): its tokens, and both ends as a [`SecurityContext`] over any mechanism.
//!
//! A mechanism is a [`SecurityContext`] too: NTLM of this crate, or another that the caller brings. One that blocks (Kerberos asks a
//! KDC) is never called from inside of here: [`SecurityContext::step`] answers [`Step::Pending`](oxwire_core::Step::Pending), and the
//! caller fetches a [`MechanismCall`], runs it where blocking is allowed, brings its [`MechanismReply`] back, and calls `step(None)`.
//!
//! Sent is DER. Received are the slips of real peers too: lengths with leading zeros, a first token without its GSS header, a
//! later one with it, a token repeated in place of a MIC, `reqFlags` in any form, hints of any content. Everything else that is not
//! as [RFC 4178] has it is refused with its place.
//!
//! [`SecurityContext`]: oxwire_core::SecurityContext
//! [`SecurityContext::step`]: oxwire_core::SecurityContext::step

mod acceptor;
mod asn1;
mod init;
mod initiator;
mod mech;
mod mechanism;
mod protection;
mod refusal;
mod resp;
mod token;

pub use acceptor::{Acceptor, ListProtection};
pub use init::{NegHints, NegTokenInit};
pub use initiator::Initiator;
pub use mech::{MechType, MechTypeList};
pub use mechanism::{BoxedContext, Mechanism, MechanismCall, MechanismReply};
pub use refusal::Refusal;
pub use resp::{NegState, NegTokenResp};
pub use token::{NegotiationToken, Token};
