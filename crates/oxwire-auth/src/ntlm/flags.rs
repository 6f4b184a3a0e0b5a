//! NEGOTIATE, [MS-NLMP] 2.2.2.5.

use std::fmt;
use std::ops::{BitAnd, BitOr};

/// The negotiate flags, [MS-NLMP] 2.2.2.5. Bits without a name are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct NegotiateFlags(pub u32);

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl NegotiateFlags {
            $($(#[$doc])* pub const $name: Self = Self($bit);)*
        }

        const NAMES: &[(u32, &str)] = &[$(($bit, stringify!($name))),*];
    };
}

flags! {
    /// A: strings are UTF-16.
    UNICODE = 0x0000_0001;
    /// B: strings are in the OEM character set.
    OEM = 0x0000_0002;
    /// C: the challenge is to carry a TargetName.
    REQUEST_TARGET = 0x0000_0004;
    /// D: message signatures.
    SIGN = 0x0000_0010;
    /// E: message confidentiality.
    SEAL = 0x0000_0020;
    /// F: connectionless authentication.
    DATAGRAM = 0x0000_0040;
    /// G: LAN Manager session key.
    LM_KEY = 0x0000_0080;
    /// H: NTLM authentication.
    NTLM = 0x0000_0200;
    /// J: anonymous.
    ANONYMOUS = 0x0000_0800;
    /// K: DomainName is supplied.
    OEM_DOMAIN_SUPPLIED = 0x0000_1000;
    /// L: Workstation is supplied.
    OEM_WORKSTATION_SUPPLIED = 0x0000_2000;
    /// M: a session key exists even without SIGN and SEAL.
    ALWAYS_SIGN = 0x0000_8000;
    /// N: TargetName is a domain.
    TARGET_TYPE_DOMAIN = 0x0001_0000;
    /// O: TargetName is a server.
    TARGET_TYPE_SERVER = 0x0002_0000;
    /// P: extended session security.
    EXTENDED_SESSIONSECURITY = 0x0008_0000;
    /// Q: an identify level token.
    IDENTIFY = 0x0010_0000;
    /// R: LMOWF.
    REQUEST_NON_NT_SESSION_KEY = 0x0040_0000;
    /// S: TargetInfo is there.
    TARGET_INFO = 0x0080_0000;
    /// T: Version is there.
    VERSION = 0x0200_0000;
    /// U: 128-bit session keys.
    KEY_128 = 0x2000_0000;
    /// V: an explicit key exchange.
    KEY_EXCH = 0x4000_0000;
    /// W: 56-bit session keys.
    KEY_56 = 0x8000_0000;
}

impl NegotiateFlags {
    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    #[must_use]
    pub const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// These, without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether keys are exchanged: KEY_EXCH counts only beside SIGN or SEAL ([MS-NLMP] 3.1.5.1.2).
    #[must_use]
    pub const fn exchanges_keys(self) -> bool {
        self.has(Self::KEY_EXCH) && self.has_any(Self(Self::SIGN.0 | Self::SEAL.0))
    }
}

impl BitOr for NegotiateFlags {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

impl BitAnd for NegotiateFlags {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// The names, and the bits that have none.
impl fmt::Debug for NegotiateFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)?;
        let mut left = self.0;
        for (bit, name) in NAMES.iter().filter(|(bit, _)| self.0 & bit != 0) {
            left &= !bit;
            write!(f, " {name}")?;
        }
        if left == 0 { Ok(()) } else { write!(f, " {left:#x}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [MS-NLMP] 4.2.4: the flags in words and the four bytes.
    #[test]
    fn the_flags_of_the_example() {
        use NegotiateFlags as F;
        let flags = F::KEY_EXCH
            | F::KEY_56
            | F::KEY_128
            | F::VERSION
            | F::TARGET_INFO
            | F::EXTENDED_SESSIONSECURITY
            | F::TARGET_TYPE_SERVER
            | F::ALWAYS_SIGN
            | F::NTLM
            | F::SEAL
            | F::SIGN
            | F::OEM
            | F::UNICODE;
        assert_eq!(flags.0.to_le_bytes(), [0x33, 0x82, 0x8a, 0xe2]);
    }

    #[test]
    fn unknown_bits_are_kept_and_shown() {
        assert_eq!(format!("{:?}", NegotiateFlags(0x0400_0001)), "0x04000001 UNICODE 0x4000000");
    }
}
