//! Extended error information, [MS-EERR]: what a proxy knows beyond an error code. [MS-RPCH] 2.1.2.1.3 carries it in base64.
//!
//! An [`ExtendedError`] is an error sequence: each [`ErrorRecord`] after the first is the cause of the one in front of it, and the
//! last one is the root error. It is for people who look for a fault; no record is acted upon here.
//!
//! The encoding is that of type serialization version 1 ([MS-RPCE] 2.2.6) of `ExtendedErrorInfoPtr`, the pointer type at the end of the
//! IDL ([MS-EERR] 5): a referent id stands in front of the first record.

#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};

use bytes::{Bytes, BytesMut};
use oxwire_core::{
    Decode, DecodeError, Encode, EncodeError, EncodeErrorKind, FileTime, Limits, Reader, Structure, Writer, decode_all,
};
use oxwire_rpc::ndr::{NdrReader, NdrWriter, Pointer};
use oxwire_rpc::pdu::DataRepresentation;

/// An error sequence, the latest error first. [MS-EERR] 2.2.1.8
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtendedError {
    /// The records. [`Limits::depth`] bounds how many are read.
    pub records: Vec<ErrorRecord>,
}

/// ExtendedErrorInfo: one error record. [MS-EERR] 2.2.1.8
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorRecord {
    /// ComputerName: where it was generated, for display only; `None` is the local node.
    pub computer_name: Option<Text>,
    /// ProcessID.
    pub process_id: u32,
    /// TimeStamp, in UTC.
    pub time_stamp: FileTime,
    /// GeneratingComponent, [MS-EERR] 1.3.1.
    pub generating_component: u32,
    /// Status: an error code of that component's.
    pub status: u32,
    /// DetectionLocation, [MS-EERR] 2.2.3.
    pub detection_location: u16,
    /// Flags.
    pub flags: RecordFlags,
    /// Params, at most 4.
    pub params: Vec<Param>,
}

impl ErrorRecord {
    /// DetectionLocation of a proxy whose attempt to connect to the RPC server failed; its GeneratingComponent is 0x0E.
    /// [MS-EERR] 2.2.3
    pub const PROXY_CONNECT_FAILED: u16 = 0x05A0;
    /// GeneratingComponent of [`PROXY_CONNECT_FAILED`](Self::PROXY_CONNECT_FAILED).
    pub const PROXY_COMPONENT: u32 = 0x0E;
    /// The most parameters of a record.
    pub const MAX_PARAMS: usize = 4;
}

/// Flags of a record; unknown bits are kept. [MS-EERR] 2.2.1.8
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordFlags(pub u16);

impl RecordFlags {
    /// Records in front of this one are left out.
    pub const BEFORE_IS_LEFT_OUT: Self = Self(0x0001);
    /// Records behind this one are left out.
    pub const AFTER_IS_LEFT_OUT: Self = Self(0x0002);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// An EEUString: UTF-16 code units as they came, without the terminator. [MS-EERR] 2.2.1.2
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Text(pub Vec<u16>);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.encode_utf16().collect())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Control characters would let a peer write into somebody's log.
        let chars = char::decode_utf16(self.0.iter().copied()).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
        chars.map(|c| if c.is_control() { ' ' } else { c }).try_for_each(|c| f.write_char(c))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf16_lossy(&self.0))
    }
}

/// ExtendedErrorParam. [MS-EERR] 2.2.1.5
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Param {
    /// eeptiAnsiString: ISO/IEC 8859-1 as it came, without the terminator.
    AnsiString(Vec<u8>),
    /// eeptiUnicodeString
    UnicodeString(Text),
    /// eeptiLongVal
    Long(i32),
    /// eeptiShortValue
    Short(i16),
    /// eeptiPointerValue
    Pointer(i64),
    /// eeptiNone
    None,
    /// eeptiBinary
    Binary(Vec<u8>),
}

impl Param {
    /// ExtendedErrorParamTypesInternal, [MS-EERR] 2.2.1.4.
    const fn kind(&self) -> u16 {
        match self {
            Self::AnsiString(_) => 1,
            Self::UnicodeString(_) => 2,
            Self::Long(_) => 3,
            Self::Short(_) => 4,
            Self::Pointer(_) => 5,
            Self::None => 6,
            Self::Binary(_) => 7,
        }
    }
}

/// EEComputerNamePresent, [MS-EERR] 2.2.1.6.
const PRESENT: u16 = 1;
const NOT_PRESENT: u16 = 2;

