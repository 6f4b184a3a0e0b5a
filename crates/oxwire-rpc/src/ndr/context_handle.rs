//! Context handles, ndr_context_handle, \[C706\] appendix N.

use std::fmt;

use oxwire_core::Guid;

/// ndr_context_handle: 20 bytes that name state of the server's. \[C706\] appendix N
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ContextHandle {
    /// context_handle_attributes: 0.
    pub attributes: u32,
    /// context_handle_uuid: nil in the handle that names nothing.
    pub uuid: Guid,
}

impl ContextHandle {
    /// Names nothing: what a call that opens takes and what one that closes returns.
    pub const NIL: Self = Self { attributes: 0, uuid: Guid::NIL };

    /// A handle with this UUID.
    #[must_use]
    pub const fn new(uuid: Guid) -> Self {
        Self { attributes: 0, uuid }
    }

    /// Whether it names nothing.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        *self == Self::NIL
    }
}

/// Whoever knows a handle can use what it names: only its first eight hex digits are shown.
impl fmt::Debug for ContextHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nil() {
            return f.write_str("ContextHandle(nil)");
        }
        let [a, b, c, d, ..] = self.uuid.to_wire();
        write!(f, "ContextHandle({:08X}-…)", u32::from_le_bytes([a, b, c, d]))
    }
}
