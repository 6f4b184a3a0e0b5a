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
    context: Option<ServerCtx>,
    messages: Messages,
}

impl Acceptor {
    /// An acceptor behind that channel; [`ChannelBinding::None`] looks at no binding.
    #[must_use]
    pub fn new(binding: &ChannelBinding) -> Self {
        let binding = application_data(binding);
        Self { binding, context: None, messages: Messages::default() }
    }

    fn begin() -> Result<ServerCtx, libgssapi::error::Error> {
        let mut mechs = OidSet::new();
        mechs.add(GSS_MECH_KRB5)?;
        Ok(ServerCtx::new(Some(Cred::acquire(None, None, CredUsage::Accept, Some(&mechs))?)))
    }
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
