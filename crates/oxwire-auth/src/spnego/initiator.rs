//! The initiator's end, [RFC 4178] 3 to 5 and [MS-SPNG] 3.3.

use std::borrow::Cow;

use oxwire_core::{
    Entropy, FileTime, Limits, Misuse, Part, SecretBytes, SecurityContext, SecurityError, Step, decode_all,
    encode_to_bytes,
};

use super::protection::{Protection, Received, can_sign, delegate, is_done, resp};
use super::{
    MechType, MechTypeList, Mechanism, MechanismCall, MechanismReply, NegState, NegTokenInit, NegTokenResp,
    NegotiationToken, Refusal, Token,
};
use crate::ChannelBinding;
use crate::ntlm::incomplete;

enum State {
    Start,
    /// The first mechanism makes its optimistic token outside.
    Beginning,
    /// The acceptor's token is awaited, the first one or a later one.
    Sent {
        first: bool,
    },
    /// The mechanism is at work outside.
    Busy(Received),
    /// The acceptor answered with the mechanism's own token: no SPNEGO from there on.
    Raw,
    Complete,
    Failed,
}

/// The initiator of one negotiation, or of one mechanism without any ([`without_spnego`](Self::without_spnego)).
///
/// `step(None)` gives NegTokenInit with the optimistic token of the first mechanism that can begin; `step(Some(hint))` does so after
/// an acceptor's NegTokenInit2. The list of mechanisms is protected whenever [RFC 4178] 5 asks for it, and whenever the mechanism
/// wants it: an acceptor that chooses another mechanism than the first has to prove that it saw the list as it was sent, or the
/// negotiation fails ([`Refusal::NoMechListMic`]).
pub struct Initiator {
    mechanisms: Vec<Mechanism>,
    skipped: Vec<(MechType, Box<str>)>,
    chosen: usize,
    list: Vec<u8>,
    protection: Protection,
    /// No SPNEGO around the mechanism's tokens.
    bare: bool,
    state: State,
    refusal: Option<Refusal>,
}

impl std::fmt::Debug for Initiator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Initiator")
            .field("mechanisms", &self.mechanisms)
            .field("chosen", &self.mech())
            .field("protection", &self.protection)
            .finish_non_exhaustive()
    }
}

impl Initiator {
    /// An initiator that offers these mechanisms, best first.
    #[must_use]
    pub const fn new(mechanisms: Vec<Mechanism>) -> Self {
        let protection = Protection { required: false, sent: false, received: false };
        Self {
            mechanisms,
            skipped: Vec::new(),
            chosen: 0,
            list: Vec::new(),
            protection,
            bare: false,
            state: State::Start,
            refusal: None,
        }
    }

    /// An initiator of that mechanism alone, whose tokens go as they are: for protocols that name the mechanism themselves, as auth_type
    /// of DCE/RPC does ([MS-RPCE] 2.2.1.1.7). A mechanism that is run outside is so run as inside of SPNEGO.
    #[must_use]
    pub fn without_spnego(mechanism: Mechanism) -> Self {
        Self { bare: true, ..Self::new(vec![mechanism]) }
    }

    /// The mechanism that is in use: the acceptor's choice, and before that the optimistic one.
    #[must_use]
    pub fn mech(&self) -> Option<MechType> {
        self.mechanisms.get(self.chosen).map(Mechanism::mech)
    }

    /// The mechanism offered first, where the acceptor chose another one.
    #[must_use]
    pub fn fallback_from(&self) -> Option<MechType> {
        self.mechanisms.first().map(Mechanism::mech).filter(|_| self.chosen != 0)
    }

    /// Mechanisms that were not offered, since they could not begin, and why.
    #[must_use]
    pub fn skipped(&self) -> &[(MechType, Box<str>)] {
        &self.skipped
    }

    /// Whether the acceptor proved that it saw the list of mechanisms as it was sent.
    #[must_use]
    pub const fn is_list_verified(&self) -> bool {
        self.protection.received
    }

    /// Whether something that proves the user has been made: an AUTHENTICATE_MESSAGE, or a token of a mechanism that is not NTLM.
    #[must_use]
    pub fn has_proved(&self) -> bool {
        match &self.state {
            State::Start | State::Beginning => false,
            _ if self.mech() == Some(MechType::NTLM) => is_done(self.mechanisms.get(self.chosen)),
            _ => true,
        }
    }

    /// Why it failed.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// Sets the channel binding of NTLM, which may become known after the first message. Another mechanism's is set where its
    /// context is made.
    pub fn set_binding(&mut self, binding: &ChannelBinding) {
        self.mechanisms.iter_mut().for_each(|mechanism| mechanism.set_binding(binding.clone()));
    }

