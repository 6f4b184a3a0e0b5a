//! Blocks that say who performance data is about: [MS-OXCRPC] 2.2.2.2.4 to 2.2.2.2.6.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Guid, Reader, Structure, Utf16, Writer};

use super::block::{self, Offsets, put_text, text, text_len};

/// ClientMode of AUX_PERF_CLIENTINFO, [MS-OXCRPC] 2.2.2.2.4. Unknown numbers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientMode(pub u16);

impl ClientMode {
    /// CLIENTMODE_UNKNOWN: not said.
    pub const UNKNOWN: Self = Self(0x00);
    /// CLIENTMODE_CLASSIC: online.
    pub const CLASSIC: Self = Self(0x01);
    /// CLIENTMODE_CACHED: with a cache.
    pub const CACHED: Self = Self(0x02);
}

/// AUX_PERF_CLIENTINFO, [MS-OXCRPC] 2.2.2.2.4: the client that performance data belongs to. Text and bytes that are not there are empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuxPerfClientInfo<'de> {
    /// The speed of the network adapter, in kilobits a second.
    pub adapter_speed: u32,
    /// The number that other blocks name the client by.
    pub client_id: u16,
    /// Online or cached.
    pub client_mode: ClientMode,
    /// The computer.
    pub machine_name: Utf16<'de>,
    /// The account.
    pub user_name: Utf16<'de>,
    /// The IP address.
    pub client_ip: &'de [u8],
    /// The subnet mask.
    pub client_ip_mask: &'de [u8],
    /// The network adapter.
    pub adapter_name: Utf16<'de>,
    /// The MAC address.
    pub mac_address: &'de [u8],
}

impl AuxPerfClientInfo<'_> {
    /// Bytes of the fields in front of text and bytes.
    const FIELDS: usize = 28;
}

impl Structure for AuxPerfClientInfo<'_> {
    const NAME: &'static str = "AUX_PERF_CLIENTINFO";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.2.4";
}

impl<'de> Decode<'de> for AuxPerfClientInfo<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let whole = r.clone();
        let adapter_speed = r.u32_le("AdapterSpeed")?;
        let client_id = r.u16_le("ClientID")?;
        let machine_name = r.u16_le("MachineNameOffset")?;
        let user_name = r.u16_le("UserNameOffset")?;
        let client_ip_size = r.u16_le("ClientIPSize")?;
        let client_ip = r.u16_le("ClientIPOffset")?;
        let client_ip_mask_size = r.u16_le("ClientIPMaskSize")?;
        let client_ip_mask = r.u16_le("ClientIPMaskOffset")?;
        let adapter_name = r.u16_le("AdapterNameOffset")?;
        let mac_address_size = r.u16_le("MacAddressSize")?;
        let mac_address = r.u16_le("MacAddressOffset")?;
        let client_mode = ClientMode(r.u16_le("ClientMode")?);
        r.u16_le("Reserved")?;
        r.ignore_rest("[MS-OXCRPC] 2.2.2.2.4: read by the offsets");
        Ok(Self {
            adapter_speed,
            client_id,
            client_mode,
            machine_name: text(&whole, machine_name, "MachineName")?,
            user_name: text(&whole, user_name, "UserName")?,
            client_ip: block::bytes(&whole, client_ip, client_ip_size, "ClientIP")?,
            client_ip_mask: block::bytes(&whole, client_ip_mask, client_ip_mask_size, "ClientIPMask")?,
            adapter_name: text(&whole, adapter_name, "AdapterName")?,
            mac_address: block::bytes(&whole, mac_address, mac_address_size, "MacAddress")?,
        })
    }
}

impl Encode for AuxPerfClientInfo<'_> {
    fn encoded_len(&self) -> usize {
        Self::FIELDS
            + text_len(self.machine_name)
            + text_len(self.user_name)
            + self.client_ip.len()
            + self.client_ip_mask.len()
            + text_len(self.adapter_name)
            + self.mac_address.len()
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let mut offsets = Offsets::behind(Self::FIELDS);
        w.u32_le(self.adapter_speed);
        w.u16_le(self.client_id);
        w.u16_le(offsets.take(w, text_len(self.machine_name), "MachineNameOffset")?);
        w.u16_le(offsets.take(w, text_len(self.user_name), "UserNameOffset")?);
        w.len_u16_le(self.client_ip.len(), "ClientIPSize")?;
        w.u16_le(offsets.take(w, self.client_ip.len(), "ClientIPOffset")?);
        w.len_u16_le(self.client_ip_mask.len(), "ClientIPMaskSize")?;
        w.u16_le(offsets.take(w, self.client_ip_mask.len(), "ClientIPMaskOffset")?);
        w.u16_le(offsets.take(w, text_len(self.adapter_name), "AdapterNameOffset")?);
        w.len_u16_le(self.mac_address.len(), "MacAddressSize")?;
        w.u16_le(offsets.take(w, self.mac_address.len(), "MacAddressOffset")?);
        w.u16_le(self.client_mode.0);
        w.u16_le(0);
        put_text(w, self.machine_name, "MachineName")?;
        put_text(w, self.user_name, "UserName")?;
        w.bytes(self.client_ip);
        w.bytes(self.client_ip_mask);
        put_text(w, self.adapter_name, "AdapterName")?;
        w.bytes(self.mac_address);
        Ok(())
    }
}

