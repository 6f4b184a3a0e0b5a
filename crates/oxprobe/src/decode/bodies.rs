//! Bodies of MAPI over HTTP.

use std::fmt;

use bytes::Bytes;
use oxwire::core::{Decode, DecodeError, Limits, Reader};
use oxwire::mapi::mapihttp::{self, ResponseLimits, ResponseParser, ResponsePart};
use oxwire::mapi::nspi;

use super::buffers;
use super::tree::Tree;

/// A body: its name on the command line, and what adds its tree, told where the body begins.
pub(crate) struct Body {
    pub(super) name: &'static str,
    pub(super) walk: fn(&[u8], usize, &mut Tree<'_>),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Names are the bodies' own.
impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Body {}

macro_rules! bodies {
    ($($name:literal $ty:ty $(, $more:expr)?;)*) => {
        /// Every body that can be named.
        pub(super) const BODIES: &[Body] = &[$(Body {
            name: $name,
            walk: |bytes, base, tree| {
                if let Some(body) = fields::<$ty>(bytes, base, tree) {
                    let _ = &body;
                    $(let more: fn(&$ty, &[u8], usize, &mut Tree<'_>) = $more; more(&body, bytes, base, tree);)?
                }
            },
        },)*];
    };
}

bodies! {
    "connect-request" mapihttp::ConnectRequest<'_>, |body, bytes, base, tree| aux(body.auxiliary_buffer, bytes, base, tree);
    "connect-response" mapihttp::ConnectResponse<'_>, |body, bytes, base, tree| {
        if let mapihttp::ConnectResponse::Success(body) = body {
            aux(body.auxiliary_buffer, bytes, base, tree);
        }
    };
    "execute-request" mapihttp::ExecuteRequest<'_>, |body, bytes, base, tree| {
        rops(body.rop_buffer, true, bytes, base, tree);
        aux(body.auxiliary_buffer, bytes, base, tree);
    };
    "execute-response" mapihttp::ExecuteResponse<'_>, |body, bytes, base, tree| {
        if let mapihttp::ExecuteResponse::Success(body) = body {
            rops(body.rop_buffer, false, bytes, base, tree);
            aux(body.auxiliary_buffer, bytes, base, tree);
        }
    };
    "disconnect-request" mapihttp::DisconnectRequest<'_>, |body, bytes, base, tree| aux(body.auxiliary_buffer, bytes, base, tree);
    "disconnect-response" mapihttp::DisconnectResponse<'_>;
    "notificationwait-request" mapihttp::NotificationWaitRequest<'_>, |body, bytes, base, tree| {
        aux(body.auxiliary_buffer, bytes, base, tree);
    };
    "notificationwait-response" mapihttp::NotificationWaitResponse<'_>;
    "bind-request" nspi::BindRequest<'_>;
    "bind-response" nspi::BindResponse<'_>;
    "unbind-request" nspi::UnbindRequest<'_>;
    "unbind-response" nspi::UnbindResponse<'_>;
    "comparemids-request" nspi::CompareMIdsRequest<'_>;
    "comparemids-response" nspi::CompareMIdsResponse<'_>;
    "dntomid-request" nspi::DnToMIdRequest<'_>;
    "dntomid-response" nspi::DnToMIdResponse<'_>;
    "getmatches-request" nspi::GetMatchesRequest<'_>;
    "getmatches-response" nspi::GetMatchesResponse<'_>;
    "getproplist-request" nspi::GetPropListRequest<'_>;
    "getproplist-response" nspi::GetPropListResponse<'_>;
    "getprops-request" nspi::GetPropsRequest<'_>;
    "getprops-response" nspi::GetPropsResponse<'_>;
    "getspecialtable-request" nspi::GetSpecialTableRequest<'_>;
    "getspecialtable-response" nspi::GetSpecialTableResponse<'_>;
    "gettemplateinfo-request" nspi::GetTemplateInfoRequest<'_>;
    "gettemplateinfo-response" nspi::GetTemplateInfoResponse<'_>;
    "modlinkatt-request" nspi::ModLinkAttRequest<'_>;
    "modlinkatt-response" nspi::ModLinkAttResponse<'_>;
    "modprops-request" nspi::ModPropsRequest<'_>;
    "modprops-response" nspi::ModPropsResponse<'_>;
    "querycolumns-request" nspi::QueryColumnsRequest<'_>;
    "querycolumns-response" nspi::QueryColumnsResponse<'_>;
    "queryrows-request" nspi::QueryRowsRequest<'_>;
    "queryrows-response" nspi::QueryRowsResponse<'_>;
    "resolvenames-request" nspi::ResolveNamesRequest<'_>;
    "resolvenames-response" nspi::ResolveNamesResponse<'_>;
    "resortrestriction-request" nspi::ResortRestrictionRequest<'_>;
    "resortrestriction-response" nspi::ResortRestrictionResponse<'_>;
    "seekentries-request" nspi::SeekEntriesRequest<'_>;
    "seekentries-response" nspi::SeekEntriesResponse<'_>;
    "updatestat-request" nspi::UpdateStatRequest<'_>;
    "updatestat-response" nspi::UpdateStatResponse<'_>;
    "getmailboxurl-request" nspi::GetMailboxUrlRequest<'_>;
    "getmailboxurl-response" nspi::GetMailboxUrlResponse<'_>;
    "getaddressbookurl-request" nspi::GetAddressBookUrlRequest<'_>;
    "getaddressbookurl-response" nspi::GetAddressBookUrlResponse<'_>;
}

