//! The answer.

use serde_json::{Map, Value};

use super::query::Protocol;

/// What an answer may ask of its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct JsonLimits {
    /// Bytes of the document. Default 64 KiB. Nesting is bound to 128 by the parser.
    pub bytes: usize,
}

impl JsonLimits {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self { bytes: 64 << 10 };

    /// Sets [`JsonLimits::bytes`].
    #[must_use]
    pub const fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }
}

/// A document that is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Longer than the limit.
    #[error("expected at most {allowed} bytes; raise the limit to accept it")]
    TooLong {
        /// The limit.
        allowed: usize,
    },
    /// Not JSON.
    #[error("expected JSON, at line {line}, column {column}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// JSON, and no object.
    #[error("expected an object")]
    NotObject,
    /// An object with neither `Url` nor `ErrorCode`, as text.
    #[error("expected `Url` or `ErrorCode`, as text")]
    NoAnswer,
}

/// The answer: a URL, or an error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The URL of the protocol.
    Url {
        /// The protocol, as the server names it; `None` where it does not.
        protocol: Option<Protocol<'static>>,
        /// The URL.
        url: String,
    },
    /// An error, usually with the HTTP status 400 or 404.
    Error {
        /// Its code: see the constants of [`Answer`].
        code: String,
        /// The server's words.
        message: String,
    },
}

impl Answer {
    /// The protocol is none that the server knows; the message lists those.
    pub const INVALID_PROTOCOL: &'static str = "InvalidProtocol";
    /// A parameter is missing.
    pub const MANDATORY_PARAMETER_MISSING: &'static str = "MandatoryParameterMissing";
    /// The address is none.
    pub const INVALID_USER_ID: &'static str = "InvalidUserId";
    /// Nobody has this address.
    pub const USER_NOT_FOUND: &'static str = "UserNotFound";
    /// The server knows the protocol and has no URL for this mailbox.
    pub const PROTOCOL_NOT_SUPPORTED: &'static str = "ProtocolNotSupported";

    /// Whether this is an error of that code, in any letter case.
    #[must_use]
    pub fn is_error(&self, expected: &str) -> bool {
        matches!(self, Self::Error { code, .. } if code.eq_ignore_ascii_case(expected))
    }

    /// Reads an answer; names of members in any letter case, further members and a byte order mark passed over.
    ///
    /// # Errors
    /// [`JsonError`].
    pub fn decode(bytes: &[u8], limits: JsonLimits) -> Result<Self, JsonError> {
        if bytes.len() > limits.bytes {
            return Err(JsonError::TooLong { allowed: limits.bytes });
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| JsonError::Syntax { line: error.line(), column: error.column() })?;
        let Value::Object(members) = value else { return Err(JsonError::NotObject) };
        let member = |name: &str| {
            let (_, value) = members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            value.as_str().filter(|value| !value.is_empty())
        };
        if let Some(code) = member("ErrorCode") {
            let message = member("ErrorMessage").unwrap_or_default();
            return Ok(Self::Error { code: code.to_owned(), message: message.to_owned() });
        }
        let url = member("Url").ok_or(JsonError::NoAnswer)?.to_owned();
        Ok(Self::Url { protocol: member("Protocol").map(|name| Protocol::of(name.to_owned().into())), url })
    }

    /// Writes the answer.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut members = Map::new();
        let mut put = |name: &str, value: &str| {
            members.insert(name.to_owned(), value.into());
        };
        match self {
            Self::Url { protocol, url } => {
                if let Some(protocol) = protocol {
                    put("Protocol", protocol.name());
                }
                put("Url", url);
            }
            Self::Error { code, message } => {
                put("ErrorCode", code);
                put("ErrorMessage", message);
            }
        }
        Value::Object(members).to_string()
    }

    /// The HTTP status that the answer travels with: 200, 404 for an address that nobody has, 400 for other errors.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Url { .. } => 200,
            Self::Error { .. } if self.is_error(Self::USER_NOT_FOUND) => 404,
            Self::Error { .. } => 400,
        }
    }
}
