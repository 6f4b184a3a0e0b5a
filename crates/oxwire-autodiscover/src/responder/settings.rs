//! The settings of the SOAP service, from the facts about a mailbox.

use super::facts::{Mailbox, Proxy, UrlPair};
use crate::soap::{AlternateMailbox, Value, WebClientUrl};

/// The value of a setting of the reference, named in its spelling; `None` where the facts say nothing of it.
pub(super) fn value<'m>(mailbox: &'m Mailbox, name: &str) -> Option<Value<'m>> {
    let text = |value: &'m str| (!value.is_empty()).then(|| Value::Text(value.into()));
    let url = |url: &'m Option<String>| url.as_deref().and_then(text);
    let rpc = mailbox.rpc_http.as_ref();
    let external = rpc.and_then(|rpc| rpc.external.as_ref());
    let proxy = |of: fn(&'m Proxy) -> &'m str| external.map(of).and_then(text);
    match name {
        "UserDisplayName" => text(&mailbox.display_name),
        "UserDN" => text(&mailbox.legacy_dn),
        "UserDeploymentId" => text(&mailbox.deployment_id),
        "AutoDiscoverSMTPAddress" => text(&mailbox.address),
        "MapiHttpEnabled" => text(switch(mailbox.mapi_http.is_some())),
        "InternalMailboxServer" | "InternalRpcClientServer" => rpc.and_then(|rpc| text(&rpc.server)),
        "InternalMailboxServerDN" => rpc.and_then(|rpc| text(&rpc.server_dn)),
        "MailboxDN" => rpc.and_then(|rpc| text(&rpc.mdb_dn)),
        "ExternalMailboxServer" => proxy(|proxy| &proxy.host),
        "ExternalMailboxServerRequiresSSL" => proxy(|proxy| switch(proxy.tls)),
        "ExternalMailboxServerAuthenticationMethods" => proxy(|proxy| proxy.auth_package.name()),
        "CertPrincipalName" => proxy(|proxy| &proxy.principal_name),
        "InternalEwsUrl" => url(&mailbox.web.ews.internal),
        "ExternalEwsUrl" => url(&mailbox.web.ews.external),
        "InternalOABUrl" => url(&mailbox.web.oab.internal),
        "ExternalOABUrl" => url(&mailbox.web.oab.external),
        "InternalWebClientUrls" => web_client(&mailbox.web.owa, |urls| &urls.internal),
        "ExternalWebClientUrls" => web_client(&mailbox.web.owa, |urls| &urls.external),
        "PublicFolderInformation" => url(&mailbox.public_folder_address),
        "AlternateMailboxes" => alternate_mailboxes(mailbox),
        _ => None,
    }
}

/// Booleans are spelled as .NET has them.
const fn switch(on: bool) -> &'static str {
    if on { "True" } else { "False" }
}

fn web_client<'m>(urls: &'m UrlPair, from: fn(&UrlPair) -> &Option<String>) -> Option<Value<'m>> {
    let url = from(urls).as_deref()?;
    let methods = Some("Basic, Fba".into());
    Some(Value::WebClientUrls(vec![WebClientUrl {
        authentication_methods: methods,
        url: Some(url.into()),
        unknown: Vec::new(),
    }]))
}

fn alternate_mailboxes(mailbox: &Mailbox) -> Option<Value<'_>> {
    if mailbox.delegates.is_empty() {
        return None;
    }
    let delegates = mailbox.delegates.iter().map(|(address, name)| AlternateMailbox {
        mailbox_type: Some("Delegate".into()),
        display_name: Some(name.as_str().into()),
        smtp_address: Some(address.as_str().into()),
        owner_smtp_address: Some(address.as_str().into()),
        ..AlternateMailbox::default()
    });
    Some(Value::AlternateMailboxes(delegates.collect()))
}
