//! Folder and message ids, [MS-OXCDATA] 2.2.1.

use std::fmt;

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident $spec_name:literal $spec:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name([u8; 8]);

        impl $name {
            /// From the replica id and the global counter, the counter in the byte order of the wire.
            #[must_use]
            pub const fn new(replica_id: u16, global_counter: [u8; 6]) -> Self {
                let [r0, r1] = replica_id.to_le_bytes();
                let [a, b, c, d, e, f] = global_counter;
                Self([r0, r1, a, b, c, d, e, f])
            }

            /// From the replica id and the global counter as a number, which counts with its first byte highest; its
            /// lower 48 bits are taken.
            #[must_use]
            pub const fn from_counter(replica_id: u16, counter: u64) -> Self {
                let [_, _, counter @ ..] = counter.to_be_bytes();
                Self::new(replica_id, counter)
            }

            /// From the eight bytes on the wire.
            #[must_use]
            pub const fn from_wire(bytes: [u8; 8]) -> Self {
                Self(bytes)
            }

            /// The eight bytes on the wire.
            #[must_use]
            pub const fn to_wire(self) -> [u8; 8] {
                self.0
            }

            /// As the value of a PtypInteger64 property that carries it.
            #[must_use]
            pub const fn to_i64(self) -> i64 {
                i64::from_le_bytes(self.0)
            }

            /// From the value of a PtypInteger64 property that carries it.
            #[must_use]
            pub const fn from_i64(value: i64) -> Self {
                Self(value.to_le_bytes())
            }

            /// The short form of the replica GUID, that RopLogon maps.
            #[must_use]
            pub const fn replica_id(self) -> u16 {
                let [r0, r1, ..] = self.0;
                u16::from_le_bytes([r0, r1])
            }

            /// The global counter, in the byte order of the wire.
            #[must_use]
            pub const fn global_counter(self) -> [u8; 6] {
                let [_, _, counter @ ..] = self.0;
                counter
            }
        }

        /// The replica id, a dash, the global counter: `0001-000000078E2D`.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:04X}-", self.replica_id())?;
                self.global_counter().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl Structure for $name {
            const NAME: &'static str = $spec_name;
            const SPEC: &'static str = $spec;
        }

        impl Encode for $name {
            fn encoded_len(&self) -> usize {
                8
            }

            fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
                w.bytes(&self.0);
                Ok(())
            }
        }

        impl<'de> Decode<'de> for $name {
            fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
                r.array($spec_name).map(Self)
            }
        }
    };
}

id! {
    /// The id of a folder: a 16-bit replica id and a 48-bit global counter, [MS-OXCDATA] 2.2.1.1. All zero is no folder.
    FolderId "FolderId" "[MS-OXCDATA] 2.2.1.1"
}

id! {
    /// The id of a message: a 16-bit replica id and a 48-bit global counter, [MS-OXCDATA] 2.2.1.2. All zero is no message.
    MessageId "MessageId" "[MS-OXCDATA] 2.2.1.2"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [MS-OXCFOLD] 4.5.1: `01 00 00 00 0E 8E DF 36` is written 0001-00000E8EDF36.
    #[test]
    fn the_form_that_the_specification_prints() {
        let id = FolderId::from_wire([1, 0, 0, 0, 0x0E, 0x8E, 0xDF, 0x36]);
        assert_eq!(id.to_string(), "0001-00000E8EDF36");
        assert_eq!(id, FolderId::from_counter(1, 0x0E8E_DF36));
        assert_eq!(FolderId::from_i64(id.to_i64()), id);
    }
}
