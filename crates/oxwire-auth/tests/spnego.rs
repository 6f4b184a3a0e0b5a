//! SPNEGO's two ends against each other, over NTLM and over a mechanism of the tests', and what is wrong.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests may fail")]

mod support;

use oxwire_auth::UserName;
use oxwire_auth::ntlm::{self, AcceptorConfig, ClientConfig, Verdict, nt_hash};
use oxwire_auth::spnego::{
    Acceptor, Initiator, ListProtection, MechType, MechTypeList, Mechanism, NegHints, NegState, NegTokenInit,
    NegTokenResp, NegotiationToken, Refusal,
};
use oxwire_core::{FileTime, Limits, Part, SecurityContext, SecurityError, Step, decode_all, encode_to_bytes};

use support::toy::Toy;

const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);
const PASSWORD: &str = "correct horse";

fn entropy() -> impl FnMut(&mut [u8]) {
    let mut next = 7u8;
    move |out: &mut [u8]| {
        for byte in out {
            next = next.wrapping_mul(13).wrapping_add(101);
            *byte = next;
        }
    }
}

fn sealing() -> ClientConfig {
    let mut config = ClientConfig::new(UserName::parse("DOM\\alice"), PASSWORD);
    config.seal = true;
    config
}

fn ntlm_initiator() -> Initiator {
    Initiator::new(vec![Mechanism::ntlm_client(sealing())])
}

fn ntlm_acceptor() -> Acceptor {
    Acceptor::new(vec![Mechanism::ntlm_acceptor(AcceptorConfig::new("MBX1"))], ListProtection::Required)
}

/// One step of an acceptor, with NTLM's question answered and calls run.
fn accept(acceptor: &mut Acceptor, token: &[u8]) -> Result<Step, SecurityError> {
    let mut step = acceptor.step(Some(token), WALL, &mut entropy());
    while matches!(step, Ok(Step::Pending)) {
        if let Some(call) = acceptor.take_call() {
            acceptor.finish_call(call.run(WALL, &mut entropy())).unwrap();
        } else {
            acceptor.ntlm().unwrap().answer(Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
        }
        step = acceptor.step(None, WALL, &mut entropy());
    }
    step
}

fn initiate(initiator: &mut Initiator, token: Option<&[u8]>) -> Result<Step, SecurityError> {
    let mut step = initiator.step(token, WALL, &mut entropy());
    while matches!(step, Ok(Step::Pending)) {
        let call = initiator.take_call().unwrap();
        initiator.finish_call(call.run(WALL, &mut entropy())).unwrap();
        step = initiator.step(None, WALL, &mut entropy());
    }
    step
}

/// Lets both ends talk until they are through; `change` sees each token on its way. All tokens, the initiator's first.
fn talk(
    initiator: &mut Initiator,
    acceptor: &mut Acceptor,
    mut change: impl FnMut(usize, &mut Vec<u8>),
) -> Result<Vec<Vec<u8>>, (&'static str, SecurityError)> {
    let mut tokens = Vec::new();
    let mut input: Option<Vec<u8>> = None;
    for _ in 0..10 {
        let Some(mut token) = through(initiate(initiator, input.as_deref()).map_err(|error| ("initiator", error))?)
        else {
            assert!(initiator.is_complete() && acceptor.is_complete());
            return Ok(tokens);
        };
        change(tokens.len(), &mut token);
        tokens.push(token.clone());
        let Some(mut reply) = through(accept(acceptor, &token).map_err(|error| ("acceptor", error))?) else {
            assert!(initiator.is_complete() && acceptor.is_complete());
            return Ok(tokens);
        };
        change(tokens.len(), &mut reply);
        tokens.push(reply.clone());
        if initiator.is_complete() {
            assert!(acceptor.is_complete());
            return Ok(tokens);
        }
        input = Some(reply);
    }
    panic!("the two ends do not come to an end");
}

fn through(step: Step) -> Option<Vec<u8>> {
    match step {
        Step::Continue(token) => Some(token),
        Step::Complete(token) => token,
        other => panic!("{other:?}"),
    }
}

fn resp(token: &[u8]) -> NegTokenResp<'_> {
    match decode_all(token, &Limits::DEFAULT) {
        Ok(NegotiationToken::Resp(resp)) => resp,
        other => panic!("{other:?}"),
    }
}

