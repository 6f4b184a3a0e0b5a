//! The server's end.

use std::borrow::Cow;

use libgssapi::context::{SecurityContext as GssContext, ServerCtx};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::oid::{GSS_MECH_KRB5, OidSet};
use oxwire_auth::ChannelBinding;
use oxwire_core::{Entropy, FileTime, Part, SecretBytes, SecurityContext, SecurityError, Step};

use crate::session::{Messages, application_data, can_sign, delegate, is_bound, misuse, refused, step_of};

/// The server's end of one Kerberos authentication, with the keys of the default keytab, whatever service they are for. A client that
/// asks for the DCE style, as those of DCE/RPC do, gets it.
///
/// A client that sends a channel binding has to send this one; one that sends none is accepted, and
/// [`is_bound`](SecurityContext::is_bound) is false then: the policy is the caller's (`ServerLayer` has it). Libraries before MIT 1.19 do
/// not tell, and count as not bound.
#[derive(Debug)]
pub struct Acceptor {
    binding: Option<Vec<u8>>,
    dce_style: bool,
    context: Option<ServerCtx>,
    messages: Messages,
}

impl Acceptor {
    /// An acceptor behind that channel; [`ChannelBinding::None`] looks at no binding.
    #[must_use]
    pub fn new(binding: &ChannelBinding) -> Self {
        let binding = application_data(binding);
        Self { binding, dce_style: false, context: None, messages: Messages::default() }
    }

    /// Serves DCE/RPC: takes the DCE style alone, and an AP-REQ with the GSS header, which impacket puts in front of it, too. The library
    /// refuses that one: [RFC 4757] 7.1 wants it without.
    #[must_use]
    pub const fn with_dce_style(mut self) -> Self {
        self.dce_style = true;
        self
    }

    fn begin() -> Result<ServerCtx, libgssapi::error::Error> {
        let mut mechs = OidSet::new();
        mechs.add(GSS_MECH_KRB5)?;
        Ok(ServerCtx::new(Some(Cred::acquire(None, None, CredUsage::Accept, Some(&mechs))?)))
    }
}

/// AP-REQ behind the GSS header ([RFC 2743] 3.1, [RFC 4121] 4.1), where there is one.
fn without_header(token: &[u8]) -> &[u8] {
    /// thisMech, Kerberos, and TOK_ID of AP-REQ.
    const MECH: &[u8] = &[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02, 0x01, 0x00];
    let inside = |token: &'_ [u8]| {
        let (first, rest) = token.strip_prefix(&[0x60])?.split_first()?;
        // The length has one octet, or says how many more it has.
        let more = usize::from(if *first < 0x80 { 0 } else { first & 0x7F });
        rest.get(more..)?.strip_prefix(MECH).map(<[u8]>::len)
    };
    let len = inside(token).unwrap_or(token.len());
    token.get(token.len().saturating_sub(len)..).unwrap_or(token)
}

impl SecurityContext for Acceptor {
    fn step(&mut self, token: Option<&[u8]>, _: FileTime, _: &mut dyn Entropy) -> Result<Step, SecurityError> {
        let Some(token) = token else { return Err(misuse("waiting for the client", "pass the client's token")) };
        let context = match &mut self.context {
            Some(context) if context.is_complete() => {
                return Err(misuse("complete", "make a new context for another authentication"));
            }
            Some(context) => context,
            None => {
                let context = Self::begin().map_err(|error| refused(&error))?;
                self.context.insert(context)
            }
        };
        let token = if self.dce_style { without_header(token) } else { token };
        let out = context.step(token, self.binding.as_deref()).map_err(|error| refused(&error))?;
        step_of(context, &mut self.messages, out)
    }

    /// The client's principal, as in `alice@MAIL.TEST`.
    fn peer_name(&self) -> Option<Cow<'_, str>> {
        let name = self.context.as_ref().filter(|context| context.is_complete())?.source_name().ok()?;
        Some(Cow::Owned(String::from_utf8_lossy(&name.display_name().ok()?).into_owned()))
    }

    delegate!();
}

#[cfg(test)]
mod tests {
    use super::without_header;

    #[test]
    fn impacket_puts_the_gss_header_in_front() {
        let mech = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02, 0x01, 0x00];
        for length in [&[0x11][..], &[0x81, 0x11], &[0x82, 0x00, 0x11]] {
            let token = [&[0x60][..], length, &mech, &[0x6E, 0x02, 0x30, 0x00]].concat();
            assert_eq!(without_header(&token), [0x6E, 0x02, 0x30, 0x00]);
        }
        for token in [&[][..], &[0x60], &[0x60, 0x84], &[0x6E, 0x00], &[0x60, 0x02, 0x06, 0x00]] {
            assert_eq!(without_header(token), token);
        }
    }
}
