//! What Autodiscover says of the users of this server.

use oxwire::autodiscover::json::Protocol;
use oxwire::autodiscover::pox::AuthPackage;
use oxwire::autodiscover::responder::{
    Known, KnownDomain, KnownFederation, KnownJson, KnownSoap, Mailbox, MapiHttp, Proxy, Reply, RpcHttp, SoapQuestion,
    Subject, UrlPair, Wanted, answer_json,
};
use oxwire::autodiscover::soap::RequestBody;

use super::users::{User, Users};
use super::{PATH, host_of};
use crate::args::Schemes;

/// What this server offers to its users, and under which name.
#[derive(Debug, Clone)]
pub(crate) struct Offers {
    /// `https://host:port`, in front of every URL.
    base: String,
    /// The path of the address book endpoint, where it is served.
    pub(crate) address_book: Option<&'static str>,
    /// The proxy of Outlook Anywhere: EXCH and EXPR are published, and EXHTTP to who reads it.
    proxy: Proxy,
}

impl Offers {
    /// Both transports for the mailbox at that `host:port`, with TLS or without; the proxy of Outlook Anywhere takes the best of `schemes`.
    pub(crate) fn new(authority: &str, tls: bool, schemes: Schemes) -> Self {
        let base = format!("{}://{authority}", if tls { "https" } else { "http" });
        let auth_package = match schemes {
            Schemes { negotiate: true, .. } => AuthPackage::Negotiate,
            Schemes { ntlm: true, .. } => AuthPackage::Ntlm,
            Schemes { .. } => AuthPackage::Basic,
        };
        // Without it clients take the whole of `Server`, with the port that stands there.
        let principal_name = if tls { format!("msstd:{}", host_of(authority)) } else { String::new() };
        let proxy = Proxy { host: authority.to_owned(), tls, auth_package, principal_name };
        Self { base, address_book: None, proxy }
    }

    /// The URL of the endpoint of a user's mailbox.
    pub(crate) fn mailbox_url(&self, user: &User) -> String {
        self.url(user, PATH)
    }

    /// The URL of the address book for a user, where it is served.
    pub(crate) fn address_book_url(&self, user: &User) -> Option<String> {
        self.address_book.map(|path| self.url(user, path))
    }

    fn url(&self, user: &User, path: &str) -> String {
        format!("{}{path}?MailboxId={}", self.base, user.mailbox_id())
    }

    /// The mailbox of a user as Autodiscover tells it.
    fn mailbox(&self, user: &User) -> Mailbox {
        let mut mailbox = Mailbox::new(&user.address, user.display_name(), &user.dn);
        mailbox.mapi_http = Some(MapiHttp {
            mail_store: UrlPair::both(self.mailbox_url(user)),
            address_book: self.address_book_url(user).map(UrlPair::both).unwrap_or_default(),
        });
        let server_dn = user.server_dn();
        mailbox.rpc_http = Some(RpcHttp {
            mdb_dn: format!("{server_dn}/cn=Microsoft Private MDB"),
            server: user.mailbox_id(),
            server_dn,
            server_version: SERVER_VERSION.to_owned(),
            internal: Some(self.proxy.clone()),
            external: Some(self.proxy.clone()),
        });
        mailbox
    }

    /// The reply to a question.
    pub(crate) fn reply(&self, users: &Users, wanted: &Wanted) -> Option<Reply> {
        match wanted {
            Wanted::Pox(question) => {
                let user = question.subject().and_then(|subject| match subject {
                    Subject::Address(address) => users.of_address(address),
                    Subject::LegacyDn(dn) => users.of_dn(dn),
                });
                let mailbox = user.map(|user| self.mailbox(user));
                Some(question.answer(mailbox.as_ref().map_or(Known::Nobody, Known::Mailbox)))
            }
            Wanted::Soap(question) => Some(self.soap(users, question)),
            Wanted::Json(query) => {
                let url = format!("{}/autodiscover/autodiscover.xml", self.base);
                let urls = [(Protocol::AutodiscoverV1, url.as_str())];
                let known = users.of_address(&query.email).map_or(KnownJson::Nobody, |_| KnownJson::Urls(&urls));
                Some(answer_json(query, known))
            }
            _ => None,
        }
    }
}

impl Offers {
    fn soap(&self, users: &Users, question: &SoapQuestion) -> Reply {
        let asked = question.subjects();
        match &question.request().body {
            RequestBody::UserSettings(_) => {
                let mailbox = |address: &str| users.of_address(address).map(|user| self.mailbox(user));
                let mailboxes: Vec<_> = asked.iter().map(|address| mailbox(address)).collect();
                let known: Vec<_> =
                    mailboxes.iter().map(|found| found.as_ref().map_or(Known::Nobody, Known::Mailbox)).collect();
                question.answer(KnownSoap::Users(&known), None)
            }
            RequestBody::DomainSettings(_) => {
                // The domains are here, and web services are not.
                let known = |domain: &str| {
                    if users.serve_domain(domain) { KnownDomain::Settings(&[]) } else { KnownDomain::Unknown }
                };
                let known: Vec<_> = asked.iter().map(|domain| known(domain)).collect();
                question.answer(KnownSoap::Domains(&known), None)
            }
            RequestBody::FederationInformation { domain } if users.serve_domain(domain) => {
                question.answer(KnownSoap::Federation(KnownFederation::NotFederated), None)
            }
            RequestBody::FederationInformation { .. } => {
                question.answer(KnownSoap::Federation(KnownFederation::UnknownDomain), None)
            }
            _ => question.answer(KnownSoap::Trouble("This server does not know the operation."), None),
        }
    }
}

/// 15.0, as `ServerVersion` has it: on 15.2 some clients change their ways.
const SERVER_VERSION: &str = "73C08000";

/// What is asked, in a line of the log.
pub(crate) fn told(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Pox(question) => {
            let who = question.legacy_dn().or(question.email_address()).unwrap_or_default();
            format!("Autodiscover POX for {who:?}")
        }
        Wanted::Soap(question) => format!("Autodiscover SOAP for {:?}", question.subjects()),
        Wanted::Json(query) => format!("Autodiscover v2 for {:?}, {:?}", query.email, query.protocol.name()),
        _ => "Autodiscover".to_owned(),
    }
}