    /// The call that a mechanism waits for after [`Step::Pending`].
    pub fn take_call(&mut self) -> Option<MechanismCall> {
        self.mechanisms.iter_mut().find_map(Mechanism::take_call)
    }

    /// Takes what came of a call; `step(None)` goes on.
    ///
    /// # Errors
    /// [`Misuse`] when none is out.
    pub fn finish_call(&mut self, reply: MechanismReply) -> Result<(), Misuse> {
        let index = if matches!(self.state, State::Beginning) { 0 } else { self.chosen };
        match self.mechanisms.get_mut(index) {
            Some(mechanism) => mechanism.finish_call(reply),
            None => Err(Misuse { call: "finish_call", state: "no mechanism", advice: "make a new context" }),
        }
    }

    /// Ends the negotiation where the protocol around it went on without the acceptor's last token (gromox answers 200 so): what the
    /// mechanism needs has been said, and nothing of the acceptor's is verified.
    ///
    /// # Errors
    /// [`Refusal::EndedEarly`] when the mechanism is not through (Kerberos: the acceptor has not proved itself),
    /// [`Refusal::NoMechListMic`] when the list had to be protected. Whether to go on in spite of that is the caller's to say.
    pub fn finish_without_token(&mut self) -> Result<(), Refusal> {
        let mechanism = self.mechanisms.get(self.chosen);
        let mech = mechanism.map_or(MechType::SPNEGO, Mechanism::mech);
        if matches!(self.state, State::Complete) {
            return Ok(());
        }
        if !is_done(mechanism) {
            return Err(Refusal::EndedEarly(mech));
        }
        if self.protection.required && !self.protection.received && can_sign(mechanism) {
            return Err(Refusal::NoMechListMic { mech });
        }
        self.state = State::Complete;
        Ok(())
    }

    fn context(&self) -> Option<&dyn SecurityContext> {
        self.mechanisms.get(self.chosen).filter(|_| matches!(self.state, State::Complete))?.context()
    }

    fn complete(&mut self, call: &'static str) -> Result<&mut dyn SecurityContext, SecurityError> {
        if !matches!(self.state, State::Complete) {
            return Err(incomplete(call));
        }
        let context = self.mechanisms.get_mut(self.chosen).and_then(Mechanism::context_mut);
        context.ok_or_else(|| incomplete(call))
    }

    fn refuse<T>(&mut self, refusal: Refusal) -> Result<T, SecurityError> {
        let text = refusal.to_string();
        self.refusal = Some(refusal);
        Err(SecurityError::Refused(text.into()))
    }

    /// The acceptor spoke first: what it has not is not offered ([MS-SPNG] 3.3.5.2).
    fn take_hint(&mut self, token: &[u8]) -> Result<(), SecurityError> {
        let init = match decode_all(token, &Limits::DEFAULT) {
            Ok(NegotiationToken::Init(init)) => init,
            Ok(NegotiationToken::Resp(_)) => return self.refuse(Refusal::Unexpected("NegTokenResp")),
            Err(error) => return self.refuse(error.into()),
        };
        let known = |mech: MechType| init.mech_types.iter().flatten().any(|hint| hint.is_same(mech));
        if !init.mech_types.is_empty() {
            self.mechanisms.retain(|mechanism| known(mechanism.mech()));
        }
        if self.mechanisms.is_empty() {
            return self.refuse(Refusal::NoCommonMechanism { offered: names(init.mech_types) });
        }
        Ok(())
    }

    /// The first mechanism that can begin gives the optimistic token.
    fn begin(&mut self, wall: FileTime, entropy: &mut dyn Entropy) -> Result<Step, SecurityError> {
        let token = loop {
            let Some(mechanism) = self.mechanisms.first_mut() else {
                let skipped: Vec<_> = self.skipped.iter().map(|(mech, why)| format!("{mech}: {why}")).collect();
                return self.refuse(Refusal::NothingToOffer(skipped.join("; ").into()));
            };
            match mechanism.step(None, wall, entropy) {
                Ok(Step::Pending) => {
                    self.state = State::Beginning;
                    return Ok(Step::Pending);
                }
                Ok(Step::Continue(token)) => break Some(token),
                Ok(Step::Complete(token)) => break token,
                Ok(_) => return self.refuse(Refusal::Unexpected("step of a mechanism")),
                Err(error) => {
                    let reason = match error {
                        SecurityError::Refused(text) => text.into_owned(),
                        error => error.to_string(),
                    };
                    self.skipped.push((mechanism.mech(), reason.into()));
                    self.mechanisms.remove(0);
                }
            }
        };
        let mechs: Vec<_> = self.mechanisms.iter().map(Mechanism::mech).collect();
        self.list = MechTypeList::write(&mechs)?;
        let mech_types: MechTypeList<'_> = decode_all(&self.list, &Limits::DEFAULT)?;
        let init = NegTokenInit { mech_types, mech_token: token.as_deref(), ..NegTokenInit::default() };
        let out = encode_to_bytes(&NegotiationToken::Init(init))?;
        self.state = State::Sent { first: true };
        Ok(Step::Continue(out.into()))
    }

