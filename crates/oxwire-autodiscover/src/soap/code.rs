//! `ErrorCode`.

use crate::text::{IntoOwned, Text};

macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        /// What a service says of a request, of one user or domain, or of one setting.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum ErrorCode<'x> {
            $($(#[$meta])* $name,)*
            /// Another code.
            Other(Text<'x>),
        }

        impl<'x> ErrorCode<'x> {
            /// The codes of the reference.
            pub const ALL: &'static [ErrorCode<'static>] = &[$(ErrorCode::$name,)*];

            /// The code of a name.
            #[must_use]
            pub fn of(name: Text<'x>) -> Self {
                match &*name {
                    $(stringify!($name) => Self::$name,)*
                    _ => Self::Other(name),
                }
            }

            /// The name as it is sent.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$name => stringify!($name),)*
                    Self::Other(name) => name,
                }
            }
        }
    };
}

codes! {
    /// No error.
    NoError,
    /// Ask again for the address in `RedirectTarget`.
    RedirectAddress,
    /// Ask again at the URL in `RedirectTarget`.
    RedirectUrl,
    /// The user is none.
    InvalidUser,
    /// The request is not understood.
    InvalidRequest,
    /// The setting is none.
    InvalidSetting,
    /// The setting has no value here.
    SettingIsNotAvailable,
    /// Ask again later.
    ServerBusy,
    /// The domain is none.
    InvalidDomain,
    /// The organisation is not federated.
    NotFederated,
    /// The server has trouble.
    InternalServerError,
}

impl IntoOwned for ErrorCode<'_> {
    type Owned = ErrorCode<'static>;

    fn owned(self) -> Self::Owned {
        ErrorCode::of(Text::from(self.name().to_owned()))
    }
}
