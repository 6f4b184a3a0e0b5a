//! NTLM ([MS-NLMP]): the three messages, the calculations, and both ends as a [`SecurityContext`].
//!
//! NTLMv2 alone, connection-oriented, with extended session security where messages are signed or sealed. NTLMv1, LMv1 and the
//! connectionless mode are absent: a response in their form is refused with a reason.
//!
//! [`SecurityContext`]: oxwire_core::SecurityContext

mod acceptor;
mod authenticate;
mod av_pair;
mod challenge;
mod client;
mod crypto;
mod flags;
mod message;
mod negotiate;
mod session;

pub use acceptor::{Acceptor, AcceptorConfig, ExtendedProtection, Question, Refusal, Verdict};
pub use authenticate::{AuthenticateMessage, ClientChallenge, NtlmV2Response};
pub use av_pair::{AV_FLAG_MIC, AV_FLAG_UNVERIFIED_TARGET, AvId, AvPair, AvPairs};
pub use challenge::ChallengeMessage;
pub(crate) use client::incomplete;
pub use client::{Client, ClientConfig};
pub use crypto::{Key, Mode, lm_v2_response, nt_hash, nt_proof, ntowf_v2, rc4k, seal_key, session_base_key, sign_key};
pub use flags::NegotiateFlags;
pub use message::{MessageType, Text, Version, message_type};
pub use negotiate::NegotiateMessage;
