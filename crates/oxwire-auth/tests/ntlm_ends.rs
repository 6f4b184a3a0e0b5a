//! Both ends of NTLM against each other, against an independent client, and against what is wrong.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests may fail")]

use ntlmclient::{Flags, Message};
use oxwire_auth::ntlm::{
    AV_FLAG_MIC, Acceptor, AcceptorConfig, AuthenticateMessage, AvId, ChallengeMessage, Client, ClientConfig,
    NegotiateFlags, NegotiateMessage, NtlmV2Response, Refusal, Text, Verdict, nt_hash,
};
use oxwire_auth::{ChannelBinding, UserName};
use oxwire_core::{Decode, FileTime, Limits, Part, SecurityContext, SecurityError, Step, decode_all, encode_to_bytes};

const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);
const PASSWORD: &str = "Päßword";

fn entropy() -> impl FnMut(&mut [u8]) {
    let mut next = 7u8;
    move |out: &mut [u8]| {
        for byte in out {
            next = next.wrapping_mul(13).wrapping_add(101);
            *byte = next;
        }
    }
}

fn token(step: Step) -> Vec<u8> {
    match step {
        Step::Continue(token) | Step::Complete(Some(token)) => token,
        other => panic!("{other:?}"),
    }
}

/// The three messages, and the acceptor as it asks.
fn talk(client: ClientConfig, acceptor: AcceptorConfig) -> (Client, Acceptor, [Vec<u8>; 3]) {
    let (mut client, mut acceptor, mut entropy) = (Client::new(client), Acceptor::new(acceptor), entropy());
    let negotiate = token(client.step(None, WALL, &mut entropy).unwrap());
    let challenge = token(acceptor.step(Some(&negotiate), WALL, &mut entropy).unwrap());
    let authenticate = token(client.step(Some(&challenge), WALL, &mut entropy).unwrap());
    assert!(matches!(acceptor.step(Some(&authenticate), WALL, &mut entropy), Ok(Step::Pending)));
    (client, acceptor, [negotiate, challenge, authenticate])
}

fn decide(acceptor: &mut Acceptor, verdict: Verdict) -> Result<(), Refusal> {
    acceptor.answer(verdict).unwrap();
    match acceptor.step(None, WALL, &mut entropy()) {
        Ok(Step::Complete(None)) => Ok(()),
        Err(SecurityError::Refused(_)) => Err(acceptor.refusal().unwrap()),
        other => panic!("{other:?}"),
    }
}

fn config(user: &str) -> ClientConfig {
    ClientConfig::new(UserName::parse(user), PASSWORD)
}

fn sealing(user: &str) -> ClientConfig {
    let mut config = config(user);
    config.seal = true;
    config
}

fn server() -> AcceptorConfig {
    let mut config = AcceptorConfig::new("MBX1");
    config.dns_computer = "mbx1.mail.test".into();
    config
}

#[test]
fn names_in_all_three_forms() {
    for (text, domain, user, peer) in [
        ("DOM\\alice", "DOM", "alice", "DOM\\alice"),
        ("alice@mail.test", "", "alice@mail.test", "alice@mail.test"),
        ("alice", "", "alice", "alice"),
        ("DÖM\\jürgen", "DÖM", "jürgen", "DÖM\\jürgen"),
    ] {
        let (_, mut acceptor, _) = talk(config(text), server());
        let question = acceptor.question().unwrap();
        assert_eq!((&*question.domain, &*question.user), (domain, user), "{text}");
        decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
        assert_eq!(acceptor.peer_name().unwrap(), peer);
    }
}