    fn receive(
        &mut self,
        first: bool,
        token: &[u8],
        wall: FileTime,
        entropy: &mut dyn Entropy,
    ) -> Result<Step, SecurityError> {
        match Token::read(token, &Limits::DEFAULT) {
            Err(error) => self.refuse(error.into()),
            Ok(Token::Spnego(NegotiationToken::Resp(resp))) => self.on_resp(first, &resp, wall, entropy),
            Ok(Token::Spnego(NegotiationToken::Init(_))) => self.refuse(Refusal::Unexpected("NegTokenInit")),
            Ok(Token::Ntlm(token)) => self.receive_raw(first, MechType::NTLM, token, wall, entropy),
            Ok(Token::Mechanism { mech, token }) => self.receive_raw(first, mech, token, wall, entropy),
        }
    }

    /// The mechanism's own token in answer to the optimistic one: acceptors that know no SPNEGO find the token inside and answer it.
    fn receive_raw(
        &mut self,
        first: bool,
        mech: MechType,
        token: &[u8],
        wall: FileTime,
        entropy: &mut dyn Entropy,
    ) -> Result<Step, SecurityError> {
        if !first || !self.mech().is_some_and(|own| own.is_same(mech)) {
            return self.refuse(Refusal::Unexpected("token of a mechanism by itself"));
        }
        self.run_raw(Some(token), wall, entropy)
    }

    fn run_raw(
        &mut self,
        token: Option<&[u8]>,
        wall: FileTime,
        entropy: &mut dyn Entropy,
    ) -> Result<Step, SecurityError> {
        let Some(mechanism) = self.mechanisms.get_mut(self.chosen) else {
            return self.refuse(Refusal::Unexpected("token"));
        };
        match mechanism.step(token, wall, entropy) {
            Ok(step) => {
                self.state = if matches!(step, Step::Complete(_)) { State::Complete } else { State::Raw };
                Ok(step)
            }
            Err(error) => {
                let mech = mechanism.mech();
                self.refuse(Refusal::of(mech, &error))
            }
        }
    }

    fn on_resp(
        &mut self,
        first: bool,
        resp: &NegTokenResp<'_>,
        wall: FileTime,
        entropy: &mut dyn Entropy,
    ) -> Result<Step, SecurityError> {
        let mut chosen_anew = false;
        if first {
            // A first reply without supportedMech means the mechanism of the optimistic token: there is no other to mean.
            if let Some(mech) = resp.supported_mech {
                let offered = self.mechanisms.iter().position(|mechanism| mechanism.mech().is_same(mech));
                let Some(index) = offered else { return self.refuse(Refusal::NotOffered(mech)) };
                chosen_anew = index != self.chosen;
                self.chosen = index;
            }
            self.protection.required = chosen_anew || resp.neg_state == Some(NegState::RequestMic);
        }
        let token = resp.response_token.filter(|token| !token.is_empty());
        if resp.neg_state == Some(NegState::Reject) {
            // The token, if there is one, says more: Kerberos puts an error into it.
            if let (Some(token), Some(mechanism)) = (token, self.mechanisms.get_mut(self.chosen))
                && !chosen_anew
                && !mechanism.is_outside()
                && let Err(error) = mechanism.step(Some(token), wall, entropy)
            {
                let mech = mechanism.mech();
                return self.refuse(Refusal::of(mech, &error));
            }
            return self.refuse(Refusal::Rejected);
        }
        let received = Received { neg_state: resp.neg_state, mic: resp.mech_list_mic.map(<[u8]>::to_vec) };
        let mechanism = self.mechanisms.get(self.chosen);
        match (is_done(mechanism), token) {
            (true, None) => self.settle(&received, None),
            (true, Some(_)) => self.refuse(Refusal::Unexpected("token of a mechanism that is through")),
            (false, None) if !chosen_anew => {
                let mech = mechanism.map_or(MechType::SPNEGO, Mechanism::mech);
                self.refuse(Refusal::EndedEarly(mech))
            }
            (false, token) => self.run(received, token.filter(|_| !chosen_anew), wall, entropy),
        }
    }

