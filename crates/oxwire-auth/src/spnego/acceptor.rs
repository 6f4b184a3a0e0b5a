//! The acceptor's end, [RFC 4178] 3 to 5 and [MS-SPNG] 3.2.

use std::borrow::Cow;

use oxwire_core::{
    Entropy, FileTime, Limits, Misuse, Part, SecretBytes, SecurityContext, SecurityError, Step, decode_all,
    encode_to_bytes,
};

use super::initiator::names;
use super::protection::{Protection, Received, can_sign, delegate, is_done, resp};
use super::{
    MechType, MechTypeList, Mechanism, MechanismCall, MechanismReply, NegHints, NegState, NegTokenInit, NegTokenResp,
    NegotiationToken, Refusal, Token,
};
use crate::ntlm::{self, incomplete};

/// What becomes of an initiator that does not protect the list of mechanisms where [RFC 4178] 5 asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListProtection {
    /// It is refused.
    #[default]
    Required,
    /// It is accepted: for clients whose SPNEGO knows no mechListMIC. A MIC that is sent is verified all the same.
    WhenSent,
}

enum State {
    Start,
    /// The initiator's next token is awaited.
    Waiting,
    /// The mechanism is at work outside, or waits for a verdict.
    Busy(Received),
    Complete,
    Failed,
}

/// The acceptor of one negotiation.
///
/// `step(None)` before anything else gives NegTokenInit2, for protocols in which the server speaks first. The mechanism is the
/// first of the initiator's list that this end has; request-mic is said unless both ends prefer it. A mechanism's token by itself is
/// answered in kind.
pub struct Acceptor {
    mechanisms: Vec<Mechanism>,
    list_protection: ListProtection,
    chosen: Option<usize>,
    /// As the initiator wrote it: Windows takes no other identifier of Kerberos ([MS-SPNG] 3.2.5).
    chosen_as: MechType,
    list: Vec<u8>,
    replied: bool,
    raw: bool,
    protection: Protection,
    state: State,
    refusal: Option<Refusal>,
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptor")
            .field("mechanisms", &self.mechanisms)
            .field("chosen", &self.mech())
            .field("protection", &self.protection)
            .finish_non_exhaustive()
    }
}

impl Acceptor {
    /// An acceptor that has these mechanisms, best first.
    #[must_use]
    pub const fn new(mechanisms: Vec<Mechanism>, list_protection: ListProtection) -> Self {
        Self {
            mechanisms,
            list_protection,
            chosen: None,
            chosen_as: MechType::SPNEGO,
            list: Vec::new(),
            replied: false,
            raw: false,
            protection: Protection { required: false, sent: false, received: false },
            state: State::Start,
            refusal: None,
        }
    }

    /// The mechanism that was chosen.
    #[must_use]
    pub fn mech(&self) -> Option<MechType> {
        self.mechanism().map(Mechanism::mech)
    }

    /// Whether the initiator sent the mechanism's token by itself, without SPNEGO around it.
    #[must_use]
    pub const fn is_raw(&self) -> bool {
        self.raw
    }

    /// Whether the initiator proved that the list of mechanisms came as it was sent.
    #[must_use]
    pub const fn is_list_verified(&self) -> bool {
        self.protection.received
    }

    /// Why it refused. Where NTLM refused, [`ntlm::Acceptor::refusal`] says more.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// NTLM's acceptor, while NTLM is the mechanism: for its question and its answer.
    pub fn ntlm(&mut self) -> Option<&mut ntlm::Acceptor> {
        self.mechanisms.get_mut(self.chosen?)?.ntlm()
    }

    /// The token that tells the initiator of a refusal, where the protocol around has room for it.
    ///
    /// # Errors
    /// None in practice: its length is fixed.
    pub fn reject() -> Result<Vec<u8>, SecurityError> {
        Ok(resp(NegTokenResp { neg_state: Some(NegState::Reject), ..NegTokenResp::default() })?)
    }

    /// The call that a mechanism waits for after [`Step::Pending`].
    pub fn take_call(&mut self) -> Option<MechanismCall> {
        self.mechanisms.get_mut(self.chosen?)?.take_call()
    }

    /// Takes what came of a call; `step(None)` goes on.
    ///
    /// # Errors
    /// [`Misuse`] when none is out.
    pub fn finish_call(&mut self, reply: MechanismReply) -> Result<(), Misuse> {
        match self.chosen.and_then(|index| self.mechanisms.get_mut(index)) {
            Some(mechanism) => mechanism.finish_call(reply),
            None => Err(Misuse { call: "finish_call", state: "no mechanism", advice: "make a new context" }),
        }
    }

    fn mechanism(&self) -> Option<&Mechanism> {
        self.mechanisms.get(self.chosen?)
    }

    fn context(&self) -> Option<&dyn SecurityContext> {
        self.mechanism().filter(|_| matches!(self.state, State::Complete))?.context()
    }

    fn chosen_context(&mut self) -> Option<&mut dyn SecurityContext> {
        self.mechanisms.get_mut(self.chosen?)?.context_mut()
    }