#[test]
fn messages_are_signed_and_sealed_in_sequence_both_ways() {
    let (mut client, mut acceptor, _) = talk(sealing("DOM\\alice"), server());
    decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
    assert_eq!(client.session_key(), acceptor.session_key());
    for round in 0..4u8 {
        for from_client in [true, false] {
            let (from, to): (&mut dyn SecurityContext, &mut dyn SecurityContext) =
                if from_client { (&mut client, &mut acceptor) } else { (&mut acceptor, &mut client) };
            let (mut head, mut body) = (vec![round; 5], vec![0x40 + round; 100]);
            let mut signature = Vec::new();
            let mut parts = [Part { data: &mut head, sealed: false }, Part { data: &mut body, sealed: true }];
            from.seal(&mut parts, &mut signature).unwrap();
            assert_eq!(signature.len(), from.signature_len());
            assert_eq!(head, [round; 5], "signed only");
            assert_ne!(body, [0x40 + round; 100], "sealed");
            let mut parts = [Part { data: &mut head, sealed: false }, Part { data: &mut body, sealed: true }];
            to.unseal(&mut parts, &signature).unwrap();
            assert_eq!(body, [0x40 + round; 100]);

            signature.clear();
            from.sign(&[b"a", b"bc"], &mut signature).unwrap();
            to.verify(&[b"ab", b"c"], &signature).unwrap();
        }
    }
}

/// [MS-NLMP] 3.4.4: out of sequence is an error, and the sequence number stays.
#[test]
fn replayed_and_skipped_messages_are_refused_and_the_next_one_still_verifies() {
    let (mut client, mut acceptor, _) = talk(sealing("DOM\\alice"), server());
    decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
    let mut signatures = [Vec::new(), Vec::new()];
    for signature in &mut signatures {
        client.sign(&[b"message"], signature).unwrap();
    }
    let refused = |sequence| Err(SecurityError::BadSignature { sequence });
    assert_eq!(acceptor.verify(&[b"message"], &signatures[1]), refused(0), "skipped");
    assert_eq!(acceptor.verify(&[b"message"], &signatures[0]), Ok(()));
    assert_eq!(acceptor.verify(&[b"message"], &signatures[0]), refused(1), "replayed");
    assert_eq!(acceptor.verify(&[b"message"], &signatures[1][..15]), refused(1), "cut");
    assert_eq!(acceptor.verify(&[b"message"], &signatures[1]), Ok(()));
}

#[test]
fn a_changed_message_is_refused_and_ends_the_context() {
    let (mut client, mut acceptor, _) = talk(sealing("DOM\\alice"), server());
    decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
    let mut signature = Vec::new();
    client.sign(&[b"message"], &mut signature).unwrap();
    assert_eq!(acceptor.verify(&[b"massage"], &signature), Err(SecurityError::BadSignature { sequence: 0 }));
    signature.clear();
    client.sign(&[b"next"], &mut signature).unwrap();
    assert!(acceptor.verify(&[b"next"], &signature).is_err());
}

#[test]
fn what_was_not_negotiated_is_not_done() {
    let (mut client, mut acceptor, _) = talk(config("alice"), server());
    decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
    let mut out = Vec::new();
    assert!(matches!(client.sign(&[b"x"], &mut out), Err(SecurityError::NotNegotiated(_))));
    assert!(matches!(acceptor.seal(&mut [], &mut out), Err(SecurityError::NotNegotiated(_))));
    let mut signing = config("alice");
    signing.sign = true;
    let (mut client, ..) = talk(signing, server());
    assert!(client.sign(&[b"x"], &mut out).is_ok());
    assert!(matches!(client.seal(&mut [], &mut out), Err(SecurityError::NotNegotiated(_))));
}

/// [MS-NLMP] 3.1.5.1.2: a MIC, and no LMv2 response, exactly when the challenge carries a timestamp.
#[test]
fn a_mic_exactly_with_a_timestamp() {
    for timestamp in [true, false] {
        let mut server = server();
        server.timestamp = timestamp;
        let (_, mut acceptor, [_, _, authenticate]) = talk(config("DOM\\alice"), server);
        let limits = Limits::DEFAULT;
        let message: AuthenticateMessage<'_> = decode_all(&authenticate, &limits).unwrap();
        let response: NtlmV2Response<'_> = decode_all(message.nt_response, &limits).unwrap();
        let says_mic = response.challenge.pairs.flags() & AV_FLAG_MIC != 0;
        assert_eq!((message.mic.is_some(), says_mic), (timestamp, timestamp));
        assert_eq!(message.lm_response == [0; 24], timestamp);
        assert_eq!(response.challenge.time, WALL);
        decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
    }
}

