//! SPNEGO's tokens: examples, what real peers send, what nobody may send.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "helpers of tests may fail, and their tokens are short"
)]

use oxwire_auth::spnego::{
    MechType, MechTypeList, NegHints, NegState, NegTokenInit, NegTokenResp, NegotiationToken, Token,
};
use oxwire_core::{Limits, decode_all, encode_to_bytes};

fn resp(token: &[u8]) -> NegTokenResp<'_> {
    match decode_all(token, &Limits::DEFAULT) {
        Ok(NegotiationToken::Resp(resp)) => resp,
        other => panic!("{other:?}"),
    }
}

fn written(token: NegotiationToken<'_>) -> Vec<u8> {
    encode_to_bytes(&token).unwrap().to_vec()
}

/// [MS-SPNG] 4.
#[test]
fn the_example_of_ms_spng() {
    let token = include_str!("spnego/ms_spng_4.hex");
    let token = hex(token);
    let Ok(NegotiationToken::Init(init)) = decode_all(&token, &Limits::DEFAULT) else { panic!("no NegTokenInit2") };
    assert_eq!(init.mech_types.iter().collect::<Vec<_>>(), [Some(MechType::NEGOEX), Some(MechType::NTLM)]);
    assert!(init.mech_token.unwrap().starts_with(b"NEGOEXTS"));
    assert_eq!(init.mech_token.unwrap().len(), 0xfe);
    assert_eq!(init.hints, Some(NegHints::NOT_DEFINED));
    assert_eq!((init.req_flags, init.mech_list_mic), (None, None));
    assert_eq!(written(NegotiationToken::Init(init)), token, "written as Windows writes it");
    damage(&token);
}

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect();
    digits
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// No prefix decodes, no flip panics, and what decodes is written to something that decodes to the same.
fn damage(token: &[u8]) {
    for len in 0..token.len() {
        assert!(decode_all::<NegotiationToken<'_>>(&token[..len], &Limits::DEFAULT).is_err(), "cut off at {len}");
    }
    for at in 0..token.len() {
        for bit in 0..8 {
            let mut token = token.to_vec();
            token[at] ^= 1 << bit;
            let _ = Token::read(&token, &Limits::DEFAULT);
            let Ok(value) = decode_all::<NegotiationToken<'_>>(&token, &Limits::DEFAULT) else { continue };
            let again = written(value);
            let again: NegotiationToken<'_> = decode_all(&again, &Limits::DEFAULT).unwrap();
            match (value, again) {
                (NegotiationToken::Init(value), NegotiationToken::Init(again)) => {
                    assert_eq!((value.mech_types, value.mech_token), (again.mech_types, again.mech_token));
                }
                (value, again) => assert_eq!(value, again),
            }
        }
    }
}

#[test]
fn slips_of_real_peers_are_read() {
    let list = MechTypeList::write(&[MechType::NTLM]).unwrap();
    let mech_types = decode_all(&list, &Limits::DEFAULT).unwrap();
    let strict = written(NegotiationToken::Init(NegTokenInit {
        mech_types,
        mech_token: Some(b"token"),
        ..NegTokenInit::default()
    }));
    let read = |token: &[u8]| match decode_all(token, &Limits::DEFAULT) {
        Ok(NegotiationToken::Init(init)) => {
            (init.mech_types.iter().collect::<Vec<_>>(), init.mech_token.map(<[u8]>::to_vec))
        }
        other => panic!("{other:?}"),
    };
    let expected = (vec![Some(MechType::NTLM)], Some(b"token".to_vec()));
    assert_eq!(read(&strict), expected);
    // The CHOICE alone: 60 LL 06 06 (6 octets) in front left out.
    assert_eq!(read(&strict[10..]), expected, "without the GSS header");
    // Every length below 0x80 as 82 00 LL or 84 00 00 00 LL, from the inside out.
    for form in [&[0x82, 0x00][..], &[0x84, 0x00, 0x00, 0x00]] {
        assert_eq!(read(&widen(&strict, form)), expected, "lengths of fixed width");
    }
    // reqFlags of Java, no BIT STRING: a primitive [1].
    let list_len = list.len();
    let body = [&[0xa0, list_len as u8][..], &list, &[0xa1, 0x03, 0x01, 0x02, 0x03], &[0xa2, 3, 4, 1, b't']].concat();
    let token = [&[0xa0, body.len() as u8 + 2, 0x30, body.len() as u8][..], &body].concat();
    assert_eq!(read(&token).1, Some(b"t".to_vec()), "reqFlags in another form");

    // Windows 2003: the token again in place of the MIC.
    let resp_token = written(NegotiationToken::Resp(NegTokenResp {
        response_token: Some(b"same"),
        mech_list_mic: Some(b"same"),
        ..NegTokenResp::default()
    }));
    assert_eq!(resp(&resp_token).mech_list_mic, None);
    // Old Sun: NegTokenResp behind a GSS header.
    let header = [&[0x60, resp_token.len() as u8 + 8, 0x06, 0x06][..], MechType::SPNEGO.as_bytes()].concat();
    assert_eq!(resp(&[header, resp_token].concat()).response_token, Some(&b"same"[..]));
}

/// The elements of a token with each short length written in a longer form.
fn widen(token: &[u8], form: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = token;
    while let [tag, len, after @ ..] = rest {
        assert!(*len < 0x80);
        let (content, next) = after.split_at(usize::from(*len));
        let constructed = tag & 0x20 != 0;
        let content = if constructed { widen(content, form) } else { content.to_vec() };
        assert!(content.len() < 0x100);
        out.push(*tag);
        out.extend_from_slice(form);
        out.push(content.len() as u8);
        out.extend_from_slice(&content);
        rest = next;
    }
    out
}

/// What no real peer was seen to send stays an error, with its place.
#[test]
fn what_is_no_slip_is_refused() {
    for (token, what) in [
        (&[][..], "nothing"),
        (&[0xa1, 0x80, 0x30, 0x80, 0, 0, 0, 0], "indefinite lengths"),
        (&[0xa1, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x0a, 0x01, 0x04], "an unknown negState"),
        (&[0xa1, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x02, 0x01, 0x00], "an INTEGER for an ENUMERATED"),
        (&[0xa1, 0x02, 0x30, 0x00, 0x00], "trailing bytes"),
        (&[0xa1, 0x04, 0x30, 0x00, 0x05, 0x00], "trailing bytes inside"),
        (&[0xa1, 0x0c, 0x30, 0x0a, 0xa2, 0x03, 4, 1, 1, 0xa0, 0x03, 0x0a, 0x01, 0x00], "fields out of order"),
        (&[0xa1, 0x0c, 0x30, 0x0a, 0xa2, 0x03, 4, 1, 1, 0xa2, 0x03, 4, 1, 1], "a field twice"),
        (&[0xa1, 0x85, 0, 0, 0, 0, 2, 0x30, 0x00], "a length of five octets"),
        (&[0xa1, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30, 0x00], "a length past the end"),
        (&[0x30, 0x00], "no CHOICE"),
    ] {
        let error = decode_all::<NegotiationToken<'_>>(token, &Limits::DEFAULT).unwrap_err();
        assert!(!error.field.is_empty() && error.spec.contains("RFC 4178"), "{what}: {error}");
    }
}

#[test]
fn kerberos_by_itself_is_told_apart() {
    let token = [&[0x60, 0x0d, 0x06, 0x09][..], MechType::KERBEROS.as_bytes(), &[1, 0]].concat();
    let Ok(Token::Mechanism { mech, token: whole }) = Token::read(&token, &Limits::DEFAULT) else { panic!("SPNEGO") };
    assert_eq!((mech, whole), (MechType::KERBEROS, &token[..]));
    assert!(matches!(Token::read(b"NTLMSSP\0\x01", &Limits::DEFAULT), Ok(Token::Ntlm(_))));
    assert!(Token::read(b"NTLMSSP", &Limits::DEFAULT).is_err());
    // AP-REQ begins with [APPLICATION 14] ([RFC 4120] 5.5.1); DCE/RPC carries it without the GSS header.
    let token = [0x6e, 0x03, 0x30, 0x01, 0x00];
    let Ok(Token::Mechanism { mech, token: whole }) = Token::read(&token, &Limits::DEFAULT) else { panic!("SPNEGO") };
    assert_eq!((mech, whole), (MechType::KERBEROS, &token[..]));
}

proptest::proptest! {
    #[test]
    fn responses_round_trip(
        state in 0_usize..5, mech in 0_usize..4, token: Option<Vec<u8>>, mic: Option<Vec<u8>>,
    ) {
        let states = [NegState::AcceptCompleted, NegState::AcceptIncomplete, NegState::Reject, NegState::RequestMic];
        let mechs = [MechType::KERBEROS, MechType::MS_KERBEROS, MechType::NTLM];
        let value = NegTokenResp {
            neg_state: states.get(state).copied(),
            supported_mech: mechs.get(mech).copied(),
            response_token: token.as_deref(),
            mech_list_mic: mic.as_deref().filter(|mic| Some(*mic) != token.as_deref()),
        };
        let written = written(NegotiationToken::Resp(value));
        proptest::prop_assert_eq!(decode_all(&written, &Limits::DEFAULT), Ok(NegotiationToken::Resp(value)));
        proptest::prop_assert_eq!(written.len(), oxwire_core::Encode::encoded_len(&NegotiationToken::Resp(value)));
    }

    #[test]
    fn first_tokens_round_trip(
        mechs in proptest::collection::vec(0_usize..4, 1..5),
        token in proptest::option::of(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)),
        mic: Option<Vec<u8>>, hints: bool,
    ) {
        let known = [MechType::KERBEROS, MechType::MS_KERBEROS, MechType::NTLM, MechType::NEGOEX];
        let list = MechTypeList::write(&mechs.into_iter().map(|mech| known[mech]).collect::<Vec<_>>()).unwrap();
        let value = NegTokenInit {
            mech_types: decode_all(&list, &Limits::DEFAULT).unwrap(),
            mech_token: token.as_deref(),
            hints: hints.then_some(NegHints::NOT_DEFINED),
            mech_list_mic: mic.as_deref(),
            ..NegTokenInit::default()
        };
        let written = written(NegotiationToken::Init(value));
        proptest::prop_assert_eq!(decode_all(&written, &Limits::DEFAULT), Ok(NegotiationToken::Init(value)));
        proptest::prop_assert_eq!(written.len(), oxwire_core::Encode::encoded_len(&NegotiationToken::Init(value)));
    }
}

/// Tokens of other programs: each is read, and written as it came. Their exchanges run in the interoperability suite.
#[test]
fn tokens_of_other_programs() {
    let mut seen = Vec::new();
    for line in include_str!("spnego/recorded.txt").lines().filter(|line| !line.starts_with('#')) {
        let (program, digits) = line.split_once(": ").unwrap();
        let token = hex(digits);
        let value = match decode_all(&token, &Limits::DEFAULT) {
            Ok(value) => value,
            Err(error) => panic!("{program}: {error}"),
        };
        if let NegotiationToken::Init(init) = value {
            seen.push((program, init.mech_types.iter().flatten().collect::<Vec<_>>()));
        }
        assert_eq!(written(value), token, "{program}");
        damage(&token);
    }
    let ntlm = vec![MechType::NTLM];
    assert_eq!(
        seen,
        [
            ("pyspnego 0.12.4", ntlm.clone()),
            ("MIT 1.20.1, Kerberos", vec![MechType::KERBEROS, MechType::NTLM]),
            ("MIT 1.20.1, gss-ntlmssp 1.2.0", ntlm.clone()),
            ("impacket 0.13.1", ntlm),
        ]
    );
}
