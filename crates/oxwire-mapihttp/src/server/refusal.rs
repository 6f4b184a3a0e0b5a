//! Every X-ResponseCode of [MS-OXCMAPIHTTP] 2.2.3.3.3 and when this server sends it.

use oxwire_mapi::mapihttp::ResponseCode;

/// Why a request is refused. The number is what `X-ResponseCode` carries; 14 is reserved, so it is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum Refusal {
    /// Something failed that no other code names: a limit of this server, an answer that never came.
    UnknownFailure = 1,
    /// The method is not POST.
    InvalidVerb = 2,
    /// The path is not this endpoint's.
    InvalidPath = 3,
    /// A header holds what its section forbids: a Content-Type that no client sends, an X-RequestId past its length.
    InvalidHeader = 4,
    /// X-RequestType names nothing that this endpoint answers.
    InvalidRequestType = 5,
    /// The session context cookie is none that this server makes.
    InvalidContextCookie = 6,
    /// X-RequestType, X-RequestId or Content-Type is not there.
    MissingHeader = 7,
    /// No principal: nobody has authenticated.
    AnonymousNotAllowed = 8,
    /// The body is larger than the limit.
    TooLarge = 9,
    /// There is no such context, or no more, or it is another user's: the three look the same from outside (R1225).
    ContextNotFound = 10,
    /// The application refuses this user this context.
    NoPrivilege = 11,
    /// The body does not decode, or an X-RequestId came again with another body.
    InvalidRequestBody = 12,
    /// The request type needs a context, and the request carries no context cookie or no sequence cookie.
    MissingCookie = 13,
    /// The sequence cookie is not the last one sent, or another request of this context is still being answered.
    InvalidSequence = 15,
    /// The endpoint is switched off.
    EndpointDisabled = 16,
    /// The answer that the application gave cannot be sent: it is larger than the limit.
    InvalidResponse = 17,
    /// The endpoint is being shut down.
    EndpointShuttingDown = 18,
}

impl Refusal {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 17] = [
        Self::UnknownFailure,
        Self::InvalidVerb,
        Self::InvalidPath,
        Self::InvalidHeader,
        Self::InvalidRequestType,
        Self::InvalidContextCookie,
        Self::MissingHeader,
        Self::AnonymousNotAllowed,
        Self::TooLarge,
        Self::ContextNotFound,
        Self::NoPrivilege,
        Self::InvalidRequestBody,
        Self::MissingCookie,
        Self::InvalidSequence,
        Self::EndpointDisabled,
        Self::InvalidResponse,
        Self::EndpointShuttingDown,
    ];

    /// The number that `X-ResponseCode` carries.
    #[must_use]
    pub const fn code(self) -> ResponseCode {
        ResponseCode::new(self as u32)
    }

    /// What the diagnostic text says where the application gives none of its own.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::UnknownFailure => "The request failed.",
            Self::InvalidVerb => "The method is not POST.",
            Self::InvalidPath => "The path is not one of this endpoint.",
            Self::InvalidHeader => "A header is not valid.",
            Self::InvalidRequestType => "X-RequestType names no request type of this endpoint.",
            Self::InvalidContextCookie => "The session context cookie is not valid.",
            Self::MissingHeader => "A required header is missing.",
            Self::AnonymousNotAllowed => "Anonymous requests are not accepted.",
            Self::TooLarge => "The request is too large.",
            Self::ContextNotFound => "The Session Context is not found; connect again.",
            Self::NoPrivilege => "No privileges to the Session Context.",
            Self::InvalidRequestBody => "The request body is not valid.",
            Self::MissingCookie => "A required cookie is missing.",
            Self::InvalidSequence => "One request at a time in a Session Context.",
            Self::EndpointDisabled => "The endpoint is disabled.",
            Self::InvalidResponse => "The response is not valid.",
            Self::EndpointShuttingDown => "The endpoint is shutting down.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of the table in 2.2.3.3.3, R137 to R154; 14 (R150) is reserved.
    #[test]
    fn r135_the_numbers_are_the_tables() {
        let codes: Vec<u32> = Refusal::ALL.iter().map(|refusal| refusal.code().number()).collect();
        assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18]);
    }
}
