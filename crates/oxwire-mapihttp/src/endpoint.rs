//! The two endpoints.

use oxwire_mapi::mapihttp::RequestType;

/// Which endpoint a machine speaks for: [MS-OXCMAPIHTTP] 2.2.2. Each has Session Contexts of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Endpoint {
    /// The mailbox server endpoint, `/mapi/emsmdb/`: Connect, Execute, Disconnect, NotificationWait and PING.
    #[default]
    Mailbox,
    /// The address book server endpoint, `/mapi/nspi/`: Bind, Unbind, 17 request types more, and PING.
    AddressBook,
}

impl Endpoint {
    /// Whether it has that request type.
    #[must_use]
    pub const fn has(self, request_type: RequestType) -> bool {
        match self {
            Self::Mailbox => request_type.is_mailbox(),
            Self::AddressBook => request_type.is_address_book(),
        }
    }

    /// The request type that establishes a Session Context.
    #[must_use]
    pub const fn begins_with(self) -> RequestType {
        match self {
            Self::Mailbox => RequestType::Connect,
            Self::AddressBook => RequestType::Bind,
        }
    }

    /// The path that servers have it under.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Mailbox => "/mapi/emsmdb",
            Self::AddressBook => "/mapi/nspi",
        }
    }
}
