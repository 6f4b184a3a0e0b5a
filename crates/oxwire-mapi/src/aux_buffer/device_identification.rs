//! AUX_PROTOCOL_DEVICE_IDENTIFICATION, [MS-OXCRPC] 2.2.2.2.23.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Utf16, Writer};

use super::block::{Offsets, put_text, text, text_len};

/// AUX_PROTOCOL_DEVICE_IDENTIFICATION, [MS-OXCRPC] 2.2.2.2.23: a device between client and server. What is not said is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AuxProtocolDeviceIdentification<'de> {
    /// Who makes the device.
    pub device_manufacturer: Utf16<'de>,
    /// Its model.
    pub device_model: Utf16<'de>,
    /// Its serial number.
    pub device_serial_number: Utf16<'de>,
    /// Its version.
    pub device_version: Utf16<'de>,
    /// The version of its firmware.
    pub device_firmware_version: Utf16<'de>,
}

impl<'de> AuxProtocolDeviceIdentification<'de> {
    /// Each text with the field that points to it and its own name, in wire order.
    const fn texts(&self) -> [(Utf16<'de>, &'static str, &'static str); 5] {
        [
            (self.device_manufacturer, "DeviceManufacturerOffset", "DeviceManufacturer"),
            (self.device_model, "DeviceModelOffset", "DeviceModel"),
            (self.device_serial_number, "DeviceSerialNumberOffset", "DeviceSerialNumber"),
            (self.device_version, "DeviceVersionOffset", "DeviceVersion"),
            (self.device_firmware_version, "DeviceFirmwareVersionOffset", "DeviceFirmwareVersion"),
        ]
    }
}

impl Structure for AuxProtocolDeviceIdentification<'_> {
    const NAME: &'static str = "AUX_PROTOCOL_DEVICE_IDENTIFICATION";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.2.23";
}

impl<'de> Decode<'de> for AuxProtocolDeviceIdentification<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let whole = r.clone();
        let manufacturer = r.u16_le("DeviceManufacturerOffset")?;
        let model = r.u16_le("DeviceModelOffset")?;
        let serial_number = r.u16_le("DeviceSerialNumberOffset")?;
        let version = r.u16_le("DeviceVersionOffset")?;
        let firmware_version = r.u16_le("DeviceFirmwareVersionOffset")?;
        r.ignore_rest("[MS-OXCRPC] 2.2.2.2.23: read by the offsets");
        Ok(Self {
            device_manufacturer: text(&whole, manufacturer, "DeviceManufacturer")?,
            device_model: text(&whole, model, "DeviceModel")?,
            device_serial_number: text(&whole, serial_number, "DeviceSerialNumber")?,
            device_version: text(&whole, version, "DeviceVersion")?,
            device_firmware_version: text(&whole, firmware_version, "DeviceFirmwareVersion")?,
        })
    }
}

impl Encode for AuxProtocolDeviceIdentification<'_> {
    fn encoded_len(&self) -> usize {
        10 + self.texts().iter().map(|(text, ..)| text_len(*text)).sum::<usize>()
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let mut offsets = Offsets::behind(10);
        for (text, offset, _) in self.texts() {
            w.u16_le(offsets.take(w, text_len(text), offset)?);
        }
        self.texts().iter().try_for_each(|(text, _, name)| put_text(w, *text, name))
    }
}
