//! NSPI: the sessions of the address book, by their context handles, and the calls in them.

use std::collections::HashMap;

use bytes::Bytes;
use oxwire::core::{Guid, Principal};
use oxwire::mapi::nspi::{
    CompareMIdsRequest, CompareMIdsSuccess, DnToMIdRequest, DnToMIdSuccess, GetMatchesSuccess, GetPropListRequest,
    GetPropListSuccess, GetPropsRequest, GetPropsSuccess, GetSpecialTableRequest, GetSpecialTableSuccess,
    GetTemplateInfoRequest, GetTemplateInfoSuccess, ModLinkAttRequest, ModLinkAttSuccess, ModPropsRequest,
    ModPropsSuccess, QueryColumnsRequest, QueryColumnsSuccess, QueryRowsRequest, QueryRowsSuccess, ResolveNamesRequest,
    ResolveNamesSuccess, ResortRestrictionRequest, ResortRestrictionSuccess, SeekEntriesRequest, SeekEntriesSuccess,
    StatAnswer, UNBIND_SUCCESS, UpdateStatRequest, UpdateStatSuccess,
};
use oxwire::mapi::property::ErrorCode;
use oxwire::mapirpc::nspi::{
    self as wire, BindRequest, BindResponse, GetMatchesRequest, UnbindRequest, UnbindResponse,
};
use oxwire::rpc::association::server::Request;
use oxwire::rpc::ndr::{ContextHandle, encode_stub};
use oxwire::rpc::pdu::FaultStatus;

use super::super::app::App;
use super::super::book::Book;
use super::super::book::calls::{self, Encoding, Outcome};
use super::calls::{arguments, result};

const TO: Encoding = Encoding::Rpc;

/// Sessions of one user at a time.
const PER_USER: usize = 64;

/// Stub data and the return value in it for the log, or a fault.
type Answer = Result<(Bytes, ErrorCode), FaultStatus>;

/// All sessions: whose each is, and the association group that its handle is valid in.
#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<Guid, (Principal, u32)>);

impl Sessions {
    /// Opens one; `None` where the user has enough.
    fn open(&mut self, principal: &Principal, group: u32) -> Option<ContextHandle> {
        if self.0.values().filter(|(owner, _)| owner == principal).count() >= PER_USER {
            return None;
        }
        let handle = super::super::guid();
        self.0.insert(handle, (principal.clone(), group));
        Some(ContextHandle::new(handle))
    }

    /// A handle that is none of that user's, or of another group, is a fault, as the runtime of Windows has it.
    fn check(&self, handle: &ContextHandle, principal: &Principal, group: u32) -> Result<(), FaultStatus> {
        let known = self.0.get(&handle.uuid).is_some_and(|(owner, of)| owner == principal && *of == group);
        if known { Ok(()) } else { Err(FaultStatus::NCA_FAULT_CONTEXT_MISMATCH) }
    }

    /// An association group is gone, and its sessions with it ([MS-RPCE] 3.3.3.7.1). How many there were.
    pub(super) fn run_down(&mut self, group: u32) -> usize {
        let before = self.0.len();
        self.0.retain(|_, (_, of)| *of != group);
        before.saturating_sub(self.0.len())
    }
}

/// Answers a call, and says what it was, for the log.
pub(super) fn call(
    sessions: &mut Sessions,
    app: &App,
    (principal, group): (&Principal, u32),
    request: &Request,
) -> (Result<Bytes, FaultStatus>, String) {
    let (what, answer) = answer(sessions, app, (principal, group), request);
    match answer {
        Ok((stub, error_code)) => (Ok(stub), format!("{what}: {error_code}")),
        Err(status) => (Err(status), what),
    }
}

