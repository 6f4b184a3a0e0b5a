//! RFR, the address book's referral: which server a mailbox's address book is on, and its name. [MS-OXABREF] 3.1.4

use oxwire_core::{DecodeError, EncodeError, Guid, Structure};
use oxwire_rpc::ndr::{NdrDecode, NdrEncode, NdrReader, NdrWriter};
use oxwire_rpc::pdu::SyntaxIdentifier;

use crate::Operation;

/// rfri 1.0.
pub const RFR: SyntaxIdentifier = SyntaxIdentifier {
    uuid: Guid::new(0x1544_f5e0, 0x613c, 0x11d1, [0x93, 0xdf, 0x00, 0xc0, 0x4f, 0xd7, 0xbd, 0x09]),
    version: 1,
};

/// RfrGetNewDSA, opnum 0: asks for the address book server of a user. [MS-OXABREF] 3.1.4.1
///
/// ulFlags is written as 0 and ignored on receipt, as is what ppszUnused refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetNewDsaRequest<'de> {
    /// pUserDN: the DN of the user, without its NUL.
    pub user_dn: &'de [u8],
    /// ppszServer: whether the name of the server is asked for. Outlook always does.
    pub server_wanted: bool,
}

impl Structure for GetNewDsaRequest<'_> {
    const NAME: &'static str = "RfrGetNewDSA request";
    const SPEC: &'static str = "[MS-OXABREF] 3.1.4.1";
}

impl Operation for GetNewDsaRequest<'_> {
    const INTERFACE: SyntaxIdentifier = RFR;
    const OPNUM: u16 = 0;
}

/// A pointer to a pointer to a string, each unique.
fn read_name<'de>(r: &mut NdrReader<'de>, field: &'static str) -> Result<Option<Option<&'de [u8]>>, DecodeError> {
    r.unique(field, |r| r.unique(field, |r| r.string8(field)))
}

fn write_name(w: &mut NdrWriter<'_>, name: Option<Option<&[u8]>>, field: &'static str) -> Result<(), EncodeError> {
    w.unique(name, |w, name| w.unique(name, |w, name| w.string8(name, field)))
}

impl NdrEncode for GetNewDsaRequest<'_> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.u32(0);
        w.string8(self.user_dn, "pUserDN")?;
        write_name(w, None, "ppszUnused")?;
        write_name(w, self.server_wanted.then_some(None), "ppszServer")
    }
}

impl<'de> NdrDecode<'de> for GetNewDsaRequest<'de> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        r.u32("ulFlags")?;
        let user_dn = r.string8("pUserDN")?;
        read_name(r, "ppszUnused")?;
        Ok(Self { user_dn, server_wanted: read_name(r, "ppszServer")?.is_some() })
    }
}

/// The answer to a [`GetNewDsaRequest`]. ppszUnused is written as null and ignored on receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GetNewDsaResponse<'de> {
    /// ppszServer: the name of the server, without its NUL, where it was asked for and is known.
    pub server: Option<&'de [u8]>,
    /// The return value: 0 for success.
    pub error_code: u32,
}

impl Structure for GetNewDsaResponse<'_> {
    const NAME: &'static str = "RfrGetNewDSA response";
    const SPEC: &'static str = "[MS-OXABREF] 3.1.4.1";
}

impl NdrEncode for GetNewDsaResponse<'_> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        write_name(w, None, "ppszUnused")?;
        write_name(w, self.server.filter(|_| self.error_code == 0).map(Some), "ppszServer")?;
        w.u32(self.error_code);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for GetNewDsaResponse<'de> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        read_name(r, "ppszUnused")?;
        let server = read_name(r, "ppszServer")?.flatten();
        Ok(Self { server, error_code: r.u32("return value")? })
    }
}

/// RfrGetFQDNFromServerDN, opnum 1: asks for the host name of a server. [MS-OXABREF] 3.1.4.2
///
/// ulFlags is written as 0 and ignored on receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetFqdnFromServerDnRequest<'de> {
    /// szMailboxServerDN: the DN of the server, without its NUL.
    pub server_dn: &'de [u8],
}

impl GetFqdnFromServerDnRequest<'_> {
    /// The shortest DN, with its NUL, that the IDL allows.
    pub const MIN_DN: u32 = 10;
    /// The longest.
    pub const MAX_DN: u32 = 1024;
}

impl Structure for GetFqdnFromServerDnRequest<'_> {
    const NAME: &'static str = "RfrGetFQDNFromServerDN request";
    const SPEC: &'static str = "[MS-OXABREF] 3.1.4.2";
}

impl Operation for GetFqdnFromServerDnRequest<'_> {
    const INTERFACE: SyntaxIdentifier = RFR;
    const OPNUM: u16 = 1;
}

impl NdrEncode for GetFqdnFromServerDnRequest<'_> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.u32(0);
        let len = self.server_dn.len().saturating_add(1);
        if !u32::try_from(len).is_ok_and(|len| (Self::MIN_DN..=Self::MAX_DN).contains(&len)) {
            let found = u64::try_from(len).unwrap_or(u64::MAX);
            let expected = "10 to 1024 bytes, the NUL included";
            return Err(w.error("cbMailboxServerDN", oxwire_core::EncodeErrorKind::Value { expected, found }));
        }
        w.len_u32(len, "cbMailboxServerDN")?;
        w.string8(self.server_dn, "szMailboxServerDN")
    }
}

impl<'de> NdrDecode<'de> for GetFqdnFromServerDnRequest<'de> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        r.u32("ulFlags")?;
        let len = r.u32("cbMailboxServerDN")?;
        if !(Self::MIN_DN..=Self::MAX_DN).contains(&len) {
            return Err(r.invalid("cbMailboxServerDN", "10 to 1024 bytes, the NUL included", len));
        }
        Ok(Self { server_dn: r.string8("szMailboxServerDN")? })
    }
}

/// The answer to a [`GetFqdnFromServerDnRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GetFqdnFromServerDnResponse<'de> {
    /// ppszServerFQDN: the host name of the server, without its NUL; `None` on failure.
    pub server_fqdn: Option<&'de [u8]>,
    /// The return value: 0 for success.
    pub error_code: u32,
}

impl Structure for GetFqdnFromServerDnResponse<'_> {
    const NAME: &'static str = "RfrGetFQDNFromServerDN response";
    const SPEC: &'static str = "[MS-OXABREF] 3.1.4.2";
}

impl NdrEncode for GetFqdnFromServerDnResponse<'_> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let name = self.server_fqdn.filter(|_| self.error_code == 0);
        w.unique(name, |w, name| w.string8(name, "ppszServerFQDN"))?;
        w.u32(self.error_code);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for GetFqdnFromServerDnResponse<'de> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let server_fqdn = r.unique("ppszServerFQDN", |r| r.string8("ppszServerFQDN"))?;
        Ok(Self { server_fqdn, error_code: r.u32("return value")? })
    }
}
