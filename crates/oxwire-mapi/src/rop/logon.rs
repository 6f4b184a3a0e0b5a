//! RopLogon, [MS-OXCROPS] 2.2.3.1, [MS-OXCSTOR] 2.2.1.1.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Guid, Reader, Structure, Writer};

use super::codec::{request_head, rop_id, write_request_head, write_response_head};
use super::{FolderIds, HandleIndexes, LogonTime, Request, Response, RopId};
use crate::flags::flags;
use crate::property::ErrorCode;

flags! {
    /// LogonFlags, [MS-OXCSTOR] 2.2.1.1.1. Unknown bits are kept.
    LogonFlags: u8 {
        /// A private mailbox; public folders without it.
        PRIVATE = 0x01;
        /// Ignored by servers.
        UNDERCOVER = 0x02;
        /// Ignored by servers.
        GHOSTED = 0x04;
        /// Ignored by servers.
        SPOOLER_PROCESS = 0x08;
    }
}

flags! {
    /// OpenFlags, [MS-OXCSTOR] 2.2.1.1.1. Unknown bits are kept.
    OpenFlags: u32 {
        /// Administrative access.
        USE_ADMIN_PRIVILEGE = 0x0000_0001;
        /// A public folder store.
        PUBLIC = 0x0000_0002;
        /// Ignored by servers.
        HOME_LOGON = 0x0000_0004;
        /// Ignored by servers.
        TAKE_OWNERSHIP = 0x0000_0008;
        /// Asks for another public server.
        ALTERNATE_SERVER = 0x0000_0100;
        /// A public store that is not the user's own.
        IGNORE_HOME_MDB = 0x0000_0200;
        /// Ignored by servers.
        NO_MAIL = 0x0000_0400;
        /// Replica ids are those of the mailbox database; to be set for a private mailbox.
        USE_PER_MDB_REPLID_MAPPING = 0x0100_0000;
        /// RopSetReadFlags may go on after its response.
        SUPPORT_PROGRESS = 0x2000_0000;
    }
}

flags! {
    /// ResponseFlags, [MS-OXCSTOR] 2.2.1.1.3. Unknown bits are kept.
    ResponseFlags: u8 {
        /// Always set by a server.
        RESERVED = 0x01;
        /// The user owns the mailbox.
        OWNER_RIGHT = 0x02;
        /// The user may send as the mailbox.
        SEND_AS_RIGHT = 0x04;
        /// Out of office is on.
        OOF = 0x10;
    }
}

/// RopLogon request, [MS-OXCROPS] 2.2.3.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogonRequest<'a> {
    /// The number that the client gives the logon; an active one is replaced.
    pub logon_id: u8,
    /// Where the handle of the logon goes.
    pub output_handle_index: u8,
    /// Private or public.
    pub logon_flags: LogonFlags,
    /// How.
    pub open_flags: OpenFlags,
    /// Not used; zero when written, kept when read.
    pub store_state: u32,
    /// The DN of the mailbox, ASCII, without its NUL; empty for a public logon that names no server.
    pub essdn: &'a [u8],
}

impl<'a> LogonRequest<'a> {
    /// A logon to a private mailbox as clients send it.
    #[must_use]
    pub const fn private(logon_id: u8, output_handle_index: u8, essdn: &'a str) -> Self {
        let open_flags = OpenFlags::USE_PER_MDB_REPLID_MAPPING
            .with(OpenFlags::HOME_LOGON)
            .with(OpenFlags::TAKE_OWNERSHIP)
            .with(OpenFlags::NO_MAIL);
        let logon_flags = LogonFlags::PRIVATE;
        Self { logon_id, output_handle_index, logon_flags, open_flags, store_state: 0, essdn: essdn.as_bytes() }
    }
}

impl Structure for LogonRequest<'_> {
    const NAME: &'static str = "RopLogon request";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.3.1.1";
}

