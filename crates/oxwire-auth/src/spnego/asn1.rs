//! Elements of ASN.1: read with the tolerance that real peers ask for, written in DER.

use der::{Decode as _, Header, Length, SliceWriter, Tag, TagNumber};
use oxwire_core::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Reader, Writer};

/// `[APPLICATION 0]`, the head of a first token ([RFC 2743] 3.1).
pub(super) const GSS: Tag = Tag::Application { constructed: true, number: TagNumber(0) };

/// `[number]`, explicit.
pub(super) const fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// One element.
pub(super) struct Element<'de> {
    /// Tag, length and content as they stand.
    pub(super) raw: &'de [u8],
    pub(super) content: Reader<'de>,
}

/// The tag of the next element; `None` at the end, and for one that SPNEGO has no use for.
pub(super) fn peek_tag(r: &Reader<'_>) -> Option<Tag> {
    Tag::from_der(&[r.peek_u8()?]).ok()
}

/// The next element, which has that tag.
pub(super) fn element<'de>(
    r: &mut Reader<'de>,
    tag: Tag,
    expected: &'static str,
    field: &'static str,
) -> Result<Element<'de>, DecodeError> {
    let found = peek_tag(r);
    if found == Some(tag) {
        return any(r, field);
    }
    let at = r.offset();
    let byte = r.u8(field)?;
    Err(r.invalid(at, field, expected, byte))
}

/// The next element, of whatever tag.
pub(super) fn any<'de>(r: &mut Reader<'de>, field: &'static str) -> Result<Element<'de>, DecodeError> {
    let whole = r.peek_rest();
    r.u8(field)?;
    let len = length(r, field)?;
    let content = r.sub(len, field)?;
    let raw = whole.get(..whole.len().saturating_sub(r.left())).unwrap_or_default();
    Ok(Element { raw, content })
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
    if peek_tag(r) != Some(context(number)) {
        return Ok(None);
    }
    let mut outer = any(r, field)?.content;
    let inner = element(&mut outer, inner, expected, field)?;
    outer.finish()?;
    Ok(Some(inner.content))
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
pub(super) fn len_of(tag: Tag, content: usize) -> usize {
    let whole = Length::try_from(content).and_then(|len| len.for_tlv(tag));
    whole.and_then(usize::try_from).unwrap_or(usize::MAX)
}

/// Bytes of `[n]` around an element with so much content.
pub(super) fn field_len(inner: Tag, content: usize) -> usize {
    len_of(context(0), len_of(inner, content))
}

/// Writes tag and length; the content follows.
pub(super) fn put_header(
    w: &mut Writer<'_>,
    tag: Tag,
    content: usize,
    (name, field, spec): (&'static str, &'static str, &'static str),
) -> Result<(), EncodeError> {
    let mut out = [0; 12];
    let header = Length::try_from(content).and_then(|len| {
        let mut slice = SliceWriter::new(&mut out);
        slice.encode(&Header::new(tag, len))?;
        slice.finish()
    });
    match header {
        Ok(header) => {
            w.bytes(header);
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
    put_header(w, context(number), len_of(inner, content.len()), at)?;
    put_header(w, inner, content.len(), at)?;
    w.bytes(content);
    Ok(())
}
