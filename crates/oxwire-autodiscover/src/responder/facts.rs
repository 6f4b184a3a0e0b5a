//! What the caller knows of a user.

use crate::pox::AuthPackage;

/// What the caller's directory says of the mailbox that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Known<'f> {
    /// The mailbox is here.
    Mailbox(&'f Mailbox),
    /// The user has another address, elsewhere.
    RedirectAddr(&'f str),
    /// Another server answers for the user. ActiveSync knows no such answer: its client gets an error.
    RedirectUrl(&'f str),
    /// Nobody has this address.
    Nobody,
    /// The directory gave no answer; the text is for the server's operator and is shown to the client.
    Trouble(&'f str),
}

/// What the caller knows, for a question of the SOAP service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KnownSoap<'f> {
    /// GetUserSettings: of each user that was asked for, in their order. Those that are left out are nobody.
    Users(&'f [Known<'f>]),
    /// GetDomainSettings: of each domain that was asked for, in their order. Those that are left out are unknown.
    Domains(&'f [KnownDomain<'f>]),
    /// GetFederationInformation.
    Federation(KnownFederation<'f>),
    /// There is too much to do: the client asks again later.
    Busy,
    /// The directory gave no answer; the text is shown to the client.
    Trouble(&'f str),
}

/// What the caller's directory says of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KnownDomain<'f> {
    /// The domain is here: its settings, by name ([`DOMAIN_SETTINGS`](crate::soap::DOMAIN_SETTINGS)).
    Settings(&'f [(&'f str, &'f str)]),
    /// Another server answers for the domain.
    RedirectUrl(&'f str),
    /// The domain is none of this organisation's.
    Unknown,
    /// The directory gave no answer; the text is shown to the client.
    Trouble(&'f str),
}

/// What the organisation is federated with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KnownFederation<'f> {
    /// It is federated.
    Federated {
        /// The URI that tokens for this organisation name.
        application_uri: &'f str,
        /// The domains of the organisation that are federated.
        domains: &'f [&'f str],
        /// URI and endpoint of each issuer of tokens.
        token_issuers: &'f [(&'f str, &'f str)],
    },
    /// It is not.
    NotFederated,
    /// The domain that was asked for is none of this organisation's.
    UnknownDomain,
}

/// A mailbox and the ways to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mailbox {
    /// The primary address.
    pub address: String,
    /// The name that is shown.
    pub display_name: String,
    /// The distinguished name.
    pub legacy_dn: String,
    /// The forest, a GUID; empty to leave it out.
    pub deployment_id: String,
    /// MAPI over HTTP.
    pub mapi_http: Option<MapiHttp>,
    /// RPC over HTTP.
    pub rpc_http: Option<RpcHttp>,
    /// Web services.
    pub web: Web,
    /// The URL of Exchange ActiveSync.
    pub active_sync_url: Option<String>,
    /// Hours during which the answer holds; `None` leaves it to the client, which takes one.
    pub ttl_hours: Option<u32>,
    /// The address of the public folder mailbox.
    pub public_folder_address: Option<String>,
    /// Addresses of other mailboxes that the user has access to, with the name that is shown.
    pub delegates: Vec<(String, String)>,
    /// Settings of the SOAP service that follow from nothing above, name and value; they go before those that do.
    pub settings: Vec<(String, String)>,
}

impl Mailbox {
    /// A mailbox without any way to it yet.
    #[must_use]
    pub fn new(address: impl Into<String>, display_name: impl Into<String>, legacy_dn: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            display_name: display_name.into(),
            legacy_dn: legacy_dn.into(),
            deployment_id: String::new(),
            mapi_http: None,
            rpc_http: None,
            web: Web::default(),
            active_sync_url: None,
            ttl_hours: None,
            public_folder_address: None,
            delegates: Vec::new(),
            settings: Vec::new(),
        }
    }
}

/// The URL of one service from inside and from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UrlPair {
    /// From inside.
    pub internal: Option<String>,
    /// From outside.
    pub external: Option<String>,
}

impl UrlPair {
    /// One URL from everywhere.
    #[must_use]
    pub fn both(url: impl Into<String>) -> Self {
        let url = url.into();
        Self { internal: Some(url.clone()), external: Some(url) }
    }
}

/// MAPI over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapiHttp {
    /// The mailbox endpoint.
    pub mail_store: UrlPair,
    /// The address book endpoint; without a URL it is left out.
    pub address_book: UrlPair,
}

/// RPC over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcHttp {
    /// The RPC server behind the proxy: `<GUID>@<domain>`.
    pub server: String,
    /// Its distinguished name.
    pub server_dn: String,
    /// Its version, as `ServerVersion` has it.
    pub server_version: String,
    /// The distinguished name of the mailbox database.
    pub mdb_dn: String,
    /// The proxy from inside.
    pub internal: Option<Proxy>,
    /// The proxy from outside.
    pub external: Option<Proxy>,
}

/// An RPC proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The host.
    pub host: String,
    /// Whether it is spoken to by TLS.
    pub tls: bool,
    /// Its authentication. Negotiate is told to clients that ask for it, the others get NTLM.
    pub auth_package: AuthPackage,
    /// `CertPrincipalName`; empty to leave it out.
    pub principal_name: String,
}

/// Web services; what is `None` is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Web {
    /// Exchange Web Services: availability and out-of-office too.
    pub ews: UrlPair,
    /// The offline address book.
    pub oab: UrlPair,
    /// The web client.
    pub owa: UrlPair,
}