#[test]
fn all_av_pairs_of_the_server_come_back_in_order_with_ours_behind() {
    let mut client = config("alice");
    client.target_name = "HTTP/mail.test".into();
    client.target_unverified = true;
    client.binding = ChannelBinding::TlsUnique(Box::new([1, 2, 3]));
    let hash = client.binding.hash().unwrap();
    let mut client = Client::new(client);
    client.step(None, WALL, &mut entropy()).unwrap();
    // By hand: an unknown pair, MsvAvFlags 1, a binding that the server has no business to send, the names, a timestamp.
    let mut info = Vec::new();
    for (id, value) in [
        (0x77u16, &b"??"[..]),
        (6, &[1, 0, 0, 0]),
        (10, &[9; 16]),
        (9, b"E\0V\0I\0L\0"),
        (2, b"D\0"),
        (1, b"C\0"),
        (7, &[8; 8]),
    ] {
        info.extend(id.to_le_bytes());
        info.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
        info.extend(value);
    }
    info.extend([0; 4]);
    let challenge = ChallengeMessage {
        target_name: b"D\0",
        // An unknown bit is kept, and in nobody's way.
        flags: NegotiateFlags(0x0400_0000 | 0xa28a_8205),
        server_challenge: [3; 8],
        target_info: &info,
        version: oxwire_auth::ntlm::Version::NONE,
    };
    let challenge = encode_to_bytes(&challenge).unwrap();
    let authenticate = token(client.step(Some(&challenge), WALL, &mut entropy()).unwrap());
    let limits = Limits::DEFAULT;
    let message: AuthenticateMessage<'_> = decode_all(&authenticate, &limits).unwrap();
    let response: NtlmV2Response<'_> = decode_all(message.nt_response, &limits).unwrap();
    let pairs: Vec<_> = response.challenge.pairs.iter().map(|pair| (pair.id.0, pair.value.to_vec())).collect();
    let target: Vec<u8> = "HTTP/mail.test".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let expected = [
        (0x77, b"??".to_vec()),
        (6, vec![7, 0, 0, 0]),
        (2, b"D\0".to_vec()),
        (1, b"C\0".to_vec()),
        (7, vec![8; 8]),
        (10, hash.to_vec()),
        (9, target),
    ];
    assert_eq!(pairs, expected);
    assert_eq!(response.challenge.time.intervals(), 0x0808_0808_0808_0808);
    assert!(!message.flags.has(NegotiateFlags(0x0400_0000)));
}

/// [MS-NLMP] 3.1.5.1.2: without a binding the pair is all zero, without an SPN empty.
#[test]
fn no_binding_is_said_as_zero() {
    let (_, acceptor, _) = talk(config("alice"), server());
    let limits = Limits::DEFAULT;
    let response: NtlmV2Response<'_> = decode_all(&acceptor.question().unwrap().nt_response, &limits).unwrap();
    let pairs = response.challenge.pairs;
    assert_eq!(pairs.first(AvId::CHANNEL_BINDINGS).unwrap().value, [0; 16]);
    assert_eq!(pairs.first(AvId::TARGET_NAME).unwrap().value, []);
}

