//! Responses: OUT channel, echo, RPC error, and version 1's RPC connect.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use oxwire_core::{DecodeError, encode_to_bytes};
use oxwire_http::{HeadError, ResponseHead, Version, name};

use crate::eerr::ExtendedError;
use crate::rts::other::Echo;

/// Content-Length of an echo response: an Echo RTS PDU. [MS-RPCH] 2.1.2.1.6
pub const ECHO_RESPONSE_LENGTH: u64 = 20;

/// RFC 4648 section 4; receivers take text without its padding too.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// "The total length of the reason-phrase line MUST NOT exceed 1,024 bytes": the whole status line. [MS-RPCH] 2.1.2.1.3
const MAX_STATUS_LINE: usize = 1_024;

/// The most base64 text that is decoded, in bytes: extended error information is a few hundred.
const MAX_EE_INFO_TEXT: usize = 64 << 10;

/// Success of an OUT channel request: `HTTP/1.1 200 Success`. [MS-RPCH] 2.1.2.1.4
///
/// # Errors
/// [`HeadError`], which cannot be.
pub fn out_channel_response(length: u32) -> Result<ResponseHead, HeadError> {
    ResponseHead::builder(200, "Success")
        .field(name::CONTENT_TYPE, "application/rpc")
        .field(name::CONTENT_LENGTH, length.to_string())
        .response()
}

/// An echo response, head and body. [MS-RPCH] 2.1.2.1.6
///
/// # Errors
/// [`HeadError`], which cannot be.
pub fn echo_response() -> Result<(ResponseHead, Bytes), HeadError> {
    let head = ResponseHead::builder(200, "Success")
        .field(name::CONNECTION, "Keep-Alive")
        .field(name::CONTENT_TYPE, "application/rpc")
        .field(name::CONTENT_LENGTH, ECHO_RESPONSE_LENGTH.to_string())
        .response()?;
    Ok((head, encode_to_bytes(&Echo {}).unwrap_or_default()))
}

/// Version 1's RPC connect response: `HTTP/1.1 200 OK`, and the connection is a tunnel. [MS-RPCH] 2.1.1.1.2
///
/// # Errors
/// [`HeadError`], which cannot be.
pub fn connect_response() -> Result<ResponseHead, HeadError> {
    ResponseHead::builder(200, "OK").response()
}

/// A failure: an error code, and extended error information where there is some. [MS-RPCH] 2.1.2.1.3
#[derive(Clone, PartialEq, Eq)]
pub struct RpcError {
    /// RPC-Error: a Windows error code ([MS-ERREF]; note 9), such as 0x5 (access denied to the target) and 0x6BA (server
    /// unavailable).
    pub code: u32,
    /// EncodedEEInfo, decoded from base64: what [`extended_error`](Self::extended_error) reads. From the message body where it is there, as 3.2.2.5.11
    /// asks for, else from the reason phrase.
    pub ee_info: Option<Bytes>,
}

impl RpcError {
    /// An error code alone.
    #[must_use]
    pub const fn new(code: u32) -> Self {
        Self { code, ee_info: None }
    }

    /// RPC_S_ACCESS_DENIED: the target may not be connected to.
    pub const ACCESS_DENIED: u32 = 0x5;
    /// RPC_S_SERVER_UNAVAILABLE.
    pub const SERVER_UNAVAILABLE: u32 = 0x6BA;
    /// RPC_S_PROTOCOL_ERROR.
    pub const PROTOCOL_ERROR: u32 = 0x6C0;

    /// Reads a reason phrase: `RPC Error: 6ba`, perhaps with `, EEInfo: …` behind it. `None` for another one; information
    /// that is no base64 is left out, since the code is what counts.
    #[must_use]
    pub fn from_reason(reason: &[u8]) -> Option<Self> {
        let rest = strip_prefix_ignoring_case(reason, b"RPC Error:")?.trim_ascii_start();
        let digits = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let (number, rest) = rest.split_at_checked(digits)?;
        let code = u32::from_str_radix(std::str::from_utf8(number).ok()?, 16).ok()?;
        let rest = rest.trim_ascii_start();
        let ee_info = rest
            .strip_prefix(b",")
            .and_then(|rest| strip_prefix_ignoring_case(rest.trim_ascii_start(), b"EEInfo:"))
            .and_then(decode_base64);
        Some(Self { code, ee_info })
    }

    /// Reads the failure that a head tells: a 503 with such a reason phrase.
    #[must_use]
    pub fn of(head: &ResponseHead) -> Option<Self> {
        if head.status() == 503 { Self::from_reason(head.reason()) } else { None }
    }

