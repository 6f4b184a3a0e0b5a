//! The X-ResponseCode header field, [MS-OXCMAPIHTTP] 2.2.3.3.3.

use std::fmt;

/// The value of an X-ResponseCode header. Numbers without a name are kept.
///
/// gromox sends 0 to 9 in an order of its own: the number is what came, the name is the specification's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResponseCode(u32);

macro_rules! codes {
    ($($(#[$doc:meta])* $constant:ident = $value:literal, $name:literal;)*) => {
        impl ResponseCode {
            $($(#[$doc])* pub const $constant: Self = Self($value);)*

            /// All that have a name, in order.
            pub const ALL: &'static [Self] = &[$(Self::$constant),*];

            /// The specification's name of the code.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// The request was properly formatted and accepted.
    SUCCESS = 0, "Success";
    /// A failure without a code of its own.
    UNKNOWN_FAILURE = 1, "Unknown Failure";
    /// The HTTP verb is not POST.
    INVALID_VERB = 2, "Invalid Verb";
    /// The path is not that of an endpoint.
    INVALID_PATH = 3, "Invalid Path";
    /// A header's value is not valid.
    INVALID_HEADER = 4, "Invalid Header";
    /// The X-RequestType is not one of the endpoint's.
    INVALID_REQUEST_TYPE = 5, "Invalid Request Type";
    /// The session context cookie is not valid.
    INVALID_CONTEXT_COOKIE = 6, "Invalid Context Cookie";
    /// A required header is missing.
    MISSING_HEADER = 7, "Missing Header";
    /// The request is anonymous.
    ANONYMOUS_NOT_ALLOWED = 8, "Anonymous Not Allowed";
    /// The request is too large.
    TOO_LARGE = 9, "Too Large";
    /// There is no such Session Context, or it is another user's.
    CONTEXT_NOT_FOUND = 10, "Context Not Found";
    /// The client has no privileges to the Session Context.
    NO_PRIVILEGE = 11, "No Privilege";
    /// The request body is not valid.
    INVALID_REQUEST_BODY = 12, "Invalid Request Body";
    /// A required cookie is missing.
    MISSING_COOKIE = 13, "Missing Cookie";
    /// Never sent; the client ignores it.
    RESERVED = 14, "Reserved";
    /// More than one request at a time in a Session Context.
    INVALID_SEQUENCE = 15, "Invalid Sequence";
    /// The endpoint is disabled.
    ENDPOINT_DISABLED = 16, "Endpoint Disabled";
    /// The response is not valid.
    INVALID_RESPONSE = 17, "Invalid Response";
    /// The endpoint is shutting down.
    ENDPOINT_SHUTTING_DOWN = 18, "Endpoint Shutting Down";
}

impl ResponseCode {
    /// From the number in the header.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number in the header.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Whether it is 0.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 == 0
    }

    /// Whether the client must ignore it: [`ResponseCode::RESERVED`].
    #[must_use]
    pub const fn is_reserved(self) -> bool {
        self.0 == Self::RESERVED.0
    }

    /// Reads a header value: decimal digits, blanks around them do not count.
    ///
    /// # Errors
    /// [`ParseResponseCodeError`] for anything else.
    pub fn parse(value: &[u8]) -> Result<Self, ParseResponseCodeError> {
        decimal(value).and_then(|number| u32::try_from(number).ok()).map(Self).ok_or(ParseResponseCodeError)
    }
}

/// A decimal number without sign, blanks around it, that fits 64 bits.
pub(super) fn decimal(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = char::from(*byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The number and, where it has one, its name: `10 (Context Not Found)`.
impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResponseCode({self})")
    }
}

/// An X-ResponseCode that is not a number of 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("X-ResponseCode: expected a decimal number of at most 32 bits ([MS-OXCMAPIHTTP] 2.2.3.3.3)")]
pub struct ParseResponseCodeError;