fn written(token: NegotiationToken<'_>) -> Vec<u8> {
    encode_to_bytes(&token).unwrap().to_vec()
}

#[test]
fn ntlm_inside_with_a_mic_of_each_end() {
    let (mut initiator, mut acceptor) = (ntlm_initiator(), ntlm_acceptor());
    let tokens = talk(&mut initiator, &mut acceptor, |_, _| ()).unwrap();
    assert_eq!(tokens.len(), 4);
    assert_eq!(resp(&tokens[1]).supported_mech, Some(MechType::NTLM));
    assert_eq!(resp(&tokens[1]).neg_state, Some(NegState::AcceptIncomplete), "both prefer NTLM: no request-mic");
    assert!(resp(&tokens[2]).mech_list_mic.is_some(), "[MS-SPNG] note 8");
    assert_eq!(resp(&tokens[3]).neg_state, Some(NegState::AcceptCompleted));
    assert_eq!(resp(&tokens[3]).supported_mech, None, "in the first reply alone");
    assert!(resp(&tokens[3]).mech_list_mic.is_some());
    assert!(initiator.is_list_verified() && acceptor.is_list_verified());
    assert_eq!(acceptor.peer_name().as_deref(), Some("DOM\\alice"));
    assert!(initiator.session_key().is_some() && initiator.session_key() == acceptor.session_key());
}

/// [MS-SPNG] 3.2.5.1, 3.3.5.1: the RC4 state of the first message is that of the mechListMIC; the sequence number goes on from it.
#[test]
fn the_first_message_begins_with_the_rc4_state_of_the_mic() {
    let (mut initiator, mut acceptor) = (ntlm_initiator(), ntlm_acceptor());
    talk(&mut initiator, &mut acceptor, |_, _| ()).unwrap();
    // An NTLM context of the same keys, without SPNEGO: the same first bytes of its stream.
    let (mut client, mut plain) = (ntlm::Client::new(sealing()), ntlm::Acceptor::new(AcceptorConfig::new("MBX1")));
    let negotiate = through(client.step(None, WALL, &mut entropy()).unwrap()).unwrap();
    let challenge = through(plain.step(Some(&negotiate), WALL, &mut entropy()).unwrap()).unwrap();
    client.step(Some(&challenge), WALL, &mut entropy()).unwrap();
    assert_eq!(client.session_key(), initiator.session_key());
    let seal = |context: &mut dyn SecurityContext| {
        let (mut data, mut signature) = (b"message".to_vec(), Vec::new());
        context.seal(&mut [Part { data: &mut data, sealed: true }], &mut signature).unwrap();
        (data, signature)
    };
    let (sealed, mut signature) = seal(&mut initiator);
    assert_eq!(sealed, seal(&mut client).0);
    assert_eq!(signature.get(12..), Some(&[1, 0, 0, 0][..]), "the MIC was message 0");
    let mut data = sealed;
    acceptor.unseal(&mut [Part { data: &mut data, sealed: true }], &signature).unwrap();
    assert_eq!(data, b"message");
    signature.clear();
    acceptor.sign(&[b"back"], &mut signature).unwrap();
    initiator.verify(&[b"back"], &signature).unwrap();
}

#[test]
fn a_mechanism_of_two_tokens_needs_one_round() {
    let mut initiator = Initiator::new(vec![Mechanism::new(MechType::KERBEROS, Toy::initiator(2))]);
    let mut acceptor =
        Acceptor::new(vec![Mechanism::new(MechType::KERBEROS, Toy::acceptor(2))], ListProtection::Required);
    let tokens = talk(&mut initiator, &mut acceptor, |_, _| ()).unwrap();
    assert_eq!(tokens.len(), 2);
    assert_eq!(resp(&tokens[1]).neg_state, Some(NegState::AcceptCompleted));
    assert_eq!(resp(&tokens[1]).mech_list_mic, None, "optional, where both prefer the mechanism");
}

