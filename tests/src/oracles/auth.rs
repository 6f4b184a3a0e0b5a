//! oxwire-auth: challenges, NTLM messages, the 401 loop.

mod client;
mod exchange;
mod kerberos;
mod ntlm;
mod server;
mod spnego;

use oxwire::auth::{challenges, param_value};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[
    ("auth_challenge", auth_challenge),
    ("auth_client_layer", client::auth_client_layer),
    ("auth_exchange", exchange::auth_exchange),
    ("auth_ntlm_acceptor", ntlm::auth_ntlm_acceptor),
    ("auth_ntlm_client", ntlm::auth_ntlm_client),
    ("auth_ntlm_message", ntlm::auth_ntlm_message),
    ("auth_server_layer", server::auth_server_layer),
    ("auth_spnego_ends", spnego::auth_spnego_ends),
    ("auth_spnego_initiator", spnego::auth_spnego_initiator),
    ("auth_spnego_token", spnego::auth_spnego_token),
];

pub use client::auth_client_layer;
pub use exchange::auth_exchange;
pub use ntlm::{auth_ntlm_acceptor, auth_ntlm_client, auth_ntlm_message};
pub use server::auth_server_layer;
pub use spnego::{auth_spnego_ends, auth_spnego_initiator, auth_spnego_token};

/// Every challenge that is read lies in the input, in order; its parameters, written anew, are read as the same.
pub fn auth_challenge(data: &[u8]) {
    let mut at = data.as_ptr() as usize;
    for challenge in challenges(data) {
        let scheme = challenge.scheme().as_ptr() as usize;
        assert!(scheme >= at, "challenges do not overlap");
        at = scheme + challenge.scheme().len();
        let params: Vec<_> = challenge.params().collect();
        assert!(params.is_empty() || challenge.token().is_none());
        if let Some(bytes) = challenge.token_bytes(64) {
            assert!(bytes.len() <= 64);
        }
        let text: Option<Vec<(&str, &str)>> =
            params.iter().map(|param| Some((param.name, std::str::from_utf8(&param.value).ok()?))).collect();
        let Some(text) = text.filter(|text| !text.is_empty()) else { continue };
        if text.iter().any(|(_, value)| value.chars().any(char::is_control)) {
            continue;
        }
        let written = param_value(challenge.scheme(), &text);
        let again: Vec<_> = challenges(written.as_bytes()).collect();
        assert_eq!(again.len(), 1, "{written:?}");
        assert!(again[0].params().eq(params), "{written:?}");
    }
}

/// Takes an input apart into operations.
struct Script<'a> {
    data: &'a [u8],
}

impl<'a> Script<'a> {
    const fn new(data: &'a [u8]) -> Self {
        Self { data }
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.data.split_first()?;
        self.data = rest;
        Some(*byte)
    }

    /// A piece of up to 255 bytes, its length first.
    fn piece(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte().unwrap_or(0)).min(self.data.len());
        let (piece, rest) = self.data.split_at(len);
        self.data = rest;
        piece
    }
}

/// The same bytes in each run.
fn entropy() -> Box<dyn oxwire::core::Entropy + Send> {
    let mut next = 1u8;
    Box::new(move |out: &mut [u8]| {
        for byte in out {
            next = next.wrapping_mul(5).wrapping_add(29);
            *byte = next;
        }
    })
}

const WALL: oxwire::core::FileTime = oxwire::core::FileTime::from_intervals(133_000_000_000_000_000);
const PASSWORD: &str = "correct horse";
