//! A mechanism to negotiate, and the call that goes out to one that blocks.

use std::borrow::Cow;
use std::fmt;

use oxwire_core::{Entropy, FileTime, Misuse, SecretBytes, SecurityContext, SecurityError, Step};

use super::MechType;
use crate::ntlm;

/// A mechanism's context that the caller brings.
pub type BoxedContext = Box<dyn SecurityContext + Send>;

enum Context {
    NtlmClient(Box<ntlm::Client>),
    NtlmAcceptor(Box<ntlm::Acceptor>),
    Local(BoxedContext),
    Outside(Outside),
}

/// Where the context of a mechanism that blocks is.
enum Outside {
    /// Here; not made yet while it is `None`.
    Here(Option<BoxedContext>),
    /// A call is to be fetched.
    Due(MechanismCall),
    /// With the caller.
    Out,
    /// Back, with what came of the call.
    Back(Option<BoxedContext>, Result<Step, SecurityError>),
}

/// One step of a mechanism that blocks, to be run where blocking is allowed.
pub struct MechanismCall {
    mech: MechType,
    context: Option<BoxedContext>,
    token: Option<SecretBytes>,
}

/// The token is not shown.
impl fmt::Debug for MechanismCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MechanismCall({})", self.mech)
    }
}

/// What came of a [`MechanismCall`].
pub struct MechanismReply {
    mech: MechType,
    context: Option<BoxedContext>,
    result: Result<Step, SecurityError>,
}

impl MechanismCall {
    /// The mechanism.
    #[must_use]
    pub const fn mech(&self) -> MechType {
        self.mech
    }

    /// Whether a context has yet to be made: its first call, unless the mechanism came with one.
    #[must_use]
    pub const fn needs_context(&self) -> bool {
        self.context.is_none()
    }

    /// Sets the context.
    #[must_use]
    pub fn with_context(mut self, context: BoxedContext) -> Self {
        self.context = Some(context);
        self
    }

    /// Runs the step. It may block as long as the mechanism does.
    #[must_use]
    pub fn run(mut self, wall: FileTime, entropy: &mut dyn Entropy) -> MechanismReply {
        let result = match &mut self.context {
            Some(context) => context.step(self.token.as_ref().map(SecretBytes::expose), wall, entropy),
            None => {
                let advice = "make a context and pass it to `with_context`";
                Err(Misuse { call: "run", state: "no context", advice }.into())
            }
        };
        MechanismReply { mech: self.mech, context: self.context, result }
    }

    /// Says that the mechanism cannot be had (no ticket, no keytab), and why. An initiator goes on with its next mechanism.
    #[must_use]
    pub fn unavailable(self, why: impl Into<Cow<'static, str>>) -> MechanismReply {
        MechanismReply { mech: self.mech, context: None, result: Err(SecurityError::Refused(why.into())) }
    }
}

/// The token is not shown.
impl fmt::Debug for MechanismReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MechanismReply({}, {})", self.mech, if self.result.is_ok() { "done" } else { "refused" })
    }
}

/// A mechanism to negotiate, one end of it.
pub struct Mechanism {
    pub(super) mech: MechType,
    context: Context,
}

impl fmt::Debug for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mechanism({})", self.mech)
    }
}

impl Mechanism {
    /// A mechanism that does not block.
    #[must_use]
    pub fn new(mech: MechType, context: BoxedContext) -> Self {
        Self { mech, context: Context::Local(context) }
    }

    /// NTLM's client. Its configuration should ask for signing, without which nothing protects the list of mechanisms.
    #[must_use]
    pub fn ntlm_client(config: ntlm::ClientConfig) -> Self {
        Self { mech: MechType::NTLM, context: Context::NtlmClient(Box::new(ntlm::Client::new(config))) }
    }

    /// NTLM's acceptor.
    #[must_use]
    pub fn ntlm_acceptor(config: ntlm::AcceptorConfig) -> Self {
        Self { mech: MechType::NTLM, context: Context::NtlmAcceptor(Box::new(ntlm::Acceptor::new(config))) }
    }

