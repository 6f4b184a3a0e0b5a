//! The candidates, and what was passed over.

use super::policy::{Capabilities, Location, Policy};
use crate::pox::{Account, AuthPackage, MapiUrls, PrincipalName, Protocol, ProtocolType, Response, Setting};

/// One way to reach the mailbox. Values are as the document has them: a URL is used verbatim, its query included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<'r> {
    /// From where it is reached; RPC over TCP from inside, `EXPR` from outside.
    pub location: Location,
    /// The mailbox's distinguished name. It belongs to this endpoint: with another one the server refuses the logon.
    pub user_dn: Option<&'r str>,
    /// Where to connect.
    pub endpoint: Endpoint<'r>,
}

/// Where a [`Candidate`] connects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint<'r> {
    /// MAPI over HTTP. The server's challenge names the authentication.
    MapiHttp {
        /// The URL of the mailbox.
        mail_store: &'r str,
        /// The URL of the address book, reached from the same place.
        address_book: Option<&'r str>,
    },
    /// RPC over HTTP, Outlook Anywhere.
    RpcHttp {
        /// The RPC proxy: the host of the URL.
        proxy: &'r str,
        /// The RPC server that the proxy is asked for: a host, or `<GUID>@<domain>` from Exchange 2013 on.
        server: &'r str,
        /// Whether the proxy is spoken to by TLS.
        tls: bool,
        /// The name in the proxy's certificate.
        principal_name: Option<PrincipalName<'r>>,
        /// The authentication at the proxy; `None` where the document names none.
        auth_package: Option<AuthPackage>,
    },
    /// RPC over TCP, up to Exchange 2010.
    Rpc {
        /// The host.
        server: &'r str,
        /// The authentication; `None` where the document names none.
        auth_package: Option<AuthPackage>,
    },
}

/// A protocol, or one endpoint of it, that is no candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassedOver<'r> {
    /// The type of the protocol as the document has it.
    pub protocol: &'r str,
    /// The endpoint of it, where it is about one.
    pub location: Option<Location>,
    /// Why.
    pub reason: Reason,
}

/// Why something is no candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The client does not speak it.
    NotSpoken,
    /// The policy does not allow it.
    NotAllowed,
    /// The policy does not take endpoints from there.
    Location,
    /// The document has no URL or no host for it.
    NoAddress,
    /// The document does not name the RPC server behind the proxy: that stands in `EXCH`.
    NoServer,
    /// It is reached without TLS, which the policy does not allow, or with Basic besides.
    Plain,
    /// The policy does not take the authentication package, or it is none that is known.
    AuthPackage,
    /// Exchange 2013 and later answer no RPC over TCP: `EXCH` names the server behind the proxy.
    NotByTcp,
}

/// What the settings come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice<'r> {
    /// In the order to try them.
    pub candidates: Vec<Candidate<'r>>,
    /// What is no candidate, in the order of the document.
    pub passed_over: Vec<PassedOver<'r>>,
}

/// Orders the ways to the mailbox of a response with settings.
#[must_use]
pub fn choose<'r>(response: &'r Response<'_>, can: Capabilities, policy: &Policy<'_>) -> Choice<'r> {
    let mut chooser = Chooser { can, policy, user_dn: None, passed_over: Vec::new() };
    let Some(account) = &response.account else { return Choice::default() };
    chooser.user_dn = response.user.as_ref().and_then(|user| filled(user.legacy_dn.as_deref()));
    let mut mapi_http = Vec::new();
    let mut rpc_http = Vec::new();
    let mut rpc = Vec::new();
    let mut ex_http = 0_usize;
    for protocol in &account.protocols {
        match protocol.protocol_type {
            ProtocolType::MapiHttp => chooser.mapi_http(protocol, &mut mapi_http),
            ProtocolType::ExHttp => {
                // The first is the internal one, the second the external one.
                let location = if ex_http == 0 { Location::Internal } else { Location::External };
                ex_http += 1;
                chooser.rpc_http(account, protocol, location, &mut rpc_http);
            }
            ProtocolType::Expr => chooser.rpc_http(account, protocol, Location::External, &mut rpc_http),
            ProtocolType::Exch => chooser.rpc(protocol, &mut rpc),
            _ => {}
        }
    }
    let order = policy.locations.in_order();
    let rank = |location: Location| order.iter().position(|known| *known == location);
    mapi_http.sort_by_key(|candidate: &Candidate<'_>| rank(candidate.location));
    // `ServerExclusiveConnect` goes before the order of places.
    rpc_http.sort_by_key(|(exclusive, candidate): &(bool, Candidate<'_>)| (!exclusive, rank(candidate.location)));
    let rpc_http = rpc_http.into_iter().map(|(_, candidate)| candidate);
    let mut candidates = Vec::new();
    if policy.rpc_http_first {
        candidates.extend(rpc_http.chain(mapi_http).chain(rpc));
    } else {
        candidates.extend(mapi_http.into_iter().chain(rpc).chain(rpc_http));
    }
    let mut distinct: Vec<Candidate<'_>> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        if !distinct.iter().any(|known| known.endpoint == candidate.endpoint) {
            distinct.push(candidate);
        }
    }
    Choice { candidates: distinct, passed_over: chooser.passed_over }
}

