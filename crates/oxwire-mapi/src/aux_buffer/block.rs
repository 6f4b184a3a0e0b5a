//! What the blocks of an auxiliary buffer are made of: fields of fixed size, and text and bytes behind them that a field points to.

use oxwire_core::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Guid, Reader, Utf16, Writer};

use super::AuxHeader;

/// A field of fixed size.
pub(super) trait Field: Sized {
    /// Its bytes.
    const LEN: usize;

    fn read(r: &mut Reader<'_>, name: &'static str) -> Result<Self, DecodeError>;

    fn write(&self, w: &mut Writer<'_>);
}

macro_rules! fields {
    ($($ty:ty, $len:literal, $read:ident, $write:ident;)*) => {$(
        impl Field for $ty {
            const LEN: usize = $len;

            fn read(r: &mut Reader<'_>, name: &'static str) -> Result<Self, DecodeError> {
                r.$read(name)
            }

            fn write(&self, w: &mut Writer<'_>) {
                w.$write(*self);
            }
        }
    )*};
}

fields! {
    u8, 1, u8, u8;
    u16, 2, u16_le, u16_le;
    u32, 4, u32_le, u32_le;
    Guid, 16, guid, guid;
}

/// Defines a block of fields of fixed size, in wire order; `+ n` is reserved bytes behind a field: written as zeros, ignored when
/// read ([MS-OXCRPC] 3.1.4.1.2.2, 3.2.4.1.2.2).
macro_rules! fixed_block {
    ($(#[$doc:meta])* $name:ident $spec_name:literal $spec:literal {
        $($(#[$field_doc:meta])* $field:ident: $ty:ty = $wire:literal $(+ $reserved:literal)?,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)*
        }

        impl oxwire_core::Structure for $name {
            const NAME: &'static str = $spec_name;
            const SPEC: &'static str = $spec;
        }

        impl oxwire_core::Decode<'_> for $name {
            fn decode(r: &mut oxwire_core::Reader<'_>) -> Result<Self, oxwire_core::DecodeError> {
                $(
                    let $field = <$ty as $crate::aux_buffer::block::Field>::read(r, $wire)?;
                    $(r.bytes($reserved, "Reserved")?;)?
                )*
                Ok(Self { $($field,)* })
            }
        }

        impl oxwire_core::Encode for $name {
            fn encoded_len(&self) -> usize {
                0 $(+ <$ty as $crate::aux_buffer::block::Field>::LEN $(+ $reserved)?)*
            }

            fn encode(&self, w: &mut oxwire_core::Writer<'_>) -> Result<(), oxwire_core::EncodeError> {
                $(
                    $crate::aux_buffer::block::Field::write(&self.$field, w);
                    $(w.zeros($reserved);)?
                )*
                Ok(())
            }
        }
    };
}

pub(super) use fixed_block;

/// What an offset field points to, of a block whose first field `block` reads. 0 is nothing.
fn pointed<'de>(block: &Reader<'de>, offset: u16, field: &'static str) -> Result<Option<Reader<'de>>, DecodeError> {
    if offset == 0 {
        return Ok(None);
    }
    let mut r = block.clone();
    let skip = usize::from(offset).checked_sub(AuxHeader::LEN).filter(|skip| *skip <= block.left());
    let expected = "0, or an offset within the block, counted from its AUX_HEADER";
    let kind = DecodeErrorKind::Value { expected, found: offset.into() };
    let skip = skip.ok_or_else(|| block.error(field, kind))?;
    r.bytes(skip, field)?;
    Ok(Some(r))
}

/// The null-terminated Unicode string that an offset field points to; empty for 0.
pub(super) fn text<'de>(block: &Reader<'de>, offset: u16, field: &'static str) -> Result<Utf16<'de>, DecodeError> {
    pointed(block, offset, field)?.map_or(Ok(Utf16::default()), |mut r| r.c_utf16(field))
}

/// The bytes that an offset field and a size field point to; none for an offset of 0.
pub(super) fn bytes<'de>(
    block: &Reader<'de>,
    offset: u16,
    size: u16,
    field: &'static str,
) -> Result<&'de [u8], DecodeError> {
    pointed(block, offset, field)?.map_or(Ok(&[]), |mut r| r.bytes(size.into(), field))
}

/// How many bytes [`put_text`] appends.
pub(super) const fn text_len(text: Utf16<'_>) -> usize {
    if text.is_empty() { 0 } else { text.as_bytes().len() + 2 }
}

/// Gives out offsets, counted from the AUX_HEADER, for what stands behind the fields of a block.
pub(super) struct Offsets {
    next: usize,
}

impl Offsets {
    /// Behind `fields` bytes of fields.
    pub(super) const fn behind(fields: usize) -> Self {
        Self { next: AuxHeader::LEN + fields }
    }

    /// The offset of the next `len` bytes; 0 for none.
    pub(super) fn take(&mut self, w: &Writer<'_>, len: usize, field: &'static str) -> Result<u16, EncodeError> {
        if len == 0 {
            return Ok(0);
        }
        let at = self.next;
        self.next = self.next.saturating_add(len);
        let too_long = EncodeErrorKind::TooLong { max: u16::MAX.into(), len: self.next };
        u16::try_from(at).map_err(|_| w.error(field, too_long))
    }
}

/// Writes text and its NUL; nothing for empty text.
pub(super) fn put_text(w: &mut Writer<'_>, text: Utf16<'_>, field: &'static str) -> Result<(), EncodeError> {
    if text.is_empty() {
        return Ok(());
    }
    if text.units().any(|unit| unit == 0) {
        return Err(w.error(field, EncodeErrorKind::Value { expected: "text without a NUL", found: 0 }));
    }
    w.bytes(text.as_bytes());
    w.u16_le(0);
    Ok(())
}
