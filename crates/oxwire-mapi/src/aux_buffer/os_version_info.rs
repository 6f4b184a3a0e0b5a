//! AUX_OSVERSIONINFO, [MS-OXCRPC] 2.2.2.2.16.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

/// AUX_OSVERSIONINFO, [MS-OXCRPC] 2.2.2.2.16: the operating system of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuxOsVersionInfo {
    /// The major version.
    pub major_version: u32,
    /// The minor version.
    pub minor_version: u32,
    /// The build.
    pub build_number: u32,
    /// The major version of the latest service pack.
    pub service_pack_major: u16,
    /// The minor version of the latest service pack.
    pub service_pack_minor: u16,
}

impl AuxOsVersionInfo {
    /// OSVersionInfoSize: bytes of the structure.
    const LEN: u32 = 156;
    const RESERVED_1: usize = 132;
    const RESERVED_2: usize = 4;
}

impl Structure for AuxOsVersionInfo {
    const NAME: &'static str = "AUX_OSVERSIONINFO";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.2.16";
}

impl Decode<'_> for AuxOsVersionInfo {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // The size says nothing that the AUX_HEADER does not.
        r.u32_le("OSVersionInfoSize")?;
        let major_version = r.u32_le("MajorVersion")?;
        let minor_version = r.u32_le("MinorVersion")?;
        let build_number = r.u32_le("BuildNumber")?;
        r.bytes(Self::RESERVED_1, "Reserved1")?;
        let service_pack_major = r.u16_le("ServicePackMajor")?;
        let service_pack_minor = r.u16_le("ServicePackMinor")?;
        r.bytes(Self::RESERVED_2, "Reserved2")?;
        Ok(Self { major_version, minor_version, build_number, service_pack_major, service_pack_minor })
    }
}

impl Encode for AuxOsVersionInfo {
    fn encoded_len(&self) -> usize {
        Self::LEN as usize
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(Self::LEN);
        w.u32_le(self.major_version);
        w.u32_le(self.minor_version);
        w.u32_le(self.build_number);
        w.zeros(Self::RESERVED_1);
        w.u16_le(self.service_pack_major);
        w.u16_le(self.service_pack_minor);
        w.zeros(Self::RESERVED_2);
        Ok(())
    }
}