/// ServerType of AUX_PERF_SERVERINFO, [MS-OXCRPC] 2.2.2.2.5: what a connection serves. Unknown numbers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServerType(pub u16);

impl ServerType {
    /// SERVERTYPE_UNKNOWN: not known.
    pub const UNKNOWN: Self = Self(0x00);
    /// SERVERTYPE_PRIVATE: a private mailbox.
    pub const PRIVATE: Self = Self(0x01);
    /// SERVERTYPE_PUBLIC: public folders.
    pub const PUBLIC: Self = Self(0x02);
    /// SERVERTYPE_DIRECTORY: the directory.
    pub const DIRECTORY: Self = Self(0x03);
    /// SERVERTYPE_REFERRAL: referrals.
    pub const REFERRAL: Self = Self(0x04);
}

/// AUX_PERF_SERVERINFO, [MS-OXCRPC] 2.2.2.2.5: the server that performance data is about. Text that is not there is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuxPerfServerInfo<'de> {
    /// The number that other blocks name the server by.
    pub server_id: u16,
    /// What the connection serves.
    pub server_type: ServerType,
    /// The DN.
    pub server_dn: Utf16<'de>,
    /// The name.
    pub server_name: Utf16<'de>,
}

impl Structure for AuxPerfServerInfo<'_> {
    const NAME: &'static str = "AUX_PERF_SERVERINFO";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.2.5";
}

impl<'de> Decode<'de> for AuxPerfServerInfo<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let whole = r.clone();
        let server_id = r.u16_le("ServerID")?;
        let server_type = ServerType(r.u16_le("ServerType")?);
        let server_dn = r.u16_le("ServerDNOffset")?;
        let server_name = r.u16_le("ServerNameOffset")?;
        r.ignore_rest("[MS-OXCRPC] 2.2.2.2.5: read by the offsets");
        let server_dn = text(&whole, server_dn, "ServerDN")?;
        Ok(Self { server_id, server_type, server_dn, server_name: text(&whole, server_name, "ServerName")? })
    }
}

impl Encode for AuxPerfServerInfo<'_> {
    fn encoded_len(&self) -> usize {
        8 + text_len(self.server_dn) + text_len(self.server_name)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let mut offsets = Offsets::behind(8);
        w.u16_le(self.server_id);
        w.u16_le(self.server_type.0);
        w.u16_le(offsets.take(w, text_len(self.server_dn), "ServerDNOffset")?);
        w.u16_le(offsets.take(w, text_len(self.server_name), "ServerNameOffset")?);
        put_text(w, self.server_dn, "ServerDN")?;
        put_text(w, self.server_name, "ServerName")
    }
}

/// AUX_PERF_PROCESSINFO, [MS-OXCRPC] 2.2.2.2.6: the process that performance data belongs to. It stands in the tables of both versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuxPerfProcessInfo<'de> {
    /// The number that other blocks name the process by.
    pub process_id: u16,
    /// The process.
    pub process_guid: Guid,
    /// Its name; empty where it is not there.
    pub process_name: Utf16<'de>,
}

impl Structure for AuxPerfProcessInfo<'_> {
    const NAME: &'static str = "AUX_PERF_PROCESSINFO";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.2.6";
}

impl<'de> Decode<'de> for AuxPerfProcessInfo<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let whole = r.clone();
        let process_id = r.u16_le("ProcessID")?;
        r.u16_le("Reserved_1")?;
        let process_guid = r.guid("ProcessGuid")?;
        let process_name = r.u16_le("ProcessNameOffset")?;
        r.u16_le("Reserved_2")?;
        r.ignore_rest("[MS-OXCRPC] 2.2.2.2.6: read by the offset");
        Ok(Self { process_id, process_guid, process_name: text(&whole, process_name, "ProcessName")? })
    }
}

impl Encode for AuxPerfProcessInfo<'_> {
    fn encoded_len(&self) -> usize {
        24 + text_len(self.process_name)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u16_le(self.process_id);
        w.u16_le(0);
        w.guid(self.process_guid);
        w.u16_le(Offsets::behind(24).take(w, text_len(self.process_name), "ProcessNameOffset")?);
        w.u16_le(0);
        put_text(w, self.process_name, "ProcessName")
    }
}
