//! Bind-time feature negotiation, [MS-RPCE] 2.2.2.14, 2.2.2.15 and 3.3.1.5.3.

use oxwire_core::Guid;

use super::SyntaxIdentifier;

/// The bits of bind-time feature negotiation: the client offers them inside a transfer syntax, the server answers with those
/// that it has too. [MS-RPCE] 2.2.2.14, 2.2.2.15
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct BindTimeFeatures(pub u16);

/// What the UUID of the transfer syntax begins with, [MS-RPCE] 3.3.1.5.3: `6CB71C2C-9812-4540`; the bitmask is its last 8 bytes.
const PREFIX: [u8; 8] = [0x2C, 0x1C, 0xB7, 0x6C, 0x12, 0x98, 0x40, 0x45];

impl BindTimeFeatures {
    /// SecurityContextMultiplexingSupported
    pub const SECURITY_CONTEXT_MULTIPLEXING: Self = Self(0x01);
    /// KeepConnectionOnOrphanSupported
    pub const KEEP_CONNECTION_ON_ORPHAN: Self = Self(0x02);

    /// Those that a transfer syntax offers, or `None` where it is a transfer syntax proper.
    #[must_use]
    pub fn from_syntax(syntax: &SyntaxIdentifier) -> Option<Self> {
        let wire = syntax.uuid.to_wire();
        let (prefix, bitmask) = wire.split_first_chunk::<8>()?;
        let [low, high, ..] = bitmask.first_chunk::<8>()?;
        (*prefix == PREFIX && syntax.version == 1).then_some(Self(u16::from_le_bytes([*low, *high])))
    }

    /// The transfer syntax that offers these.
    #[must_use]
    pub const fn to_syntax(self) -> SyntaxIdentifier {
        let [low, high] = self.0.to_le_bytes();
        let [a, b, c, d, e, f, g, h] = PREFIX;
        let uuid = Guid::from_wire([a, b, c, d, e, f, g, h, low, high, 0, 0, 0, 0, 0, 0]);
        SyntaxIdentifier { uuid, version: 1 }
    }

    /// Those in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether all of `other` are in it.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}