/// What the initiator calls Kerberos is what it reads back ([MS-SPNG] 3.2.5, note 9).
#[test]
fn windows_reads_the_identifier_that_it_offered() {
    let mut initiator = Initiator::new(vec![Mechanism::new(MechType::MS_KERBEROS, Toy::initiator(2))]);
    let mut acceptor =
        Acceptor::new(vec![Mechanism::new(MechType::KERBEROS, Toy::acceptor(2))], ListProtection::Required);
    let tokens = talk(&mut initiator, &mut acceptor, |_, _| ()).unwrap();
    assert_eq!(resp(&tokens[1]).supported_mech, Some(MechType::MS_KERBEROS));
}

/// Kerberos first, NTLM second, and an acceptor without Kerberos: request-mic, NTLM from its beginning, a MIC of each end.
#[test]
fn fallback_is_protected() {
    let mechanisms = || vec![Mechanism::new(MechType::KERBEROS, Toy::initiator(2)), Mechanism::ntlm_client(sealing())];
    let (mut initiator, mut acceptor) = (Initiator::new(mechanisms()), ntlm_acceptor());
    let tokens = talk(&mut initiator, &mut acceptor, |_, _| ()).unwrap();
    let first = resp(&tokens[1]);
    assert_eq!((first.neg_state, first.supported_mech), (Some(NegState::RequestMic), Some(MechType::NTLM)));
    assert_eq!(first.response_token, None);
    assert_eq!(initiator.fallback_from(), Some(MechType::KERBEROS));
    assert!(initiator.is_list_verified() && acceptor.is_list_verified());
}

/// [RFC 4178] 5: legs × who says the last token; where the mechanism is not what both prefer, both MICs travel.
#[test]
fn both_mics_travel_whoever_says_the_last_token() {
    for legs in 1..6 {
        let mut initiator = Initiator::new(vec![Mechanism::new(MechType::KERBEROS, Toy::initiator(legs))]);
        let mut acceptor = Acceptor::new(
            vec![
                Mechanism::ntlm_acceptor(AcceptorConfig::new("MBX1")),
                Mechanism::new(MechType::KERBEROS, Toy::acceptor(legs)),
            ],
            ListProtection::Required,
        );
        let tokens = talk(&mut initiator, &mut acceptor, |_, _| ()).unwrap();
        assert!(initiator.is_list_verified() && acceptor.is_list_verified(), "{legs} legs");
        assert_eq!(resp(&tokens[1]).neg_state, Some(NegState::RequestMic), "{legs} legs");
        let mics = tokens[1..].iter().filter(|token| resp(token).mech_list_mic.is_some()).count();
        assert_eq!(mics, 2, "{legs} legs");
    }
}

