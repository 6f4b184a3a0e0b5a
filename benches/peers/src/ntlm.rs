//! NTLMv2 handshakes: three messages, both ends, MIC and key exchange.

use oxwire::auth::UserName;
use oxwire::auth::ntlm::{Acceptor, AcceptorConfig, Client, ClientConfig, Key, Verdict, nt_hash};
use oxwire::core::{FileTime, SecurityContext, Step};
use sspi::builders::{AcquireCredentialsHandle, WithoutCredentialUse};
use sspi::ntlm::NtlmConfig;
use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, CredentialUse, DataRepresentation, Ntlm, Secret, SecurityBuffer,
    SecurityStatus, ServerRequestFlags, Sspi, SspiImpl, Username,
};

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

    let Step::Continue(negotiate) = client.step(None, wall, &mut entropy).unwrap() else { panic!("no NEGOTIATE_MESSAGE") };
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

/// sspi's two ends.
///
/// # Panics
/// When the handshake fails.
pub fn sspi() {
    let credentials =
        AuthIdentity { username: Username::parse(USER).unwrap(), password: Secret::from(PASSWORD.to_owned()) };
    let config = NtlmConfig { client_computer_name: Some("CLIENT".to_owned()) };
    let (mut client, mut server) = (Ntlm::with_config(config.clone()), Ntlm::with_config(config));
    let mut outbound = AcquireCredentialsHandle::<'_, _, _, WithoutCredentialUse>::new()
        .with_auth_data(&credentials)
        .with_credential_use(CredentialUse::Outbound)
        .execute(&mut client)
        .unwrap()
        .credentials_handle;
    let mut inbound = AcquireCredentialsHandle::<'_, _, _, WithoutCredentialUse>::new()
        .with_auth_data(&credentials)
        .with_credential_use(CredentialUse::Inbound)
        .execute(&mut server)
        .unwrap()
        .credentials_handle;
    let mut to_client = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
    let mut to_server = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
    for _ in 0..3 {
        to_server[0].buffer.clear();
        let mut step = client
            .initialize_security_context()
            .with_credentials_handle(&mut outbound)
            .with_context_requirements(
                ClientRequestFlags::USE_SESSION_KEY | ClientRequestFlags::INTEGRITY | ClientRequestFlags::CONFIDENTIALITY,
            )
            .with_target_data_representation(DataRepresentation::Native)
            .with_target_name("HTTP/mail.test")
            .with_input(&mut to_client)
            .with_output(&mut to_server);
        let status = client.initialize_security_context_impl(&mut step).unwrap().resolve_to_result().unwrap().status;
        to_client[0].buffer.clear();
        let step = server
            .accept_security_context()
            .with_credentials_handle(&mut inbound)
            .with_context_requirements(ServerRequestFlags::empty())
            .with_target_data_representation(DataRepresentation::Native)
            .with_input(&mut to_server)
            .with_output(&mut to_client);
        server.accept_security_context_impl(step).unwrap().resolve_to_result().unwrap();
        if status == SecurityStatus::Ok {
            return;
        }
    }
    panic!("NTLM has three messages");
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_end_in_a_session() {
        assert_eq!(super::oxwire(&super::stored()).len(), 16);
        super::sspi();
    }
}
