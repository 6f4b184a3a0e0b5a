//! [MS-NLMP] 4.2.4, byte for byte.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail")]

use oxwire_auth::ntlm::{self, ChallengeMessage, Client, ClientConfig, Key, Mode, NegotiateFlags, Version};
use oxwire_core::{FileTime, Part, SecurityContext, Step, decode_all, encode_to_bytes};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

/// 4.2.4.3
const CHALLENGE: &str = "
    4e 54 4c 4d 53 53 50 00 02 00 00 00 0c 00 0c 00
    38 00 00 00 33 82 8a e2 01 23 45 67 89 ab cd ef
    00 00 00 00 00 00 00 00 24 00 24 00 44 00 00 00
    06 00 70 17 00 00 00 0f 53 00 65 00 72 00 76 00
    65 00 72 00 02 00 0c 00 44 00 6f 00 6d 00 61 00
    69 00 6e 00 01 00 0c 00 53 00 65 00 72 00 76 00
    65 00 72 00 00 00 00 00";

/// 4.2.4.3
const AUTHENTICATE: &str = "
    4e 54 4c 4d 53 53 50 00 03 00 00 00 18 00 18 00
    6c 00 00 00 54 00 54 00 84 00 00 00 0c 00 0c 00
    48 00 00 00 08 00 08 00 54 00 00 00 10 00 10 00
    5c 00 00 00 10 00 10 00 d8 00 00 00 35 82 88 e2
    05 01 28 0a 00 00 00 0f 44 00 6f 00 6d 00 61 00
    69 00 6e 00 55 00 73 00 65 00 72 00 43 00 4f 00
    4d 00 50 00 55 00 54 00 45 00 52 00 86 c3 50 97
    ac 9c ec 10 25 54 76 4a 57 cc cc 19 aa aa aa aa
    aa aa aa aa 68 cd 0a b8 51 e5 1c 96 aa bc 92 7b
    eb ef 6a 1c 01 01 00 00 00 00 00 00 00 00 00 00
    00 00 00 00 aa aa aa aa aa aa aa aa 00 00 00 00
    02 00 0c 00 44 00 6f 00 6d 00 61 00 69 00 6e 00
    01 00 0c 00 53 00 65 00 72 00 76 00 65 00 72 00
    00 00 00 00 00 00 00 00 c5 da d2 54 4f c9 79 90
    94 ce 1c e9 0b c9 d0 3e";

const SERVER_CHALLENGE: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
const CLIENT_CHALLENGE: [u8; 8] = [0xaa; 8];

/// The client challenge first, the random session key second, as 4.2.1 gives them.
fn entropy() -> impl FnMut(&mut [u8]) {
    |out: &mut [u8]| out.fill(if out.len() == 8 { 0xaa } else { 0x55 })
}

fn client() -> Client {
    let mut config = ClientConfig::new("Domain\\User".into(), "Password");
    config.workstation = "COMPUTER".into();
    config.sign = true;
    config.seal = true;
    config.extended_protection = false;
    config.version = Some(Version { major: 5, minor: 1, build: 2600, revision: 15 });
    Client::new(config)
}