/// Somebody takes the better mechanism out of the list: both ends see it.
#[test]
fn a_downgrade_is_found_by_each_end() {
    let mechanisms = || vec![Mechanism::new(MechType::KERBEROS, Toy::initiator(2)), Mechanism::ntlm_client(sealing())];
    let both = || {
        vec![
            Mechanism::new(MechType::KERBEROS, Toy::acceptor(2)),
            Mechanism::ntlm_acceptor(AcceptorConfig::new("MBX1")),
        ]
    };
    let without_kerberos = |at: usize, token: &mut Vec<u8>| {
        if at == 0 {
            let list = MechTypeList::write(&[MechType::NTLM]).unwrap();
            let mech_types = decode_all(&list, &Limits::DEFAULT).unwrap();
            *token = written(NegotiationToken::Init(NegTokenInit { mech_types, ..NegTokenInit::default() }));
        }
    };
    let (mut initiator, mut acceptor) = (Initiator::new(mechanisms()), Acceptor::new(both(), ListProtection::Required));
    let (who, error) = talk(&mut initiator, &mut acceptor, without_kerberos).unwrap_err();
    assert_eq!((who, acceptor.refusal()), ("acceptor", Some(&Refusal::WrongMechListMic)), "{error}");

    // The attacker takes the MICs away too.
    let (mut initiator, mut acceptor) = (Initiator::new(mechanisms()), Acceptor::new(both(), ListProtection::WhenSent));
    let strip = |at: usize, token: &mut Vec<u8>| {
        without_kerberos(at, token);
        if at > 0 {
            let copy = token.clone();
            let mut resp = resp(&copy);
            resp.mech_list_mic = None;
            *token = written(NegotiationToken::Resp(resp));
        }
    };
    let (who, _) = talk(&mut initiator, &mut acceptor, strip).unwrap_err();
    assert_eq!(who, "initiator");
    assert_eq!(initiator.refusal(), Some(&Refusal::NoMechListMic { mech: MechType::NTLM }));

    // An acceptor that insists finds that as well.
    let (mut initiator, mut acceptor) = (Initiator::new(mechanisms()), Acceptor::new(both(), ListProtection::Required));
    let (who, _) = talk(&mut initiator, &mut acceptor, strip).unwrap_err();
    assert_eq!((who, acceptor.refusal()), ("acceptor", Some(&Refusal::NoMechListMic { mech: MechType::NTLM })));
}

/// A mechanism that cannot sign has no MIC to give ([RFC 4178] 5): it is negotiated without one.
#[test]
fn a_mechanism_that_cannot_sign_goes_without_a_mic() {
    let mute = |mut toy: Box<Toy>| {
        toy.signs = false;
        toy
    };
    let mut initiator = Initiator::new(vec![
        Mechanism::new(MechType::NEGOEX, Toy::initiator(2)),
        Mechanism::new(MechType::KERBEROS, mute(Toy::initiator(2))),
    ]);
    let mechanisms = vec![Mechanism::new(MechType::KERBEROS, mute(Toy::acceptor(2)))];
    let mut acceptor = Acceptor::new(mechanisms, ListProtection::Required);
    talk(&mut initiator, &mut acceptor, |_, _| ()).unwrap();
    assert!(!initiator.is_list_verified());
}

