//! Every kind of request and response body of both endpoints, read and written again, beside a copy of as many bytes.

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use oxwire::core::{Decode, Encode, Limits, decode_all, encode_to_bytes};
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
/// PropertyValueCount 2: a name and a display type.
const LIST: &[u8] = b"\x02\0\0\0\x1F\0\x01\x30\xFFa\0d\0a\0\0\0\x03\0\0\x39\0\0\0\0";
/// RowCount 2, under the columns of `TAGS`.
const ROWS: &[u8] = b"\x02\0\0\0\0\xFFa\0d\0a\0\0\0\0\0\0\0\0\xFFb\0e\0a\0\0\0\0\0\0\0";
/// RestrictionExist of PidTagDisplayName, behind its flag.
const FILTER: &[u8] = b"\xFF\x08\x1F\0\x01\x30";
const DN: &[u8] = b"/o=First Organization/ou=Exchange Administrative Group/cn=Recipients/cn=alexandra\0";
const WIDE: &[u8] = b"/\0o\0=\0o\0x\0w\0i\0r\0e\0/\0c\0n\0=\0a\0d\0a\0\0\0";

fn body<T: Decode<'static> + Encode>(group: &mut BenchmarkGroup<'_, WallTime>, parts: &[&[u8]]) {
    let name = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default().trim_end_matches("<'_>");
    let bytes: &'static [u8] = Vec::leak(parts.concat());
    let read = decode_all::<T>(bytes, &Limits::DEFAULT);
    assert!(read.is_ok(), "{name}: {:?}", read.err());
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function(format!("{name}, {} bytes, read", bytes.len()), |b| {
        b.iter(|| black_box(decode_all::<T>(black_box(bytes), &Limits::DEFAULT).is_ok()));
    });
    if let Ok(value) = read {
        group.bench_function(format!("{name}, {} bytes, written", bytes.len()), |b| {
            b.iter(|| black_box(encode_to_bytes(black_box(&value)).is_ok()));
        });
    }
}

fn memcpy(group: &mut BenchmarkGroup<'_, WallTime>) {
    let mut sample = Cycle::filled(64);
    let mut to = vec![0; 64];
    group.bench_function("memcpy of 64 bytes", |b| b.iter(|| black_box(sample.memcpy(black_box(&mut to)))));
}

/// [MS-OXCMAPIHTTP] 2.2.4.
fn mailbox(c: &mut Criterion) {
    let mut group = c.benchmark_group("body kinds, mailbox");
    let g = &mut group;
    memcpy(g);
    let rops: &[u8] = b"\x07\0\0\0\x05\0\x01\0\0\xFF\xFF";
    body::<ConnectRequest<'_>>(g, &[DN, ZERO, CODE_PAGE, ZERO, ZERO, ZERO]);
    body::<ConnectSuccess<'_>>(g, &[ZERO, ZERO, b"\x60\xEA\0\0", b"\x06\0\0\0", b"\x10\x27\0\0", DN, WIDE, ZERO]);
    body::<ExecuteRequest<'_>>(g, &[ZERO, rops, b"\x07\x80\0\0", ZERO]);
    body::<ExecuteSuccess<'_>>(g, &[ZERO, ZERO, ZERO, rops, ZERO]);
    body::<DisconnectRequest<'_>>(g, &[ZERO]);
    body::<DisconnectSuccess<'_>>(g, &[ZERO, ZERO, ZERO]);
    body::<NotificationWaitRequest<'_>>(g, &[ZERO, ZERO]);
    body::<NotificationWaitSuccess<'_>>(g, &[ZERO, ZERO, b"\x01\0\0\0", ZERO]);
    group.finish();
}

