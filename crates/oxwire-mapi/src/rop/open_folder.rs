//! RopOpenFolder, [MS-OXCROPS] 2.2.4.1, [MS-OXCFOLD] 2.2.1.1.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::codec::{boolean, request_head, success_head, write_request_head, write_response_head};
use super::{HandleIndexes, Request, Response, RopId};
use crate::flags::flags;
use crate::property::{ErrorCode, FolderId};

flags! {
    /// OpenModeFlags, [MS-OXCFOLD] 2.2.1.1.1. Unknown bits are kept.
    OpenModeFlags: u8 {
        /// A soft-deleted folder may be opened too.
        OPEN_SOFT_DELETED = 0x04;
    }
}

/// RopOpenFolder request, [MS-OXCROPS] 2.2.4.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFolderRequest {
    /// The logon.
    pub logon_id: u8,
    /// The logon object, or any folder.
    pub input_handle_index: u8,
    /// Where the folder's handle goes.
    pub output_handle_index: u8,
    /// The folder to open.
    pub folder_id: FolderId,
    /// How.
    pub open_mode_flags: OpenModeFlags,
}

impl Structure for OpenFolderRequest {
    const NAME: &'static str = "RopOpenFolder request";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.4.1.1";
}

impl Encode for OpenFolderRequest {
    fn encoded_len(&self) -> usize {
        13
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_request_head(w, RopId::OPEN_FOLDER, self.logon_id, self.input_handle_index);
        w.u8(self.output_handle_index);
        w.structure(&self.folder_id)?;
        w.u8(self.open_mode_flags.bits());
        Ok(())
    }
}

impl<'de> Decode<'de> for OpenFolderRequest {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let (logon_id, input_handle_index) = request_head(r, RopId::OPEN_FOLDER, "InputHandleIndex")?;
        let output_handle_index = r.u8("OutputHandleIndex")?;
        let folder_id = r.structure()?;
        let open_mode_flags = OpenModeFlags::from_bits(r.u8("OpenModeFlags")?);
        Ok(Self { logon_id, input_handle_index, output_handle_index, folder_id, open_mode_flags })
    }
}

impl Request for OpenFolderRequest {
    fn rop_id(&self) -> RopId {
        RopId::OPEN_FOLDER
    }

    fn handle_indexes(&self) -> HandleIndexes {
        HandleIndexes { input: Some(self.input_handle_index), output: Some(self.output_handle_index) }
    }
}

/// The servers that have a replica of a ghosted public folder, [MS-OXCROPS] 2.2.4.1.2: a view over their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GhostedServers<'a> {
    count: u16,
    /// How many of the first are those of the lowest cost.
    pub cheap_server_count: u16,
    names: &'a [u8],
}

impl<'a> GhostedServers<'a> {
    /// From names as they stand on the wire: each ends with a NUL. `None` when the last does not, or past 65,535 names.
    #[must_use]
    pub fn from_wire(names: &'a [u8], cheap_server_count: u16) -> Option<Self> {
        let whole = names.last().is_none_or(|last| *last == 0);
        let count = u16::try_from(names.iter().filter(|byte| **byte == 0).count()).ok()?;
        whole.then_some(Self { count, cheap_server_count, names })
    }

    /// How many servers.
    #[must_use]
    pub const fn len(self) -> u16 {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.count == 0
    }

    /// The names, ASCII, the cheapest first.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.names.split_inclusive(|byte| *byte == 0).filter_map(<[u8]>::split_last).map(|(_, name)| name)
    }

    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = r.u16_le("ServerCount")?;
        let cheap_server_count = r.u16_le("CheapServerCount")?;
        r.count(usize::from(count), 1, "Servers")?;
        let (start, before) = (r.peek_rest(), r.left());
        for _ in 0..count {
            r.c_string("Servers")?;
        }
        let names = start.get(..before.saturating_sub(r.left())).unwrap_or_default();
        Ok(Self { count, cheap_server_count, names })
    }
}

/// RopOpenFolder success response, [MS-OXCROPS] 2.2.4.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFolderResponse<'a> {
    /// Where the folder's handle is.
    pub output_handle_index: u8,
    /// Whether rules work on the folder.
    pub has_rules: bool,
    /// `Some` when the server has no replica of the folder's contents: those that have.
    pub ghosted: Option<GhostedServers<'a>>,
}

impl Structure for OpenFolderResponse<'_> {
    const NAME: &'static str = "RopOpenFolder response";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.4.1.2";
}

impl Encode for OpenFolderResponse<'_> {
    fn encoded_len(&self) -> usize {
        8 + self.ghosted.map_or(0, |servers| servers.names.len().saturating_add(4))
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_response_head(w, RopId::OPEN_FOLDER, self.output_handle_index, ErrorCode::SUCCESS);
        w.u8(u8::from(self.has_rules));
        w.u8(u8::from(self.ghosted.is_some()));
        if let Some(servers) = self.ghosted {
            w.u16_le(servers.count);
            w.u16_le(servers.cheap_server_count);
            w.bytes(servers.names);
        }
        Ok(())
    }
}

impl<'de> Decode<'de> for OpenFolderResponse<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let output_handle_index = success_head(r, RopId::OPEN_FOLDER, "OutputHandleIndex")?;
        let has_rules = boolean(r, "HasRules")?;
        let ghosted = if boolean(r, "IsGhosted")? { Some(GhostedServers::decode(r)?) } else { None };
        Ok(Self { output_handle_index, has_rules, ghosted })
    }
}

impl Response for OpenFolderResponse<'_> {
    fn rop_id(&self) -> RopId {
        RopId::OPEN_FOLDER
    }

    fn handle_index(&self) -> Option<u8> {
        Some(self.output_handle_index)
    }
}
