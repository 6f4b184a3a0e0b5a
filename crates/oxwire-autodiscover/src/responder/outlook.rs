//! Outlook's answers.

use super::facts::{Mailbox, Proxy, RpcHttp, UrlPair, Web};
use crate::pox::{
    Account, Action, AlternativeMailbox, AuthPackage, Location, MapiUrls, OwaUrl, Part, Protocol, ProtocolType,
    PublicFolderInformation, RequestHeaders, Response, Setting, User,
};
use crate::text::Text;

fn account(action: Action<'_>) -> Account<'_> {
    Account { account_type: Some("email".into()), action: Some(action), ..Account::default() }
}

pub(super) fn redirect_addr(address: &str) -> Response<'_> {
    let account = Account { redirect_addr: Some(address.into()), ..account(Action::RedirectAddr) };
    Response { account: Some(account), ..Response::default() }
}

pub(super) fn redirect_url(url: &str) -> Response<'_> {
    let account = Account { redirect_url: Some(url.into()), ..account(Action::RedirectUrl) };
    Response { account: Some(account), ..Response::default() }
}

/// The settings, by what the client reads; `None` where nothing is left to give.
pub(super) fn settings<'m>(mailbox: &'m Mailbox, headers: &RequestHeaders<'_>) -> Option<Response<'m>> {
    let mut account = account(Action::Settings);
    if let Some(mapi) = mailbox.mapi_http.as_ref().filter(|_| headers.mapi_http_capability.is_some_and(|v| v >= 1)) {
        let mut protocol = Protocol::mapi_http(mapi_urls(&mapi.mail_store), mapi_urls(&mapi.address_book));
        if mapi.address_book == UrlPair::default() {
            protocol.parts.retain(|part| !matches!(part, Part::AddressBook(_)));
        }
        account.protocols.push(protocol);
    }
    if let Some(rpc) = &mailbox.rpc_http {
        // EXCH and EXPR stand here whatever else is offered: the Remote Connectivity Analyzer asks for both.
        account.protocols.push(exch(rpc, &mailbox.web));
        if headers.ex_http_info {
            let proxies = rpc.internal.iter().chain(&rpc.external);
            account.protocols.extend(proxies.map(|at| proxy(ProtocolType::ExHttp, at, headers)));
        }
        let expr = rpc.external.as_ref().map(|at| proxy(ProtocolType::Expr, at, headers));
        account.protocols.extend(expr.map(|protocol| with_web(protocol, &mailbox.web, external)));
    }
    account.protocols.extend(web(&mailbox.web));
    if account.protocols.is_empty() {
        return None;
    }
    if let Some(hours) = mailbox.ttl_hours {
        let hours: Text<'_> = hours.to_string().into();
        for protocol in &mut account.protocols {
            protocol.parts.insert(0, Part::Setting(Setting::Ttl, hours.clone()));
        }
    }
    account.public_folder_information = mailbox.public_folder_address.as_deref().map(|address| {
        PublicFolderInformation { smtp_address: Some(address.into()), ..PublicFolderInformation::default() }
    });
    account.alternative_mailboxes = mailbox.delegates.iter().map(|(address, name)| delegate(address, name)).collect();
    let deployment_id = Some(mailbox.deployment_id.as_str()).filter(|id| !id.is_empty());
    let user = User {
        display_name: Some(mailbox.display_name.as_str().into()),
        legacy_dn: Some(mailbox.legacy_dn.as_str().into()),
        auto_discover_smtp_address: Some(mailbox.address.as_str().into()),
        deployment_id: deployment_id.map(Into::into),
        unknown: Vec::new(),
    };
    Some(Response { user: Some(user), account: Some(account), ..Response::default() })
}

fn delegate<'m>(address: &'m str, name: &'m str) -> AlternativeMailbox<'m> {
    AlternativeMailbox {
        mailbox_type: Some("Delegate".into()),
        display_name: Some(name.into()),
        smtp_address: Some(address.into()),
        owner_smtp_address: Some(address.into()),
        ..AlternativeMailbox::default()
    }
}

fn internal(urls: &UrlPair) -> Option<&str> {
    urls.internal.as_deref()
}

fn external(urls: &UrlPair) -> Option<&str> {
    urls.external.as_deref()
}

fn mapi_urls(urls: &UrlPair) -> MapiUrls<'_> {
    MapiUrls {
        internal_url: internal(urls).map(Into::into),
        external_url: external(urls).map(Into::into),
        unknown: Vec::new(),
    }
}

fn with_web<'m>(mut protocol: Protocol<'m>, web: &'m Web, from: fn(&'m UrlPair) -> Option<&'m str>) -> Protocol<'m> {
    if let Some(url) = from(&web.ews) {
        for setting in [Setting::AsUrl, Setting::EwsUrl, Setting::EmwsUrl, Setting::OofUrl] {
            protocol = protocol.with(setting, url);
        }
    }
    match from(&web.oab) {
        Some(url) => protocol.with(Setting::OabUrl, url),
        None => protocol,
    }
}

fn exch<'m>(rpc: &'m RpcHttp, web: &'m Web) -> Protocol<'m> {
    let protocol = Protocol::new(ProtocolType::Exch)
        .with(Setting::Server, rpc.server.as_str())
        .with(Setting::ServerDn, rpc.server_dn.as_str())
        .with(Setting::ServerVersion, rpc.server_version.as_str())
        .with(Setting::MdbDn, rpc.mdb_dn.as_str());
    with_web(protocol, web, internal)
}

fn proxy<'m>(protocol_type: ProtocolType<'m>, proxy: &'m Proxy, headers: &RequestHeaders<'_>) -> Protocol<'m> {
    let package = match proxy.auth_package {
        AuthPackage::Negotiate if !headers.negotiate => AuthPackage::Ntlm,
        package => package,
    };
    let protocol = Protocol::new(protocol_type)
        .with(Setting::Server, proxy.host.as_str())
        .with(Setting::Ssl, if proxy.tls { "On" } else { "Off" })
        .with(Setting::AuthPackage, package.name());
    match proxy.principal_name.as_str() {
        "" => protocol,
        name => protocol.with(Setting::CertPrincipalName, name),
    }
}

fn web(web: &Web) -> Option<Protocol<'_>> {
    let location = |from: fn(&UrlPair) -> Option<&str>| {
        let owa_urls: Vec<_> = from(&web.owa)
            .map(|url| OwaUrl { authentication_method: Some("Basic, Fba".into()), url: url.to_owned().into() })
            .into_iter()
            .collect();
        let protocols: Vec<_> = from(&web.ews)
            .map(|url| Protocol::new(ProtocolType::Exch).with(Setting::AsUrl, url.to_owned()))
            .into_iter()
            .collect();
        let empty = owa_urls.is_empty() && protocols.is_empty();
        (!empty).then_some(Location { owa_urls, protocols, unknown: Vec::new() })
    };
    let parts: Vec<_> =
        location(internal).map(Part::Internal).into_iter().chain(location(external).map(Part::External)).collect();
    (!parts.is_empty()).then_some(Protocol { protocol_type: ProtocolType::Web, version: None, parts })
}
