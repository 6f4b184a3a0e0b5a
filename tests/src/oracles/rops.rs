//! oxwire-mapi: ROP buffers, rows, property values.

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[];
