//! Client Address, [MS-RPCH] 2.2.3.2.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

/// The address of the client, [MS-RPCH] 2.2.3.2.
///
/// The text asks for the address "in little-endian byte order". An IPv6 address is sent by every known peer as its 16 bytes in
/// network order, and an IPv4 address as the bytes that a little-endian machine holds `sin_addr` in, which is network order
/// too: so both are network order here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

/// AddressType, [MS-RPCH] 2.2.3.2.1.
const IPV4: u32 = 0;
/// AddressType, [MS-RPCH] 2.2.3.2.2.
const IPV6: u32 = 1;
/// Trailing bytes of both forms: zero when sent, ignored on receipt.
const PADDING: usize = 12;

impl Structure for ClientAddress {
    const NAME: &'static str = "ClientAddress";
    const SPEC: &'static str = "[MS-RPCH] 2.2.3.2";
}

impl Encode for ClientAddress {
    fn encoded_len(&self) -> usize {
        match self.0 {
            IpAddr::V4(_) => 4 + 4 + PADDING,
            IpAddr::V6(_) => 4 + 16 + PADDING,
        }
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        match self.0 {
            IpAddr::V4(address) => {
                w.u32_le(IPV4);
                w.bytes(&address.octets());
            }
            IpAddr::V6(address) => {
                w.u32_le(IPV6);
                w.bytes(&address.octets());
            }
        }
        w.zeros(PADDING);
        Ok(())
    }
}

impl<'de> Decode<'de> for ClientAddress {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let at = r.offset();
        let address = match r.u32_le("AddressType")? {
            IPV4 => IpAddr::V4(Ipv4Addr::from(r.array::<4>("ClientAddress")?)),
            IPV6 => IpAddr::V6(Ipv6Addr::from(r.array::<16>("ClientAddress")?)),
            other => return Err(r.invalid(at, "AddressType", "0 (IPv4) or 1 (IPv6)", other)),
        };
        r.bytes(PADDING, "Padding")?;
        Ok(Self(address))
    }
}
