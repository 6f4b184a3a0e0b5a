//! The client's end.

use std::borrow::Cow;

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext as GssContext};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_HOSTBASED_SERVICE, OidSet};
use oxwire_auth::ChannelBinding;
use oxwire_core::{Entropy, FileTime, Part, SecretBytes, SecurityContext, SecurityError, Step};

use crate::session::{DCE_STYLE, Messages, application_data, can_sign, delegate, is_bound, misuse, refused, step_of};

/// The client's end of one Kerberos authentication, with the ticket of the default credentials cache.
///
/// The first [`step`](SecurityContext::step) asks a KDC for a service ticket unless there is one, and blocks meanwhile. The server has to
/// prove itself (mutual authentication), as [MS-SPNG] 3.3.3 demands.
#[derive(Debug)]
pub struct Initiator {
    service: Box<str>,
    binding: Option<Vec<u8>>,
    dce_style: bool,
    context: Option<ClientCtx>,
    messages: Messages,
}

impl Initiator {
    /// An initiator for a service: `HTTP/mail.example.com`, `exchangeMDB/mbx1.example.com` and the like, as in the name of its
    /// principal.
    #[must_use]
    pub fn new(service: &str, binding: &ChannelBinding) -> Self {
        let binding = application_data(binding);
        Self { service: service.into(), binding, dce_style: false, context: None, messages: Messages::default() }
    }

    /// Asks for the DCE style, which DCE/RPC needs ([MS-RPCE] 2.2.1.1.7, [MS-KILE] 3.4.5.1): a third token, and messages that are
    /// sealed part by part.
    #[must_use]
    pub const fn with_dce_style(mut self) -> Self {
        self.dce_style = true;
        self
    }

    fn begin(&self) -> Result<ClientCtx, libgssapi::error::Error> {
        // GSSAPI writes service@host where the principal is service/host; the realm is the library's to find.
        let name = self.service.replacen('/', "@", 1);
        let name = Name::new(name.as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))?;
        let mut mechs = OidSet::new();
        mechs.add(GSS_MECH_KRB5)?;
        let cred = Cred::acquire(None, None, CredUsage::Initiate, Some(&mechs))?;
        let mut flags = CtxFlags::GSS_C_MUTUAL_FLAG | CtxFlags::GSS_C_INTEG_FLAG | CtxFlags::GSS_C_CONF_FLAG;
        if self.dce_style {
            flags |= CtxFlags::GSS_C_REPLAY_FLAG | CtxFlags::GSS_C_SEQUENCE_FLAG;
            flags |= CtxFlags::from_bits_retain(DCE_STYLE);
        }
        Ok(ClientCtx::new(Some(cred), name, flags, Some(GSS_MECH_KRB5)))
    }
}

impl SecurityContext for Initiator {
    fn step(&mut self, token: Option<&[u8]>, _: FileTime, _: &mut dyn Entropy) -> Result<Step, SecurityError> {
        let context = match (&mut self.context, token) {
            (Some(context), _) if context.is_complete() => {
                return Err(misuse("complete", "make a new context for another authentication"));
            }
            (Some(context), Some(_)) => context,
            (None, None) => {
                let context = self.begin().map_err(|error| refused(&error))?;
                self.context.insert(context)
            }
            (None, Some(_)) => return Err(misuse("start", "the client speaks first: call `step` without a token")),
            (Some(_), None) => return Err(misuse("token awaited", "pass the server's token")),
        };
        let out = context.step(token, self.binding.as_deref()).map_err(|error| refused(&error))?;
        step_of(context, &mut self.messages, out)
    }

    /// The server's principal.
    fn peer_name(&self) -> Option<Cow<'_, str>> {
        let name = self.context.as_ref().filter(|context| context.is_complete())?.target_name().ok()?;
        Some(Cow::Owned(String::from_utf8_lossy(&name.display_name().ok()?).into_owned()))
    }

    delegate!();
}
