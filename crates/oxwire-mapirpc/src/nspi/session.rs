//! NspiBind, NspiUnbind, NspiUpdateStat: [MS-OXNSPI] 3.1.4.1.1, 3.1.4.1.2, 3.1.4.1.4.

use oxwire_core::{DecodeError, EncodeError, Guid};
use oxwire_mapi::nspi::{BindFlags, Stat, StatAnswer, UpdateStatRequest, UpdateStatSuccess};
use oxwire_mapi::property::ErrorCode;
use oxwire_rpc::ndr::{ContextHandle, NdrDecode, NdrEncode, NdrReader, NdrWriter};

use super::parts::{no_auxiliary_buffer, read_stat, read_uid, write_answered_stat, write_needed_stat, write_stat};
use super::{Request, Response, call};

call!("NspiBind", "[MS-OXNSPI] 3.1.4.1.1", 0, BindRequest, BindResponse);
call!("NspiUnbind", "[MS-OXNSPI] 3.1.4.1.2", 1, UnbindRequest, UnbindResponse);
call!("NspiUpdateStat", "[MS-OXNSPI] 3.1.4.1.4", 2, Request<UpdateStatRequest<'_>>, Response<UpdateStatSuccess<'_>>);

/// NspiBind, opnum 0: begins a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindRequest {
    /// dwFlags: the type of authentication; a server ignores all but fAnonymousLogin.
    pub flags: BindFlags,
    /// pStat: its code page is one that the server is to support.
    pub stat: Stat,
    /// pServerGuid: whether the server's GUID is asked for, and what stands there (ignored).
    pub server_guid: Option<Guid>,
}

impl NdrEncode for BindRequest {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.u32(self.flags.bits());
        write_stat(w, &self.stat);
        write_uid(w, self.server_guid)
    }
}

impl<'de> NdrDecode<'de> for BindRequest {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let flags = BindFlags::from_bits(r.u32("dwFlags")?);
        let stat = read_stat(r)?;
        let server_guid = r.unique("pServerGuid", |r| read_uid(r, "pServerGuid"))?;
        Ok(Self { flags, stat, server_guid })
    }
}

fn write_uid(w: &mut NdrWriter<'_>, uid: Option<Guid>) -> Result<(), EncodeError> {
    w.unique(uid, |w, uid| {
        w.bytes(&uid.to_wire());
        Ok(())
    })
}

/// The answer to a [`BindRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindResponse {
    /// pServerGuid: the ProviderUID of this server's EphemeralEntryIDs, where it was asked for.
    pub server_guid: Option<Guid>,
    /// contextHandle: the session; nil on failure.
    pub handle: ContextHandle,
    /// The return value.
    pub error_code: ErrorCode,
}

impl NdrEncode for BindResponse {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let failed = self.error_code.is_failure();
        write_uid(w, self.server_guid.map(|guid| if failed { Guid::NIL } else { guid }))?;
        w.context_handle(if failed { ContextHandle::NIL } else { self.handle });
        w.u32(self.error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for BindResponse {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let server_guid = r.unique("pServerGuid", |r| read_uid(r, "pServerGuid"))?;
        let handle = r.context_handle("contextHandle")?;
        Ok(Self { server_guid, handle, error_code: ErrorCode(r.u32("return value")?) })
    }
}

/// NspiUnbind, opnum 1: ends a session. Its Reserved parameter is written as 0 and ignored on receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnbindRequest {
    /// contextHandle.
    pub handle: ContextHandle,
}

impl NdrEncode for UnbindRequest {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.context_handle(self.handle);
        w.u32(0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for UnbindRequest {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("contextHandle")?;
        r.u32("Reserved")?;
        Ok(Self { handle })
    }
}

/// The answer to an [`UnbindRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnbindResponse {
    /// contextHandle: nil, since the session has ended.
    pub handle: ContextHandle,
    /// The return value: [`UNBIND_SUCCESS`](oxwire_mapi::nspi::UNBIND_SUCCESS) or
    /// [`UNBIND_FAILURE`](oxwire_mapi::nspi::UNBIND_FAILURE).
    pub error_code: ErrorCode,
}

impl NdrEncode for UnbindResponse {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.context_handle(self.handle);
        w.u32(self.error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for UnbindResponse {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self { handle: r.context_handle("contextHandle")?, error_code: ErrorCode(r.u32("return value")?) })
    }
}

/// Opnum 2: moves the place in a table. What stands behind plDelta in a request is ignored.
impl NdrEncode for Request<UpdateStatRequest<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        no_auxiliary_buffer(w, self.body.auxiliary_buffer)?;
        w.context_handle(self.handle);
        w.u32(0);
        write_needed_stat(w, self.body.state.as_ref())?;
        w.unique(self.body.delta_requested.then_some(0), |w, delta| {
            w.i32(delta);
            Ok(())
        })
    }
}

impl<'de> NdrDecode<'de> for Request<UpdateStatRequest<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let handle = r.context_handle("hRpc")?;
        r.u32("Reserved")?;
        let state = Some(read_stat(r)?);
        let delta = r.unique("plDelta", |r| r.i32("plDelta"))?;
        let body = UpdateStatRequest { state, delta_requested: delta.is_some(), auxiliary_buffer: &[] };
        Ok(Self { handle, body })
    }
}

impl NdrEncode for Response<UpdateStatSuccess<'_>> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let UpdateStatSuccess { error_code, state, delta, auxiliary_buffer } = &self.0;
        no_auxiliary_buffer(w, auxiliary_buffer)?;
        write_answered_stat(w, state.as_ref());
        w.unique(delta.map(|delta| if error_code.is_failure() { 0 } else { delta }), |w, delta| {
            w.i32(delta);
            Ok(())
        })?;
        w.u32(error_code.0);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for Response<UpdateStatSuccess<'de>> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let state = Some(StatAnswer::received(read_stat(r)?));
        let delta = r.unique("plDelta", |r| r.i32("plDelta"))?;
        let error_code = ErrorCode(r.u32("return value")?);
        Ok(Self(UpdateStatSuccess { error_code, state, delta, auxiliary_buffer: &[] }))
    }
}