    fn run(
        &mut self,
        received: Received,
        token: Option<&[u8]>,
        wall: FileTime,
        entropy: &mut dyn Entropy,
    ) -> Result<Step, SecurityError> {
        let Some(mechanism) = self.mechanisms.get_mut(self.chosen) else {
            return self.refuse(Refusal::Unexpected("token"));
        };
        match mechanism.step(token, wall, entropy) {
            Ok(Step::Pending) => {
                self.state = State::Busy(received);
                Ok(Step::Pending)
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
        let mechanism = self.mechanisms.get(self.chosen);
        let mech = mechanism.map_or(MechType::SPNEGO, Mechanism::mech);
        let (done, signs) = (is_done(mechanism), can_sign(mechanism));
        if let Some(mic) = &received.mic {
            if !done {
                return self.refuse(Refusal::Unexpected("mechListMIC before the mechanism was through"));
            }
            let context = self.mechanisms.get_mut(self.chosen).and_then(Mechanism::context_mut);
            if context.is_none_or(|context| context.verify_mech_list(&self.list, mic).is_err()) {
                return self.refuse(Refusal::WrongMechListMic);
            }
            // What is no signature is no proof.
            self.protection.received = signs;
        }
        let Protection { required, sent, received: proved } = self.protection;
        let unprotected = required && signs && !proved;
        if received.neg_state == Some(NegState::AcceptCompleted) {
            if !done || token.is_some() {
                return self.refuse(Refusal::EndedEarly(mech));
            }
            if unprotected {
                return self.refuse(Refusal::NoMechListMic { mech });
            }
            self.state = State::Complete;
            return Ok(Step::Complete(None));
        }
        let context = self.mechanisms.get_mut(self.chosen).and_then(Mechanism::context_mut);
        let mut mic = None;
        if let Some(context) = context
            && done
            && signs
            && !sent
            && (required || proved || context.wants_mech_list_mic())
        {
            let mut signature = Vec::with_capacity(32);
            context.sign_mech_list(&self.list, &mut signature)?;
            mic = Some(signature);
            self.protection.sent = true;
        }
        if token.is_none() && mic.is_none() {
            // No state, and nothing to say: it is inferred from the mechanism's ([RFC 4178] 4.2.2).
            if !done || received.neg_state.is_some() {
                return self.refuse(Refusal::EndedEarly(mech));
            }
            if unprotected {
                return self.refuse(Refusal::NoMechListMic { mech });
            }
            self.state = State::Complete;
            return Ok(Step::Complete(None));
        }
        let last = done && proved && token.is_none();
        let state = if last { NegState::AcceptCompleted } else { NegState::AcceptIncomplete };
        let out = resp(NegTokenResp {
            neg_state: Some(state),
            supported_mech: None,
            response_token: token,
            mech_list_mic: mic.as_deref(),
        })?;
        if last {
            self.state = State::Complete;
            return Ok(Step::Complete(Some(out)));
        }
        self.state = State::Sent { first: false };
        Ok(Step::Continue(out))
    }
}

/// The names of a list, for an error.
pub(super) fn names(list: MechTypeList<'_>) -> Box<str> {
    let name =
        |mech: Option<MechType>| mech.map_or_else(|| "an unknown identifier".to_owned(), |mech| mech.to_string());
    let names: Vec<_> = list.iter().take(8).map(name).collect();
    names.join(", ").into()
}

impl SecurityContext for Initiator {
    fn step(&mut self, token: Option<&[u8]>, wall: FileTime, entropy: &mut dyn Entropy) -> Result<Step, SecurityError> {
        match (std::mem::replace(&mut self.state, State::Failed), token) {
            (State::Start, None) if self.bare => self.run_raw(None, wall, entropy),
            (State::Start, None) | (State::Beginning, None) => self.begin(wall, entropy),
            (State::Start, Some(hint)) if !self.bare => {
                self.take_hint(hint)?;
                self.begin(wall, entropy)
            }
            (State::Sent { first }, Some(token)) => self.receive(first, token, wall, entropy),
            (State::Busy(received), None) => self.run(received, None, wall, entropy),
            (State::Raw, token) => self.run_raw(token, wall, entropy),
            (state, _) => {
                let (name, advice) = match state {
                    State::Complete => ("complete", "make a new context for another authentication"),
                    State::Failed => ("failed", "make a new context"),
                    State::Beginning | State::Busy(_) => {
                        ("call out", "bring the reply by `finish_call`, then `step(None)`")
                    }
                    _ => ("token awaited", "pass the acceptor's token"),
                };
                self.state = state;
                Err(SecurityError::Misuse(Misuse { call: "step", state: name, advice }))
            }
        }
    }

    delegate!();
}