/// [MS-OXCMAPIHTTP] 2.2.5, requests.
fn requests(c: &mut Criterion) {
    let mut group = c.benchmark_group("body kinds, address book requests");
    let g = &mut group;
    let (target, one): (&[u8], &[u8]) = (b"\xFF\x1F\0\x01\x30\xFFa\0d\0\0\0", b"\x01\0\0\0");
    body::<BindRequest<'_>>(g, &[ZERO, STATE, ZERO]);
    body::<UnbindRequest<'_>>(g, &[ZERO, ZERO]);
    body::<CompareMIdsRequest<'_>>(g, &[ZERO, STATE, ZERO, one, ZERO]);
    body::<DnToMIdRequest<'_>>(g, &[ZERO, b"\xFF", one, DN, ZERO]);
    body::<GetMatchesRequest<'_>>(g, &[ZERO, STATE, &[0], ZERO, FILTER, &[0], b"\x32\0\0\0", TAGS, ZERO]);
    body::<GetPropListRequest<'_>>(g, &[ZERO, b"\x10\0\0\0", CODE_PAGE, ZERO]);
    body::<GetPropsRequest<'_>>(g, &[ZERO, STATE, TAGS, ZERO]);
    body::<GetSpecialTableRequest<'_>>(g, &[ZERO, STATE, b"\xFF", one, ZERO]);
    body::<GetTemplateInfoRequest<'_>>(g, &[one, ZERO, b"\xFF", DN, CODE_PAGE, b"\x09\x04\0\0", ZERO]);
    body::<ModLinkAttRequest<'_>>(g, &[ZERO, b"\x0D\0\x09\x80", one, &[0], ZERO]);
    body::<ModPropsRequest<'_>>(g, &[ZERO, STATE, TAGS, b"\xFF", LIST, ZERO]);
    body::<QueryRowsRequest<'_>>(g, &[ZERO, STATE, &IDS[1..], b"\x16\0\0\0", TAGS, ZERO]);
    body::<QueryColumnsRequest<'_>>(g, &[ZERO, ZERO, ZERO]);
    body::<ResolveNamesRequest<'_>>(g, &[ZERO, STATE, TAGS, b"\xFF", one, WIDE, ZERO]);
    body::<ResortRestrictionRequest<'_>>(g, &[ZERO, STATE, IDS, ZERO]);
    body::<SeekEntriesRequest<'_>>(g, &[ZERO, STATE, target, IDS, TAGS, ZERO]);
    body::<UpdateStatRequest<'_>>(g, &[ZERO, STATE, b"\xFF", ZERO]);
    body::<GetMailboxUrlRequest<'_>>(g, &[ZERO, WIDE, ZERO]);
    body::<GetAddressBookUrlRequest<'_>>(g, &[ZERO, WIDE, ZERO]);
    group.finish();
}

/// [MS-OXCMAPIHTTP] 2.2.5, responses.
fn responses(c: &mut Criterion) {
    let mut group = c.benchmark_group("body kinds, address book responses");
    let g = &mut group;
    let one: &[u8] = b"\x01\0\0\0";
    body::<BindResponse<'_>>(g, &[ZERO, ZERO, &[7; 16], ZERO]);
    body::<UnbindResponse<'_>>(g, &[ZERO, one, ZERO]);
    body::<CompareMIdsResponse<'_>>(g, &[ZERO, ZERO, one, ZERO]);
    body::<DnToMIdResponse<'_>>(g, &[ZERO, ZERO, IDS, ZERO]);
    body::<GetMatchesResponse<'_>>(g, &[ZERO, ZERO, STATE, IDS, TAGS, ROWS, ZERO]);
    body::<GetPropListResponse<'_>>(g, &[ZERO, ZERO, TAGS, ZERO]);
    body::<GetPropsResponse<'_>>(g, &[ZERO, ZERO, CODE_PAGE, b"\xFF", LIST, ZERO]);
    body::<GetSpecialTableResponse<'_>>(g, &[ZERO, ZERO, CODE_PAGE, b"\xFF", one, b"\xFF", one, LIST, ZERO]);
    body::<GetTemplateInfoResponse<'_>>(g, &[ZERO, ZERO, CODE_PAGE, b"\xFF", LIST, ZERO]);
    body::<ModLinkAttResponse<'_>>(g, &[ZERO, ZERO, ZERO]);
    body::<ModPropsResponse<'_>>(g, &[ZERO, ZERO, ZERO]);
    body::<QueryRowsResponse<'_>>(g, &[ZERO, ZERO, STATE, TAGS, ROWS, ZERO]);
    body::<QueryColumnsResponse<'_>>(g, &[ZERO, ZERO, TAGS, ZERO]);
    body::<ResolveNamesResponse<'_>>(g, &[ZERO, ZERO, CODE_PAGE, IDS, TAGS, ROWS, ZERO]);
    body::<ResortRestrictionResponse<'_>>(g, &[ZERO, ZERO, STATE, IDS, ZERO]);
    body::<SeekEntriesResponse<'_>>(g, &[ZERO, ZERO, STATE, TAGS, ROWS, ZERO]);
    body::<UpdateStatResponse<'_>>(g, &[ZERO, ZERO, STATE, b"\xFF", ZERO, ZERO]);
    body::<GetMailboxUrlResponse<'_>>(g, &[ZERO, ZERO, WIDE, ZERO]);
    body::<GetAddressBookUrlResponse<'_>>(g, &[ZERO, ZERO, WIDE, ZERO]);
    group.finish();
}

criterion_group!(benches, mailbox, requests, responses);
criterion_main!(benches);
