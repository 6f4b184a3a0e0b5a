//! Any PDU: header, body, security.

use std::ops::Range;

use oxwire_core::{
    Decode, DecodeError, DecodeErrorKind, Encode, EncodeError, EncodeErrorKind, Reader, Structure, Writer,
};

use super::{
    Bind, BindAck, BindNak, CommonHeader, DataRepresentation, Fault, PfcFlags, Ptype, Request, Response, SecTrailer,
};

/// A connection-oriented PDU, \[C706\] 12.6.1. RTS PDUs share the header and are told by [`Ptype::RTS`]; their commands are another
/// crate's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pdu<'de> {
    /// pfc_flags. PFC_OBJECT_UUID follows from the body when written.
    pub pfc_flags: PfcFlags,
    /// call_id.
    pub call_id: u32,
    /// The body.
    pub body: Body<'de>,
    /// The sec_trailer and the token, where auth_length is not 0.
    pub auth: Option<SecTrailer<'de>>,
}

/// The body of a PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body<'de> {
    /// \[C706\] 12.6.4.3
    Bind(Bind<'de>),
    /// \[C706\] 12.6.4.4
    BindAck(BindAck<'de>),
    /// [MS-RPCE] 2.2.2.9
    BindNak(BindNak<'de>),
    /// \[C706\] 12.6.4.1
    AlterContext(Bind<'de>),
    /// \[C706\] 12.6.4.2
    AlterContextResp(BindAck<'de>),
    /// [MS-RPCE] 2.2.2.10
    RpcAuth3,
    /// \[C706\] 12.6.4.9
    Request(Request<'de>),
    /// \[C706\] 12.6.4.10
    Response(Response<'de>),
    /// \[C706\] 12.6.4.7
    Fault(Fault<'de>),
    /// \[C706\] 12.6.4.6
    CoCancel,
    /// \[C706\] 12.6.4.8
    Orphaned,
    /// \[C706\] 12.6.4.11
    Shutdown,
}

impl Body<'_> {
    /// PTYPE.
    #[must_use]
    pub const fn ptype(&self) -> Ptype {
        match self {
            Self::Bind(_) => Ptype::BIND,
            Self::BindAck(_) => Ptype::BIND_ACK,
            Self::BindNak(_) => Ptype::BIND_NAK,
            Self::AlterContext(_) => Ptype::ALTER_CONTEXT,
            Self::AlterContextResp(_) => Ptype::ALTER_CONTEXT_RESP,
            Self::RpcAuth3 => Ptype::RPC_AUTH_3,
            Self::Request(_) => Ptype::REQUEST,
            Self::Response(_) => Ptype::RESPONSE,
            Self::Fault(_) => Ptype::FAULT,
            Self::CoCancel => Ptype::CO_CANCEL,
            Self::Orphaned => Ptype::ORPHANED,
            Self::Shutdown => Ptype::SHUTDOWN,
        }
    }

    fn encoded_len(&self) -> usize {
        match self {
            Self::Bind(bind) | Self::AlterContext(bind) => bind.encoded_len(),
            Self::BindAck(ack) | Self::AlterContextResp(ack) => ack.encoded_len(CommonHeader::LEN),
            Self::BindNak(nak) => nak.encoded_len(),
            Self::RpcAuth3 => 4,
            Self::Request(request) => request.encoded_len(),
            Self::Response(response) => response.encoded_len(),
            Self::Fault(fault) => fault.encoded_len(),
            Self::CoCancel | Self::Orphaned | Self::Shutdown => 0,
        }
    }
}

impl<'de> Pdu<'de> {
    /// Where the bytes lie that a security context seals: stub data and authentication padding, as offsets into the PDU. `None`
    /// for PDUs that carry no stub data, and without security.
    #[must_use]
    pub fn sealed(&self) -> Option<Range<usize>> {
        let pad = usize::from(self.auth?.auth_pad_length);
        let (fixed, stub) = match &self.body {
            Body::Request(request) => (request.encoded_len().saturating_sub(request.stub.len()), request.stub),
            Body::Response(response) => (8, response.stub),
            _ => return None,
        };
        let start = CommonHeader::LEN.saturating_add(fixed);
        Some(start..start.saturating_add(stub.len()).saturating_add(pad))
    }

    fn flags_written(&self) -> PfcFlags {
        match &self.body {
            Body::Request(Request { object: Some(_), .. }) => self.pfc_flags.with(PfcFlags::OBJECT_UUID),
            Body::Request(_) => PfcFlags(self.pfc_flags.0 & !PfcFlags::OBJECT_UUID.0),
            _ => self.pfc_flags,
        }
    }

    /// The same PDU with this sec_trailer, whose auth_pad_length aligns it to 16 from the beginning of the body as
    /// [MS-RPCE] 2.2.2.11 asks for.
    #[must_use]
    pub fn with_auth(mut self, auth: SecTrailer<'de>) -> Self {
        let body = self.body.encoded_len();
        let padding = body.next_multiple_of(SecTrailer::ALIGNMENT).saturating_sub(body);
        self.auth = Some(SecTrailer { auth_pad_length: u8::try_from(padding).unwrap_or(0), ..auth });
        self
    }
}

impl Structure for Pdu<'_> {
    const NAME: &'static str = "PDU";
    const SPEC: &'static str = "[C706] 12.6.1";
}

impl Encode for Pdu<'_> {
    fn encoded_len(&self) -> usize {
        let body = self.body.encoded_len();
        let auth = self.auth.map_or(0, |auth| usize::from(auth.auth_pad_length) + SecTrailer::LEN + auth.token.len());
        CommonHeader::LEN + body + auth
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let len = self.encoded_len();
        let token = self.auth.map_or(0, |auth| auth.token.len());
        let fits = |field, len: usize| {
            u16::try_from(len).map_err(|_| w.error(field, EncodeErrorKind::TooLong { max: usize::from(u16::MAX), len }))
        };
        let header = CommonHeader {
            rpc_vers_minor: 0,
            ptype: self.body.ptype(),
            pfc_flags: self.flags_written(),
            drep: DataRepresentation::LITTLE_ENDIAN,
            frag_length: fits("frag_length", len)?,
            auth_length: fits("auth_length", token)?,
            call_id: self.call_id,
        };
        w.structure(&header)?;
        match &self.body {
            Body::Bind(bind) | Body::AlterContext(bind) => bind.write(w)?,
            Body::BindAck(ack) | Body::AlterContextResp(ack) => ack.write(w, CommonHeader::LEN)?,
            Body::BindNak(nak) => nak.write(w)?,
            Body::RpcAuth3 => w.zeros(4),
            Body::Request(request) => request.write(w),
            Body::Response(response) => response.write(w),
            Body::Fault(fault) => fault.write(w),
            Body::CoCancel | Body::Orphaned | Body::Shutdown => {}
        }
        if let Some(auth) = self.auth {
            if auth.token.is_empty() {
                return Err(w.error("auth_length", EncodeErrorKind::Value { expected: "a token", found: 0 }));
            }
            w.zeros(usize::from(auth.auth_pad_length));
            w.u8(auth.auth_type.0);
            w.u8(auth.auth_level.0);
            w.u8(auth.auth_pad_length);
            w.u8(0);
            w.u32_le(auth.auth_context_id);
            w.bytes(auth.token);
        }
        Ok(())
    }
}

impl<'de> Decode<'de> for Pdu<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let start = r.offset();
        let header = r.structure::<CommonHeader>()?;
        let drep = header.drep;
        let mut body = r.sub(usize::from(header.frag_length).saturating_sub(CommonHeader::LEN), "frag_length")?;
        let auth = match usize::from(header.auth_length) {
            0 => None,
            token => {
                let trailer = token.saturating_add(SecTrailer::LEN);
                let Some(before) = body.left().checked_sub(trailer) else {
                    let expected = "at most frag_length less 24";
                    return Err(r.invalid(start.saturating_add(10), "auth_length", expected, header.auth_length));
                };
                let mut whole = body.clone();
                let with_padding = whole.sub(before, "body")?;
                let auth = SecTrailer::read(&mut whole, drep)?;
                let pad = usize::from(auth.auth_pad_length);
                let Some(unpadded) = before.checked_sub(pad) else {
                    let at = with_padding.offset().saturating_add(before).saturating_add(2);
                    return Err(r.invalid(at, "auth_pad_length", "no more than the body", auth.auth_pad_length));
                };
                body = body.sub(unpadded, "body")?;
                Some(auth)
            }
        };
        let flags = header.pfc_flags;
        let b = &mut body;
        let at = CommonHeader::LEN;
        let body = match header.ptype {
            Ptype::BIND => Body::Bind(Bind::read(b, drep)?),
            Ptype::BIND_ACK => Body::BindAck(BindAck::read(b, drep, at)?),
            Ptype::BIND_NAK => Body::BindNak(BindNak::read(b, drep)?),
            Ptype::ALTER_CONTEXT => {
                let bind = Bind::read(b, drep)?;
                // impacket writes the elements twice where the PDU carries Kerberos's last token, and counts them once.
                if auth.is_some() {
                    let _ignored = b.rest();
                }
                Body::AlterContext(bind)
            }
            Ptype::ALTER_CONTEXT_RESP => Body::AlterContextResp(BindAck::read(b, drep, at)?),
            Ptype::RPC_AUTH_3 => {
                // pad, [MS-RPCE] 2.2.2.10: four bytes, which peers that count them as authentication padding leave no body for.
                let _ignored = b.rest();
                Body::RpcAuth3
            }
            Ptype::REQUEST => Body::Request(Request::read(b, drep, flags.contains(PfcFlags::OBJECT_UUID))?),
            Ptype::RESPONSE => Body::Response(Response::read(b, drep)?),
            Ptype::FAULT => Body::Fault(Fault::read(b, drep)?),
            Ptype::CO_CANCEL => Body::CoCancel,
            Ptype::ORPHANED => Body::Orphaned,
            Ptype::SHUTDOWN => Body::Shutdown,
            other => {
                let kind =
                    DecodeErrorKind::Value { expected: "a connection-oriented PTYPE", found: u64::from(other.0) };
                return Err(r.error_at(start.saturating_add(2), "PTYPE", kind));
            }
        };
        b.finish()?;
        Ok(Self { pfc_flags: flags, call_id: header.call_id, body, auth })
    }
}
