//! sspi's NTLM as a security context of oxwire: what an adapter takes, and the two implementations against each other.
//!
//! It is here and no crate of the workspace, since sspi wants Rust 1.93 and brings some 190 packages. Beyond that it costs what a caller
//! has to know: the acceptor wants the password (no hash, no verdict of somebody else's); entropy and time are the system's;
//! messages that are sealed are numbered by sspi and those that are signed by its caller, so one context does one of the two; the
//! RC4 state cannot begin anew behind mechListMIC ([MS-SPNG] 3.2.5.1), so it does not go into oxwire's SPNEGO under DCE/RPC.

use std::borrow::Cow;

use oxwire::core::{Entropy, FileTime, Misuse, Part, SecretBytes, SecurityContext, SecurityError, Step};
use sspi::builders::{AcquireCredentialsHandle, WithoutCredentialUse};
use sspi::ntlm::NtlmConfig;
use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, CredentialUse, DataRepresentation, EncryptionFlags, Ntlm, Secret,
    SecurityBuffer, SecurityBufferFlags, SecurityBufferRef, SecurityStatus, ServerRequestFlags, Sspi, SspiImpl,
    Username,
};

/// One end of NTLM, by sspi.
pub struct SspiNtlm {
    ntlm: Ntlm,
    credentials: <Ntlm as SspiImpl>::CredentialsHandle,
    initiator: bool,
    complete: bool,
    sent: u32,
    received: u32,
}

fn refused(error: sspi::Error) -> SecurityError {
    SecurityError::Refused(Cow::Owned(error.to_string()))
}

impl SspiNtlm {
    /// The client's end, which asks for signing and sealing.
    ///
    /// # Errors
    /// A user name that sspi does not take.
    pub fn initiator(user: &str, password: &str) -> Result<Self, SecurityError> {
        Self::new(user, password, CredentialUse::Outbound)
    }

    /// The server's end, for one user.
    ///
    /// # Errors
    /// A user name that sspi does not take.
    pub fn acceptor(user: &str, password: &str) -> Result<Self, SecurityError> {
        Self::new(user, password, CredentialUse::Inbound)
    }

    fn new(user: &str, password: &str, usage: CredentialUse) -> Result<Self, SecurityError> {
        let username = Username::parse(user).map_err(|error| SecurityError::Refused(Cow::Owned(error.to_string())))?;
        let identity = AuthIdentity { username, password: Secret::from(password.to_owned()) };
        let mut ntlm = Ntlm::with_config(NtlmConfig { client_computer_name: Some("PEER".to_owned()) });
        let acquired = AcquireCredentialsHandle::<'_, _, _, WithoutCredentialUse>::new()
            .with_auth_data(&identity)
            .with_credential_use(usage)
            .execute(&mut ntlm)
            .map_err(refused)?;
        let initiator = usage == CredentialUse::Outbound;
        let credentials = acquired.credentials_handle;
        Ok(Self { ntlm, credentials, initiator, complete: false, sent: 0, received: 0 })
    }

    fn initiate(
        &mut self,
        input: &mut [SecurityBuffer],
        output: &mut [SecurityBuffer],
    ) -> Result<SecurityStatus, sspi::Error> {
        let flags =
            ClientRequestFlags::USE_SESSION_KEY | ClientRequestFlags::INTEGRITY | ClientRequestFlags::CONFIDENTIALITY;
        let mut step = self
            .ntlm
            .initialize_security_context()
            .with_credentials_handle(&mut self.credentials)
            .with_context_requirements(flags)
            .with_target_data_representation(DataRepresentation::Native)
            .with_target_name("HTTP/mail.test")
            .with_input(input)
            .with_output(output);
        Ok(self.ntlm.initialize_security_context_impl(&mut step)?.resolve_to_result()?.status)
    }