/// The two headers of type serialization version 1, [MS-RPCE] 2.2.6.1 and 2.2.6.2.
const HEADERS: usize = 16;

impl ExtendedError {
    /// Reads what the base64 text of a response holds, [`RpcError::ee_info`](crate::http::RpcError::ee_info).
    ///
    /// # Errors
    /// [`DecodeError`]: any violation fails the whole ([MS-EERR] 2.2.2.2).
    pub fn from_bytes(blob: &[u8]) -> Result<Self, DecodeError> {
        decode_all(blob, &Limits::DEFAULT)
    }

    /// Writes it, as [`RpcError::ee_info`](crate::http::RpcError::ee_info) takes it.
    ///
    /// # Errors
    /// [`EncodeError`] for more than 4 parameters, and for strings of more than 32,766 characters.
    pub fn to_bytes(&self) -> Result<Bytes, EncodeError> {
        oxwire_core::encode_to_bytes(self)
    }
}

/// Each record's numbers, the latest first.
impl fmt::Display for ExtendedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, record) in self.records.iter().enumerate() {
            if at > 0 {
                f.write_str("; caused by ")?;
            }
            let ErrorRecord { status, generating_component, detection_location, .. } = record;
            write!(f, "status {status:#x}, component {generating_component:#x}, location {detection_location:#x}")?;
            if let Some(name) = &record.computer_name {
                write!(f, ", on {name}")?;
            }
        }
        Ok(())
    }
}

impl Structure for ExtendedError {
    const NAME: &'static str = "ExtendedErrorInfo";
    const SPEC: &'static str = "[MS-EERR] 2.2.1.8";
}

impl<'de> Decode<'de> for ExtendedError {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let at = r.offset();
        match r.u8("Version")? {
            1 => {}
            other => return Err(r.invalid(at, "Version", "1 (type serialization version 1)", other)),
        }
        let at = r.offset();
        let drep = match r.u8("Endianness")? {
            0x10 => DataRepresentation::LITTLE_ENDIAN,
            0x00 => DataRepresentation::BIG_ENDIAN,
            other => return Err(r.invalid(at, "Endianness", "0x10 or 0x00", other)),
        };
        let at = r.offset();
        match r.u16_le("CommonHeaderLength")? {
            8 => {}
            other => return Err(r.invalid(at, "CommonHeaderLength", "8", other)),
        }
        r.bytes(4, "Filler")?;
        let at = r.offset();
        let len = drep.u32(r, "ObjectBufferLength")?;
        r.bytes(4, "Filler")?;
        let base = r.offset();
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if !len.is_multiple_of(8) {
            let found = u64::try_from(len).unwrap_or(u64::MAX);
            return Err(r.invalid(at, "ObjectBufferLength", "a multiple of 8", found));
        }
        let limits = r.limits();
        let object = r.bytes(len, "ObjectBuffer")?;
        let mut r = NdrReader::with_limits(object, drep, limits).at_offset(base);
        let mut this = Self::default();
        let first = r.pointer("ExtendedErrorInfoPtr")?;
        r.referent(first, |r| read_record(r, &mut this.records))?;
        r.align(8)?;
        r.finish()?;
        Ok(this)
    }
}

/// One record, and behind its members what they point to, the next record first. \[C706\] 14.3.12.3
fn read_record(r: &mut NdrReader<'_>, records: &mut Vec<ErrorRecord>) -> Result<(), DecodeError> {
    let count = r.conformance(4, "Params")?;
    r.align(8)?;
    let next = r.pointer("Next")?;
    let computer_name = read_computer_name(r)?;
    let mut record = ErrorRecord {
        computer_name: None,
        process_id: r.u32("ProcessID")?,
        time_stamp: FileTime::from_intervals(r.u64("TimeStamp")?),
        generating_component: r.u32("GeneratingComponent")?,
        status: r.u32("Status")?,
        detection_location: r.u16("DetectionLocation")?,
        flags: RecordFlags(r.u16("Flags")?),
        params: Vec::new(),
    };
    let len = r.u16("nLen")?;
    if usize::from(len) != count || count > ErrorRecord::MAX_PARAMS {
        return Err(r.invalid("nLen", "at most 4 parameters, as many as the array holds", len));
    }
    let mut params = [const { None }; ErrorRecord::MAX_PARAMS];
    for param in params.iter_mut().take(count) {
        *param = Some(read_param(r)?);
    }
    let at = records.len();
    records.push(ErrorRecord::default());
    r.referent(next, |r| read_record(r, records))?;
    if let Some(name) = computer_name {
        record.computer_name = Some(Text(name.units(r, "ComputerName")?));
    }
    for param in params.into_iter().flatten() {
        record.params.push(match param {
            InPlace::Whole(param) => param,
            InPlace::Ansi(string) => Param::AnsiString(string.bytes(r, "AnsiString", true)?),
            InPlace::Unicode(string) => Param::UnicodeString(Text(string.units(r, "UnicodeString")?)),
            InPlace::Blob(string) => Param::Binary(string.bytes(r, "Blob", false)?),
        });
    }
    if let Some(slot) = records.get_mut(at) {
        *slot = record;
    }
    Ok(())
}