    /// A mechanism that blocks. Its context comes with the first [`MechanismCall`], or is made by who runs that.
    #[must_use]
    pub fn outside(mech: MechType, context: Option<BoxedContext>) -> Self {
        Self { mech, context: Context::Outside(Outside::Here(context)) }
    }

    /// Which it is.
    #[must_use]
    pub const fn mech(&self) -> MechType {
        self.mech
    }

    pub(super) fn set_binding(&mut self, binding: crate::ChannelBinding) {
        if let Context::NtlmClient(client) = &mut self.context {
            client.set_binding(binding);
        }
    }

    pub(super) fn ntlm(&mut self) -> Option<&mut ntlm::Acceptor> {
        match &mut self.context {
            Context::NtlmAcceptor(acceptor) => Some(acceptor),
            _ => None,
        }
    }

    /// Whether its steps are run by the caller.
    #[must_use]
    pub const fn is_outside(&self) -> bool {
        matches!(self.context, Context::Outside(_))
    }

    pub(super) fn take_call(&mut self) -> Option<MechanismCall> {
        let Context::Outside(outside) = &mut self.context else { return None };
        match std::mem::replace(outside, Outside::Out) {
            Outside::Due(call) => Some(call),
            other => {
                *outside = other;
                None
            }
        }
    }

    pub(super) fn finish_call(&mut self, reply: MechanismReply) -> Result<(), Misuse> {
        match &mut self.context {
            Context::Outside(outside @ Outside::Out) if reply.mech == self.mech => {
                *outside = Outside::Back(reply.context, reply.result);
                Ok(())
            }
            _ => {
                let advice = "bring back what `take_call` gave, once";
                Err(Misuse { call: "finish_call", state: "no call of that mechanism is out", advice })
            }
        }
    }

    /// The next step. What is pending is taken up again without a token.
    pub(super) fn step(
        &mut self,
        token: Option<&[u8]>,
        wall: FileTime,
        entropy: &mut dyn Entropy,
    ) -> Result<Step, SecurityError> {
        let outside = match &mut self.context {
            Context::NtlmClient(client) => return client.step(token, wall, entropy),
            Context::NtlmAcceptor(acceptor) => return acceptor.step(token, wall, entropy),
            Context::Local(context) => return context.step(token, wall, entropy),
            Context::Outside(outside) => outside,
        };
        match std::mem::replace(outside, Outside::Out) {
            Outside::Here(context) => {
                let token = token.map(SecretBytes::from);
                *outside = Outside::Due(MechanismCall { mech: self.mech, context, token });
                Ok(Step::Pending)
            }
            Outside::Back(context, result) => {
                *outside = Outside::Here(context);
                match result? {
                    Step::Pending => {
                        let why = "a mechanism that is run outside has to end its step there";
                        Err(SecurityError::Refused(Cow::Borrowed(why)))
                    }
                    step => Ok(step),
                }
            }
            waiting => {
                *outside = waiting;
                Ok(Step::Pending)
            }
        }
    }

    pub(super) fn context(&self) -> Option<&dyn SecurityContext> {
        Some(match &self.context {
            Context::NtlmClient(client) => &**client,
            Context::NtlmAcceptor(acceptor) => &**acceptor,
            Context::Local(context) => &**context,
            Context::Outside(Outside::Here(Some(context))) => &**context,
            Context::Outside(_) => return None,
        })
    }

    pub(super) fn context_mut(&mut self) -> Option<&mut dyn SecurityContext> {
        Some(match &mut self.context {
            Context::NtlmClient(client) => &mut **client,
            Context::NtlmAcceptor(acceptor) => &mut **acceptor,
            Context::Local(context) => &mut **context,
            Context::Outside(Outside::Here(Some(context))) => &mut **context,
            Context::Outside(_) => return None,
        })
    }
}
