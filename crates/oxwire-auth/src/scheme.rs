//! The schemes that are built.

use std::fmt;

/// An HTTP authentication scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AuthScheme {
    /// Basic, [RFC 7617]: the password itself, in each request.
    Basic,
    /// Bearer, [RFC 6750]: a token that the caller obtained, in each request.
    Bearer,
    /// NTLM, [MS-NTHT]: authenticates the connection.
    Ntlm,
    /// Negotiate, [RFC 4559] and [MS-N2HT]: SPNEGO with Kerberos or NTLM inside; authenticates the connection, or with Kerberos
    /// each request, as the server says.
    Negotiate,
}

impl AuthScheme {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            Self::Bearer => "Bearer",
            Self::Ntlm => "NTLM",
            Self::Negotiate => "Negotiate",
        }
    }

    /// By the name on the wire, in any letter case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Basic, Self::Bearer, Self::Ntlm, Self::Negotiate];
        all.into_iter().find(|scheme| scheme.as_str().eq_ignore_ascii_case(name))
    }

    /// Whether it authenticates the connection, and not each request by itself.
    #[must_use]
    pub const fn is_connection_bound(self) -> bool {
        matches!(self, Self::Ntlm | Self::Negotiate)
    }
}

impl fmt::Display for AuthScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
