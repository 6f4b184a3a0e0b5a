//! Flags newtypes: named bits, and unknown bits kept.

/// Defines a flags newtype whose unknown bits survive a round trip.
macro_rules! flags {
    ($(#[$meta:meta])* $name:ident: $int:ty { $($(#[$doc:meta])* $flag:ident = $value:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name($int);

        impl $name {
            $($(#[$doc])* pub const $flag: Self = Self($value);)*

            /// No flag.
            pub const NONE: Self = Self(0);

            /// From the number on the wire; unknown bits are kept.
            #[must_use]
            pub const fn from_bits(bits: $int) -> Self {
                Self(bits)
            }

            /// The number on the wire.
            #[must_use]
            pub const fn bits(self) -> $int {
                self.0
            }

            /// Whether every bit of `flags` is set.
            #[must_use]
            pub const fn contains(self, flags: Self) -> bool {
                self.0 & flags.0 == flags.0
            }

            /// The bits of both.
            #[must_use]
            pub const fn with(self, flags: Self) -> Self {
                Self(self.0 | flags.0)
            }

            /// These bits without those of `flags`.
            #[must_use]
            pub const fn without(self, flags: Self) -> Self {
                Self(self.0 & !flags.0)
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        /// The names of the bits that are set; what has no name as a number.
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut rest = self.0;
                let mut separator = "";
                f.write_str(concat!(stringify!($name), "("))?;
                $(
                    if rest & $value != 0 {
                        write!(f, "{separator}{}", stringify!($flag))?;
                        rest &= !$value;
                        separator = " | ";
                    }
                )*
                if rest != 0 || separator.is_empty() {
                    write!(f, "{separator}{rest:#x}")?;
                }
                f.write_str(")")
            }
        }
    };
}

pub(crate) use flags;

#[cfg(test)]
mod tests {
    use crate::mapihttp::ExecuteFlags;

    #[test]
    fn unknown_bits_are_kept_and_shown() {
        let flags = ExecuteFlags::from_bits(0x8005);
        assert_eq!(flags.bits(), 0x8005);
        assert!(flags.contains(ExecuteFlags::NO_COMPRESSION | ExecuteFlags::CHAIN));
        assert!(!flags.contains(ExecuteFlags::NO_XOR_MAGIC));
        assert_eq!(format!("{flags:?}"), "ExecuteFlags(NO_COMPRESSION | CHAIN | 0x8000)");
        assert_eq!(format!("{:?}", ExecuteFlags::NONE), "ExecuteFlags(0x0)");
        assert_eq!(flags.without(ExecuteFlags::NO_COMPRESSION).bits(), 0x8004);
    }
}
