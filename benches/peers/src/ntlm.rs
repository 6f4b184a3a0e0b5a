//! NTLMv2 handshakes: three messages, both ends, MIC and key exchange.

use oxwire::auth::UserName;
use oxwire::auth::ntlm::{Acceptor, AcceptorConfig, Client, ClientConfig, Key, Verdict, nt_hash};
use oxwire::core::{FileTime, SecurityContext, Step};

use crate::sspi_context::SspiNtlm;

const USER: &str = "alice";
const PASSWORD: &str = "correct horse battery staple";

/// What a server has stored of the user.
#[must_use]
pub fn stored() -> Key {
    nt_hash(PASSWORD)
}

/// oxwire's two ends. Gives the session key.
///
/// # Panics
/// When the handshake fails.
#[must_use]
pub fn oxwire(stored: &Key) -> Vec<u8> {
    let wall = FileTime::from_intervals(133_000_000_000_000_000);
    let mut drawn = 0u8;
    let mut entropy = |out: &mut [u8]| {
        for byte in out {
            drawn = drawn.wrapping_mul(5).wrapping_add(17);
            *byte = drawn;
        }
    };
    let mut config = ClientConfig::new(UserName::parse(USER), PASSWORD);
    (config.sign, config.seal) = (true, true);
    let mut client = Client::new(config);
    let mut server = Acceptor::new(AcceptorConfig::new("SERVER"));

    let Step::Continue(negotiate) = client.step(None, wall, &mut entropy).unwrap() else {
        panic!("no NEGOTIATE_MESSAGE")
    };
    let Step::Continue(challenge) = server.step(Some(&negotiate), wall, &mut entropy).unwrap() else {
        panic!("no CHALLENGE_MESSAGE")
    };
    let Step::Complete(Some(authenticate)) = client.step(Some(&challenge), wall, &mut entropy).unwrap() else {
        panic!("no AUTHENTICATE_MESSAGE")
    };
    let Step::Pending = server.step(Some(&authenticate), wall, &mut entropy).unwrap() else { panic!("no question") };
    server.answer(Verdict::NtHash(stored.clone())).unwrap();
    let Step::Complete(None) = server.step(None, wall, &mut entropy).unwrap() else { panic!("not accepted") };
    let key = server.session_key().unwrap().expose().to_vec();
    assert_eq!(client.session_key().unwrap().expose(), key);
    key
}

/// sspi's two ends, the server's look at the proof included. Gives the session key.
///
/// # Panics
/// When the handshake fails.
#[must_use]
pub fn sspi() -> Vec<u8> {
    let mut client = SspiNtlm::initiator(USER, PASSWORD).unwrap();
    let mut server = SspiNtlm::acceptor(USER, PASSWORD).unwrap();
    let wall = FileTime::from_intervals(0);
    // It draws its own.
    let mut entropy = |_: &mut [u8]| ();
    let Step::Continue(negotiate) = client.step(None, wall, &mut entropy).unwrap() else {
        panic!("no NEGOTIATE_MESSAGE")
    };
    let Step::Continue(challenge) = server.step(Some(&negotiate), wall, &mut entropy).unwrap() else {
        panic!("no CHALLENGE_MESSAGE")
    };
    let Step::Complete(Some(authenticate)) = client.step(Some(&challenge), wall, &mut entropy).unwrap() else {
        panic!("no AUTHENTICATE_MESSAGE")
    };
    let Step::Complete(None) = server.step(Some(&authenticate), wall, &mut entropy).unwrap() else {
        panic!("not accepted")
    };
    let key = server.session_key().unwrap().expose().to_vec();
    assert_eq!(client.session_key().unwrap().expose(), key);
    key
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_end_in_a_session() {
        assert_eq!(super::oxwire(&super::stored()).len(), 16);
        assert_eq!(super::sspi().len(), 16);
    }
}
