//! NSPI and RFR, held against [MS-OXNSPI] 3.1.4.1, [MS-OXABREF] 3.1.4 and what is known to crash Outlook. What the calls answer is
//! tested over MAPI over HTTP, by the same functions.

use std::time::Instant;

use bytes::Bytes;
use oxwire::core::{FileTime, Guid, Limits, Principal, SecretString, SecurityContext};
use oxwire::mapi::nspi::{
    BindFlags, CP_WINUNICODE, ExplicitTable, GetMatchesSuccess, MinimalEntryId, PropertyFlags, QueryRowsRequest,
    QueryRowsSuccess, ResolveNamesSuccess, Stat, Strings, UNBIND_SUCCESS,
};
use oxwire::mapi::property::{CountWidth, ErrorCode, PropertyTag, PropertyTags, Restriction};
use oxwire::mapirpc::nspi::{
    BindRequest, BindResponse, Filter, GetMatchesRequest, ResolveNamesRequest, Response, UnbindRequest, UnbindResponse,
};
use oxwire::mapirpc::rfr::{
    GetFqdnFromServerDnRequest, GetFqdnFromServerDnResponse, GetNewDsaRequest, GetNewDsaResponse,
};
use oxwire::mapirpc::{Operation, nspi as wire};
use oxwire::rpc::association::server::{self, Acceptance, Association, Request};
use oxwire::rpc::association::{Config, client};
use oxwire::rpc::ndr::{ContextHandle, NdrDecode, NdrEncode, decode_stub, encode_stub};
use oxwire::rpc::pdu::{DataRepresentation, FaultStatus};

use super::nspi::{Sessions, call};
use super::rfr;
use crate::log::Log;
use crate::serve::app::App;
use crate::serve::users::Users;

pub(super) const GROUP: u32 = 7;

fn app() -> App {
    let mut users = Users::default();
    for (number, name) in [(1, "ada"), (2, "bert")] {
        let guid = Guid::from_wire([number; 16]);
        let wall = FileTime::from_intervals(1 << 57);
        users.add(&format!("{name}@oxwire.test"), SecretString::from("x"), [guid, guid], wall);
    }
    App::new(users, None, false, Log::Quiet)
}

pub(super) fn ada() -> Principal {
    Principal::new("ada@oxwire.test")
}

fn received<R: Operation + NdrEncode>(request: &R) -> Request {
    received_stub::<R>(&encode_stub(request).unwrap())
}

/// A request with that stub data as the server's end of an association gives it.
fn received_stub<R: Operation>(stub: &Bytes) -> Request {
    let (now, wall) = (Instant::now(), FileTime::from_intervals(1 << 57));
    let mut client: client::Association = client::Association::new(Config::default(), Box::new(crate::entropy::fill));
    let mut server: Association<Box<dyn SecurityContext + Send>> =
        Association::new(Config::default(), vec![R::INTERFACE], Box::new(crate::entropy::fill), now);
    client.bind(now, wall, &[R::INTERFACE], None).unwrap();
    loop {
        while let Some(pdu) = client.poll_transmit(now).unwrap() {
            server.handle_pdu(now, wall, pdu.into_bytes()).unwrap();
        }
        while let Some(event) = server.poll_event() {
            match event {
                server::Event::Negotiate(_) => {
                    server.accept(now, wall, Acceptance { assoc_group_id: GROUP, security: None }).unwrap();
                }
                server::Event::Request(request) => return request,
                _ => {}
            }
        }
        while let Some(pdu) = server.poll_transmit(now).unwrap() {
            client.handle_pdu(now, wall, pdu.into_bytes()).unwrap();
        }
        while client.poll_event().is_some() {}
        if let Some(context) = client.context_of(R::INTERFACE) {
            client.call(now, client::Call::new(context, R::OPNUM), stub.clone()).unwrap();
        }
    }
}

pub(super) fn read<'de, T: NdrDecode<'de>>(stub: &'de Bytes) -> T {
    decode_stub(stub, DataRepresentation::LITTLE_ENDIAN, &Limits::DEFAULT).unwrap().0
}

pub(super) struct Server {
    pub(super) app: App,
    sessions: Sessions,
}

impl Server {
    pub(super) fn new() -> Self {
        Self { app: app(), sessions: Sessions::default() }
    }

    fn ask_as<R: Operation + NdrEncode>(&mut self, who: &str, group: u32, request: &R) -> Result<Bytes, FaultStatus> {
        call(&mut self.sessions, &self.app, (&Principal::new(who), group), &received(request)).0
    }