impl Encode for LogonRequest<'_> {
    fn encoded_len(&self) -> usize {
        // An empty Essdn goes without its NUL.
        self.essdn.len().saturating_add(if self.essdn.is_empty() { 14 } else { 15 })
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_request_head(w, RopId::LOGON, self.logon_id, self.output_handle_index);
        w.u8(self.logon_flags.bits());
        w.u32_le(self.open_flags.bits());
        w.u32_le(self.store_state);
        if self.essdn.is_empty() {
            w.u16_le(0);
            return Ok(());
        }
        w.len_u16_le(self.essdn.len().saturating_add(1), "EssdnSize")?;
        w.c_string(self.essdn, "Essdn")
    }
}

/// An Essdn whose NUL is missing or that goes on behind it is read up to the NUL, or to its size.
impl<'de> Decode<'de> for LogonRequest<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let (logon_id, output_handle_index) = request_head(r, RopId::LOGON, "OutputHandleIndex")?;
        let logon_flags = LogonFlags::from_bits(r.u8("LogonFlags")?);
        let open_flags = OpenFlags::from_bits(r.u32_le("OpenFlags")?);
        let store_state = r.u32_le("StoreState")?;
        let size = usize::from(r.u16_le("EssdnSize")?);
        let essdn = up_to_nul(r.bytes(size, "Essdn")?);
        Ok(Self { logon_id, output_handle_index, logon_flags, open_flags, store_state, essdn })
    }
}

impl Request for LogonRequest<'_> {
    fn rop_id(&self) -> RopId {
        RopId::LOGON
    }

    fn handle_indexes(&self) -> HandleIndexes {
        HandleIndexes { input: None, output: Some(self.output_handle_index) }
    }
}

fn up_to_nul(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// RopLogon success response for a private mailbox, [MS-OXCROPS] 2.2.3.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivateLogonResponse {
    /// Where the handle of the logon is.
    pub output_handle_index: u8,
    /// Those of the request.
    pub logon_flags: LogonFlags,
    /// The special folders of the mailbox, in the order of [MS-OXCSTOR] 2.2.1.1.3.
    pub folder_ids: FolderIds,
    /// The state of the mailbox.
    pub response_flags: ResponseFlags,
    /// The mailbox.
    pub mailbox_guid: Guid,
    /// The short form of `repl_guid`.
    pub repl_id: u16,
    /// The replica that ids of this logon belong to.
    pub repl_guid: Guid,
    /// The server's time.
    pub logon_time: LogonTime,
    /// Changes when the address types change.
    pub gwart_time: u64,
    /// Not used; zero when written by a server, kept when read.
    pub store_state: u32,
}

/// RopLogon success response for public folders, [MS-OXCROPS] 2.2.3.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicLogonResponse {
    /// Where the handle of the logon is.
    pub output_handle_index: u8,
    /// Those of the request.
    pub logon_flags: LogonFlags,
    /// The special folders of the store, in the order of [MS-OXCSTOR] 2.2.1.1.4.
    pub folder_ids: FolderIds,
    /// The short form of `repl_guid`.
    pub repl_id: u16,
    /// The replica that ids of this logon belong to.
    pub repl_guid: Guid,
    /// Not used; nil when written by a server, kept when read.
    pub per_user_guid: Guid,
}

/// RopLogon redirect response, [MS-OXCROPS] 2.2.3.1.4: the mailbox is elsewhere (ecWrongServer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogonRedirectResponse<'a> {
    /// The place in the handle table that the request named. No handle is there.
    pub output_handle_index: u8,
    /// Those of the request.
    pub logon_flags: LogonFlags,
    /// The DN of the server to go to, ASCII, without its NUL; 254 bytes at the most.
    pub server_name: &'a [u8],
}

/// What RopLogon answers, failures aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogonResponse<'a> {
    /// Logged on to a private mailbox.
    Private(PrivateLogonResponse),
    /// Logged on to public folders.
    Public(PublicLogonResponse),
    /// Go to another server.
    Redirect(LogonRedirectResponse<'a>),
}

impl Structure for LogonResponse<'_> {
    const NAME: &'static str = "RopLogon response";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.3.1";
}