    fn complete(&mut self, call: &'static str) -> Result<&mut dyn SecurityContext, SecurityError> {
        if !matches!(self.state, State::Complete) {
            return Err(incomplete(call));
        }
        self.chosen_context().ok_or_else(|| incomplete(call))
    }

    fn refuse<T>(&mut self, refusal: Refusal) -> Result<T, SecurityError> {
        let text = refusal.to_string();
        self.refusal = Some(refusal);
        Err(SecurityError::Refused(text.into()))
    }

    /// NegTokenInit2 ([MS-SPNG] 3.2.5.2).
    fn hint(&mut self) -> Result<Step, SecurityError> {
        let mechs: Vec<_> = self.mechanisms.iter().map(Mechanism::mech).collect();
        let list = MechTypeList::write(&mechs)?;
        let mech_types: MechTypeList<'_> = decode_all(&list, &Limits::DEFAULT)?;
        let hints = Some(NegHints::NOT_DEFINED);
        let out =
            encode_to_bytes(&NegotiationToken::Init(NegTokenInit { mech_types, hints, ..NegTokenInit::default() }))?;
        self.state = State::Start;
        Ok(Step::Continue(out.into()))
    }

    fn begin(&mut self, token: &[u8], wall: FileTime, entropy: &mut dyn Entropy) -> Result<Step, SecurityError> {
        let init = match Token::read(token, &Limits::DEFAULT) {
            Err(error) => return self.refuse(error.into()),
            Ok(Token::Spnego(NegotiationToken::Init(init))) => init,
            Ok(Token::Spnego(NegotiationToken::Resp(_))) => {
                return self.refuse(Refusal::Unexpected("NegTokenResp"));
            }
            Ok(Token::Ntlm(token)) => return self.begin_raw(MechType::NTLM, token, wall, entropy),
            Ok(Token::Mechanism { mech, token }) => return self.begin_raw(mech, token, wall, entropy),
        };
        let own = |mech: MechType| self.mechanisms.iter().position(|mechanism| mechanism.mech().is_same(mech));
        let mut common =
            init.mech_types.iter().enumerate().filter_map(|(place, mech)| Some((place, mech?, own(mech?)?)));
        let Some((place, mech, index)) = common.next() else {
            return self.refuse(Refusal::NoCommonMechanism { offered: names(init.mech_types) });
        };
        self.chosen = Some(index);
        self.chosen_as = mech;
        self.list = init.mech_types.as_der().to_vec();
        self.protection.required = place != 0 || index != 0;
        let received = Received { neg_state: None, mic: init.mech_list_mic.map(<[u8]>::to_vec) };
        // The optimistic token is the first mechanism's; another one begins anew.
        match init.mech_token.filter(|token| place == 0 && !token.is_empty()) {
            Some(token) => self.run(received, Some(token), wall, entropy),
            None => self.reply(NegState::AcceptIncomplete, None, None),
        }
    }

    fn begin_raw(
        &mut self,
        mech: MechType,
        token: &[u8],
        wall: FileTime,
        entropy: &mut dyn Entropy,
    ) -> Result<Step, SecurityError> {
        self.chosen = self.mechanisms.iter().position(|mechanism| mechanism.mech().is_same(mech));
        self.raw = true;
        if self.chosen.is_none() {
            return self.refuse(Refusal::NoCommonMechanism { offered: mech.to_string().into() });
        }
        self.run(Received::default(), Some(token), wall, entropy)
    }

    fn receive(&mut self, token: &[u8], wall: FileTime, entropy: &mut dyn Entropy) -> Result<Step, SecurityError> {
        if self.raw {
            return self.run(Received::default(), Some(token), wall, entropy);
        }
        let resp = match decode_all(token, &Limits::DEFAULT) {
            Ok(NegotiationToken::Resp(resp)) => resp,
            Ok(NegotiationToken::Init(_)) => return self.refuse(Refusal::Unexpected("NegTokenInit")),
            Err(error) => return self.refuse(error.into()),
        };
        if resp.neg_state == Some(NegState::Reject) {
            return self.refuse(Refusal::Rejected);
        }
        let received = Received { neg_state: resp.neg_state, mic: resp.mech_list_mic.map(<[u8]>::to_vec) };
        let token = resp.response_token.filter(|token| !token.is_empty());
        match (is_done(self.mechanism()), token) {
            (true, None) => self.settle(&received, None),
            (true, Some(_)) => self.refuse(Refusal::Unexpected("token of a mechanism that is through")),
            (false, None) => self.refuse(Refusal::Unexpected("NegTokenResp without a token")),
            (false, token) => self.run(received, token, wall, entropy),
        }
    }

