//! RopGetPropertiesSpecific, [MS-OXCROPS] 2.2.8.3, [MS-OXCPRPT] 2.2.2.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::codec::{request_head, success_head, write_request_head, write_response_head};
use super::{HandleIndexes, Request, Response, RopId};
use crate::property::{Cell, CountWidth, ErrorCode, PropertyRow, PropertyTag, PropertyTags, encode_row};

/// RopGetPropertiesSpecific request, [MS-OXCROPS] 2.2.8.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GetPropertiesSpecificRequest<'a> {
    /// The logon.
    pub logon_id: u8,
    /// The object.
    pub input_handle_index: u8,
    /// Bytes of one value at the most; 0 leaves it to the size of the buffer.
    pub property_size_limit: u16,
    /// Whether strings asked for as PtypUnspecified come as UTF-16. Any value but zero; written as 1.
    pub want_unicode: bool,
    /// The properties.
    pub property_tags: PropertyTags<'a>,
}

impl Structure for GetPropertiesSpecificRequest<'_> {
    const NAME: &'static str = "RopGetPropertiesSpecific request";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.8.3.1";
}

impl Encode for GetPropertiesSpecificRequest<'_> {
    fn encoded_len(&self) -> usize {
        self.property_tags.len().saturating_mul(4).saturating_add(9)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_request_head(w, RopId::GET_PROPERTIES_SPECIFIC, self.logon_id, self.input_handle_index);
        w.u16_le(self.property_size_limit);
        w.u16_le(u16::from(self.want_unicode));
        self.property_tags.encode_counted(w, "PropertyTagCount")
    }
}

impl<'de> Decode<'de> for GetPropertiesSpecificRequest<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let (logon_id, input_handle_index) = request_head(r, RopId::GET_PROPERTIES_SPECIFIC, "InputHandleIndex")?;
        let property_size_limit = r.u16_le("PropertySizeLimit")?;
        let want_unicode = r.u16_le("WantUnicode")? != 0;
        let property_tags = PropertyTags::decode_counted(r, "PropertyTagCount", "PropertyTags")?;
        Ok(Self { logon_id, input_handle_index, property_size_limit, want_unicode, property_tags })
    }
}

impl Request for GetPropertiesSpecificRequest<'_> {
    fn rop_id(&self) -> RopId {
        RopId::GET_PROPERTIES_SPECIFIC
    }

    fn handle_indexes(&self) -> HandleIndexes {
        HandleIndexes { input: Some(self.input_handle_index), output: None }
    }
}

/// RopGetPropertiesSpecific success response, [MS-OXCROPS] 2.2.8.3.2, as it is read: with the tags of the request.
#[derive(Debug, Clone)]
pub struct GetPropertiesSpecificResponse<'a> {
    /// The object.
    pub input_handle_index: u8,
    /// The values, in the order of the tags asked for.
    pub row: PropertyRow<'a>,
}

impl<'a> GetPropertiesSpecificResponse<'a> {
    /// Reads the response to a request of these tags.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(r: &mut Reader<'a>, tags: PropertyTags<'a>) -> Result<Self, DecodeError> {
        *r = r.clone().named("RopGetPropertiesSpecific response", "[MS-OXCROPS] 2.2.8.3.2");
        let input_handle_index = success_head(r, RopId::GET_PROPERTIES_SPECIFIC, "InputHandleIndex")?;
        let row = PropertyRow::decode(r, tags, CountWidth::RopBuffer)?;
        Ok(Self { input_handle_index, row })
    }
}

/// The same response, as it is written: a cell for each tag asked for.
pub struct PropertiesResponse<'a, F> {
    /// The object.
    pub input_handle_index: u8,
    /// The tags of the request.
    pub property_tags: PropertyTags<'a>,
    /// The cell of a tag, by its place in the request. Asked more than once, with the same answer each time.
    pub cell: F,
}

impl<F> std::fmt::Debug for PropertiesResponse<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PropertiesResponse")
            .field("input_handle_index", &self.input_handle_index)
            .field("property_tags", &self.property_tags)
            .finish_non_exhaustive()
    }
}

impl<F> Structure for PropertiesResponse<'_, F> {
    const NAME: &'static str = "RopGetPropertiesSpecific response";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.8.3.2";
}

impl<'v, F: Fn(usize, PropertyTag) -> Cell<'v>> Encode for PropertiesResponse<'_, F> {
    fn encoded_len(&self) -> usize {
        let cells = self.property_tags.iter().enumerate().map(|(index, tag)| match (self.cell)(index, tag) {
            Cell::Value(value) => value.encoded_len(CountWidth::RopBuffer).saturating_add(3),
            Cell::Absent => 3,
            Cell::Error(_) => 7,
        });
        cells.fold(7, usize::saturating_add)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        write_response_head(w, RopId::GET_PROPERTIES_SPECIFIC, self.input_handle_index, ErrorCode::SUCCESS);
        encode_row(w, self.property_tags, CountWidth::RopBuffer, &self.cell)
    }
}

impl<'v, F: Fn(usize, PropertyTag) -> Cell<'v>> Response for PropertiesResponse<'_, F> {
    fn rop_id(&self) -> RopId {
        RopId::GET_PROPERTIES_SPECIFIC
    }

    fn handle_index(&self) -> Option<u8> {
        Some(self.input_handle_index)
    }
}
