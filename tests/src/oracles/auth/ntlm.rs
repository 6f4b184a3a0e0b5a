//! NTLM messages and both ends.

use oxwire::auth::UserName;
use oxwire::auth::ntlm::{
    Acceptor, AcceptorConfig, AuthenticateMessage, ChallengeMessage, Client, ClientConfig, NegotiateFlags,
    NegotiateMessage, NtlmV2Response, Verdict, nt_hash,
};
use oxwire::core::{Limits, Part, SecurityContext, Step, decode_all, encode_to_bytes};

use super::{PASSWORD, Script, WALL, entropy};

/// What decodes as a NEGOTIATE_MESSAGE or a CHALLENGE_MESSAGE encodes to one that decodes to the same.
pub fn auth_ntlm_message(data: &[u8]) {
    let limits = Limits::DEFAULT;
    if let Ok(message) = decode_all::<NegotiateMessage<'_>>(data, &limits) {
        let _ = (message.domain_text().to_string(), message.workstation_text().to_string());
        let bytes = encode_to_bytes(&message).expect("what was read can be written");
        let again: NegotiateMessage<'_> = decode_all(&bytes, &limits).expect("what was written can be read");
        assert_eq!(again, message);
    }
    if let Ok(message) = decode_all::<ChallengeMessage<'_>>(data, &limits) {
        let _ = (message.target_text().to_string(), message.pairs().map(|pairs| pairs.iter().count()));
        let bytes = encode_to_bytes(&message).expect("what was read can be written");
        let again: ChallengeMessage<'_> = decode_all(&bytes, &limits).expect("what was written can be read");
        assert_eq!(again, message);
    }
    if let Ok(message) = decode_all::<AuthenticateMessage<'_>>(data, &limits) {
        let _ = (message.user.to_string(), message.domain.to_string(), format!("{message:?}"));
        if let Ok(response) = decode_all::<NtlmV2Response<'_>>(message.nt_response, &limits) {
            assert!(response.challenge.pairs.iter().all(|pair| pair.id.0 != 0));
        }
    }
}

/// The client with any challenge: what it answers is an AUTHENTICATE_MESSAGE that decodes, with a MIC exactly when the challenge
/// has a timestamp.
pub fn auth_ntlm_client(data: &[u8]) {
    let mut config = ClientConfig::new(UserName::parse("DOM\\alice"), PASSWORD);
    config.seal = data.first().is_some_and(|byte| byte & 1 == 1);
    config.target_name = "HTTP/mail.test".into();
    let mut client = Client::new(config);
    let mut entropy = entropy();
    client.step(None, WALL, &mut *entropy).expect("the first message");
    let token = data.get(1..).unwrap_or_default();
    let Ok(step) = client.step(Some(token), WALL, &mut *entropy) else {
        assert!(!client.is_complete());
        return;
    };
    let Step::Complete(Some(answer)) = step else { panic!("{step:?}") };
    let limits = Limits::DEFAULT;
    let message: AuthenticateMessage<'_> = decode_all(&answer, &limits).expect("our own message");
    let response: NtlmV2Response<'_> = decode_all(message.nt_response, &limits).expect("our own response");
    let challenge: ChallengeMessage<'_> = decode_all(token, &limits).expect("it was answered");
    let timestamp = challenge.pairs().expect("it was answered").timestamp();
    assert_eq!(message.mic.is_some_and(|mic| mic != [0; 16]), timestamp.is_some());
    assert_eq!(response.challenge.time, timestamp.unwrap_or(WALL));
    assert!(!message.flags.has(NegotiateFlags::DATAGRAM));
}

/// The acceptor with any two messages: nobody gets through without the proof, and what is refused stays refused.
pub fn auth_ntlm_acceptor(data: &[u8]) {
    let mut script = Script::new(data);
    let mut acceptor = Acceptor::new(AcceptorConfig::new("MBX1"));
    let mut entropy = entropy();
    let first = script.piece();
    let honest = first.is_empty();
    let mut client = Client::new(ClientConfig::new(UserName::parse("DOM\\alice"), PASSWORD));
    let Ok(Step::Continue(negotiate)) = client.step(None, WALL, &mut *entropy) else { panic!("the first message") };
    let negotiate = if honest { &negotiate[..] } else { first };
    let Ok(Step::Continue(challenge)) = acceptor.step(Some(negotiate), WALL, &mut *entropy) else {
        assert!(acceptor.refusal().is_some());
        return;
    };
    let mut authenticate = script.data.to_vec();
    let mut changed = true;
    if honest {
        // An honest message with some bytes changed: pairs of place and value.
        let Ok(Step::Complete(Some(own))) = client.step(Some(&challenge), WALL, &mut *entropy) else { panic!() };
        authenticate = own.clone();
        for pair in script.data.chunks_exact(2) {
            let len = authenticate.len();
            authenticate[usize::from(pair[0]) % len] ^= pair[1];
        }
        changed = authenticate != own;
    }
    if acceptor.step(Some(&authenticate), WALL, &mut *entropy).is_ok() {
        assert!(acceptor.question().is_some());
        acceptor.answer(Verdict::NtHash(nt_hash(PASSWORD))).expect("it asked");
        let done = acceptor.step(None, WALL, &mut *entropy).is_ok();
        assert_eq!(done, !changed, "{:?}", acceptor.refusal());
    }
    assert_eq!(acceptor.is_complete(), acceptor.refusal().is_none());
    if acceptor.is_complete() {
        let mut data = *b"data";
        let _ = acceptor.unseal(&mut [Part { data: &mut data, sealed: true }], &[0; 16]);
    } else {
        let refusal = acceptor.refusal();
        assert!(acceptor.step(Some(&authenticate), WALL, &mut *entropy).is_err());
        assert_eq!(acceptor.refusal(), refusal);
    }
}