#[test]
fn every_refusal_of_the_acceptor() {
    let right = || Verdict::NtHash(nt_hash(PASSWORD));
    let (_, mut acceptor, _) = talk(config("alice"), server());
    assert_eq!(decide(&mut acceptor, Verdict::NtHash(nt_hash("other"))), Err(Refusal::WrongProof));
    let (_, mut acceptor, _) = talk(config("alice"), server());
    assert_eq!(decide(&mut acceptor, Verdict::UnknownUser), Err(Refusal::UnknownUser));
    let (_, mut acceptor, _) = talk(config("alice"), server());
    assert_eq!(decide(&mut acceptor, Verdict::Refuse), Err(Refusal::Verdict));
    // It repeats its reason.
    assert!(matches!(acceptor.step(Some(b"more"), WALL, &mut entropy()), Err(SecurityError::Refused(_))));
    assert_eq!(acceptor.refusal(), Some(Refusal::Verdict));

    // A byte of the MIC, then a flag that the MIC covers.
    for at in [72, 63] {
        let mut acceptor = Acceptor::new(server());
        let (mut client, mut entropy) = (Client::new(config("alice")), entropy());
        let negotiate = token(client.step(None, WALL, &mut entropy).unwrap());
        let challenge = token(acceptor.step(Some(&negotiate), WALL, &mut entropy).unwrap());
        let mut authenticate = token(client.step(Some(&challenge), WALL, &mut entropy).unwrap());
        authenticate[at] ^= 0x10;
        acceptor.step(Some(&authenticate), WALL, &mut entropy).unwrap();
        assert_eq!(decide(&mut acceptor, right()), Err(Refusal::WrongMic), "{at}");
    }

    let mut acceptor = Acceptor::new(server());
    let none = encode_to_bytes(&NegotiateMessage {
        flags: NegotiateFlags::NTLM,
        domain: b"",
        workstation: b"",
        version: oxwire_auth::ntlm::Version::NONE,
    });
    assert!(acceptor.step(Some(&none.unwrap()), WALL, &mut entropy()).is_err());
    assert_eq!(acceptor.refusal(), Some(Refusal::NoCharacterSet));

    let mut acceptor = Acceptor::new(server());
    assert!(acceptor.step(Some(b"NTLMSSP\0\x03\0\0\0"), WALL, &mut entropy()).is_err());
    assert!(matches!(acceptor.refusal(), Some(Refusal::Malformed(error)) if error.field == "MessageType"));
}

#[test]
fn an_external_verdict_brings_the_session_base_key() {
    let (client, mut acceptor, _) = talk(sealing("DOM\\alice"), server());
    let question = acceptor.question().unwrap().clone();
    // What a domain controller does with the question.
    let limits = Limits::DEFAULT;
    let response: NtlmV2Response<'_> = decode_all(&question.nt_response, &limits).unwrap();
    let key = oxwire_auth::ntlm::ntowf_v2(&nt_hash(PASSWORD), &question.user, &question.domain);
    let base = oxwire_auth::ntlm::session_base_key(&key, &response.proof);
    decide(&mut acceptor, Verdict::SessionBaseKey(base)).unwrap();
    assert_eq!(client.session_key(), acceptor.session_key());
}

#[test]
fn calls_out_of_order_are_misuse() {
    let mut client = Client::new(config("alice"));
    let mut acceptor = Acceptor::new(server());
    let mut out = Vec::new();
    assert!(matches!(client.step(Some(b"x"), WALL, &mut entropy()), Err(SecurityError::Misuse(_))));
    assert!(matches!(client.sign(&[], &mut out), Err(SecurityError::Misuse(_))));
    assert!(matches!(acceptor.step(None, WALL, &mut entropy()), Err(SecurityError::Misuse(_))));
    assert!(acceptor.answer(Verdict::Refuse).is_err());
    client.step(None, WALL, &mut entropy()).unwrap();
    assert!(matches!(client.step(None, WALL, &mut entropy()), Err(SecurityError::Misuse(_))));
    let (mut client, ..) = talk(config("alice"), server());
    assert!(matches!(client.step(None, WALL, &mut entropy()), Err(SecurityError::Misuse(_))));
    assert!(client.is_complete());
}

