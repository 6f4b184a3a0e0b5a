//! Row by row: sessions of the address book over RPC, by their context handles, and the parameters that only RPC has. [MS-OXNSPI] 2.2,
//! 3, 3.1.4.1.1, 3.1.4.1.2, 3.1.4.1.16, 3.2.4.

use bytes::Bytes;
use oxwire::core::{FileTime, Guid};
use oxwire::mapi::nspi::MinimalEntryIds;
use oxwire::mapi::nspi::{
    BindFlags, CompareMIdsRequest, DnToMIdRequest, GetPropListRequest, GetPropsRequest, GetSpecialTableRequest,
    MinimalEntryId, ModPropsRequest, PropertyFlags, QueryColumnsFlags, QueryColumnsRequest, ResolveNamesSuccess,
    ResortRestrictionRequest, SeekEntriesRequest, SpecialTableFlags, Stat, Strings, TaggedValue, UNBIND_SUCCESS,
    UpdateStatRequest, ValueList, WideStrings,
};
use oxwire::mapi::property::{ErrorCode, PropertyTag, PropertyTags, PropertyValue};
use oxwire::mapirpc::Operation;
use oxwire::mapirpc::nspi::{
    BindRequest, BindResponse, Request, ResolveNamesRequest, Response, UnbindRequest, UnbindResponse,
};
use oxwire::rpc::ndr::{ContextHandle, NdrEncode, encode_stub};
use oxwire::rpc::pdu::FaultStatus;

use super::sessions;
use super::tests::{GROUP, Server, ada, bind, matches, read, rows, stat};

const NO_SESSION: FaultStatus = FaultStatus::NCA_FAULT_CONTEXT_MISMATCH;
const NAME: [PropertyTag; 1] = [PropertyTag::DISPLAY_NAME];

/// Whether a call comes through, of each method but those that begin and end a session.
fn every_call(server: &mut Server, handle: ContextHandle) -> Vec<Result<(), FaultStatus>> {
    let state = Some(stat());
    let id = MinimalEntryId::FIRST_ROW;
    let (ids, dns, names) = ([id], [&b"/o=x"[..]], ["ada"]);
    let minimal_ids = Some(MinimalEntryIds::new(&ids));
    let tags = Some(PropertyTags::new(&NAME));
    let values = [TaggedValue::new(PropertyTag::DISPLAY_NAME, PropertyValue::Str("a"))];
    let (flags, auxiliary_buffer) = (PropertyFlags::NONE, &[][..]);
    macro_rules! come {
        ($($body:expr),* $(,)?) => { vec![$(server.ask(&Request { handle, body: $body }).map(drop)),*] };
    }
    let mut all = come![
        UpdateStatRequest { state, delta_requested: true, auxiliary_buffer },
        SeekEntriesRequest { state, target: Some(values[0]), explicit_table: None, columns: None, auxiliary_buffer },
        ResortRestrictionRequest { state, minimal_ids, auxiliary_buffer },
        DnToMIdRequest { names: Some(Strings::new(&dns)), auxiliary_buffer },
        GetPropListRequest { flags, minimal_id: id, code_page: 1252, auxiliary_buffer },
        GetPropsRequest { flags, state, property_tags: tags, auxiliary_buffer },
        CompareMIdsRequest { state, minimal_id_1: id, minimal_id_2: id, auxiliary_buffer },
        ModPropsRequest {
            state,
            property_tags: tags,
            property_values: Some(ValueList::new(&values)),
            auxiliary_buffer
        },
        GetSpecialTableRequest { flags: SpecialTableFlags::NONE, state, version: Some(0), auxiliary_buffer },
        QueryColumnsRequest { mapi_flags: QueryColumnsFlags::NONE, auxiliary_buffer },
        oxwire::mapi::nspi::ResolveNamesRequest {
            state,
            property_tags: tags,
            names: Some(WideStrings::new(&names)),
            auxiliary_buffer,
        },
    ];
    all.push(server.ask(&rows(handle, stat())).map(drop));
    let in_8_bits = [&b"ada"[..]];
    let names = Strings::new(&in_8_bits);
    all.push(server.ask(&ResolveNamesRequest { handle, stat: stat(), property_tags: None, names }).map(drop));
    all.push(server.ask(&matches(handle)).map(drop));
    all
}

