//! oxwire-mapi: request and response bodies, meta-tags, RPC_HEADER_EXT, AUX.

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[];