/// negotiate-auth 0.4.0 asks for ALWAYS_SIGN without SIGN, and sends the signature of [MS-NLMP] 3.4.4.3: taken, and no proof. Any
/// other is refused.
#[test]
fn negotiate_auth_sends_the_signature_that_proves_nothing() {
    for (first, expected) in [(1, true), (2, false)] {
        let config = ClientConfig::new(UserName::parse("DOM\\alice"), PASSWORD);
        let mut initiator = Initiator::new(vec![Mechanism::ntlm_client(config)]);
        let mut acceptor = ntlm_acceptor();
        let dummy = [first, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let result = talk(&mut initiator, &mut acceptor, |at, token| {
            if at == 2 {
                let copy = token.clone();
                let mut resp = resp(&copy);
                assert_eq!(resp.mech_list_mic, None, "no signing was negotiated");
                resp.mech_list_mic = Some(&dummy);
                *token = written(NegotiationToken::Resp(resp));
            }
        });
        assert_eq!(result.is_ok(), expected, "{first}");
        assert!(!acceptor.is_list_verified());
    }
}

#[test]
fn what_cannot_begin_is_not_offered() {
    let mut initiator =
        Initiator::new(vec![Mechanism::outside(MechType::KERBEROS, None), Mechanism::ntlm_client(sealing())]);
    assert!(matches!(initiator.step(None, WALL, &mut entropy()), Ok(Step::Pending)));
    let call = initiator.take_call().unwrap();
    assert!(call.needs_context() && call.mech() == MechType::KERBEROS);
    assert!(initiator.take_call().is_none(), "once");
    initiator.finish_call(call.unavailable("no ticket")).unwrap();
    let token = through(initiator.step(None, WALL, &mut entropy()).unwrap()).unwrap();
    let Ok(NegotiationToken::Init(init)) = decode_all(&token, &Limits::DEFAULT) else { panic!("no NegTokenInit") };
    assert_eq!(init.mech_types.iter().collect::<Vec<_>>(), [Some(MechType::NTLM)]);
    assert_eq!(initiator.skipped()[0].0, MechType::KERBEROS);
    assert!(initiator.skipped()[0].1.contains("no ticket"));

    let mut none = Initiator::new(vec![Mechanism::outside(MechType::KERBEROS, None)]);
    none.step(None, WALL, &mut entropy()).unwrap();
    let call = none.take_call().unwrap();
    none.finish_call(call.unavailable("no ticket")).unwrap();
    assert!(none.step(None, WALL, &mut entropy()).is_err());
    assert!(matches!(none.refusal(), Some(Refusal::NothingToOffer(why)) if why.contains("no ticket")));
}

/// A mechanism that blocks is run by the caller, at both ends, and its MICs are made without it.
#[test]
fn a_mechanism_that_blocks_is_run_outside() {
    for legs in 1..5 {
        let mut initiator = Initiator::new(vec![Mechanism::outside(MechType::KERBEROS, Some(Toy::initiator(legs)))]);
        let mechanisms = vec![
            Mechanism::ntlm_acceptor(AcceptorConfig::new("MBX1")),
            Mechanism::outside(MechType::KERBEROS, Some(Toy::acceptor(legs))),
        ];
        let mut acceptor = Acceptor::new(mechanisms, ListProtection::Required);
        talk(&mut initiator, &mut acceptor, |_, _| ()).unwrap();
        assert!(initiator.is_list_verified(), "{legs}");
        assert_eq!(acceptor.peer_name().as_deref(), Some("toy"));
    }
}

#[test]
fn a_call_comes_back_once_and_to_its_own_mechanism() {
    let mut initiator = Initiator::new(vec![Mechanism::outside(MechType::KERBEROS, Some(Toy::initiator(2)))]);
    let mut other = Initiator::new(vec![Mechanism::outside(MechType::NEGOEX, Some(Toy::initiator(2)))]);
    initiator.step(None, WALL, &mut entropy()).unwrap();
    other.step(None, WALL, &mut entropy()).unwrap();
    let (mine, theirs) = (initiator.take_call().unwrap(), other.take_call().unwrap());
    assert!(matches!(initiator.step(None, WALL, &mut entropy()), Ok(Step::Pending)), "still out");
    assert!(initiator.finish_call(theirs.run(WALL, &mut entropy())).is_err());
    initiator.finish_call(mine.run(WALL, &mut entropy())).unwrap();
    assert!(matches!(initiator.step(None, WALL, &mut entropy()), Ok(Step::Continue(_))));
}

/// Windows sends NTLM by itself when it has nothing else ([MS-SPNG] note 8), and reads NTLM by itself.
#[test]
fn windows_with_ntlm_alone_is_answered_in_kind() {
    let (mut client, mut acceptor) = (ntlm::Client::new(sealing()), ntlm_acceptor());
    let negotiate = through(client.step(None, WALL, &mut entropy()).unwrap()).unwrap();
    let challenge = through(accept(&mut acceptor, &negotiate).unwrap()).unwrap();
    assert!(challenge.starts_with(b"NTLMSSP\0"));
    let authenticate = through(client.step(Some(&challenge), WALL, &mut entropy()).unwrap()).unwrap();
    assert!(matches!(accept(&mut acceptor, &authenticate), Ok(Step::Complete(None))));
    assert!(acceptor.is_raw() && acceptor.is_complete());
}

/// DCE/RPC names the mechanism in auth_type: nothing stands around its tokens, and who blocks is run outside all the same.
#[test]
fn a_mechanism_goes_without_spnego_where_the_protocol_names_it() {
    let mut initiator = Initiator::without_spnego(Mechanism::ntlm_client(sealing()));
    let mut acceptor = ntlm_acceptor();
    let tokens = talk(&mut initiator, &mut acceptor, |_, _| ()).unwrap();
    assert_eq!(tokens.len(), 3);
    assert!(tokens.iter().all(|token| token.starts_with(b"NTLMSSP\0")));
    assert!(initiator.session_key() == acceptor.session_key() && initiator.session_key().is_some());

    let mut initiator = Initiator::without_spnego(Mechanism::outside(MechType::KERBEROS, None));
    assert!(matches!(initiator.step(Some(b"hint"), WALL, &mut entropy()), Err(SecurityError::Misuse(_))));
    assert!(matches!(initiator.step(None, WALL, &mut entropy()), Ok(Step::Pending)));
    let call = initiator.take_call().unwrap().with_context(Toy::initiator(3));
    initiator.finish_call(call.run(WALL, &mut entropy())).unwrap();
    assert!(matches!(initiator.step(None, WALL, &mut entropy()), Ok(Step::Continue(token)) if token == b"t\0"));
    assert!(matches!(initiate(&mut initiator, Some(b"t\x01")), Ok(Step::Complete(Some(token))) if token == b"t\x02"));
    assert!(initiator.is_complete() && !initiator.is_list_verified());

    let mut initiator = Initiator::without_spnego(Mechanism::outside(MechType::KERBEROS, None));
    assert!(matches!(initiator.step(None, WALL, &mut entropy()), Ok(Step::Pending)));
    let call = initiator.take_call().unwrap();
    initiator.finish_call(call.unavailable("no ticket")).unwrap();
    let error = initiator.step(None, WALL, &mut entropy()).unwrap_err().to_string();
    assert!(error.contains("no ticket"), "{error}");
}

/// An acceptor that finds the NTLM message inside and answers it without SPNEGO.
#[test]
fn an_acceptor_without_spnego_is_understood() {
    let (mut initiator, mut plain) = (ntlm_initiator(), ntlm::Acceptor::new(AcceptorConfig::new("MBX1")));
    let token = through(initiate(&mut initiator, None).unwrap()).unwrap();
    let Ok(NegotiationToken::Init(init)) = decode_all(&token, &Limits::DEFAULT) else { panic!("no NegTokenInit") };
    let challenge = through(plain.step(init.mech_token, WALL, &mut entropy()).unwrap()).unwrap();
    let authenticate = through(initiate(&mut initiator, Some(&challenge)).unwrap()).unwrap();
    assert!(authenticate.starts_with(b"NTLMSSP\0"));
    assert!(matches!(plain.step(Some(&authenticate), WALL, &mut entropy()), Ok(Step::Pending)));
    assert!(initiator.is_complete());
}

/// gromox answers 200 without the last token.
#[test]
fn gromox_ends_without_a_last_token() {
    let (mut initiator, mut acceptor) = (ntlm_initiator(), ntlm_acceptor());
    assert!(initiator.finish_without_token().is_err(), "nothing said yet");
    let token = through(initiate(&mut initiator, None).unwrap()).unwrap();
    assert!(!initiator.has_proved());
    let challenge = through(accept(&mut acceptor, &token).unwrap()).unwrap();
    assert_eq!(initiator.finish_without_token(), Err(Refusal::EndedEarly(MechType::NTLM)));
    initiate(&mut initiator, Some(&challenge)).unwrap();
    assert!(initiator.has_proved() && !initiator.is_complete());
    assert_eq!(initiator.finish_without_token(), Ok(()));
    assert!(initiator.is_complete() && !initiator.is_list_verified());

    // Where the list had to be protected, that is no end.
    let mut initiator =
        Initiator::new(vec![Mechanism::new(MechType::KERBEROS, Toy::initiator(2)), Mechanism::ntlm_client(sealing())]);
    let mut acceptor = ntlm_acceptor();
    let mut input = None;
    for _ in 0..3 {
        let token = through(initiate(&mut initiator, input.as_deref()).unwrap()).unwrap();
        input = through(accept(&mut acceptor, &token).unwrap());
    }
    assert_eq!(initiator.finish_without_token(), Err(Refusal::NoMechListMic { mech: MechType::NTLM }));
}

#[test]
fn a_server_that_speaks_first_is_listened_to() {
    let mut acceptor = ntlm_acceptor();
    let hint = through(acceptor.step(None, WALL, &mut entropy()).unwrap()).unwrap();
    let Ok(NegotiationToken::Init(init)) = decode_all(&hint, &Limits::DEFAULT) else { panic!("no NegTokenInit2") };
    assert_eq!(init.hints, Some(NegHints::NOT_DEFINED));
    let mut initiator =
        Initiator::new(vec![Mechanism::new(MechType::KERBEROS, Toy::initiator(2)), Mechanism::ntlm_client(sealing())]);
    let token = through(initiate(&mut initiator, Some(&hint)).unwrap()).unwrap();
    let Ok(NegotiationToken::Init(init)) = decode_all(&token, &Limits::DEFAULT) else { panic!("no NegTokenInit") };
    assert_eq!(init.mech_types.iter().collect::<Vec<_>>(), [Some(MechType::NTLM)]);
    assert!(accept(&mut acceptor, &token).is_ok());

    let mut initiator = Initiator::new(vec![Mechanism::new(MechType::KERBEROS, Toy::initiator(2))]);
    assert!(initiate(&mut initiator, Some(&hint)).is_err());
    assert_eq!(initiator.refusal(), Some(&Refusal::NoCommonMechanism { offered: "NTLM".into() }));
}

/// The answers to a NegTokenInit that are none.
#[test]
fn what_an_acceptor_must_not_say() {
    let first = |state, mech, token: Option<&[u8]>, mic: Option<&[u8]>| {
        let mut initiator = ntlm_initiator();
        initiate(&mut initiator, None).unwrap();
        let resp = NegTokenResp { neg_state: state, supported_mech: mech, response_token: token, mech_list_mic: mic };
        let answer = written(NegotiationToken::Resp(resp));
        assert!(initiate(&mut initiator, Some(&answer)).is_err(), "{resp:?}");
        assert!(initiate(&mut initiator, Some(&answer)).is_err(), "of no further use");
        initiator.refusal().unwrap().clone()
    };
    let ntlm = MechType::NTLM;
    assert_eq!(first(Some(NegState::Reject), None, None, None), Refusal::Rejected);
    let kerberos = Some(MechType::KERBEROS);
    assert_eq!(first(Some(NegState::AcceptIncomplete), kerberos, None, None), Refusal::NotOffered(MechType::KERBEROS));
    assert_eq!(first(Some(NegState::AcceptCompleted), Some(ntlm), None, None), Refusal::EndedEarly(ntlm));
    assert_eq!(first(Some(NegState::AcceptIncomplete), Some(ntlm), None, None), Refusal::EndedEarly(ntlm));
    assert!(matches!(
        first(Some(NegState::AcceptIncomplete), Some(ntlm), Some(b"NTLMSSP\0\x02"), None),
        Refusal::Mechanism { .. }
    ));
}

#[test]
fn an_initiator_without_a_common_mechanism_is_told_why() {
    let mut initiator = Initiator::new(vec![Mechanism::new(MechType::KERBEROS, Toy::initiator(2))]);
    let token = through(initiate(&mut initiator, None).unwrap()).unwrap();
    let mut acceptor = ntlm_acceptor();
    assert!(accept(&mut acceptor, &token).is_err());
    assert_eq!(acceptor.refusal(), Some(&Refusal::NoCommonMechanism { offered: "Kerberos".into() }));
    let reject = Acceptor::reject().unwrap();
    // By hand: [1] { SEQUENCE { [0] { ENUMERATED 2 } } }.
    assert_eq!(reject, [0xa1, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x0a, 0x01, 0x02]);
    assert!(initiate(&mut initiator, Some(&reject)).is_err());
    assert_eq!(initiator.refusal(), Some(&Refusal::Rejected));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_and_end(token: Vec<u8>) {
        let _ = accept(&mut ntlm_acceptor(), &token);
        let mut initiator = ntlm_initiator();
        initiate(&mut initiator, None).unwrap();
        let _ = initiate(&mut initiator, Some(&token));
    }
}
