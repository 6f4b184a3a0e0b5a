//! SPNEGO: tokens, and both ends with tokens from anywhere.

use oxwire::auth::UserName;
use oxwire::auth::ntlm::{AcceptorConfig, ClientConfig, Verdict, nt_hash};
use oxwire::auth::spnego::{Acceptor, Initiator, ListProtection, MechType, Mechanism, NegotiationToken, Token};
use oxwire::core::{Limits, SecurityContext, SecurityError, Step, decode_all, encode_to_bytes};

use super::{PASSWORD, Script, WALL, entropy};

/// What decodes encodes to a token that decodes to the same, but for what is never sent; and its `Debug` ends.
pub fn auth_spnego_token(data: &[u8]) {
    let limits = Limits::DEFAULT;
    if let Ok(token) = Token::read(data, &limits) {
        let _ = format!("{token:?}");
    }
    let Ok(token) = decode_all::<NegotiationToken<'_>>(data, &limits) else { return };
    let written = encode_to_bytes(&token).expect("what was read can be written");
    let again: NegotiationToken<'_> = decode_all(&written, &limits).expect("what was written can be read");
    match (token, again) {
        (NegotiationToken::Init(token), NegotiationToken::Init(again)) => {
            assert_eq!((token.mech_token, token.mech_list_mic), (again.mech_token, again.mech_list_mic));
            assert!(token.mech_types.iter().eq(again.mech_types.iter()));
            assert_eq!(token.hints.map(|hints| hints.name), again.hints.map(|hints| hints.name));
        }
        (token, again) => assert_eq!(token, again),
    }
    let anew = encode_to_bytes(&again).expect("what was read can be written");
    assert_eq!(anew, written, "what is written is written one way");
}

fn initiator() -> Initiator {
    let mut config = ClientConfig::new(UserName::parse("DOM\\alice"), PASSWORD);
    config.seal = true;
    Initiator::new(vec![Mechanism::outside(MechType::KERBEROS, None), Mechanism::ntlm_client(config)])
}

fn acceptor(list_protection: ListProtection) -> Acceptor {
    Acceptor::new(vec![Mechanism::ntlm_acceptor(AcceptorConfig::new("MBX1"))], list_protection)
}

/// One step, with what is pending answered: Kerberos cannot be had, NTLM's user has this password.
fn initiate(initiator: &mut Initiator, token: Option<&[u8]>) -> Result<Step, SecurityError> {
    let mut step = initiator.step(token, WALL, &mut *entropy());
    while let (Ok(Step::Pending), Some(call)) = (&step, initiator.take_call()) {
        initiator.finish_call(call.unavailable("no ticket")).expect("it was out");
        step = initiator.step(None, WALL, &mut *entropy());
    }
    step
}

fn accept(acceptor: &mut Acceptor, token: &[u8]) -> Result<Step, SecurityError> {
    let mut step = acceptor.step(Some(token), WALL, &mut *entropy());
    if matches!(step, Ok(Step::Pending)) {
        let ntlm = acceptor.ntlm().expect("nothing else is pending");
        ntlm.answer(Verdict::NtHash(nt_hash(PASSWORD))).expect("it asked");
        step = acceptor.step(None, WALL, &mut *entropy());
    }
    step
}

/// Changes a token: pairs of place and value.
pub(super) fn changed(token: &mut [u8], script: &mut Script<'_>) -> bool {
    let before = token.to_vec();
    for pair in script.piece().chunks_exact(2) {
        let len = token.len().max(1);
        if let Some(byte) = token.get_mut(usize::from(pair[0]) % len) {
            *byte ^= pair[1];
        }
    }
    *token != before
}

/// The initiator with any answers: an error is its end, and it is complete by nothing but the acceptor's MIC or word.
pub fn auth_spnego_initiator(data: &[u8]) {
    let mut script = Script::new(data);
    let mut initiator = initiator();
    initiate(&mut initiator, None).expect("the first token");
    for _ in 0..4 {
        let token = script.piece();
        if initiate(&mut initiator, Some(token)).is_err() {
            assert!(initiate(&mut initiator, Some(token)).is_err(), "of no further use");
            break;
        }
    }
    let _ = (initiator.finish_without_token(), initiator.has_proved(), format!("{initiator:?}"));
    assert_eq!(initiator.session_key().is_some(), initiator.is_complete());
}

/// Both ends, with bytes changed on the way: whoever comes through has the same session key, and where a MIC was asked for, the
/// list of mechanisms was not changed.
pub fn auth_spnego_ends(data: &[u8]) {
    let mut script = Script::new(data);
    let required = script.byte().unwrap_or(0) & 1 == 0;
    let protection = if required { ListProtection::Required } else { ListProtection::WhenSent };
    let (mut initiator, mut acceptor) = (initiator(), acceptor(protection));
    let Ok(Step::Continue(mut token)) = initiate(&mut initiator, None) else { panic!("the first token") };
    let mut touched = false;
    for _ in 0..4 {
        touched |= changed(&mut token, &mut script);
        let Ok(step) = accept(&mut acceptor, &token) else { break };
        let (Step::Continue(mut reply) | Step::Complete(Some(mut reply))) = step else { break };
        touched |= changed(&mut reply, &mut script);
        match initiate(&mut initiator, Some(&reply)) {
            Ok(Step::Continue(next) | Step::Complete(Some(next))) => token = next,
            _ => break,
        }
    }
    if !touched {
        assert!(initiator.is_complete() && acceptor.is_complete(), "honest ends");
        assert!(initiator.is_list_verified() && acceptor.is_list_verified());
    }
    if acceptor.is_complete() {
        assert_eq!(acceptor.peer_name().as_deref(), Some("DOM\\alice"), "nobody else has the password");
    }
    if initiator.is_complete() && acceptor.is_complete() && initiator.is_list_verified() {
        assert!(initiator.session_key() == acceptor.session_key());
    }
}