fn filled(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

struct Chooser<'r, 'p> {
    can: Capabilities,
    policy: &'p Policy<'p>,
    user_dn: Option<&'r str>,
    passed_over: Vec<PassedOver<'r>>,
}

impl<'r> Chooser<'r, '_> {
    fn pass(&mut self, protocol: &'r Protocol<'_>, location: Option<Location>, reason: Reason) {
        self.passed_over.push(PassedOver { protocol: protocol.protocol_type.name(), location, reason });
    }

    fn takes(&self, location: Location) -> bool {
        self.policy.locations.in_order().contains(&location)
    }

    /// The protocol's package, where the policy takes it.
    fn auth_package(&self, protocol: &Protocol<'_>) -> Result<Option<AuthPackage>, Reason> {
        if protocol.value(Setting::AuthPackage).is_none() {
            return Ok(None);
        }
        let package = protocol.auth_package().ok_or(Reason::AuthPackage)?;
        let taken = self.policy.auth_packages.is_empty() || self.policy.auth_packages.contains(&package);
        if taken { Ok(Some(package)) } else { Err(Reason::AuthPackage) }
    }

    fn mapi_http(&mut self, protocol: &'r Protocol<'_>, to: &mut Vec<Candidate<'r>>) {
        if !self.can.mapi_http {
            return self.pass(protocol, None, Reason::NotSpoken);
        }
        for location in [Location::Internal, Location::External] {
            match self.mapi_endpoint(protocol, location) {
                Ok(endpoint) => to.push(Candidate { location, user_dn: self.user_dn, endpoint }),
                Err(reason) => self.pass(protocol, Some(location), reason),
            }
        }
    }

    fn mapi_endpoint(&self, protocol: &'r Protocol<'_>, location: Location) -> Result<Endpoint<'r>, Reason> {
        let url = |urls: &'r MapiUrls<'_>| match location {
            Location::Internal => filled(urls.internal_url.as_deref()),
            Location::External => filled(urls.external_url.as_deref()),
        };
        if !self.takes(location) {
            return Err(Reason::Location);
        }
        let mail_store = protocol.mail_store().and_then(url).ok_or(Reason::NoAddress)?;
        let scheme = mail_store.split_once("://").map_or("", |(scheme, _)| scheme);
        let plain = scheme.eq_ignore_ascii_case("http");
        if !plain && !scheme.eq_ignore_ascii_case("https") {
            return Err(Reason::NoAddress);
        }
        if plain && !self.policy.allow_plain {
            return Err(Reason::Plain);
        }
        Ok(Endpoint::MapiHttp { mail_store, address_book: protocol.address_book().and_then(url) })
    }

    fn rpc_http(
        &mut self,
        account: &'r Account<'_>,
        protocol: &'r Protocol<'_>,
        location: Location,
        to: &mut Vec<(bool, Candidate<'r>)>,
    ) {
        match self.rpc_http_endpoint(account, protocol, location) {
            Ok(endpoint) => {
                let exclusive = protocol.switch(Setting::ServerExclusiveConnect).unwrap_or(false);
                to.push((exclusive, Candidate { location, user_dn: self.user_dn, endpoint }));
            }
            Err(reason) => self.pass(protocol, Some(location), reason),
        }
    }

    fn rpc_http_endpoint(
        &self,
        account: &'r Account<'_>,
        protocol: &'r Protocol<'_>,
        location: Location,
    ) -> Result<Endpoint<'r>, Reason> {
        if !self.can.rpc_http {
            return Err(Reason::NotSpoken);
        }
        if !self.policy.allow_rpc_http {
            return Err(Reason::NotAllowed);
        }
        if !self.takes(location) {
            return Err(Reason::Location);
        }
        let proxy = protocol.value(Setting::Server).ok_or(Reason::NoAddress)?;
        let exch = account.protocols.iter().find(|protocol| protocol.protocol_type == ProtocolType::Exch);
        let server = exch.and_then(|exch| exch.value(Setting::Server)).ok_or(Reason::NoServer)?;
        let tls = protocol.ssl();
        let auth_package = self.auth_package(protocol)?;
        if !tls && (!self.policy.allow_plain || auth_package == Some(AuthPackage::Basic)) {
            return Err(Reason::Plain);
        }
        Ok(Endpoint::RpcHttp { proxy, server, tls, principal_name: protocol.principal_name(), auth_package })
    }

    fn rpc(&mut self, protocol: &'r Protocol<'_>, to: &mut Vec<Candidate<'r>>) {
        let location = Location::Internal;
        match self.rpc_endpoint(protocol) {
            Ok(endpoint) => to.push(Candidate { location, user_dn: self.user_dn, endpoint }),
            Err(reason) => self.pass(protocol, Some(location), reason),
        }
    }

    fn rpc_endpoint(&self, protocol: &'r Protocol<'_>) -> Result<Endpoint<'r>, Reason> {
        const EXCHANGE_2013: u8 = 15;
        let server = protocol.value(Setting::Server).ok_or(Reason::NoAddress)?;
        let version = protocol.server_version();
        if server.contains('@') || version.is_some_and(|version| version.major >= EXCHANGE_2013) {
            return Err(Reason::NotByTcp);
        }
        if !self.can.rpc {
            return Err(Reason::NotSpoken);
        }
        if !self.takes(Location::Internal) {
            return Err(Reason::Location);
        }
        Ok(Endpoint::Rpc { server, auth_package: self.auth_package(protocol)? })
    }
}