    /// Asks with stub data as it is.
    pub(super) fn ask_stub<R: Operation>(&mut self, stub: &Bytes) -> Result<Bytes, FaultStatus> {
        call(&mut self.sessions, &self.app, (&ada(), GROUP), &received_stub::<R>(stub)).0
    }

    pub(super) fn ask<R: Operation + NdrEncode>(&mut self, request: &R) -> Result<Bytes, FaultStatus> {
        self.ask_as(ada().name(), GROUP, request)
    }

    pub(super) fn bound() -> (Self, ContextHandle) {
        let mut server = Self::new();
        let stub = server.ask(&bind(1252)).unwrap();
        let response: BindResponse = read(&stub);
        assert_eq!(response.error_code, ErrorCode::SUCCESS);
        assert_eq!(response.server_guid, Some(server.app.book_guid()));
        (server, response.handle)
    }
}

pub(super) fn stat() -> Stat {
    Stat { code_page: 1252, template_locale: 0x409, sort_locale: 0x409, ..Stat::default() }
}

pub(super) fn bind(code_page: u32) -> BindRequest {
    let server_guid = Some(Guid::NIL);
    BindRequest { flags: BindFlags::NONE, stat: Stat { code_page, ..stat() }, server_guid }
}

pub(super) fn rows(handle: ContextHandle, state: Stat) -> wire::Request<QueryRowsRequest<'static>> {
    let body = QueryRowsRequest {
        flags: PropertyFlags::NONE,
        state: Some(state),
        explicit_table: ExplicitTable::default(),
        row_count: 10,
        columns: Some(PropertyTags::new(&[PropertyTag::DISPLAY_NAME])),
        auxiliary_buffer: &[],
    };
    wire::Request { handle, body }
}

#[test]
fn a_session_is_one_user_s_in_one_association_group_until_it_ends() {
    const NONE: FaultStatus = FaultStatus::NCA_FAULT_CONTEXT_MISMATCH;
    let (mut server, handle) = Server::bound();
    let stub = server.ask(&rows(handle, stat())).unwrap();
    let Response(page) = read::<Response<QueryRowsSuccess<'_>>>(&stub);
    assert_eq!(page.rows.unwrap().len(), 2);
    assert_eq!(page.state.unwrap().stat().current_rec, MinimalEntryId::END_OF_TABLE);
    assert_eq!(server.ask_as("bert@oxwire.test", GROUP, &rows(handle, stat())).unwrap_err(), NONE);
    assert_eq!(server.ask_as("ada@oxwire.test", GROUP + 1, &rows(handle, stat())).unwrap_err(), NONE);
    assert_eq!(server.ask(&rows(ContextHandle::NIL, stat())).unwrap_err(), NONE);
    let stub = server.ask(&UnbindRequest { handle }).unwrap();
    assert_eq!(
        read::<UnbindResponse>(&stub),
        UnbindResponse { handle: ContextHandle::NIL, error_code: UNBIND_SUCCESS }
    );
    assert_eq!(server.ask(&rows(handle, stat())).unwrap_err(), NONE);
    assert_eq!(server.ask(&UnbindRequest { handle }).unwrap_err(), NONE);
}

#[test]
fn a_group_that_is_gone_takes_its_sessions_with_it() {
    let (mut server, handle) = Server::bound();
    assert_eq!(server.sessions.run_down(GROUP + 1), 0);
    server.ask(&rows(handle, stat())).unwrap();
    assert_eq!(server.sessions.run_down(GROUP), 1);
    server.ask(&rows(handle, stat())).unwrap_err();
}

#[test]
fn a_user_has_so_many_sessions_and_no_more() {
    let mut server = Server::new();
    for _ in 0..64 {
        assert_eq!(read::<BindResponse>(&server.ask(&bind(1252)).unwrap()).error_code, ErrorCode::SUCCESS);
    }
    let stub = server.ask(&bind(1252)).unwrap();
    let refused: BindResponse = read(&stub);
    let rows = "MS-OXNSPI_R663 MS-OXNSPI_R1670";
    assert_eq!((refused.handle, refused.error_code), (ContextHandle::NIL, ErrorCode::OUT_OF_RESOURCES), "{rows}");
    let stub = server.ask_as("bert@oxwire.test", GROUP, &bind(1252)).unwrap();
    assert_eq!(read::<BindResponse>(&stub).error_code, ErrorCode::SUCCESS);
}

#[test]
fn a_code_page_that_is_not_there_opens_no_session() {
    for (code_page, code) in [(CP_WINUNICODE, ErrorCode::NOT_SUPPORTED), (4711, ErrorCode::INVALID_CODE_PAGE)] {
        let stub = Server::new().ask(&bind(code_page)).unwrap();
        let refused: BindResponse = read(&stub);
        assert_eq!((refused.handle, refused.error_code), (ContextHandle::NIL, code));
        assert_eq!(refused.server_guid, Some(Guid::NIL));
    }
}