#[test]
fn a_client_that_wants_signing_refuses_a_challenge_without_it() {
    for (flags, with_names) in [
        (0xa28a_8205u32, true),
        (0xe28a_8235 & !0x0008_0000, true),
        (0xe28a_8235, false),
        (0xe28a_8234 & !0x0000_0001, true),
    ] {
        let mut client = Client::new(sealing("alice"));
        client.step(None, WALL, &mut entropy()).unwrap();
        let names = [2, 0, 2, 0, b'D', 0, 1, 0, 2, 0, b'C', 0, 0, 0, 0, 0];
        let challenge = ChallengeMessage {
            target_name: b"",
            flags: NegotiateFlags(flags),
            server_challenge: [1; 8],
            target_info: if with_names { &names } else { &[0; 4] },
            version: oxwire_auth::ntlm::Version::NONE,
        };
        let challenge = encode_to_bytes(&challenge).unwrap();
        assert!(client.step(Some(&challenge), WALL, &mut entropy()).is_err(), "{flags:#x} {with_names}");
    }
}

/// ntlmclient 0.2.0 as a client of the acceptor; `lm` stands in the LM field as it is.
fn independent(
    flags: Flags,
    domain: &str,
    hashed_domain: &str,
    lm: Option<Vec<u8>>,
) -> (Acceptor, Result<Step, SecurityError>) {
    let mut acceptor = Acceptor::new(server());
    let negotiate = Message::Negotiate(ntlmclient::NegotiateMessage {
        flags,
        supplied_domain: String::new(),
        supplied_workstation: String::new(),
        os_version: Default::default(),
    });
    let challenge = token(acceptor.step(Some(&negotiate.to_bytes().unwrap()), WALL, &mut entropy()).unwrap());
    let Message::Challenge(challenge) = Message::try_from(&challenge[..]).unwrap() else { panic!() };
    let info: Vec<u8> = challenge.target_information.iter().flat_map(|entry| entry.to_bytes()).collect();
    let credentials = |domain: &str| ntlmclient::Credentials {
        username: "alice".into(),
        password: PASSWORD.into(),
        domain: domain.into(),
    };
    let time = WALL.intervals().cast_signed();
    let mut response =
        ntlmclient::respond_challenge_ntlm_v2(challenge.challenge, &info, time, &credentials(hashed_domain));
    if let Some(lm) = lm {
        response.lm_response = lm;
    }
    response.session_key = Vec::new();
    let authenticate = response.to_message(&credentials(domain), "HERE", flags).to_bytes().unwrap();
    let asked = acceptor.step(Some(&authenticate), WALL, &mut entropy());
    (acceptor, asked)
}

fn usual() -> Flags {
    Flags::NEGOTIATE_UNICODE | Flags::REQUEST_TARGET | Flags::NEGOTIATE_NTLM | Flags::NEGOTIATE_NTLM2_KEY
}

#[test]
fn ntlmclient_authenticates() {
    let (mut acceptor, asked) = independent(usual(), "DOM", "DOM", None);
    asked.unwrap();
    assert_eq!(&*acceptor.question().unwrap().workstation, "HERE");
    decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
    assert_eq!(acceptor.peer_name().unwrap(), "DOM\\alice");
}

/// curl asks for OEM strings, and sends neither MIC nor channel binding.
#[test]
fn curl_oem_strings_without_mic() {
    let flags = (usual() - Flags::NEGOTIATE_UNICODE) | Flags::NEGOTIATE_OEM;
    let (mut acceptor, asked) = independent(flags, "DOM", "DOM", None);
    asked.unwrap();
    assert_eq!(&*acceptor.question().unwrap().user, "alice");
    decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
}

/// FreeRDP 2.11 reads Version by the flag, and computes its MIC over as much of the challenge as that leaves.
#[test]
fn freerdp_asks_for_version_and_gets_the_flag_with_it() {
    // The flags of FreeRDP's NEGOTIATE_MESSAGE, as its log has them, with and without VERSION.
    for (asked, told) in [(0xE208_82B7, 15), (0xE008_82B7, 0)] {
        let mut negotiate = b"NTLMSSP\0\x01\0\0\0".to_vec();
        negotiate.extend(u32::to_le_bytes(asked));
        negotiate.extend([0; 16]);
        negotiate.extend([10, 0, 0, 0, 0, 0, 0, 15]);
        let challenge = token(Acceptor::new(server()).step(Some(&negotiate), WALL, &mut entropy()).unwrap());
        let message: ChallengeMessage<'_> = decode_all(&challenge, &Limits::DEFAULT).unwrap();
        assert_eq!(message.flags.0 & 0x0200_0000, asked & 0x0200_0000, "{asked:08x}");
        assert_eq!((message.version.revision, challenge[55]), (told, told), "{asked:08x}");
    }
}