/// Reads a body that fills `bytes`, and adds its fields.
fn fields<'de, T: Decode<'de> + fmt::Debug>(bytes: &'de [u8], base: usize, tree: &mut Tree<'_>) -> Option<T> {
    match whole::<T>(bytes, base) {
        Ok(body) => {
            tree.line(base, T::NAME, T::SPEC);
            tree.within(|tree| tree.fields(&body));
            Some(body)
        }
        Err(error) => {
            tree.error(&error);
            None
        }
    }
}

fn whole<'de, T: Decode<'de>>(bytes: &'de [u8], base: usize) -> Result<T, DecodeError> {
    let mut r = Reader::with_limits(bytes, &Limits::DEFAULT).named(T::NAME, T::SPEC).at_offset(base);
    let body = r.structure::<T>()?;
    r.finish()?;
    Ok(body)
}

/// Where a part of the body begins.
fn offset_of(part: &[u8], bytes: &[u8], base: usize) -> usize {
    (part.as_ptr() as usize).saturating_sub(bytes.as_ptr() as usize).saturating_add(base)
}

fn rops(part: &[u8], requests: bool, bytes: &[u8], base: usize, tree: &mut Tree<'_>) {
    let at = offset_of(part, bytes, base);
    tree.line(at, &format!("RopBuffer: {} bytes", part.len()), "[MS-OXCMAPIHTTP] 2.2.4.2");
    tree.within(|tree| buffers::rop_chain(part, at, Some(requests), tree));
}

fn aux(part: &[u8], bytes: &[u8], base: usize, tree: &mut Tree<'_>) {
    if !part.is_empty() {
        let at = offset_of(part, bytes, base);
        tree.line(at, &format!("AuxiliaryBuffer: {} bytes", part.len()), "[MS-OXCRPC] 2.2.2.2");
        tree.within(|tree| buffers::auxiliary(part, at, tree));
    }
}

/// Meta-tags and headers, then the response body: an Execute's where it reads as one, else bytes.
pub(super) fn response(bytes: &Bytes, tree: &mut Tree<'_>) {
    let mut parser = ResponseParser::new(ResponseLimits::default());
    let mut rest = bytes.clone();
    let mut body = bytes.len();
    loop {
        let at = bytes.len().saturating_sub(rest.len());
        match parser.parse(&mut rest) {
            Ok(Some(ResponsePart::MetaTag(tag))) => {
                tree.line(at, &format!("meta-tag {tag:?}"), "[MS-OXCMAPIHTTP] 2.2.7")
            }
            Ok(Some(ResponsePart::Header(header))) => {
                let name = String::from_utf8_lossy(header.name()).into_owned();
                tree.line(at, &format!("header {name}"), "[MS-OXCMAPIHTTP] 2.2.3.3");
            }
            Ok(Some(ResponsePart::HeadersEnd)) => body = bytes.len().saturating_sub(rest.len()),
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) => return tree.error(&error),
        }
    }
    if let Err(error) = parser.finish() {
        return tree.error(&error);
    }
    let content = bytes.get(body..).unwrap_or_default();
    if content.is_empty() {
        return;
    }
    let execute = BODIES.iter().find(|known| known.name == "execute-response");
    match execute.filter(|_| whole::<mapihttp::ExecuteResponse<'_>>(content, body).is_ok()) {
        Some(execute) => (execute.walk)(content, body, tree),
        None => {
            tree.line(body, &format!("response body: {} bytes; cut out, --kind names it", content.len()), "");
            tree.raw(body, content.len());
        }
    }
}
