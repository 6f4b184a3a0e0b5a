//! What the client can do, and what the caller wants.

use crate::pox::AuthPackage;

/// From where an endpoint is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Location {
    /// From inside the organisation's network.
    Internal,
    /// From outside.
    External,
}

/// Which endpoints are taken, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Locations {
    /// Internal ones first.
    #[default]
    InternalFirst,
    /// External ones first.
    ExternalFirst,
    /// Internal ones alone.
    InternalOnly,
    /// External ones alone.
    ExternalOnly,
}

impl Locations {
    /// The locations in order.
    #[must_use]
    pub const fn in_order(self) -> &'static [Location] {
        match self {
            Self::InternalFirst => &[Location::Internal, Location::External],
            Self::ExternalFirst => &[Location::External, Location::Internal],
            Self::InternalOnly => &[Location::Internal],
            Self::ExternalOnly => &[Location::External],
        }
    }
}

/// The transports that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Capabilities {
    /// MAPI over HTTP.
    pub mapi_http: bool,
    /// RPC over HTTP.
    pub rpc_http: bool,
    /// RPC over TCP.
    pub rpc: bool,
}

/// What the caller allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy<'p> {
    /// Internal or external endpoints. Default internal ones first.
    pub locations: Locations,
    /// Outlook Anywhere in front of MAPI over HTTP. Default no.
    pub rpc_http_first: bool,
    /// RPC over HTTP at all. Default yes.
    pub allow_rpc_http: bool,
    /// Endpoints without TLS. Default no. Basic is never taken without TLS.
    pub allow_plain: bool,
    /// The authentication packages that are taken; empty for all. Default all.
    pub auth_packages: &'p [AuthPackage],
}

impl Policy<'_> {
    /// The defaults, as named at each field.
    pub const DEFAULT: Policy<'static> = Policy {
        locations: Locations::InternalFirst,
        rpc_http_first: false,
        allow_rpc_http: true,
        allow_plain: false,
        auth_packages: &[],
    };
}

impl Default for Policy<'_> {
    fn default() -> Self {
        Policy::DEFAULT
    }
}

impl<'p> Policy<'p> {
    /// Sets [`Policy::locations`].
    #[must_use]
    pub const fn with_locations(mut self, locations: Locations) -> Self {
        self.locations = locations;
        self
    }

    /// Sets [`Policy::rpc_http_first`].
    #[must_use]
    pub const fn with_rpc_http_first(mut self, first: bool) -> Self {
        self.rpc_http_first = first;
        self
    }

    /// Sets [`Policy::allow_rpc_http`].
    #[must_use]
    pub const fn with_allow_rpc_http(mut self, allow: bool) -> Self {
        self.allow_rpc_http = allow;
        self
    }

    /// Sets [`Policy::allow_plain`].
    #[must_use]
    pub const fn with_allow_plain(mut self, allow: bool) -> Self {
        self.allow_plain = allow;
        self
    }

    /// Sets [`Policy::auth_packages`].
    #[must_use]
    pub const fn with_auth_packages(mut self, packages: &'p [AuthPackage]) -> Self {
        self.auth_packages = packages;
        self
    }
}