#[test]
fn freerdp_lm_response_from_uninitialised_memory_is_ignored() {
    for lm in [vec![0xDE; 24], vec![0xAD; 400], vec![]] {
        let (mut acceptor, asked) = independent(usual(), "DOM", "DOM", Some(lm));
        asked.unwrap();
        decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
    }
}

/// [MS-NLMP] 3.2.5.1.2: clients that use NIL for UserDom are to be supported.
#[test]
fn a_proof_over_no_domain_is_accepted() {
    let (mut acceptor, asked) = independent(usual(), "DOM", "", None);
    asked.unwrap();
    decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
    let (mut acceptor, _) = independent(usual(), "DOM", "ELSE", None);
    assert_eq!(decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))), Err(Refusal::WrongProof));
}

#[test]
fn old_responses_and_none_are_refused() {
    let flags = usual();
    for (user, nt, expected) in
        [("alice", vec![1; 24], Refusal::NtlmV1), ("alice", vec![], Refusal::NtlmV1), ("", vec![], Refusal::Anonymous)]
    {
        let mut acceptor = Acceptor::new(server());
        let negotiate = token(Client::new(config("x")).step(None, WALL, &mut entropy()).unwrap());
        acceptor.step(Some(&negotiate), WALL, &mut entropy()).unwrap();
        let message = Message::Authenticate(ntlmclient::AuthenticateMessage {
            lm_response: vec![1; 24],
            ntlm_response: nt,
            domain_name: String::new(),
            user_name: user.into(),
            workstation_name: String::new(),
            session_key: vec![],
            flags,
            os_version: Default::default(),
        });
        assert!(acceptor.step(Some(&message.to_bytes().unwrap()), WALL, &mut entropy()).is_err());
        assert_eq!(acceptor.refusal(), Some(expected));
    }
}

/// A key exchange that was negotiated needs its key ([MS-NLMP] 3.2.5.1.2).
#[test]
fn a_key_exchange_without_a_key_is_refused() {
    let flags = usual() | Flags::NEGOTIATE_SIGN | Flags::NEGOTIATE_KEY_EXCHANGE;
    let (mut acceptor, asked) = independent(flags, "DOM", "DOM", None);
    asked.unwrap();
    assert_eq!(decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))), Err(Refusal::NoSessionKey));
}

fn damage<'a, T: Decode<'a> + std::fmt::Debug>(bytes: &'a [u8], limits: &'a Limits, copies: &'a [Vec<u8>]) {
    for len in 0..bytes.len() {
        let _ = decode_all::<T>(&bytes[..len], limits);
    }
    for copy in copies {
        let _ = decode_all::<T>(copy, limits);
    }
}

#[test]
fn cut_and_flipped_messages_never_panic() {
    let (_, _, [negotiate, challenge, authenticate]) = talk(sealing("DOM\\alice"), server());
    let limits = Limits::DEFAULT;
    let flips = |bytes: &[u8]| -> Vec<Vec<u8>> {
        (0..bytes.len())
            .flat_map(|at| [0x01, 0x80, 0xFF].map(|bits| (at, bits)))
            .map(|(at, bits)| {
                let mut copy = bytes.to_vec();
                copy[at] ^= bits;
                copy
            })
            .collect()
    };
    let copies = [flips(&negotiate), flips(&challenge), flips(&authenticate)];
    damage::<NegotiateMessage<'_>>(&negotiate, &limits, &copies[0]);
    damage::<ChallengeMessage<'_>>(&challenge, &limits, &copies[1]);
    damage::<AuthenticateMessage<'_>>(&authenticate, &limits, &copies[2]);

    // The ends take every damaged message too; an AUTHENTICATE_MESSAGE that was changed never gets through with its MIC.
    for copy in &copies[1] {
        let mut client = Client::new(sealing("DOM\\alice"));
        client.step(None, WALL, &mut entropy()).unwrap();
        let _ = client.step(Some(copy), WALL, &mut entropy());
    }
    for copy in &copies[2] {
        let (mut client, mut acceptor, mut entropy) =
            (Client::new(sealing("DOM\\alice")), Acceptor::new(server()), entropy());
        let negotiate = token(client.step(None, WALL, &mut entropy).unwrap());
        acceptor.step(Some(&negotiate), WALL, &mut entropy).unwrap();
        if acceptor.step(Some(copy), WALL, &mut entropy).is_ok() {
            assert!(decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))).is_err());
        }
    }
}