impl Encode for LogonResponse<'_> {
    fn encoded_len(&self) -> usize {
        match self {
            Self::Private(_) => 166,
            Self::Public(_) => 145,
            Self::Redirect(redirect) => redirect.server_name.len().saturating_add(9),
        }
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Private(logon) => {
                write_response_head(w, RopId::LOGON, logon.output_handle_index, ErrorCode::SUCCESS);
                // The bit decides how the rest is read, so it cannot be left out.
                w.u8(logon.logon_flags.with(LogonFlags::PRIVATE).bits());
                w.structure(&logon.folder_ids)?;
                w.u8(logon.response_flags.bits());
                w.guid(logon.mailbox_guid);
                w.u16_le(logon.repl_id);
                w.guid(logon.repl_guid);
                w.structure(&logon.logon_time)?;
                w.u64_le(logon.gwart_time);
                w.u32_le(logon.store_state);
            }
            Self::Public(logon) => {
                write_response_head(w, RopId::LOGON, logon.output_handle_index, ErrorCode::SUCCESS);
                w.u8(logon.logon_flags.without(LogonFlags::PRIVATE).bits());
                w.structure(&logon.folder_ids)?;
                w.u16_le(logon.repl_id);
                w.guid(logon.repl_guid);
                w.guid(logon.per_user_guid);
            }
            Self::Redirect(redirect) => {
                write_response_head(w, RopId::LOGON, redirect.output_handle_index, ErrorCode::WRONG_SERVER);
                w.u8(redirect.logon_flags.bits());
                w.len_u8(redirect.server_name.len().saturating_add(1), "ServerNameSize")?;
                w.c_string(redirect.server_name, "ServerName")?;
            }
        }
        Ok(())
    }
}

/// The ReturnValue tells a redirect, and the bit Private in LogonFlags tells a private mailbox from public folders.
impl<'de> Decode<'de> for LogonResponse<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        rop_id(r, RopId::LOGON)?;
        let output_handle_index = r.u8("OutputHandleIndex")?;
        let at = r.offset();
        let return_value = ErrorCode(r.u32_le("ReturnValue")?);
        if !matches!(return_value, ErrorCode::SUCCESS | ErrorCode::WRONG_SERVER) {
            return Err(r.invalid(at, "ReturnValue", "0x00000000 or 0x00000478 (ecWrongServer)", return_value.0));
        }
        let logon_flags = LogonFlags::from_bits(r.u8("LogonFlags")?);
        if return_value == ErrorCode::WRONG_SERVER {
            let size = usize::from(r.u8("ServerNameSize")?);
            let server_name = up_to_nul(r.bytes(size, "ServerName")?);
            return Ok(Self::Redirect(LogonRedirectResponse { output_handle_index, logon_flags, server_name }));
        }
        let folder_ids = r.structure()?;
        if logon_flags.contains(LogonFlags::PRIVATE) {
            return Ok(Self::Private(PrivateLogonResponse {
                output_handle_index,
                logon_flags,
                folder_ids,
                response_flags: ResponseFlags::from_bits(r.u8("ResponseFlags")?),
                mailbox_guid: r.guid("MailboxGuid")?,
                repl_id: r.u16_le("ReplId")?,
                repl_guid: r.guid("ReplGuid")?,
                logon_time: r.structure()?,
                gwart_time: r.u64_le("GwartTime")?,
                store_state: r.u32_le("StoreState")?,
            }));
        }
        Ok(Self::Public(PublicLogonResponse {
            output_handle_index,
            logon_flags,
            folder_ids,
            repl_id: r.u16_le("ReplId")?,
            repl_guid: r.guid("ReplGuid")?,
            per_user_guid: r.guid("PerUserGuid")?,
        }))
    }
}

impl Response for LogonResponse<'_> {
    fn rop_id(&self) -> RopId {
        RopId::LOGON
    }

    fn handle_index(&self) -> Option<u8> {
        Some(match self {
            Self::Private(logon) => logon.output_handle_index,
            Self::Public(logon) => logon.output_handle_index,
            Self::Redirect(redirect) => redirect.output_handle_index,
        })
    }
}