    /// Takes the information of a message body, `RPC EEInfo:…`, in place of the reason phrase's. A body of another form
    /// (localised text, HTML) changes nothing. [MS-RPCH] 3.2.2.5.11
    #[must_use]
    pub fn with_body(mut self, body: &[u8]) -> Self {
        let text = strip_prefix_ignoring_case(body.trim_ascii_start(), b"RPC EEInfo:");
        if let Some(ee_info) = text.and_then(decode_base64) {
            self.ee_info = Some(ee_info);
        }
        self
    }

    /// The extended error information, read; `None` where there is none. [MS-RPCH] 3.2.2.5.11
    ///
    /// # Errors
    /// [`DecodeError`] where it is not what [MS-EERR] says; the code counts all the same.
    #[must_use]
    pub fn extended_error(&self) -> Option<Result<ExtendedError, DecodeError>> {
        self.ee_info.as_deref().map(ExtendedError::from_bytes)
    }

    /// Looks for a failure that stands in the midst of an OUT channel's stream, where a proxy that has answered 200 already
    /// writes `HTTP/1.0 503 RPC Error: …` in place of a PDU (seen by impacket and FreeRDP, which look for it too).
    #[must_use]
    pub fn in_stream(bytes: &[u8]) -> Option<Self> {
        let line = bytes.strip_prefix(b"HTTP/1.0 503 ").or_else(|| bytes.strip_prefix(b"HTTP/1.1 503 "))?;
        let end = line.windows(2).position(|pair| pair == b"\r\n").unwrap_or(line.len());
        let (reason, rest) = line.split_at_checked(end)?;
        let body = rest.windows(4).position(|four| four == b"\r\n\r\n").and_then(|at| rest.get(at + 4..));
        Some(Self::from_reason(reason)?.with_body(body.unwrap_or_default()))
    }
}

/// The code, and how much information there is.
impl fmt::Debug for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RPC Error: {:x}", self.code)?;
        match &self.ee_info {
            Some(info) => write!(f, " ({} bytes of EEInfo)", info.len()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RPC Error: {:x}", self.code)?;
        match self.extended_error() {
            Some(Ok(extended)) => write!(f, " ({extended})"),
            Some(Err(_)) | None => Ok(()),
        }
    }
}

fn strip_prefix_ignoring_case<'a>(bytes: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = bytes.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn decode_base64(text: &[u8]) -> Option<Bytes> {
    let text = text.trim_ascii();
    let end = text.iter().position(|b| matches!(b, b'\r' | b'\n' | b' ')).unwrap_or(text.len());
    let text = text.get(..end.min(MAX_EE_INFO_TEXT))?;
    BASE64.decode(text).ok().filter(|blob| !blob.is_empty()).map(Bytes::from)
}

