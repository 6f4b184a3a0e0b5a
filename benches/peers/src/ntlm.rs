//! NTLMv2 handshakes: three messages, both ends, MIC and key exchange, signing and sealing agreed. Both draw from the same generator,
//! seeded by the system for each value as sspi has it, and both servers make the NT hash from the password, which is all that sspi's
//! takes.
//!
//! oxwire makes the keys that sign and seal at the first message, sspi in the handshake: to look at the whole, a message goes each way
//! behind it.

use oxwire::auth::UserName;
use oxwire::auth::ntlm::{Acceptor, AcceptorConfig, Client, ClientConfig, Verdict, nt_hash};
use oxwire::core::{FileTime, Part, SecurityContext, Step};
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};

use crate::sspi_context::SspiNtlm;

const USER: &str = "alice";
const PASSWORD: &str = "correct horse battery staple";
const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);

fn entropy(out: &mut [u8]) {
    StdRng::try_from_rng(&mut SysRng).unwrap().fill_bytes(out);
}

/// What follows the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Nothing,
    /// A sealed message each way.
    Messages,
}

fn token(step: Step) -> Vec<u8> {
    match step {
        Step::Continue(token) | Step::Complete(Some(token)) => token,
        other => panic!("{other:?}"),
    }
}

/// Both ends have to be complete. Gives the session key.
fn end(client: &mut dyn SecurityContext, server: &mut dyn SecurityContext, then: Then) -> Vec<u8> {
    let key = server.session_key().unwrap().expose().to_vec();
    assert_eq!(client.session_key().unwrap().expose(), key);
    if then == Then::Messages {
        message(client, server);
        message(server, client);
    }
    key
}

fn message(from: &mut dyn SecurityContext, to: &mut dyn SecurityContext) {
    let (mut head, mut body) = ([5; 24], [6; 256]);
    let mut signature = Vec::new();
    let mut parts = [Part { data: &mut head, sealed: false }, Part { data: &mut body, sealed: true }];
    from.seal(&mut parts, &mut signature).unwrap();
    to.unseal(&mut parts, &signature).unwrap();
    assert_eq!(body, [6; 256]);
}

/// oxwire's two ends. Gives the session key.
///
/// # Panics
/// When the handshake fails.
#[must_use]
pub fn oxwire(then: Then) -> Vec<u8> {
    let mut config = ClientConfig::new(UserName::parse(USER), PASSWORD);
    (config.sign, config.seal) = (true, true);
    let mut client = Client::new(config);
    let mut server = Acceptor::new(AcceptorConfig::new("SERVER"));

    let negotiate = token(client.step(None, WALL, &mut entropy).unwrap());
    let challenge = token(server.step(Some(&negotiate), WALL, &mut entropy).unwrap());
    let authenticate = token(client.step(Some(&challenge), WALL, &mut entropy).unwrap());
    let Step::Pending = server.step(Some(&authenticate), WALL, &mut entropy).unwrap() else { panic!("no question") };
    server.answer(Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
    let Step::Complete(None) = server.step(None, WALL, &mut entropy).unwrap() else { panic!("not accepted") };
    end(&mut client, &mut server, then)
}

/// sspi's two ends, the server's look at the proof included. Gives the session key.
///
/// # Panics
/// When the handshake fails.
#[must_use]
pub fn sspi(then: Then) -> Vec<u8> {
    let mut client = SspiNtlm::initiator(USER, PASSWORD).unwrap();
    let mut server = SspiNtlm::acceptor(USER, PASSWORD).unwrap();
    // It draws its own.
    let mut entropy = |_: &mut [u8]| ();
    let negotiate = token(client.step(None, WALL, &mut entropy).unwrap());
    let challenge = token(server.step(Some(&negotiate), WALL, &mut entropy).unwrap());
    let authenticate = token(client.step(Some(&challenge), WALL, &mut entropy).unwrap());
    let Step::Complete(None) = server.step(Some(&authenticate), WALL, &mut entropy).unwrap() else {
        panic!("not accepted")
    };
    end(&mut client, &mut server, then)
}

#[cfg(test)]
mod tests {
    use super::Then;

    #[test]
    fn both_end_in_a_session() {
        for then in [Then::Nothing, Then::Messages] {
            assert_eq!(super::oxwire(then).len(), 16);
            assert_eq!(super::sspi(then).len(), 16);
        }
    }
}