/// Without NspiBind there is nothing, with the handle that it gives there is every call, and after NspiUnbind nothing again.
#[test]
fn oxnspi_r418_r421_r668_r701_r1495_r1496_a_session_from_bind_to_unbind() {
    let (mut server, handle) = Server::bound();
    assert!(every_call(&mut server, ContextHandle::NIL).iter().all(|call| *call == Err(NO_SESSION)));
    assert!(every_call(&mut server, handle).iter().all(Result::is_ok));
    let stub = server.ask(&UnbindRequest { handle }).unwrap();
    let rows = "MS-OXNSPI_R712 MS-OXNSPI_R716";
    let expected = UnbindResponse { handle: ContextHandle::NIL, error_code: UNBIND_SUCCESS };
    assert_eq!(read::<UnbindResponse>(&stub), expected, "{rows}");
    assert!(every_call(&mut server, handle).iter().all(|call| *call == Err(NO_SESSION)));
    assert_eq!(server.ask(&UnbindRequest { handle }).unwrap_err(), NO_SESSION);
}

/// A context handle is good for its own interface, and for calls that take its type.
#[test]
fn oxnspi_r131_r638_r639_r1499_r1500_handles_of_another_interface_or_type_are_refused() {
    let (mut server, handle) = Server::bound();
    let mut store = sessions::Sessions::default();
    let (mailbox, _) = store.open(&ada(), GROUP, FileTime::from_intervals(1 << 57), None).unwrap();
    let asynchronous = store.asynchronous(&mailbox, &ada(), GROUP).unwrap();
    for other in [mailbox, asynchronous] {
        assert!(every_call(&mut server, other).iter().all(|call| *call == Err(NO_SESSION)));
        assert_eq!(server.ask(&UnbindRequest { handle: other }).unwrap_err(), NO_SESSION);
    }
    assert!(store.of(&handle, &ada(), GROUP).is_none());
    assert!(store.of(&asynchronous, &ada(), GROUP).is_none());
    assert!(store.of(&mailbox, &ada(), GROUP).is_some());
}

#[test]
fn bind_answers() {
    let mut server = Server::new();
    let guid = server.app.book_guid();
    let asked = |code_page, flags, server_guid| BindRequest {
        flags: BindFlags::from_bits(flags),
        stat: Stat { code_page, ..stat() },
        server_guid,
    };
    let some = Some(Guid::NIL);
    for (rows, request, code, answered) in [
        ("MS-OXNSPI_R700 MS-OXNSPI_R697", asked(1252, 0, some), ErrorCode::SUCCESS, Some(guid)),
        ("MS-OXNSPI_R700 MS-OXNSPI_R697", asked(0x4F25, 0, None), ErrorCode::SUCCESS, None),
        ("MS-OXNSPI_R1668", asked(1252, 0xFFFF_FFDF, some), ErrorCode::SUCCESS, Some(guid)),
        // Refused: the GUID says nothing then.
        ("MS-OXNSPI_R680", asked(0x04B0, 0, some), ErrorCode::NOT_SUPPORTED, some),
        ("MS-OXNSPI_R696", asked(4711, 0, some), ErrorCode::INVALID_CODE_PAGE, some),
    ] {
        let stub = server.ask(&request).unwrap();
        let response: BindResponse = read(&stub);
        assert_eq!((response.error_code, response.server_guid), (code, answered), "{rows}");
        assert_eq!(response.handle == ContextHandle::NIL, code != ErrorCode::SUCCESS, "{rows}");
    }
}

/// What a server does not look at, at the offset in the stub data: 0x80000000 there is answered as 0 is.
fn same<R: Operation + NdrEncode>(rows: &str, server: &mut Server, request: &R, at: usize) {
    let plain = server.ask(request).unwrap();
    let mut stub = encode_stub(request).unwrap().to_vec();
    assert_eq!(stub[at..at + 4], [0; 4], "{rows}");
    stub[at + 3] = 0x80;
    assert_eq!(server.ask_stub::<R>(&Bytes::from(stub)), Ok(plain), "{rows}");
}

