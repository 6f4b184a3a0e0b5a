//! Server Topology Information, [MS-OXCRPC] 3.1.4.1.2.1: what a server tells about itself on Connect.

use oxwire_core::{DecodeError, Limits, decode_all};

use super::{
    AuxBlock, AuxBlocks, AuxClientControl, AuxEndpointCapabilities, AuxExOrgInfo, AuxOsVersionInfo,
    AuxServerCapabilities, OrgFlags,
};
use crate::rpc_header_ext::ExtendedBuffer;

/// The typed blocks of a Connect response's `AuxiliaryBuffer`; the last of a kind where one is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ServerTopology {
    /// What the organization has.
    pub ex_org_info: Option<AuxExOrgInfo>,
    /// What the server asks of the client.
    pub client_control: Option<AuxClientControl>,
    /// What the server supports.
    pub server_capabilities: Option<AuxServerCapabilities>,
    /// The server's operating system.
    pub os_version_info: Option<AuxOsVersionInfo>,
    /// What the server combines on one endpoint.
    pub endpoint_capabilities: Option<AuxEndpointCapabilities>,
}

impl ServerTopology {
    /// Reads an `AuxiliaryBuffer`. None at all (an empty buffer) says nothing.
    ///
    /// # Errors
    /// [`DecodeError`], of the buffer or of the first block that is damaged.
    pub fn from_auxiliary_buffer(buffer: &[u8]) -> Result<Self, DecodeError> {
        let mut topology = Self::default();
        if buffer.is_empty() {
            return Ok(topology);
        }
        let buffer: ExtendedBuffer<'_> = decode_all(buffer, &Limits::DEFAULT)?;
        for block in AuxBlocks::new(&buffer.payload()?) {
            match block? {
                AuxBlock::ExOrgInfo(block) => topology.ex_org_info = Some(block),
                AuxBlock::ClientControl(block) => topology.client_control = Some(block),
                AuxBlock::ServerCapabilities(block) => topology.server_capabilities = Some(block),
                AuxBlock::OsVersionInfo(block) => topology.os_version_info = Some(block),
                AuxBlock::EndpointCapabilities(block) => topology.endpoint_capabilities = Some(block),
                _ => {}
            }
        }
        Ok(topology)
    }

    /// Whether a client may open a public message store: so it is assumed unless AUX_EXORGINFO says otherwise.
    #[must_use]
    pub fn has_public_folders(&self) -> bool {
        self.ex_org_info.is_none_or(|info| info.org_flags.contains(OrgFlags::PUBLIC_FOLDERS_ENABLED))
    }
}
