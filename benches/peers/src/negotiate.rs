//! Negotiate with NTLM inside: a whole handshake of a client with oxwire's acceptor, channel binding and mechListMIC included. The
//! client is oxwire's or negotiate-auth's, which has no acceptor.
//!
//! Like is compared with like where oxwire's client asks for no signing: the same hashes of password, certificate and messages, legs
//! and acceptor; the entropy costs neither of them anything. negotiate-auth then adds a mechListMIC that is a constant. The client that
//! signs has nobody to stand beside: it exchanges keys and proves the list of mechanisms both ways.

use std::time::Duration;

use negotiate_auth::{Entropy, Handshake, Identity, Scheme};
use oxwire::auth::ntlm::{AcceptorConfig, ClientConfig, ExtendedProtection, Key, Verdict, nt_hash};
use oxwire::auth::spnego::{Acceptor, Initiator, ListProtection, Mechanism};
use oxwire::auth::{ChannelBinding, UserName, challenges, token_value};
use oxwire::core::{FileTime, SecurityContext, Step};

const PASSWORD: &str = "correct horse battery staple";
const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);
/// A self-signed certificate, RSA with SHA-256.
const CERTIFICATE: &[u8] = include_bytes!("../../../crates/oxwire-auth/tests/certificates/rsa_sha256.der");

fn entropy(out: &mut [u8]) {
    out.fill(7);
}

/// What a server has stored of the user, and its binding.
#[must_use]
pub fn stored() -> (Key, ChannelBinding) {
    (nt_hash(PASSWORD), ChannelBinding::of_certificate(CERTIFICATE).unwrap())
}

/// One end of the server, with the header value in and out.
struct Server<'a> {
    acceptor: Acceptor,
    hash: &'a Key,
}

impl<'a> Server<'a> {
    fn new((hash, binding): &'a (Key, ChannelBinding)) -> Self {
        let mut config = AcceptorConfig::new("SERVER");
        config.binding = binding.clone();
        config.extended_protection = ExtendedProtection::Require;
        let acceptor = Acceptor::new(vec![Mechanism::ntlm_acceptor(config)], ListProtection::Required);
        Self { acceptor, hash }
    }

    fn answer(&mut self, authorization: &str) -> String {
        let token = challenges(authorization.as_bytes()).next().unwrap().token_bytes(10_000).unwrap();
        let mut step = self.acceptor.step(Some(&token), WALL, &mut entropy).unwrap();
        if matches!(step, Step::Pending) {
            self.acceptor.ntlm().unwrap().answer(Verdict::NtHash(self.hash.clone())).unwrap();
            step = self.acceptor.step(None, WALL, &mut entropy).unwrap();
        }
        let (Step::Continue(token) | Step::Complete(Some(token))) = step else { panic!("no token") };
        token_value("Negotiate", &token)
    }
}

/// oxwire's client; one that asks for signing proves the list of mechanisms by it, which negotiate-auth's cannot.
///
/// # Panics
/// When the handshake fails.
pub fn oxwire(stored: &(Key, ChannelBinding), sign: bool) {
    let mut server = Server::new(stored);
    let mut config = ClientConfig::new(UserName::parse("EXAMPLE\\alice"), PASSWORD);
    config.sign = sign;
    config.binding = ChannelBinding::of_certificate(CERTIFICATE).unwrap();
    config.target_name = "HTTP/mail.example.test".into();
    let mut client = Initiator::new(vec![Mechanism::ntlm_client(config)]);
    let mut answer: Option<Vec<u8>> = None;
    loop {
        match client.step(answer.as_deref(), WALL, &mut entropy).unwrap() {
            Step::Continue(token) => {
                let value = server.answer(&token_value("Negotiate", &token));
                answer = challenges(value.as_bytes()).next().unwrap().token_bytes(10_000);
            }
            _ => break,
        }
    }
    assert!(client.is_complete() && server.acceptor.is_complete() && server.acceptor.is_bound());
    assert_eq!(server.acceptor.is_list_verified(), sign);
}

/// negotiate-auth's client.
///
/// # Panics
/// When the handshake fails.
pub fn negotiate_auth(stored: &(Key, ChannelBinding)) {
    let mut server = Server::new(stored);
    let clock = Duration::from_secs(1_655_526_400);
    let mut client = Handshake::new(
        Scheme::Negotiate,
        Identity::new("EXAMPLE\\alice", PASSWORD),
        Entropy::from_unix_time([7; 8], clock),
    )
    .channel_binding(negotiate_auth::ChannelBinding::tls_server_end_point(CERTIFICATE))
    .target_spn("HTTP/mail.example.test");
    let challenge = server.answer(&client.initial().unwrap());
    let last = server.answer(&client.advance(&challenge).unwrap());
    client.finish(Some(&last)).unwrap();
    // It asks for no signing: its mechListMIC is the one of [MS-NLMP] 3.4.4.3, which proves nothing.
    assert!(server.acceptor.is_complete() && server.acceptor.is_bound() && !server.acceptor.is_list_verified());
}

#[cfg(test)]
mod tests {
    /// Differential too: negotiate-auth's binding, MIC and mechListMIC satisfy oxwire's acceptor, and oxwire's last token satisfies it.
    #[test]
    fn both_clients_satisfy_the_acceptor() {
        let stored = super::stored();
        super::oxwire(&stored, true);
        super::oxwire(&stored, false);
        super::negotiate_auth(&stored);
    }
}