/// A parameter as it stands in the array: what it points to comes later.
enum InPlace {
    Whole(Param),
    Ansi(Counted),
    Unicode(Counted),
    Blob(Counted),
}

/// A length and a pointer. [MS-EERR] 2.2.1.1 to 2.2.1.3
#[derive(Clone, Copy)]
struct Counted {
    len: u16,
    pointer: Pointer,
}

impl Counted {
    fn read(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let len = r.u16(field)?;
        if len > i16::MAX.unsigned_abs() {
            return Err(r.invalid(field, "a length that is not negative", len));
        }
        Ok(Self { len, pointer: r.pointer(field)? })
    }

    fn bytes(self, r: &mut NdrReader<'_>, field: &'static str, terminated: bool) -> Result<Vec<u8>, DecodeError> {
        let bytes = r.referent(self.pointer, |r| r.conformant_bytes_of(u32::from(self.len), field))?;
        let bytes = bytes.unwrap_or_default();
        let bytes = if terminated { bytes.strip_suffix(&[0]).unwrap_or(bytes) } else { bytes };
        Ok(bytes.to_vec())
    }

    fn units(self, r: &mut NdrReader<'_>, field: &'static str) -> Result<Vec<u16>, DecodeError> {
        let units = r.referent(self.pointer, |r| {
            let count = r.conformance(2, field)?;
            if count != usize::from(self.len) {
                let found = u64::try_from(count).unwrap_or(u64::MAX);
                return Err(r.invalid(field, "a count that agrees with nLength", found));
            }
            Ok(r.elements::<u16>(count, field)?.iter().collect::<Vec<_>>())
        })?;
        let mut units = units.unwrap_or_default();
        if units.last() == Some(&0) {
            units.pop();
        }
        Ok(units)
    }
}

/// An enumeration, and the same number again as the discriminant of the union.
fn read_kind(r: &mut NdrReader<'_>, field: &'static str) -> Result<u16, DecodeError> {
    let kind = r.enumeration(field)?;
    let tag = r.u16(field)?;
    if kind == tag { Ok(kind) } else { Err(r.invalid(field, "a discriminant that agrees with Type", tag)) }
}

fn read_computer_name(r: &mut NdrReader<'_>) -> Result<Option<Counted>, DecodeError> {
    r.align(4)?;
    let kind = read_kind(r, "ComputerName.Type")?;
    r.align(4)?;
    match kind {
        PRESENT => Counted::read(r, "ComputerName.Name").map(Some),
        NOT_PRESENT => Ok(None),
        other => Err(r.invalid("ComputerName.Type", "1 (present) or 2 (not present)", other)),
    }
}

fn read_param(r: &mut NdrReader<'_>) -> Result<InPlace, DecodeError> {
    // A structure is aligned to its largest member, a union's arm to the largest of all arms: the 64-bit one.
    r.align(8)?;
    let kind = read_kind(r, "Params.Type")?;
    r.align(8)?;
    Ok(match kind {
        1 => InPlace::Ansi(Counted::read(r, "AnsiString")?),
        2 => InPlace::Unicode(Counted::read(r, "UnicodeString")?),
        3 => InPlace::Whole(Param::Long(r.i32("LVal")?)),
        4 => InPlace::Whole(Param::Short(r.i16("IVal")?)),
        5 => InPlace::Whole(Param::Pointer(r.i64("PVal")?)),
        6 => InPlace::Whole(Param::None),
        7 => InPlace::Blob(Counted::read(r, "Blob")?),
        other => return Err(r.invalid("Params.Type", "1 (AnsiString) to 7 (Blob)", other)),
    })
}

