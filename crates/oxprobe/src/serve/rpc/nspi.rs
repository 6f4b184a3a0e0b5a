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
    macro_rules! call {
        ($name:literal, $request:ty, $success:ident, $answer:expr $(, $state:ident)?) => {{
            let answer = || {
                let request: $request = arguments(request)?;
                sessions.check(&request.handle, principal, group)?;
                let answer: fn(&App, &$request) -> Outcome = $answer;
                answer(app, &request)
                    .or_else(|code| {
                        let failed = $success { $($state: request.body.$state.map(StatAnswer::received),)? ..$success::failed(code) };
                        TO.answer(failed, code)
                    })
                    .map_err(|_| FaultStatus::NCA_OUT_ARGS_TOO_BIG)
            };
            ($name.to_owned(), answer())
        }};
    }
    match request.opnum {
        0 => ("NspiBind".to_owned(), bind(sessions, app, (principal, group), request)),
        1 => ("NspiUnbind".to_owned(), unbind(sessions, (principal, group), request)),
        2 => call!(
            "NspiUpdateStat",
            wire::Request<UpdateStatRequest<'_>>,
            UpdateStatSuccess,
            |app, request| calls::update_stat(&app.book(), &request.body, TO),
            state
        ),
        3 => call!(
            "NspiQueryRows",
            wire::Request<QueryRowsRequest<'_>>,
            QueryRowsSuccess,
            |app, request| calls::query_rows(&app.book(), &request.body, TO),
            state
        ),
        4 => call!(
            "NspiSeekEntries",
            wire::Request<SeekEntriesRequest<'_>>,
            SeekEntriesSuccess,
            |app, request| calls::seek_entries(&app.book(), &request.body, TO),
            state
        ),
        5 => call!("NspiGetMatches", GetMatchesRequest<'_>, GetMatchesSuccess, get_matches, state),
        6 => call!(
            "NspiResortRestriction",
            wire::Request<ResortRestrictionRequest<'_>>,
            ResortRestrictionSuccess,
            |app, request| calls::resort_restriction(&app.book(), &request.body, TO),
            state
        ),
        7 => call!("NspiDNToMId", wire::Request<DnToMIdRequest<'_>>, DnToMIdSuccess, |app, request| {
            calls::dn_to_mid(&app.book(), &request.body, TO)
        }),
        8 => call!("NspiGetPropList", wire::Request<GetPropListRequest<'_>>, GetPropListSuccess, |app, request| {
            calls::get_prop_list(&app.book(), &request.body, TO)
        }),
        9 => call!("NspiGetProps", wire::Request<GetPropsRequest<'_>>, GetPropsSuccess, |app, request| {
            calls::get_props(&app.book(), &request.body, TO)
        }),
        10 => call!("NspiCompareMIds", wire::Request<CompareMIdsRequest<'_>>, CompareMIdsSuccess, |app, request| {
            calls::compare_mids(&app.book(), &request.body, TO)
        }),
        12 => call!(
            "NspiGetSpecialTable",
            wire::Request<GetSpecialTableRequest<'_>>,
            GetSpecialTableSuccess,
            |_, request| calls::get_special_table(&request.body, TO)
        ),
        16 => call!("NspiQueryColumns", wire::Request<QueryColumnsRequest<'_>>, QueryColumnsSuccess, |_, request| {
            calls::query_columns(&request.body, TO)
        }),
        11 => call!("NspiModProps", wire::Request<ModPropsRequest<'_>>, ModPropsSuccess, |app, request| {
            Err(calls::mod_props(&app.book(), &request.body))
        }),
        13 => call!(
            "NspiGetTemplateInfo",
            wire::Request<GetTemplateInfoRequest<'_>>,
            GetTemplateInfoSuccess,
            |_, request| Err(calls::get_template_info(&request.body))
        ),
        14 => call!("NspiModLinkAtt", wire::Request<ModLinkAttRequest<'_>>, ModLinkAttSuccess, |app, request| {
            Err(calls::mod_link_att(&app.book(), &request.body))
        }),
        19 => ("NspiResolveNames".to_owned(), resolve_names(sessions, app, (principal, group), request)),
        20 => call!(
            "NspiResolveNamesW",
            wire::Request<ResolveNamesRequest<'_>>,
            ResolveNamesSuccess,
            |app, wire::Request { body, .. }| {
                let names = body.names.into_iter().flat_map(|names| names.iter()).map(|name| name.to_string());
                calls::resolve_names(&app.book(), body.state, body.property_tags, (names, body.row_limit()), TO)
            }
        ),
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

fn get_matches(app: &App, request: &GetMatchesRequest<'_>) -> Outcome {
    let filter = request.filter.as_ref().map(wire::Filter::restriction).transpose();
    let filter = filter.map_err(|_| ErrorCode::INVALID_PARAMETER)?;
    calls::get_matches(&app.book(), &oxwire::mapi::nspi::GetMatchesRequest { filter, ..request.body }, TO)
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
