//! oxwire-mapihttp's client machine, by sequences of operations.

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[];