fn answer(
    sessions: &mut Sessions,
    app: &App,
    (principal, group): (&Principal, u32),
    request: &Request,
) -> (String, Answer) {
    /// Decodes the request, checks its handle, and answers it; a refusal leaves the STAT as it came.
    macro_rules! checked {
        ($name:literal, $request:ty, $success:ident, $answer:expr $(, $state:ident)?) => {{
            let answer = || {
                let request: $request = arguments(request)?;
                sessions.check(&request.handle, principal, group)?;
                let answer: fn(&Book<'_>, &$request) -> Outcome = $answer;
                answer(&app.book(), &request)
                    .or_else(|code| {
                        let failed = $success { $($state: request.body.$state.map(StatAnswer::received),)? ..$success::failed(code) };
                        TO.answer(failed, code)
                    })
                    .map_err(|_| FaultStatus::NCA_OUT_ARGS_TOO_BIG)
            };
            ($name.to_owned(), answer())
        }};
    }
    /// The same for the body that MAPI over HTTP has, too.
    macro_rules! call {
        ($name:literal, $body:ident, $success:ident, |$book:pat_param, $request:ident| $answer:expr $(, $state:ident)?) => {
            checked!($name, wire::Request<$body<'_>>, $success, |$book, request| {
                let $request = &request.body;
                $answer
            } $(, $state)?)
        };
    }
    match request.opnum {
        0 => ("NspiBind".to_owned(), bind(sessions, app, (principal, group), request)),
        1 => ("NspiUnbind".to_owned(), unbind(sessions, (principal, group), request)),
        2 => {
            call!("NspiUpdateStat", UpdateStatRequest, UpdateStatSuccess, |b, r| calls::update_stat(b, r, TO), state)
        }
        3 => call!("NspiQueryRows", QueryRowsRequest, QueryRowsSuccess, |b, r| calls::query_rows(b, r, TO), state),
        4 => {
            call!(
                "NspiSeekEntries",
                SeekEntriesRequest,
                SeekEntriesSuccess,
                |b, r| calls::seek_entries(b, r, TO),
                state
            )
        }
        5 => checked!("NspiGetMatches", GetMatchesRequest<'_>, GetMatchesSuccess, get_matches, state),
        6 => call!(
            "NspiResortRestriction",
            ResortRestrictionRequest,
            ResortRestrictionSuccess,
            |b, r| calls::resort_restriction(b, r, TO),
            state
        ),
        7 => call!("NspiDNToMId", DnToMIdRequest, DnToMIdSuccess, |b, r| calls::dn_to_mid(b, r, TO)),
        8 => call!("NspiGetPropList", GetPropListRequest, GetPropListSuccess, |b, r| calls::get_prop_list(b, r, TO)),
        9 => call!("NspiGetProps", GetPropsRequest, GetPropsSuccess, |b, r| calls::get_props(b, r, TO)),
        10 => call!("NspiCompareMIds", CompareMIdsRequest, CompareMIdsSuccess, |b, r| calls::compare_mids(b, r, TO)),
        11 => call!("NspiModProps", ModPropsRequest, ModPropsSuccess, |b, r| Err(calls::mod_props(b, r))),
        12 => call!("NspiGetSpecialTable", GetSpecialTableRequest, GetSpecialTableSuccess, |_, r| {
            calls::get_special_table(r, TO)
        }),
        13 => call!("NspiGetTemplateInfo", GetTemplateInfoRequest, GetTemplateInfoSuccess, |_, r| {
            Err(calls::get_template_info(r))
        }),
        14 => call!("NspiModLinkAtt", ModLinkAttRequest, ModLinkAttSuccess, |b, r| Err(calls::mod_link_att(b, r))),
        16 => call!("NspiQueryColumns", QueryColumnsRequest, QueryColumnsSuccess, |_, r| calls::query_columns(r, TO)),
        19 => ("NspiResolveNames".to_owned(), resolve_names(sessions, app, (principal, group), request)),
        20 => call!("NspiResolveNamesW", ResolveNamesRequest, ResolveNamesSuccess, |b, r| {
            let names = r.names.into_iter().flat_map(|names| names.iter()).map(|name| name.to_string());
            calls::resolve_names(b, r.state, r.property_tags, (names, r.row_limit()), TO)
        }),
        opnum => (format!("NSPI operation {opnum}, which is not offered"), Err(FaultStatus::NCA_OP_RNG_ERROR)),
    }
}

fn bind(sessions: &mut Sessions, app: &App, (principal, group): (&Principal, u32), request: &Request) -> Answer {
    let bind: BindRequest = arguments(request)?;
    let verdict = calls::bind(bind.stat.code_page);
    let opened = if verdict.is_success() { sessions.open(principal, group) } else { None };
    let (handle, error_code) = match opened {
        Some(handle) => (handle, ErrorCode::SUCCESS),
        None if verdict.is_success() => (ContextHandle::NIL, ErrorCode::OUT_OF_RESOURCES),
        None => (ContextHandle::NIL, verdict),
    };
    let server_guid = bind.server_guid.map(|_| app.book_guid());
    Ok((result(encode_stub(&BindResponse { server_guid, handle, error_code }))?, error_code))
}

fn unbind(sessions: &mut Sessions, (principal, group): (&Principal, u32), request: &Request) -> Answer {
    let unbind: UnbindRequest = arguments(request)?;
    sessions.check(&unbind.handle, principal, group)?;
    sessions.0.remove(&unbind.handle.uuid);
    let response = UnbindResponse { handle: ContextHandle::NIL, error_code: UNBIND_SUCCESS };
    Ok((result(encode_stub(&response))?, ErrorCode::SUCCESS))
}

fn get_matches(book: &Book<'_>, request: &GetMatchesRequest<'_>) -> Outcome {
    let filter = request.filter.as_ref().map(wire::Filter::restriction).transpose();
    let filter = filter.map_err(|_| ErrorCode::INVALID_PARAMETER)?;
    calls::get_matches(book, &oxwire::mapi::nspi::GetMatchesRequest { filter, ..request.body }, TO)
}

/// Its names are in the code page of the STAT, of which addresses and names here take the ASCII part.
fn resolve_names(sessions: &Sessions, app: &App, (principal, group): (&Principal, u32), request: &Request) -> Answer {
    let wire::ResolveNamesRequest { handle, stat, property_tags, names } = arguments(request)?;
    sessions.check(&handle, principal, group)?;
    let limit = oxwire::mapi::nspi::RowLimit::for_names(names.len());
    let names = names.iter().map(|name| String::from_utf8_lossy(name).into_owned());
    calls::resolve_names(&app.book(), Some(stat), property_tags, (names, limit), TO)
        .or_else(|code| TO.answer(ResolveNamesSuccess::failed(code), code))
        .map_err(|_| FaultStatus::NCA_OUT_ARGS_TOO_BIG)
}
