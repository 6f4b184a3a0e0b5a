//! Elements of ASN.1: read with the tolerance that real peers ask for, written in DER.

use der::{Encode as _, Length, Tag, TagNumber};
use oxwire_core::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Reader, Writer};

/// `[APPLICATION 0]`, the head of a first token ([RFC 2743] 3.1).
pub(super) const GSS: Tag = Tag::Application { constructed: true, number: TagNumber(0) };

/// `[number]`, explicit.
pub(super) const fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// The identifier octet: SPNEGO's tags have numbers below 31, which fit into it.
const fn octet(tag: Tag) -> u8 {
    let [number, ..] = tag.number().0.to_le_bytes();
    let constructed = if tag.is_constructed() { 0x20 } else { 0 };
    tag.class() as u8 | constructed | number
}

/// Whether the next element has that tag.
pub(super) fn is_next(r: &Reader<'_>, tag: Tag) -> bool {
    r.peek_u8() == Some(octet(tag))
}

/// The content of the next element, which has that tag.
#[inline]
pub(super) fn element<'de>(
    r: &mut Reader<'de>,
    tag: Tag,
    expected: &'static str,
    field: &'static str,
) -> Result<Reader<'de>, DecodeError> {
    if is_next(r, tag) {
        return any(r, field);
    }
    let at = r.offset();
    let byte = r.u8(field)?;
    Err(r.invalid(at, field, expected, byte))
}

/// The content of the next element, of whatever tag.
#[inline]
pub(super) fn any<'de>(r: &mut Reader<'de>, field: &'static str) -> Result<Reader<'de>, DecodeError> {
    r.u8(field)?;
    let len = length(r, field)?;
    r.sub(len, field)
}

/// A length of up to four octets. Leading zeros are taken, though DER forbids them: encoders that write a length of fixed width
/// and fill it in later send them, and the acceptors of MIT and Heimdal, against which everybody tests, take them.
fn length(r: &mut Reader<'_>, field: &'static str) -> Result<usize, DecodeError> {
    let at = r.offset();
    let first = r.u8(field)?;
    let octets = match first {
        0..0x80 => return Ok(usize::from(first)),
        0x80 => {
            let kind = DecodeErrorKind::Unsupported { what: "an indefinite length" };
            return Err(r.error_at(at, field, kind));
        }
        _ => usize::from(first & 0x7f),
    };
    if octets > 4 {
        return Err(r.invalid(at, field, "a length of at most four octets", first));
    }
    let bytes = r.bytes(octets, field)?;
    let len = bytes.iter().fold(0_u32, |len, byte| len << 8 | u32::from(*byte));
    usize::try_from(len).map_err(|_| r.invalid(at, field, "a length that fits", len))
}

/// The content of the element behind `[number]`, where that comes next: fields come in their order, none twice.
pub(super) fn field<'de>(
    r: &mut Reader<'de>,
    number: u32,
    inner: Tag,
    expected: &'static str,
    field: &'static str,
) -> Result<Option<Reader<'de>>, DecodeError> {
    if !is_next(r, context(number)) {
        return Ok(None);
    }
    let mut outer = any(r, field)?;
    let inner = element(&mut outer, inner, expected, field)?;
    outer.finish()?;
    Ok(Some(inner))
}

/// The same for an OCTET STRING.
pub(super) fn octets<'de>(
    r: &mut Reader<'de>,
    number: u32,
    name: &'static str,
) -> Result<Option<&'de [u8]>, DecodeError> {
    Ok(field(r, number, Tag::OctetString, "an OCTET STRING", name)?.map(|mut content| content.rest()))
}

/// Bytes of an element with so much content.
pub(super) const fn len_of(content: usize) -> usize {
    let length = match content {
        0..0x80 => 1,
        0x80..0x100 => 2,
        0x100..0x1_0000 => 3,
        0x1_0000..0x100_0000 => 4,
        _ => 5,
    };
    content.saturating_add(1 + length)
}

/// Bytes of `[n]` around an element with so much content.
pub(super) const fn field_len(content: usize) -> usize {
    len_of(len_of(content))
}

/// Writes tag and length; the content follows.
pub(super) fn put_header(
    w: &mut Writer<'_>,
    tag: Tag,
    content: usize,
    (name, field, spec): (&'static str, &'static str, &'static str),
) -> Result<(), EncodeError> {
    let mut out = [0; 8];
    let [identifier, room @ ..] = &mut out;
    *identifier = octet(tag);
    let length = Length::try_from(content).and_then(|len| Ok(len.encode_to_slice(room)?.len()));
    match length {
        Ok(length) => {
            w.bytes(out.get(..=length).unwrap_or_default());
            Ok(())
        }
        Err(_) => {
            let kind = EncodeErrorKind::TooLong { max: 0xffff_ffff, len: content };
            Err(EncodeError { name, field, spec, kind })
        }
    }
}

/// Writes `[number]` around an element.
pub(super) fn put_field(
    w: &mut Writer<'_>,
    number: u32,
    inner: Tag,
    content: &[u8],
    at: (&'static str, &'static str, &'static str),
) -> Result<(), EncodeError> {
    put_header(w, context(number), len_of(content.len()), at)?;
    put_header(w, inner, content.len(), at)?;
    w.bytes(content);
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    /// [X.690] 8.1.3.4 and 8.1.3.5: the long form from 128 on.
    #[test]
    fn lengths_are_as_long_as_they_are_written() {
        for (content, header) in [
            (0, &[0x04, 0][..]),
            (0x7f, &[0x04, 0x7f]),
            (0x80, &[0x04, 0x81, 0x80]),
            (0xff, &[0x04, 0x81, 0xff]),
            (0x100, &[0x04, 0x82, 1, 0]),
            (0xffff, &[0x04, 0x82, 0xff, 0xff]),
            (0x1_0000, &[0x04, 0x83, 1, 0, 0]),
            (0x100_0000, &[0x04, 0x84, 1, 0, 0, 0]),
        ] {
            let mut out = BytesMut::new();
            put_header(&mut Writer::new(&mut out), Tag::OctetString, content, ("", "", "")).unwrap();
            assert_eq!(out, header, "{content:#x}");
            assert_eq!(len_of(content), header.len() + content, "{content:#x}");
        }
    }

    /// What is said of the identifier octet, by the library that writes tags of any size.
    #[test]
    fn identifier_octets_are_the_tags() {
        let universal =
            [Tag::Sequence, Tag::ObjectIdentifier, Tag::OctetString, Tag::Enumerated, Tag::GeneralString, GSS];
        for tag in universal.into_iter().chain((0..31).map(context)) {
            assert_eq!(tag.encode_to_slice(&mut [0; 4]).unwrap(), [octet(tag)], "{tag}");
        }
    }
}