#[test]
fn section_4_2_4_1_calculations() {
    let response_key = ntlm::ntowf_v2(&ntlm::nt_hash("Password"), "User", "Domain");
    assert_eq!(response_key.expose(), &array("0c 86 8a 40 3b fd 7a 93 a3 00 1e f2 2e f0 2e 3f"));
    let temp = hex("01 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 aa aa aa aa aa aa aa aa 00 00 00 00
         02 00 0c 00 44 00 6f 00 6d 00 61 00 69 00 6e 00 01 00 0c 00 53 00 65 00 72 00 76 00 65 00 72 00
         00 00 00 00 00 00 00 00");
    let proof = ntlm::nt_proof(&response_key, &SERVER_CHALLENGE, &temp);
    // 4.2.4.2.2
    assert_eq!(proof, array("68 cd 0a b8 51 e5 1c 96 aa bc 92 7b eb ef 6a 1c"));
    // 4.2.4.1.2
    let base = ntlm::session_base_key(&response_key, &proof);
    assert_eq!(base.expose(), &array("8d e4 0c ca db c1 4a 82 f1 5c b0 ad 0d e9 5c a3"));
    // 4.2.4.2.1
    let lm = ntlm::lm_v2_response(&response_key, &SERVER_CHALLENGE, &CLIENT_CHALLENGE);
    assert_eq!(lm, array("86 c3 50 97 ac 9c ec 10 25 54 76 4a 57 cc cc 19 aa aa aa aa aa aa aa aa"));
    // 4.2.4.2.3
    assert_eq!(ntlm::rc4k(&base, &[0x55; 16]), array("c5 da d2 54 4f c9 79 90 94 ce 1c e9 0b c9 d0 3e"));
}

/// 4.2.2.1.2 shares its user with 4.2.4: the NT hash of the password.
#[test]
fn the_nt_hash_of_the_password() {
    assert_eq!(ntlm::nt_hash("Password").expose(), &array("a4 f4 9c 40 65 10 bd ca b6 82 4e e7 c3 0f d8 52"));
}

#[test]
fn section_4_2_4_3_messages() {
    let challenge = hex(CHALLENGE);
    let limits = oxwire_core::Limits::DEFAULT;
    let decoded: ChallengeMessage<'_> = decode_all(&challenge, &limits).unwrap();
    assert_eq!(decoded.target_text().to_string(), "Server");
    assert_eq!(decoded.server_challenge, SERVER_CHALLENGE);
    assert_eq!(decoded.flags.0, 0xe28a_8233);
    let pairs: Vec<_> = decoded.pairs().unwrap().iter().map(|p| (p.id.0, p.text().to_string())).collect();
    assert_eq!(pairs, [(2, "Domain".to_owned()), (1, "Server".to_owned())]);
    assert_eq!(&encode_to_bytes(&decoded).unwrap()[..], &challenge[..]);

    let mut client = client();
    let zero = FileTime::from_intervals(0);
    assert!(matches!(client.step(None, zero, &mut entropy()), Ok(Step::Continue(_))));
    let Ok(Step::Complete(Some(authenticate))) = client.step(Some(&challenge), zero, &mut entropy()) else { panic!() };
    assert_eq!(authenticate, hex(AUTHENTICATE));
    assert_eq!(client.session_key().unwrap().expose(), [0x55; 16]);
}

#[test]
fn section_4_2_4_4_gss_wrap_ex() {
    let key = Key::new([0x55; 16]);
    let flags = NegotiateFlags(0xe28a_8233);
    assert_eq!(
        ntlm::seal_key(flags, &key, Mode::Client).expose(),
        &array("59 f6 00 97 3c c4 96 0a 25 48 0a 7c 19 6e 4c 58"),
    );
    assert_eq!(ntlm::sign_key(&key, Mode::Client).expose(), &array("47 88 dc 86 1b 47 82 f3 5d 43 fd 98 fe 1a 2d 39"),);

    let mut client = client();
    let zero = FileTime::from_intervals(0);
    client.step(None, zero, &mut entropy()).unwrap();
    client.step(Some(&hex(CHALLENGE)), zero, &mut entropy()).unwrap();
    let mut data = hex("50 00 6c 00 61 00 69 00 6e 00 74 00 65 00 78 00 74 00");
    let mut signature = Vec::new();
    client.seal(&mut [Part { data: &mut data, sealed: true }], &mut signature).unwrap();
    assert_eq!(data, hex("54 e5 01 65 bf 19 36 dc 99 60 20 c1 81 1b 0f 06 fb 5f"));
    assert_eq!(signature, hex("01 00 00 00 7f b3 8e c5 c5 5d 49 76 00 00 00 00"));
}
