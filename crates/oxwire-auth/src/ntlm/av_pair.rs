//! AV_PAIR, [MS-NLMP] 2.2.2.1.

use oxwire_core::{DecodeError, EncodeError, FileTime, Reader, Utf16, Writer};

/// What an AV_PAIR holds, [MS-NLMP] 2.2.2.1. Numbers without a name are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AvId(pub u16);

impl AvId {
    /// MsvAvEOL: the end of the list.
    pub const EOL: Self = Self(0);
    /// MsvAvNbComputerName: the server's NetBIOS computer name.
    pub const NB_COMPUTER_NAME: Self = Self(1);
    /// MsvAvNbDomainName: the server's NetBIOS domain name.
    pub const NB_DOMAIN_NAME: Self = Self(2);
    /// MsvAvDnsComputerName: the computer's FQDN.
    pub const DNS_COMPUTER_NAME: Self = Self(3);
    /// MsvAvDnsDomainName: the domain's FQDN.
    pub const DNS_DOMAIN_NAME: Self = Self(4);
    /// MsvAvDnsTreeName: the forest's FQDN.
    pub const DNS_TREE_NAME: Self = Self(5);
    /// MsvAvFlags: 32 bits, see [`AV_FLAG_MIC`].
    pub const FLAGS: Self = Self(6);
    /// MsvAvTimestamp: the server's time as a FILETIME.
    pub const TIMESTAMP: Self = Self(7);
    /// MsvAvSingleHost: a Single_Host_Data.
    pub const SINGLE_HOST: Self = Self(8);
    /// MsvAvTargetName: the SPN that the client wants to reach.
    pub const TARGET_NAME: Self = Self(9);
    /// MsvAvChannelBindings: an MD5 hash; all zero for none.
    pub const CHANNEL_BINDINGS: Self = Self(10);
}

/// MsvAvFlags: the client sends a MIC.
pub const AV_FLAG_MIC: u32 = 0x2;
/// MsvAvFlags: the target name comes from an untrusted source.
pub const AV_FLAG_UNVERIFIED_TARGET: u32 = 0x4;

/// One AV_PAIR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AvPair<'de> {
    /// What it is.
    pub id: AvId,
    /// Its bytes.
    pub value: &'de [u8],
}

impl<'de> AvPair<'de> {
    /// The value as UTF-16 text, as all names are.
    #[must_use]
    pub fn text(&self) -> Utf16<'de> {
        Utf16::from_truncated(self.value)
    }
}

/// A list of AV_PAIRs as a view, checked to end in MsvAvEOL, in the order in which it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AvPairs<'de> {
    /// The pairs before MsvAvEOL.
    pairs: &'de [u8],
}

impl<'de> AvPairs<'de> {
    /// Reads up to and including MsvAvEOL and leaves what stands behind it.
    ///
    /// # Errors
    /// [`DecodeError`] for a pair that is cut, and for a list without MsvAvEOL.
    pub fn read(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let all = r.peek_rest();
        let start = r.offset();
        loop {
            let end = r.offset();
            let id = r.u16_le("AvId")?;
            let len = r.u16_le("AvLen")?;
            r.bytes(usize::from(len), "Value")?;
            if id == AvId::EOL.0 {
                return Ok(Self { pairs: all.get(..end - start).unwrap_or_default() });
            }
        }
    }

    /// The pairs, without MsvAvEOL, in order.
    pub fn iter(&self) -> impl Iterator<Item = AvPair<'de>> + use<'de> {
        let mut r = Reader::new(self.pairs);
        std::iter::from_fn(move || {
            let id = AvId(r.u16_le("AvId").ok()?);
            let len = r.u16_le("AvLen").ok()?;
            Some(AvPair { id, value: r.bytes(usize::from(len), "Value").ok()? })
        })
    }

    /// The first pair of that kind.
    #[must_use]
    pub fn first(&self, id: AvId) -> Option<AvPair<'de>> {
        self.iter().find(|pair| pair.id == id)
    }

    /// MsvAvTimestamp, where it is eight bytes.
    #[must_use]
    pub fn timestamp(&self) -> Option<FileTime> {
        let value = self.first(AvId::TIMESTAMP)?.value;
        Some(FileTime::from_intervals(u64::from_le_bytes(value.try_into().ok()?)))
    }

    /// MsvAvFlags; 0 where there is none.
    #[must_use]
    pub fn flags(&self) -> u32 {
        let value = self.first(AvId::FLAGS).and_then(|pair| pair.value.try_into().ok());
        value.map_or(0, u32::from_le_bytes)
    }

    /// MsvAvChannelBindings, unless it is all zero, which says that there is none.
    #[must_use]
    pub fn channel_bindings(&self) -> Option<&'de [u8]> {
        self.first(AvId::CHANNEL_BINDINGS).map(|pair| pair.value).filter(|value| value.iter().any(|byte| *byte != 0))
    }
}

/// Writes one pair.
pub(crate) fn put_pair(w: &mut Writer<'_>, id: AvId, value: &[u8]) -> Result<(), EncodeError> {
    w.u16_le(id.0);
    w.len_u16_le(value.len(), "AvLen")?;
    w.bytes(value);
    Ok(())
}

/// Writes one pair of text.
pub(crate) fn put_text(w: &mut Writer<'_>, id: AvId, text: &str) -> Result<(), EncodeError> {
    w.u16_le(id.0);
    w.len_u16_le(oxwire_core::utf16_le_len(text), "AvLen")?;
    w.utf16(text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_keep_their_order_and_their_unknowns() {
        // Built by hand: an unknown id 0x1234, MsvAvFlags 6, the unknown one again, MsvAvEOL, two bytes behind it.
        let bytes = [0x34, 0x12, 1, 0, 9, 6, 0, 4, 0, 6, 0, 0, 0, 0x34, 0x12, 0, 0, 0, 0, 0, 0, 0xEE, 0xEE];
        let mut r = Reader::new(&bytes);
        let pairs = AvPairs::read(&mut r).unwrap();
        assert_eq!(r.left(), 2);
        assert_eq!(pairs.iter().map(|p| p.id.0).collect::<Vec<_>>(), [0x1234, 6, 0x1234]);
        assert_eq!(pairs.flags(), AV_FLAG_MIC | AV_FLAG_UNVERIFIED_TARGET);
        assert_eq!(pairs.channel_bindings(), None);
    }

    #[test]
    fn a_list_without_its_end_is_an_error() {
        let error = AvPairs::read(&mut Reader::new(&[1, 0, 1, 0, 9])).unwrap_err();
        assert_eq!((error.field, error.offset), ("AvId", 5));
        assert!(AvPairs::read(&mut Reader::new(&[1, 0, 9, 0, 9])).is_err());
    }

    #[test]
    fn an_all_zero_binding_is_none() {
        let mut bytes = vec![10, 0, 16, 0];
        bytes.extend([0; 16]);
        bytes.extend([0; 4]);
        assert_eq!(AvPairs::read(&mut Reader::new(&bytes)).unwrap().channel_bindings(), None);
        bytes[4] = 1;
        assert!(AvPairs::read(&mut Reader::new(&bytes)).unwrap().channel_bindings().is_some());
    }
}
