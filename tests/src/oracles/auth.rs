//! oxwire-auth: challenges, NTLM messages, the 401 loop.

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[];