    fn run(
        &mut self,
        received: Received,
        token: Option<&[u8]>,
        wall: FileTime,
        entropy: &mut dyn Entropy,
    ) -> Result<Step, SecurityError> {
        let Some(mechanism) = self.chosen.and_then(|index| self.mechanisms.get_mut(index)) else {
            return self.refuse(Refusal::Unexpected("token"));
        };
        match mechanism.step(token, wall, entropy) {
            Ok(Step::Pending) => {
                self.state = State::Busy(received);
                Ok(Step::Pending)
            }
            Ok(step) if self.raw => {
                self.state = if matches!(step, Step::Complete(_)) { State::Complete } else { State::Waiting };
                Ok(step)
            }
            Ok(Step::Continue(token)) => self.settle(&received, Some(&token)),
            Ok(Step::Complete(token)) => self.settle(&received, token.as_deref()),
            Ok(_) => self.refuse(Refusal::Unexpected("step of a mechanism")),
            Err(error) => {
                let mech = mechanism.mech();
                self.refuse(Refusal::of(mech, &error))
            }
        }
    }

    /// mechListMIC and the state, once the mechanism has had its turn ([RFC 4178] 5).
    fn settle(&mut self, received: &Received, token: Option<&[u8]>) -> Result<Step, SecurityError> {
        let list = std::mem::take(&mut self.list);
        let step = self.settle_over(&list, received, token);
        self.list = list;
        step
    }

    fn settle_over(&mut self, list: &[u8], received: &Received, token: Option<&[u8]>) -> Result<Step, SecurityError> {
        let (done, signs) = (is_done(self.mechanism()), can_sign(self.mechanism()));
        if let Some(mic) = &received.mic {
            if !done {
                return self.refuse(Refusal::Unexpected("mechListMIC before the mechanism was through"));
            }
            if self.chosen_context().is_none_or(|context| context.verify_mech_list(list, mic).is_err()) {
                return self.refuse(Refusal::WrongMechListMic);
            }
            // What is no signature is no proof.
            self.protection.received = signs;
        }
        if !done {
            return self.reply(NegState::AcceptIncomplete, token, None);
        }
        let Protection { required, sent, received: proved } = self.protection;
        if required && signs && !proved {
            // The initiator had its say, and has the mechanism's last token been its own, also the keys to say it with.
            let had_its_say = sent || (token.is_none() && self.replied);
            if !had_its_say {
                let mic = self.sign(list)?;
                return self.reply(NegState::AcceptIncomplete, token, Some(&mic));
            }
            if self.list_protection == ListProtection::Required {
                let mech = self.mech().unwrap_or(MechType::SPNEGO);
                return self.refuse(Refusal::NoMechListMic { mech });
            }
        }
        if proved && sent && token.is_none() {
            // The initiator's MIC answers this end's, and has the last word ([RFC 4178] 5 (b)).
            self.state = State::Complete;
            return Ok(Step::Complete(None));
        }
        let mic = if proved && signs && !sent { Some(self.sign(list)?) } else { None };
        self.reply(NegState::AcceptCompleted, token, mic.as_deref())
    }

    fn sign(&mut self, list: &[u8]) -> Result<Vec<u8>, SecurityError> {
        let mut mic = Vec::with_capacity(32);
        let context = self.chosen_context().ok_or_else(|| incomplete("sign_mech_list"))?;
        context.sign_mech_list(list, &mut mic)?;
        self.protection.sent = true;
        Ok(mic)
    }

    /// A NegTokenResp; the first one names the mechanism, and asks for the MIC that is wanted.
    fn reply(&mut self, state: NegState, token: Option<&[u8]>, mic: Option<&[u8]>) -> Result<Step, SecurityError> {
        let first = !std::mem::replace(&mut self.replied, true);
        let asks = first && self.protection.required && state == NegState::AcceptIncomplete;
        let out = resp(NegTokenResp {
            neg_state: Some(if asks { NegState::RequestMic } else { state }),
            supported_mech: first.then_some(self.chosen_as),
            response_token: token,
            mech_list_mic: mic,
        })?;
        if state == NegState::AcceptCompleted {
            self.state = State::Complete;
            return Ok(Step::Complete(Some(out)));
        }
        self.state = State::Waiting;
        Ok(Step::Continue(out))
    }
}

impl SecurityContext for Acceptor {
    fn step(&mut self, token: Option<&[u8]>, wall: FileTime, entropy: &mut dyn Entropy) -> Result<Step, SecurityError> {
        match (std::mem::replace(&mut self.state, State::Failed), token) {
            (State::Start, None) => self.hint(),
            (State::Start, Some(token)) => self.begin(token, wall, entropy),
            (State::Waiting, Some(token)) => self.receive(token, wall, entropy),
            (State::Busy(received), None) => self.run(received, None, wall, entropy),
            (State::Busy(_), Some(_)) => self.refuse(Refusal::Unexpected("token while the mechanism is at work")),
            (state, _) => {
                let (name, advice) = match state {
                    State::Complete => ("complete", "make a new context for another authentication"),
                    State::Failed => ("failed", "make a new context"),
                    _ => ("token awaited", "pass the initiator's token"),
                };
                self.state = state;
                Err(SecurityError::Misuse(Misuse { call: "step", state: name, advice }))
            }
        }
    }

    delegate!();
}