impl Encode for ExtendedError {
    fn encoded_len(&self) -> usize {
        HEADERS.saturating_add(self.records.len().saturating_mul(256))
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let mut object = BytesMut::new();
        let mut ndr = NdrWriter::new(&mut object);
        ndr.pointer(!self.records.is_empty());
        if let Some((first, rest)) = self.records.split_first() {
            write_record(&mut ndr, first, rest)?;
        }
        ndr.align(8);
        w.bytes(&[1, 0x10, 8, 0, 0xCC, 0xCC, 0xCC, 0xCC]);
        w.len_u32_le(object.len(), "ObjectBufferLength")?;
        w.u32_le(0);
        w.bytes(&object);
        Ok(())
    }
}

/// One record, the records behind it, and then the strings of this one: as deep as the sequence is long.
fn write_record(w: &mut NdrWriter<'_>, record: &ErrorRecord, rest: &[ErrorRecord]) -> Result<(), EncodeError> {
    let count = record.params.len();
    let too_long = |w: &NdrWriter<'_>, field, max, len| Err(w.error(field, EncodeErrorKind::TooLong { max, len }));
    if count > ErrorRecord::MAX_PARAMS {
        return too_long(w, "Params", ErrorRecord::MAX_PARAMS, count);
    }
    // What a reader with the default limits takes.
    let depth = usize::from(Limits::DEFAULT.depth);
    if rest.len() >= depth {
        return too_long(w, "Next", depth, rest.len().saturating_add(1));
    }
    w.conformance(count, "Params")?;
    w.align(8);
    w.pointer(!rest.is_empty());
    w.align(4);
    let kind = if record.computer_name.is_some() { PRESENT } else { NOT_PRESENT };
    w.enumeration(kind);
    w.u16(kind);
    w.align(4);
    if let Some(name) = &record.computer_name {
        write_counted(w, name.0.len(), 1, "ComputerName")?;
    }
    w.u32(record.process_id);
    w.u64(record.time_stamp.intervals());
    w.u32(record.generating_component);
    w.u32(record.status);
    w.u16(record.detection_location);
    w.u16(record.flags.0);
    w.u16(u16::try_from(count).unwrap_or(0));
    for param in &record.params {
        w.align(8);
        w.enumeration(param.kind());
        w.u16(param.kind());
        w.align(8);
        match param {
            Param::AnsiString(bytes) => write_counted(w, bytes.len(), 1, "AnsiString")?,
            Param::UnicodeString(text) => write_counted(w, text.0.len(), 1, "UnicodeString")?,
            Param::Long(value) => w.i32(*value),
            Param::Short(value) => w.i16(*value),
            Param::Pointer(value) => w.i64(*value),
            Param::None => {}
            Param::Binary(bytes) => write_counted(w, bytes.len(), 0, "Blob")?,
        }
    }
    if let Some((next, rest)) = rest.split_first() {
        write_record(w, next, rest)?;
    }
    if let Some(name) = &record.computer_name {
        write_units(w, &name.0, "ComputerName")?;
    }
    for param in &record.params {
        match param {
            Param::AnsiString(bytes) => {
                w.conformance(bytes.len().saturating_add(1), "AnsiString")?;
                w.bytes(bytes);
                w.u8(0);
            }
            Param::UnicodeString(text) => write_units(w, &text.0, "UnicodeString")?,
            Param::Binary(bytes) => w.conformant_bytes(bytes, "Blob")?,
            Param::Long(_) | Param::Short(_) | Param::Pointer(_) | Param::None => {}
        }
    }
    Ok(())
}

/// The length, terminator included, and a pointer.
fn write_counted(w: &mut NdrWriter<'_>, len: usize, terminator: usize, field: &'static str) -> Result<(), EncodeError> {
    let len = len.saturating_add(terminator);
    match i16::try_from(len) {
        Ok(len) => w.i16(len),
        Err(_) => {
            let max = usize::from(i16::MAX.unsigned_abs());
            return Err(w.error(field, EncodeErrorKind::TooLong { max, len }));
        }
    }
    w.pointer(true);
    Ok(())
}

fn write_units(w: &mut NdrWriter<'_>, units: &[u16], field: &'static str) -> Result<(), EncodeError> {
    w.conformance(units.len().saturating_add(1), field)?;
    units.iter().for_each(|unit| w.u16(*unit));
    w.u16(0);
    Ok(())
}