/// [MS-OXNSPI] 3.1.4.1.8 and its kin: on failure the server leaves pStat as it came; Outlook reads rows that are not null.
#[test]
fn a_refusal_leaves_the_stat_as_it_came_and_has_no_rows() {
    let (mut server, handle) = Server::bound();
    let state = Stat { container_id: MinimalEntryId(99), num_pos: 3, total_recs: 4, ..stat() };
    let stub = server.ask(&rows(handle, state)).unwrap();
    let Response(refused) = read::<Response<QueryRowsSuccess<'_>>>(&stub);
    assert_eq!((refused.error_code, refused.rows), (ErrorCode::INVALID_BOOKMARK, None));
    assert_eq!(*refused.state.unwrap().stat(), state);
}

#[test]
fn names_in_8_bits_resolve_as_those_in_16_do() {
    let (mut server, handle) = Server::bound();
    let names = [&b"ada"[..], b"nobody", b"BERT@oxwire.test"];
    let request = ResolveNamesRequest { handle, stat: stat(), property_tags: None, names: Strings::new(&names) };
    let stub = server.ask(&request).unwrap();
    let Response(resolved) = read::<Response<ResolveNamesSuccess<'_>>>(&stub);
    let mids: Vec<_> = resolved.minimal_ids.unwrap().iter().collect();
    assert_eq!(mids, [MinimalEntryId::RESOLVED, MinimalEntryId::UNRESOLVED, MinimalEntryId::RESOLVED]);
    assert_eq!(resolved.rows.unwrap().len(), 2);
}

/// An ExistRestriction on PidTagDisplayName, by hand from [MS-OXCDATA] 2.12.7: everybody has one.
pub(super) fn matches(handle: ContextHandle) -> GetMatchesRequest<'static> {
    let mut r = oxwire::core::Reader::new(b"\x08\x1F\0\x01\x30");
    let filter = Some(Filter::from(&Restriction::decode(&mut r, CountWidth::AddressBook).unwrap()));
    let body = oxwire::mapi::nspi::GetMatchesRequest {
        state: Some(stat()),
        minimal_ids: None,
        filter: None,
        property_name: None,
        row_count: 10,
        columns: None,
        auxiliary_buffer: &[],
    };
    GetMatchesRequest { handle, body, filter }
}

#[test]
fn a_filter_over_rpc_is_the_one_over_http() {
    let (mut server, handle) = Server::bound();
    let stub = server.ask(&matches(handle)).unwrap();
    let Response(found) = read::<Response<GetMatchesSuccess<'_>>>(&stub);
    assert_eq!(found.error_code, ErrorCode::SUCCESS);
    assert_eq!(found.minimal_ids.unwrap().ids().len(), 2);
}

#[test]
fn the_referral_names_the_server_of_autodiscover() {
    let app = app();
    let user = app.users().of(&ada()).unwrap();
    let ask = |request: &Request| rfr::call(app.users(), request).0.unwrap();
    let not_found = ErrorCode::NOT_FOUND.0;
    let id = user.mailbox_id();

    let stub = ask(&received(&GetNewDsaRequest { user_dn: user.dn.as_bytes(), server_wanted: true }));
    assert_eq!(read::<GetNewDsaResponse<'_>>(&stub), GetNewDsaResponse { server: Some(id.as_bytes()), error_code: 0 });
    let stub = ask(&received(&GetNewDsaRequest { user_dn: user.dn.as_bytes(), server_wanted: false }));
    assert_eq!(read::<GetNewDsaResponse<'_>>(&stub), GetNewDsaResponse::default());
    let stub = ask(&received(&GetNewDsaRequest { user_dn: b"/o=oxwire/cn=nobody", server_wanted: true }));
    assert_eq!(read::<GetNewDsaResponse<'_>>(&stub).error_code, not_found);

    let server_dn = user.server_dn();
    let stub = ask(&received(&GetFqdnFromServerDnRequest { server_dn: server_dn.as_bytes() }));
    assert_eq!(read::<GetFqdnFromServerDnResponse<'_>>(&stub).server_fqdn, Some(id.as_bytes()));
    let stub = ask(&received(&GetFqdnFromServerDnRequest { server_dn: b"/o=oxwire/cn=nowhere" }));
    let refused: GetFqdnFromServerDnResponse<'_> = read(&stub);
    assert_eq!((refused.server_fqdn, refused.error_code), (None, not_found));
}
