//! Every kind of request and response body of both endpoints, read and written again, beside a copy of 64 bytes. Those of the address
//! book that Outlook sends most come in its length, too. Its rows are in `address_book`, large bodies in `mapihttp_body`.

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use oxwire::core::{Limits, decode_all, encode_to_bytes};
use oxwire::mapi::mapihttp::{
    ConnectRequest, ConnectSuccess, DisconnectRequest, DisconnectSuccess, ExecuteRequest, ExecuteSuccess,
    NotificationWaitRequest, NotificationWaitSuccess,
};
use oxwire::mapi::nspi::{
    BindRequest, BindResponse, CompareMIdsRequest, CompareMIdsResponse, DnToMIdRequest, DnToMIdResponse,
    GetAddressBookUrlRequest, GetAddressBookUrlResponse, GetMailboxUrlRequest, GetMailboxUrlResponse,
    GetMatchesRequest, GetMatchesResponse, GetPropListRequest, GetPropListResponse, GetPropsRequest, GetPropsResponse,
    GetSpecialTableRequest, GetSpecialTableResponse, GetTemplateInfoRequest, GetTemplateInfoResponse,
    ModLinkAttRequest, ModLinkAttResponse, ModPropsRequest, ModPropsResponse, QueryColumnsRequest,
    QueryColumnsResponse, QueryRowsRequest, QueryRowsResponse, ResolveNamesRequest, ResolveNamesResponse,
    ResortRestrictionRequest, ResortRestrictionResponse, SeekEntriesRequest, SeekEntriesResponse, UnbindRequest,
    UnbindResponse, UpdateStatRequest, UpdateStatResponse,
};
use oxwire_benches::Cycle;

/// Four bytes of zero: flags, a reserved field, a code, the size of no auxiliary buffer.
const ZERO: &[u8] = &[0; 4];
const CODE_PAGE: &[u8] = b"\xB0\x04\0\0";
/// HasState, and a STAT at the beginning of the address list.
const STATE: &[u8] = b"\xFF\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\xB0\x04\0\0\x09\x04\0\0\x09\x04\0\0";
/// A flag, a count of 2, and MinimalEntryIDs.
const IDS: &[u8] = b"\xFF\x02\0\0\0\x10\0\0\0\x11\0\0\0";
/// A flag, a count of 2, PidTagDisplayName and PidTagDisplayType.
const TAGS: &[u8] = b"\xFF\x02\0\0\0\x1F\0\x01\x30\x03\0\0\x39";
/// A flag, a count of 5, and what Outlook asks for in a list: display name, entry id, account, address, display type.
const COLUMNS: &[u8] = b"\xFF\x05\0\0\0\x1F\0\x01\x30\x02\x01\xFF\x0F\x1F\0\0\x3A\x1F\0\xFE\x39\x03\0\0\x39";
/// PropertyValueCount 2: a name and a display type.
const LIST: &[u8] = b"\x02\0\0\0\x1F\0\x01\x30\xFFa\0d\0a\0\0\0\x03\0\0\x39\0\0\0\0";
/// RowCount 2, under the columns of `TAGS`.
const ROWS: &[u8] = b"\x02\0\0\0\0\xFFa\0d\0a\0\0\0\0\0\0\0\0\xFFb\0e\0a\0\0\0\0\0\0\0";
/// RestrictionExist of PidTagDisplayName, behind its flag.
const FILTER: &[u8] = b"\xFF\x08\x1F\0\x01\x30";
const DN: &[u8] = b"/o=First Organization/ou=Exchange Administrative Group/cn=Recipients/cn=alexandra\0";
const WIDE: &[u8] = b"/\0o\0=\0o\0x\0w\0i\0r\0e\0/\0c\0n\0=\0a\0d\0a\0\0\0";

