//! What both ends share of the header fields: [MS-OXCMAPIHTTP] 2.2.3.

use std::fmt;
use std::str::FromStr;

use oxwire_core::Guid;

/// `Content-Type` of a request, and of a response whose X-ResponseCode is 0: [MS-OXCMAPIHTTP] 2.2.3.2.2.
pub const CONTENT_TYPE_MAPI: &str = "application/mapi-http";

/// `Content-Type` of a response whose X-ResponseCode is not 0: [MS-OXCMAPIHTTP] 2.2.3.2.2.
pub const CONTENT_TYPE_DIAGNOSTICS: &str = "text/html";

/// Whether a `Content-Type` value names that media type, whatever its letter case and parameters.
#[must_use]
pub fn media_type_is(value: &[u8], media_type: &str) -> bool {
    let bare = value.split(|byte| *byte == b';').next().unwrap_or_default();
    bare.trim_ascii().eq_ignore_ascii_case(media_type.as_bytes())
}

/// A GUID and a decimal counter: the value of X-RequestId ([MS-OXCMAPIHTTP] 2.2.3.3.2) and of X-ClientInfo
/// ([MS-OXCMAPIHTTP] 2.2.3.3.4).
///
/// Written as `{GUID}:counter`. Read with or without the braces and in either letter case: Microsoft's Remote
/// Connectivity Analyzer sends none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GuidCounter {
    /// The globally unique value.
    pub guid: Guid,
    /// The counter behind it.
    pub counter: u64,
}

impl fmt::Display for GuidCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}:{}", self.guid, self.counter)
    }
}

/// Text that is not a GUID and a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a GUID, a colon and a decimal counter, as in {{E2EA6C1C-E61B-49E9-9CFB-38184F907552}}:123456")]
pub struct ParseGuidCounterError;

impl FromStr for GuidCounter {
    type Err = ParseGuidCounterError;

    fn from_str(text: &str) -> Result<Self, ParseGuidCounterError> {
        let (guid, counter) = text.trim_ascii().rsplit_once(':').ok_or(ParseGuidCounterError)?;
        if !counter.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseGuidCounterError);
        }
        Ok(Self {
            guid: guid.parse().map_err(|_| ParseGuidCounterError)?,
            counter: counter.parse().map_err(|_| ParseGuidCounterError)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from [MS-OXCMAPIHTTP] 2.2.3.3.2 and 2.2.3.3.4.
    #[test]
    fn r155_a_guid_and_a_counter() {
        let id: GuidCounter = "E2EA6C1C-E61B-49E9-9CFB-38184F907552:123456".parse().unwrap();
        assert_eq!(id.counter, 123_456);
        assert_eq!(id.to_string(), "{E2EA6C1C-E61B-49E9-9CFB-38184F907552}:123456");
        let info: GuidCounter = "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123".parse().unwrap();
        assert_eq!(info.to_string(), "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123");
        assert_eq!(info.to_string().to_lowercase().parse(), Ok(info));
    }

    #[test]
    fn what_is_not_one_is_refused() {
        for text in [
            "",
            ":1",
            "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}",
            "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:",
            "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:+1",
            "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:18446744073709551616",
            "{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0:1",
        ] {
            assert_eq!(text.parse::<GuidCounter>(), Err(ParseGuidCounterError), "{text}");
        }
    }

    #[test]
    fn media_types_are_compared_without_parameters() {
        assert!(media_type_is(b"Text/HTML; charset=utf-8", CONTENT_TYPE_DIAGNOSTICS));
        assert!(media_type_is(b" application/mapi-http", CONTENT_TYPE_MAPI));
        assert!(!media_type_is(b"application/octet-stream", CONTENT_TYPE_MAPI));
    }
}