/// A failure, head and body: `HTTP/1.0 503 RPC Error: …`. The information stands in both ([MS-RPCH] 3.2.3.5.11), and in the
/// body alone where the status line would pass 1,024 bytes.
///
/// # Errors
/// [`HeadError`], which cannot be.
pub fn rpc_error_response(error: &RpcError) -> Result<(ResponseHead, Bytes), HeadError> {
    let encoded = error.ee_info.as_ref().map(|blob| BASE64.encode(blob));
    let bare = format!("RPC Error: {:x}", error.code);
    let mut reason = bare.clone();
    if let Some(encoded) = &encoded {
        reason = format!("{bare}, EEInfo: {encoded}");
    }
    if "HTTP/1.0 503 ".len().saturating_add(reason.len()) > MAX_STATUS_LINE {
        reason = bare;
    }
    let body = encoded.map_or_else(Bytes::new, |encoded| format!("RPC EEInfo:{encoded}\r\n").into());
    let head = ResponseHead::builder(503, &reason)
        .version(Version::Http10)
        .field(name::CONNECTION, "close")
        .field(name::CONTENT_TYPE, "text/plain")
        .field(name::CONTENT_LENGTH, body.len().to_string())
        .response()?;
    Ok((head, body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eerr::ErrorRecord;

    /// [MS-RPCH] 2.1.2.1.4 and 2.1.2.1.6.
    #[test]
    fn successes() {
        assert_eq!(
            out_channel_response(0x4000_0000).unwrap().as_bytes(),
            "HTTP/1.1 200 Success\r\nContent-Type: application/rpc\r\nContent-Length: 1073741824\r\n\r\n"
        );
        let (head, body) = echo_response().unwrap();
        assert_eq!(
            head.as_bytes(),
            "HTTP/1.1 200 Success\r\nConnection: Keep-Alive\r\nContent-Type: application/rpc\r\nContent-Length: 20\r\n\r\n"
        );
        // 2.2.4.48, by hand: the header alone, flag RTS_FLAG_ECHO.
        assert_eq!(&body[..], [5, 0, 20, 3, 0x10, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0]);
    }

    /// Reasons by the grammar of 2.1.2.1.3, and as impacket and FreeRDP report them.
    #[test]
    fn reasons() {
        for (reason, expected) in [
            (&b"RPC Error: 6ba"[..], Some((0x6BA, None))),
            (b"RPC Error: 5", Some((5, None))),
            (b"RPC Error: FFFFFFFF", Some((u32::MAX, None))),
            (b"RPC Error: 6c0, EEInfo: AQID", Some((0x6C0, Some(&[1, 2, 3][..])))),
            (b"RPC Error: 6c0, EEInfo: AQI=", Some((0x6C0, Some(&[1, 2][..])))),
            (b"RPC Error: 6c0, EEInfo: ###", Some((0x6C0, None))),
            (b"rpc error:6BA (Zugriff verweigert)", Some((0x6BA, None))),
            (b"RPC Error: 100000000", None),
            (b"RPC Error: x", None),
            (b"RPC Error: ", None),
            (b"Service Unavailable", None),
            (b"", None),
        ] {
            let error = RpcError::from_reason(reason).map(|error| (error.code, error.ee_info));
            let expected = expected.map(|(code, info)| (code, info.map(Bytes::copy_from_slice)));
            assert_eq!(error, expected, "{}", reason.escape_ascii());
        }
    }

    /// 3.2.2.5.11: the body's information counts where it is there.
    #[test]
    fn the_bodys_information_comes_first() {
        let error = RpcError::from_reason(b"RPC Error: 6ba, EEInfo: AQID").unwrap();
        assert_eq!(error.clone().with_body(b"RPC EEInfo:BAUG\r\n").ee_info.as_deref(), Some(&[4, 5, 6][..]));
        for body in [&b""[..], b"<html>nope</html>", b"RPC EEInfo:***\r\n"] {
            assert_eq!(error.clone().with_body(body).ee_info.as_deref(), Some(&[1, 2, 3][..]));
        }
    }

    /// A proxy that cannot reach the server, as [MS-EERR] 2.2.3 names it.
    #[test]
    fn extended_errors_are_read_for_people() {
        let record = ErrorRecord {
            computer_name: Some("PROXY1".into()),
            generating_component: ErrorRecord::PROXY_COMPONENT,
            detection_location: ErrorRecord::PROXY_CONNECT_FAILED,
            status: 0x274D,
            ..ErrorRecord::default()
        };
        let extended = ExtendedError { records: vec![record] };
        let error = RpcError { code: 0x6BA, ee_info: Some(extended.to_bytes().unwrap()) };
        assert_eq!(error.extended_error(), Some(Ok(extended)));
        let text = "RPC Error: 6ba (status 0x274d, component 0xe, location 0x5a0, on PROXY1)";
        assert_eq!(error.to_string(), text);
        let damaged = RpcError { code: 0x6BA, ee_info: Some(Bytes::from_static(b"nonsense")) };
        assert!(matches!(damaged.extended_error(), Some(Err(_))));
        assert_eq!(damaged.to_string(), "RPC Error: 6ba");
        assert_eq!(RpcError::new(5).extended_error(), None);
    }

    #[test]
    fn failures_read_back() {
        for (info, in_reason) in [(None, false), (Some(vec![9; 300]), true), (Some(vec![9; 3_000]), false)] {
            let error = RpcError { code: 0x6BA, ee_info: info.map(Bytes::from) };
            let (head, body) = rpc_error_response(&error).unwrap();
            let line = head.as_bytes().split(|b| *b == b'\r').next().unwrap().len();
            assert!(line <= 1_024 && head.version() == Version::Http10);
            let read = RpcError::of(&head).unwrap();
            assert_eq!(read.ee_info.is_some(), in_reason);
            assert_eq!(read.with_body(&body), error);
        }
    }

    /// impacket rpch.py and FreeRDP#2282: the failure comes in place of a PDU.
    #[test]
    fn impacket_and_freerdp_see_it_in_mid_stream() {
        let bytes = b"HTTP/1.0 503 RPC Error: 5\r\nContent-Length: 17\r\n\r\nRPC EEInfo:AQID\r\n";
        let error = RpcError::in_stream(bytes).unwrap();
        assert_eq!((error.code, error.ee_info.as_deref()), (5, Some(&[1, 2, 3][..])));
        assert_eq!(RpcError::in_stream(b"HTTP/1.0 503 RPC Error: 6ba").unwrap().code, 0x6BA);
        assert_eq!(RpcError::in_stream(b"HTTP/1.0 200 Success\r\n\r\n"), None);
        assert_eq!(RpcError::in_stream(&[5, 0, 20, 3]), None);
        for len in 0..bytes.len() {
            let _no_panic = RpcError::in_stream(&bytes[..len]);
        }
    }
}
