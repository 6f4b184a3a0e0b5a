//! Error codes, [MS-OXCDATA] 2.4.

use std::fmt;

/// The status of a ROP or of a property, [MS-OXCDATA] 2.4. Unknown numbers are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub u32);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal $spec:literal,)*) => {
        impl ErrorCode {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// The name in [MS-OXCDATA] 2.4 of a code that this type has a constant for.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($spec),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// It worked.
    SUCCESS = 0x0000_0000 "Success",
    /// Failed for no stated reason (ecError).
    GENERAL_FAILURE = 0x8000_4005 "GeneralFailure",
    /// Not enough memory; for a property, its value is too large for the answer (ecPropSize): open it as a stream.
    OUT_OF_MEMORY = 0x8007_000E "OutOfMemory",
    /// A parameter is not valid (ecInvalidParam).
    INVALID_PARAMETER = 0x8007_0057 "InvalidParameter",
    /// No right to do that, or a handle of another logon (ecAccessDenied).
    ACCESS_DENIED = 0x8007_0005 "AccessDenied",
    /// The server does not support it (ecNotSupported).
    NOT_SUPPORTED = 0x8004_0102 "NotSupported",
    /// An entry id is not valid.
    INVALID_ENTRY_ID = 0x8004_0107 "InvalidEntryId",
    /// The handle was released (ecInvalidObject).
    INVALID_OBJECT = 0x8004_0108 "InvalidObject",
    /// The object was changed meanwhile.
    OBJECT_CHANGED = 0x8004_0109 "ObjectChanged",
    /// The object was deleted meanwhile.
    OBJECT_DELETED = 0x8004_010A "ObjectDeleted",
    /// The server is out of some resource.
    OUT_OF_RESOURCES = 0x8004_010E "OutOfResources",
    /// Not there; for a property, the object does not have it (ecNotFound).
    NOT_FOUND = 0x8004_010F "NotFound",
    /// The client's version is not one that the server takes (ecVersionMismatch).
    VERSION_MISMATCH = 0x8004_0110 "VersionMismatch",
    /// The server refuses the logon.
    LOGON_FAILED = 0x8004_0111 "LogonFailed",
    /// The call could not be carried out (ecRpcFailed).
    NETWORK_ERROR = 0x8004_0115 "NetworkError",
    /// Too complex a request.
    TOO_COMPLEX = 0x8004_0117 "TooComplex",
    /// A column that the table does not take.
    INVALID_COLUMN = 0x8004_0118 "InvalidColumn",
    /// The server computes this property; it cannot be set.
    COMPUTED_VALUE = 0x8004_011A "ComputedValue",
    /// The server does not have that code page (ecUnknownCodePage).
    INVALID_CODE_PAGE = 0x8004_011E "InvalidCodepage",
    /// The server does not have that locale.
    INVALID_LOCALE = 0x8004_011F "InvalidLocale",
    /// Stored data is damaged.
    CORRUPT_DATA = 0x8004_011B "CorruptData",
    /// More than the server is ready to answer.
    TOO_BIG = 0x8004_0305 "TooBig",
    /// The table has more rows than were asked for.
    TABLE_TOO_BIG = 0x8004_0403 "TableTooBig",
    /// It took too long.
    TIMEOUT = 0x8004_0401 "Timeout",
    /// The bookmark is gone.
    INVALID_BOOKMARK = 0x8004_0405 "InvalidBookmark",
    /// Something that has to be done first was not (ecNotInitialized): no columns, no logon.
    NOT_INITIALIZED = 0x8004_0605 "NotInitialized",
    /// The server does not implement it (ecNotImplemented).
    NOT_IMPLEMENTED = 0x8004_0FFF "NotImplemented",
    /// The server does not know the user.
    UNKNOWN_USER = 0x0000_03EB "UnknownUser",
    /// The server is stopping.
    EXITING = 0x0000_03ED "Exiting",
    /// No access to the mailbox (ecLoginPerm).
    LOGIN_PERMISSION = 0x0000_03F2 "LoginPermission",
    /// The property cannot be used there.
    UNSUPPORTED_PROPERTY = 0x0000_0456 "UnsupportedProperty",
    /// The mailbox is on another server (ecWrongServer); the answer to RopLogon names it.
    WRONG_SERVER = 0x0000_0478 "WrongServer",
    /// The answer does not fit the largest buffer (ecBufferTooSmall).
    BUFFER_TOO_SMALL = 0x0000_047D "BufferTooSmall",
    /// The server is busy (ecServerBusy).
    SERVER_BUSY = 0x0000_0480 "ServerBusy",
    /// No logon with that LogonId.
    NO_SUCH_LOGON = 0x0000_0481 "NoSuchLogon",
    /// The ROP buffer could not be parsed (ecRpcFormat).
    RPC_FORMAT = 0x0000_04B6 "RpcFormat",
    /// The handle index, or the handle, has no object (ecNullObject).
    NULL_OBJECT = 0x0000_04B9 "NullObject",
    /// A quota is used up.
    QUOTA_EXCEEDED = 0x0000_04D9 "QuotaExceeded",
    /// The client is too old or too new for this server.
    CLIENT_VERSION_BLOCKED = 0x0000_04DF "ClientVersionBlocked",
    /// Over RPC over HTTP the server does not take this client (ecRpcHttpDisallowed).
    RPC_HTTP_DISALLOWED = 0x0000_04E0 "RpcHttpDisallowed",
    /// Only clients in cached mode are taken (ecCachedModeRequired).
    CACHED_MODE_REQUIRED = 0x0000_04E1 "CachedModeRequired",
    /// The destination handle has no object; answers to it have a form of their own.
    NULL_DESTINATION_OBJECT = 0x0000_0503 "NullDestinationObject",
    /// The mailbox is being moved.
    MAILBOX_IN_TRANSIT = 0x0000_050C "MailboxInTransit",
    /// The user may not use this protocol (ecProtocolDisabled).
    PROTOCOL_DISABLED = 0x0000_07D8 "ProtocolDisabled",
    /// Not now: for EcDoAsyncWaitEx, one is already waiting (ecRejected).
    REJECTED = 0x0000_07EE "Rejected",
    /// The server wants encryption and the connection has none (ecNotEncrypted).
    NOT_ENCRYPTED = 0x0000_0970 "NotEncrypted",
    /// Done, with errors for some of the properties.
    ERRORS_RETURNED = 0x0004_0380 "ErrorsReturned",
}

impl ErrorCode {
    /// Whether it says that the call of the address book failed, and not that it succeeded or succeeded with a warning: the
    /// codes of [MS-OXNSPI] 2.2.1.2 that are failures have their highest bit set.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }

    /// Whether it is [`ErrorCode::SUCCESS`].
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 == 0
    }
}

/// The name and the number: `WrongServer (0x00000478)`.
impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({:#010x})", self.0),
            None => write!(f, "{:#010x}", self.0),
        }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