    fn accept(
        &mut self,
        input: &mut [SecurityBuffer],
        output: &mut [SecurityBuffer],
    ) -> Result<SecurityStatus, sspi::Error> {
        let step = self
            .ntlm
            .accept_security_context()
            .with_credentials_handle(&mut self.credentials)
            .with_context_requirements(ServerRequestFlags::empty())
            .with_target_data_representation(DataRepresentation::Native)
            .with_input(input)
            .with_output(output);
        let status = self.ntlm.accept_security_context_impl(step)?.resolve_to_result()?.status;
        match status {
            SecurityStatus::ContinueNeeded => Ok(status),
            // The proof is looked at here.
            _ => self.ntlm.complete_auth_token(&mut []),
        }
    }
}

/// The buffers of a message that is sealed: what is only signed is read-only to sspi.
fn buffers<'a>(token: &'a mut [u8], parts: &'a mut [Part<'_>]) -> Vec<SecurityBufferRef<'a>> {
    let part = |part: &'a mut Part<'_>| {
        let buffer = SecurityBufferRef::data_buf(part.data);
        if part.sealed { buffer } else { buffer.with_flags(SecurityBufferFlags::SECBUFFER_READONLY_WITH_CHECKSUM) }
    };
    std::iter::once(SecurityBufferRef::token_buf(token)).chain(parts.iter_mut().map(part)).collect()
}

