//! Who the user is and what proves it.

use std::fmt;

use oxwire_core::SecretString;

use crate::AuthScheme;
use crate::ntlm::Key;

/// A user name in one of the three forms in which people write it.
///
/// `DOMAIN\user` has a domain; `user@domain` and bare `user` have none: NTLM sends a name with an at sign whole as the user name,
/// as Windows does, and a bare one leaves the domain to the server.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UserName {
    domain: Box<str>,
    user: Box<str>,
}

impl UserName {
    /// Takes the text apart at its first backslash.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.split_once('\\') {
            Some((domain, user)) => Self { domain: domain.into(), user: user.into() },
            None => Self { domain: "".into(), user: text.into() },
        }
    }

    /// From the two parts, as an AUTHENTICATE_MESSAGE has them.
    #[must_use]
    pub fn from_parts(domain: &str, user: &str) -> Self {
        Self { domain: domain.into(), user: user.into() }
    }

    /// The domain in front of the backslash; may be empty.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The user, or `user@domain` whole.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }
}

impl From<&str> for UserName {
    fn from(text: &str) -> Self {
        Self::parse(text)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.domain.is_empty() { f.write_str(&self.user) } else { write!(f, "{}\\{}", self.domain, self.user) }
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserName({:?})", self.to_string())
    }
}

/// What a client proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// A password: for Negotiate (by NTLM), NTLM and Basic.
    Password {
        /// Whose.
        user: UserName,
        /// The password.
        password: SecretString,
    },
    /// The hash of a password ([`crate::ntlm::nt_hash`]): for Negotiate (by NTLM) and NTLM.
    NtHash {
        /// Whose.
        user: UserName,
        /// The hash.
        hash: Key,
    },
    /// A token that the caller obtained: for Bearer.
    Bearer(SecretString),
    /// What a mechanism of the caller's holds by itself, a Kerberos ticket: for Negotiate.
    Outside {
        /// Whose, where that is known.
        user: Option<UserName>,
    },
}

impl Credentials {
    /// A password.
    #[must_use]
    pub fn password(user: impl Into<UserName>, password: impl Into<SecretString>) -> Self {
        Self::Password { user: user.into(), password: password.into() }
    }

    /// Whether they can be used with that scheme.
    #[must_use]
    pub const fn fit(&self, scheme: AuthScheme) -> bool {
        matches!(
            (self, scheme),
            (Self::Password { .. }, AuthScheme::Basic | AuthScheme::Ntlm | AuthScheme::Negotiate)
                | (Self::NtHash { .. }, AuthScheme::Ntlm | AuthScheme::Negotiate)
                | (Self::Outside { .. }, AuthScheme::Negotiate)
                | (Self::Bearer(_), AuthScheme::Bearer)
        )
    }

    /// Whose they are; a token does not say.
    #[must_use]
    pub const fn user(&self) -> Option<&UserName> {
        match self {
            Self::Password { user, .. } | Self::NtHash { user, .. } => Some(user),
            Self::Outside { user } => user.as_ref(),
            Self::Bearer(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_three_forms() {
        for (text, domain, user) in [
            ("DOM\\alice", "DOM", "alice"),
            ("alice@mail.test", "", "alice@mail.test"),
            ("alice", "", "alice"),
            ("DOM\\alice@mail.test", "DOM", "alice@mail.test"),
            ("\\alice", "", "alice"),
        ] {
            let name = UserName::parse(text);
            assert_eq!((name.domain(), name.user()), (domain, user), "{text}");
        }
        assert_eq!(UserName::parse("DOM\\alice").to_string(), "DOM\\alice");
    }
}