proptest::proptest! {
    #[test]
    fn messages_round_trip(flags: u32, name: Vec<u8>, challenge: [u8; 8], info: Vec<u8>) {
        let message = NegotiateMessage {
            flags: NegotiateFlags(flags) | NegotiateFlags::OEM_DOMAIN_SUPPLIED | NegotiateFlags::OEM_WORKSTATION_SUPPLIED,
            domain: &name,
            workstation: &info,
            version: Default::default(),
        };
        let bytes = encode_to_bytes(&message).unwrap();
        let limits = Limits::DEFAULT;
        proptest::prop_assert_eq!(decode_all::<NegotiateMessage<'_>>(&bytes, &limits).unwrap(), message);
        let message = ChallengeMessage {
            target_name: &name,
            flags: NegotiateFlags(flags) | NegotiateFlags::TARGET_INFO,
            server_challenge: challenge,
            target_info: &info,
            version: Default::default(),
        };
        let bytes = encode_to_bytes(&message).unwrap();
        proptest::prop_assert_eq!(decode_all::<ChallengeMessage<'_>>(&bytes, &limits).unwrap(), message);
    }

    #[test]
    fn any_user_authenticates(user in "[^\\\\]{1,20}", domain in "[^\\\\]{0,15}", password in ".{0,20}") {
        let mut client = ClientConfig::new(UserName::from_parts(&domain, &user), &password);
        client.sign = true;
        let (client, mut acceptor, _) = talk(client, server());
        proptest::prop_assert_eq!(decide(&mut acceptor, Verdict::NtHash(nt_hash(&password))), Ok(()));
        proptest::prop_assert_eq!(client.session_key(), acceptor.session_key());
    }
}

#[test]
fn secrets_are_shown_nowhere() {
    let (client, mut acceptor, _) = talk(sealing("DOM\\alice"), server());
    let mut shown = format!("{client:?} {acceptor:?} {:?} {:?}", nt_hash(PASSWORD), acceptor.question());
    // The response, by which passwords can be tried: neither as it is nor inside of its message.
    let question = acceptor.question().unwrap();
    for part in [&question.nt_response[..16], &question.server_challenge] {
        let escaped = format!("{:?}", bytes::Bytes::copy_from_slice(part));
        let decimal = format!("{part:?}");
        for form in [escaped.trim_matches(['b', '"']), decimal.trim_matches(['[', ']'])] {
            assert!(!shown.contains(form), "{form}: {shown}");
        }
    }
    decide(&mut acceptor, Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
    shown += &format!("{acceptor:?} {:?}", acceptor.session_key());
    let (_, mut refused, _) = talk(sealing("DOM\\alice"), server());
    let _ = decide(&mut refused, Verdict::NtHash(nt_hash("other")));
    shown += &format!("{refused:?} {}", refused.refusal().unwrap());
    let hash = nt_hash(PASSWORD);
    let key = client.session_key().unwrap();
    for secret in [&hash.expose()[..], key.expose()] {
        let decimal = format!("{secret:?}");
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!shown.contains(decimal.trim_matches(['[', ']'])) && !shown.contains(&hex), "{shown}");
    }
    assert!(!shown.contains(PASSWORD));
    let text = Text::Oem(b"\xE4bc");
    assert_eq!(text.to_string(), "äbc");
}