impl SecurityContext for SspiNtlm {
    fn step(&mut self, token: Option<&[u8]>, _: FileTime, _: &mut dyn Entropy) -> Result<Step, SecurityError> {
        if self.complete {
            let advice = "make a new context for another authentication";
            return Err(Misuse { call: "step", state: "complete", advice }.into());
        }
        let mut input = [SecurityBuffer::new(token.unwrap_or_default().to_vec(), BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let status = match self.initiator {
            true => self.initiate(&mut input, &mut output),
            false => self.accept(&mut input, &mut output),
        };
        let status = status.map_err(refused)?;
        let [SecurityBuffer { buffer, .. }] = output;
        if status == SecurityStatus::ContinueNeeded {
            return Ok(Step::Continue(buffer));
        }
        self.complete = true;
        Ok(Step::Complete(Some(buffer).filter(|buffer| !buffer.is_empty())))
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    fn signature_len(&self) -> usize {
        16
    }

    fn sign(&mut self, parts: &[&[u8]], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        let (mut data, mut token) = (parts.concat(), [0; 16]);
        let mut message = [SecurityBufferRef::data_buf(&mut data), SecurityBufferRef::token_buf(&mut token)];
        self.ntlm.make_signature(0, &mut message, self.sent).map_err(refused)?;
        self.sent = self.sent.wrapping_add(1);
        signature.extend_from_slice(&token);
        Ok(())
    }

    fn verify(&mut self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
        let (mut data, mut token) = (parts.concat(), signature.to_vec());
        let mut message = [SecurityBufferRef::data_buf(&mut data), SecurityBufferRef::token_buf(&mut token)];
        let sequence = self.received;
        let verified = self.ntlm.verify_signature(&mut message, sequence);
        verified.map_err(|_| SecurityError::BadSignature { sequence })?;
        self.received = sequence.wrapping_add(1);
        Ok(())
    }

    fn seal(&mut self, parts: &mut [Part<'_>], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        let mut token = [0; 16];
        self.ntlm.encrypt_message(EncryptionFlags::empty(), &mut buffers(&mut token, parts)).map_err(refused)?;
        signature.extend_from_slice(&token);
        Ok(())
    }

    fn unseal(&mut self, parts: &mut [Part<'_>], signature: &[u8]) -> Result<(), SecurityError> {
        let mut token = signature.to_vec();
        let sequence = self.received;
        let unsealed = self.ntlm.decrypt_message(&mut buffers(&mut token, parts));
        unsealed.map_err(|_| SecurityError::BadSignature { sequence })?;
        self.received = sequence.wrapping_add(1);
        Ok(())
    }

    fn session_key(&self) -> Option<SecretBytes> {
        Some(SecretBytes::from(self.ntlm.query_context_session_key().ok()?.session_key.as_ref().as_slice()))
    }

    fn peer_name(&self) -> Option<Cow<'_, str>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use oxwire::auth::UserName;
    use oxwire::auth::ntlm::{Acceptor, AcceptorConfig, Client, ClientConfig, Verdict, Version, nt_hash};

    use super::*;

    const PASSWORD: &str = "correct horse battery staple";
    const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);

    fn entropy(out: &mut [u8]) {
        out.fill(7);
    }

    fn client(password: &str) -> Client {
        let mut config = ClientConfig::new(UserName::parse("alice"), password);
        (config.sign, config.seal) = (true, true);
        // Without it sspi's acceptor looks for the MIC 8 bytes too early: Version is there all the same, as zeros ([MS-NLMP] 2.2.1.3).
        config.version = Some(Version { major: 10, minor: 0, build: 19_041, revision: 15 });
        Client::new(config)
    }

    fn token(step: Step) -> Vec<u8> {
        match step {
            Step::Continue(token) | Step::Complete(Some(token)) => token,
            other => panic!("{other:?}"),
        }
    }

    /// A message each way, signed or sealed: header and trailer in clear, and counted.
    fn messages(one: &mut dyn SecurityContext, other: &mut dyn SecurityContext, sealed: bool) {
        for round in 0..3u8 {
            for _ in 0..2 {
                let (mut head, mut body, mut tail) = ([round; 3], *b"a message", [9; 2]);
                let mut signature = Vec::new();
                if sealed {
                    let mut parts = [(&mut head[..], false), (&mut body[..], true), (&mut tail[..], false)]
                        .map(|(data, sealed)| Part { data, sealed });
                    one.seal(&mut parts, &mut signature).unwrap();
                    assert_ne!(&parts[1].data, b"a message");
                    other.unseal(&mut parts, &signature).unwrap();
                    assert_eq!(parts[1].data, b"a message");
                } else {
                    one.sign(&[&head, &body], &mut signature).unwrap();
                    other.verify(&[&head, &body], &signature).unwrap();
                }
            }
        }
    }

    #[test]
    fn sspi_satisfies_our_acceptor() {
        for sealed in [false, true] {
            let mut sspi = SspiNtlm::initiator("alice", PASSWORD).unwrap();
            let mut ours = Acceptor::new(AcceptorConfig::new("SERVER"));
            let negotiate = token(sspi.step(None, WALL, &mut entropy).unwrap());
            let challenge = token(ours.step(Some(&negotiate), WALL, &mut entropy).unwrap());
            let authenticate = token(sspi.step(Some(&challenge), WALL, &mut entropy).unwrap());
            assert!(matches!(ours.step(Some(&authenticate), WALL, &mut entropy), Ok(Step::Pending)));
            ours.answer(Verdict::NtHash(nt_hash(PASSWORD))).unwrap();
            assert!(matches!(ours.step(None, WALL, &mut entropy), Ok(Step::Complete(None))));
            assert!(sspi.session_key() == ours.session_key());
            messages(&mut sspi, &mut ours, sealed);
            messages(&mut ours, &mut sspi, sealed);
        }
    }

    #[test]
    fn sspi_is_satisfied_by_our_client() {
        for (password, sealed) in [(PASSWORD, false), (PASSWORD, true), ("wrong", false)] {
            let mut ours = client(password);
            let mut sspi = SspiNtlm::acceptor("alice", PASSWORD).unwrap();
            let negotiate = token(ours.step(None, WALL, &mut entropy).unwrap());
            let challenge = token(sspi.step(Some(&negotiate), WALL, &mut entropy).unwrap());
            let authenticate = token(ours.step(Some(&challenge), WALL, &mut entropy).unwrap());
            let verdict = sspi.step(Some(&authenticate), WALL, &mut entropy);
            if password != PASSWORD {
                assert!(verdict.is_err());
                continue;
            }
            assert!(matches!(verdict, Ok(Step::Complete(None))), "{verdict:?}");
            assert!(sspi.session_key() == ours.session_key());
            messages(&mut ours, &mut sspi, sealed);
            messages(&mut sspi, &mut ours, sealed);
        }
    }
}