#[test]
fn reserved_parameters() {
    let (mut server, handle) = Server::bound();
    let (state, auxiliary_buffer) = (Some(stat()), &[][..]);
    let target = Some(TaggedValue::new(PropertyTag::DISPLAY_NAME, PropertyValue::Str("a")));
    let tags = Some(PropertyTags::new(&NAME));
    let body = SeekEntriesRequest { state, target, explicit_table: None, columns: tags, auxiliary_buffer };
    same("MS-OXNSPI_R1024", &mut server, &Request { handle, body }, 20);
    same("MS-OXNSPI_R1109", &mut server, &matches(handle), 20);
    let body = ModPropsRequest { state, property_tags: tags, property_values: None, auxiliary_buffer };
    same("MS-OXNSPI_R1289", &mut server, &Request { handle, body }, 20);
    let in_8_bits = [&b"ada"[..]];
    let names = Strings::new(&in_8_bits);
    let request = ResolveNamesRequest { handle, stat: stat(), property_tags: None, names };
    same("MS-OXNSPI_R1363", &mut server, &request, 20);
    let body = oxwire::mapi::nspi::ResolveNamesRequest {
        state,
        property_tags: tags,
        names: Some(WideStrings::new(&["ada"])),
        auxiliary_buffer,
    };
    same("MS-OXNSPI_R1414", &mut server, &Request { handle, body }, 20);
}

/// Names in 8 bits, one of them null.
#[test]
fn names_of_resolve_names() {
    let (mut server, handle) = Server::bound();
    let given = [&b"bert"[..], b"nobody", b"", b"ADA@oxwire.test"];
    let request = ResolveNamesRequest {
        handle,
        stat: stat(),
        property_tags: Some(PropertyTags::new(&NAME)),
        names: Strings::new(&given),
    };
    let rows = "MS-OXNSPI_R1341 MS-OXNSPI_R1342 MS-OXNSPI_R1343 MS-OXNSPI_R1374 MS-OXNSPI_R1377 MS-OXNSPI_R1379 MS-OXNSPI_R1392";
    let stub = server.ask(&request).unwrap();
    let Response(resolved) = read::<Response<ResolveNamesSuccess<'_>>>(&stub);
    assert_eq!(resolved.error_code, ErrorCode::SUCCESS, "{rows}");
    let mids: Vec<u32> = resolved.minimal_ids.unwrap().iter().map(|mid| mid.0).collect();
    assert_eq!(mids, [2, 0, 0, 2], "{rows}");
    let found: Vec<_> = resolved
        .rows
        .unwrap()
        .rows()
        .map(|row| match row.unwrap().cell(PropertyTag::DISPLAY_NAME).unwrap().unwrap().value() {
            Some(PropertyValue::String(text)) => text.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, ["bert", "ada"], "{rows}");

    // hRpc, Reserved, pStat, a null pPropTags; paStr of two: a null pointer, and "ada".
    let mut stub = encode_stub(&ResolveNamesRequest { property_tags: None, names: Strings::new(&[]), ..request })
        .unwrap()
        .to_vec();
    stub.truncate(64);
    stub.extend(b"\x02\0\0\0\x02\0\0\0\0\0\0\0\0\0\x02\0\x04\0\0\0\0\0\0\0\x04\0\0\0ada\0");
    let stub = server.ask_stub::<ResolveNamesRequest<'_>>(&Bytes::from(stub)).unwrap();
    let Response(resolved) = read::<Response<ResolveNamesSuccess<'_>>>(&stub);
    let mids: Vec<u32> = resolved.minimal_ids.unwrap().iter().map(|mid| mid.0).collect();
    assert_eq!(mids, [0, 2], "{}", "MS-OXNSPI_R623");
}

/// Sessions differ in their handles and in nothing else.
#[test]
fn oxnspi_r611_r1993_two_sessions_have_one_guid_and_one_set_of_names() {
    let (mut server, first) = Server::bound();
    let second: BindResponse = read(&server.ask(&bind(1252)).unwrap());
    assert_eq!(second.server_guid, Some(server.app.book_guid()));
    let pages = [first, second.handle].map(|handle| server.ask(&rows(handle, stat())).unwrap());
    assert_eq!(pages[0], pages[1]);
    assert_ne!(first, second.handle);
}