macro_rules! body {
    ($group:expr, $type:ident, $parts:expr) => {{
        let (parts, name): (&[&[u8]], _) = ($parts, stringify!($type));
        let body = parts.concat();
        let read = decode_all::<$type<'_>>(&body, &Limits::DEFAULT);
        assert!(read.is_ok(), "{name}: {:?}", read.err());
        $group.throughput(Throughput::Bytes(body.len() as u64));
        let mut bodies = Cycle::of(&body);
        $group.bench_function(format!("{name}, {} bytes, read", body.len()), |b| {
            b.iter(|| black_box(decode_all::<$type<'_>>(&bodies.next_buffer(), &Limits::DEFAULT).is_ok()));
        });
        if let Ok(value) = read {
            $group.bench_function(format!("{name}, {} bytes, written", body.len()), |b| {
                b.iter(|| black_box(encode_to_bytes(black_box(&value)).is_ok()));
            });
        }
    }};
}

fn memcpy(group: &mut BenchmarkGroup<'_, WallTime>) {
    let mut sample = Cycle::filled(64);
    let mut to = vec![0; 64];
    group.throughput(Throughput::Bytes(64));
    group.bench_function("memcpy of 64 bytes", |b| b.iter(|| black_box(sample.memcpy(black_box(&mut to)))));
}

/// [MS-OXCMAPIHTTP] 2.2.4.
fn mailbox(c: &mut Criterion) {
    let mut group = c.benchmark_group("body kinds, mailbox");
    memcpy(&mut group);
    let rops: &[u8] = b"\x07\0\0\0\x05\0\x01\0\0\xFF\xFF";
    body!(group, ConnectRequest, &[DN, ZERO, CODE_PAGE, ZERO, ZERO, ZERO]);
    body!(group, ConnectSuccess, &[ZERO, ZERO, b"\x60\xEA\0\0", b"\x06\0\0\0", b"\x10\x27\0\0", DN, WIDE, ZERO]);
    body!(group, ExecuteRequest, &[ZERO, rops, b"\x07\x80\0\0", ZERO]);
    body!(group, ExecuteSuccess, &[ZERO, ZERO, ZERO, rops, ZERO]);
    body!(group, DisconnectRequest, &[ZERO]);
    body!(group, DisconnectSuccess, &[ZERO, ZERO, ZERO]);
    body!(group, NotificationWaitRequest, &[ZERO, ZERO]);
    body!(group, NotificationWaitSuccess, &[ZERO, ZERO, b"\x01\0\0\0", ZERO]);
    group.finish();
}

/// [MS-OXCMAPIHTTP] 2.2.5, requests.
fn requests(c: &mut Criterion) {
    let mut group = c.benchmark_group("body kinds, address book requests");
    memcpy(&mut group);
    let (target, one): (&[u8], &[u8]) = (b"\xFF\x1F\0\x01\x30\xFFa\0d\0\0\0", b"\x01\0\0\0");
    body!(group, BindRequest, &[ZERO, STATE, ZERO]);
    body!(group, UnbindRequest, &[ZERO, ZERO]);
    body!(group, CompareMIdsRequest, &[ZERO, STATE, ZERO, one, ZERO]);
    body!(group, DnToMIdRequest, &[ZERO, b"\xFF", one, DN, ZERO]);
    body!(group, GetMatchesRequest, &[ZERO, STATE, &[0], ZERO, FILTER, &[0], b"\x32\0\0\0", TAGS, ZERO]);
    body!(group, GetPropListRequest, &[ZERO, b"\x10\0\0\0", CODE_PAGE, ZERO]);
    body!(group, GetPropsRequest, &[ZERO, STATE, TAGS, ZERO]);
    body!(group, GetSpecialTableRequest, &[ZERO, STATE, b"\xFF", one, ZERO]);
    body!(group, GetTemplateInfoRequest, &[one, ZERO, b"\xFF", DN, CODE_PAGE, b"\x09\x04\0\0", ZERO]);
    body!(group, ModLinkAttRequest, &[ZERO, b"\x0D\0\x09\x80", one, &[0], ZERO]);
    body!(group, ModPropsRequest, &[ZERO, STATE, TAGS, b"\xFF", LIST, ZERO]);
    body!(group, QueryRowsRequest, &[ZERO, STATE, &IDS[1..], b"\x16\0\0\0", TAGS, ZERO]);
    body!(group, QueryRowsRequest, &[ZERO, STATE, ZERO, b"\x16\0\0\0", COLUMNS, ZERO]);
    body!(group, QueryColumnsRequest, &[ZERO, ZERO, ZERO]);
    body!(group, ResolveNamesRequest, &[ZERO, STATE, TAGS, b"\xFF", one, WIDE, ZERO]);
    let names = b"\x02\0\0\0a\0l\0e\0x\0a\0n\0d\0r\0a\0\0\0z\0o\0\xEB\0\0\0";
    body!(group, ResolveNamesRequest, &[ZERO, STATE, COLUMNS, b"\xFF", names, ZERO]);
    body!(group, ResortRestrictionRequest, &[ZERO, STATE, IDS, ZERO]);
    body!(group, SeekEntriesRequest, &[ZERO, STATE, target, IDS, TAGS, ZERO]);
    let target = b"\xFF\x1F\0\x01\x30\xFFa\0l\0e\0x\0\0\0";
    body!(group, SeekEntriesRequest, &[ZERO, STATE, target, &[0], COLUMNS, ZERO]);
    body!(group, UpdateStatRequest, &[ZERO, STATE, b"\xFF", ZERO]);
    body!(group, GetMailboxUrlRequest, &[ZERO, WIDE, ZERO]);
    body!(group, GetAddressBookUrlRequest, &[ZERO, WIDE, ZERO]);
    group.finish();
}

/// [MS-OXCMAPIHTTP] 2.2.5, responses.
fn responses(c: &mut Criterion) {
    let mut group = c.benchmark_group("body kinds, address book responses");
    memcpy(&mut group);
    let one: &[u8] = b"\x01\0\0\0";
    body!(group, BindResponse, &[ZERO, ZERO, &[7; 16], ZERO]);
    body!(group, UnbindResponse, &[ZERO, one, ZERO]);
    body!(group, CompareMIdsResponse, &[ZERO, ZERO, one, ZERO]);
    body!(group, DnToMIdResponse, &[ZERO, ZERO, IDS, ZERO]);
    body!(group, GetMatchesResponse, &[ZERO, ZERO, STATE, IDS, TAGS, ROWS, ZERO]);
    body!(group, GetPropListResponse, &[ZERO, ZERO, TAGS, ZERO]);
    body!(group, GetPropsResponse, &[ZERO, ZERO, CODE_PAGE, b"\xFF", LIST, ZERO]);
    let name = b"\x1F\0\x01\x30\xFFA\0l\0e\0x\0a\0n\0d\0r\0a\0 \0E\0x\0e\0m\0p\0l\0a\0r\0\0\0";
    let values =
        [&b"\x03\0\0\0"[..], name, b"\x02\x01\xFF\x0F\xFF\x20\0\0\0", &[7; 32], b"\x03\0\0\x39\0\0\0\0"].concat();
    body!(group, GetPropsResponse, &[ZERO, ZERO, CODE_PAGE, b"\xFF", &values, ZERO]);
    body!(group, GetSpecialTableResponse, &[ZERO, ZERO, CODE_PAGE, b"\xFF", one, b"\xFF", one, LIST, ZERO]);
    body!(group, GetTemplateInfoResponse, &[ZERO, ZERO, CODE_PAGE, b"\xFF", LIST, ZERO]);
    body!(group, ModLinkAttResponse, &[ZERO, ZERO, ZERO]);
    body!(group, ModPropsResponse, &[ZERO, ZERO, ZERO]);
    body!(group, QueryRowsResponse, &[ZERO, ZERO, STATE, TAGS, ROWS, ZERO]);
    body!(group, QueryColumnsResponse, &[ZERO, ZERO, TAGS, ZERO]);
    body!(group, ResolveNamesResponse, &[ZERO, ZERO, CODE_PAGE, IDS, TAGS, ROWS, ZERO]);
    body!(group, ResortRestrictionResponse, &[ZERO, ZERO, STATE, IDS, ZERO]);
    body!(group, SeekEntriesResponse, &[ZERO, ZERO, STATE, TAGS, ROWS, ZERO]);
    body!(group, UpdateStatResponse, &[ZERO, ZERO, STATE, b"\xFF", ZERO, ZERO]);
    body!(group, GetMailboxUrlResponse, &[ZERO, ZERO, WIDE, ZERO]);
    body!(group, GetAddressBookUrlResponse, &[ZERO, ZERO, WIDE, ZERO]);
    group.finish();
}

criterion_group!(benches, mailbox, requests, responses);
criterion_main!(benches);
