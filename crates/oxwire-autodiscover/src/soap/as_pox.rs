//! The settings of GetUserSettings in the shape of POX, so that one choice of the transport serves both.

use super::collection::{AlternateMailbox, WebClientUrl};
use super::response::SubjectResponse;
use super::setting::Value;
use crate::pox::{
    Account, Action, AlternativeMailbox, Location, OwaUrl, Part, Protocol, ProtocolType, PublicFolderInformation,
    Response, Setting, User,
};
use crate::text::Text;

/// What `EXCH` takes, and from which setting: the reference gives both the same meaning.
const INSIDE: &[(Setting, &str)] = &[
    (Setting::Server, "InternalMailboxServer"),
    (Setting::ServerDn, "InternalMailboxServerDN"),
    (Setting::MdbDn, "MailboxDN"),
    (Setting::PublicFolderServer, "PublicFolderServer"),
    (Setting::Ad, "ActiveDirectoryServer"),
    (Setting::ServerExclusiveConnect, "InternalServerExclusiveConnect"),
    (Setting::EwsUrl, "InternalEwsUrl"),
    (Setting::EmwsUrl, "InternalEmwsUrl"),
    (Setting::EcpUrl, "InternalEcpUrl"),
    (Setting::OabUrl, "InternalOABUrl"),
    (Setting::UmUrl, "InternalUMUrl"),
];

/// What `EXPR` takes.
const OUTSIDE: &[(Setting, &str)] = &[
    (Setting::Server, "ExternalMailboxServer"),
    (Setting::CertPrincipalName, "CertPrincipalName"),
    (Setting::ServerExclusiveConnect, "ExternalServerExclusiveConnect"),
    (Setting::EwsUrl, "ExternalEwsUrl"),
    (Setting::EcpUrl, "ExternalEcpUrl"),
    (Setting::OabUrl, "ExternalOABUrl"),
    (Setting::UmUrl, "ExternalUMUrl"),
    (Setting::EwsPartnerUrl, "EwsPartnerUrl"),
    (Setting::GroupingInformation, "GroupingInformation"),
];

/// Continues `EcpUrl` in both.
const FRAGMENTS: &[(Setting, &str)] = &[
    (Setting::EcpUrlUm, "EcpVoicemailUrlFragment"),
    (Setting::EcpUrlAggr, "EcpEmailSubscriptionsUrlFragment"),
    (Setting::EcpUrlMt, "EcpDeliveryReportUrlFragment"),
    (Setting::EcpUrlRet, "EcpRetentionPolicyTagsUrlFragment"),
    (Setting::EcpUrlSms, "EcpTextMessagingUrlFragment"),
    (Setting::EcpUrlPublish, "EcpPublishingUrlFragment"),
    (Setting::EcpUrlPhoto, "EcpPhotoUrlFragment"),
    (Setting::EcpUrlConnect, "EcpConnectUrlFragment"),
    (Setting::EcpUrlTm, "EcpTeamMailboxUrlFragment"),
    (Setting::EcpUrlTmCreating, "EcpTeamMailboxCreatingUrlFragment"),
    (Setting::EcpUrlTmEditing, "EcpTeamMailboxEditingUrlFragment"),
    (Setting::EcpUrlTmHiding, "EcpTeamMailboxHidingUrlFragment"),
    (Setting::EcpUrlExtinstall, "EcpExtensionInstallationUrlFragment"),
];

impl SubjectResponse<'_> {
    /// The settings as POX says them: `EXCH`, `EXPR` and `WEB` with what they have a place for. There is no `mapiHttp`: the
    /// SOAP service tells by `MapiHttpEnabled` whether the mailbox has it, and not where.
    #[must_use]
    pub fn to_pox(&self) -> Response<'_> {
        let text = |name: &str| self.text(name).map(Text::from);
        let user = User {
            display_name: text("UserDisplayName"),
            legacy_dn: text("UserDN"),
            auto_discover_smtp_address: text("AutoDiscoverSMTPAddress"),
            deployment_id: text("UserDeploymentId"),
            unknown: Vec::new(),
        };
        let protocols = [self.exch(), self.expr(), self.web()];
        let account = Account {
            account_type: Some("email".into()),
            action: Some(Action::Settings),
            microsoft_online: text("UserMSOnline"),
            protocols: protocols.into_iter().filter(|protocol| !protocol.parts.is_empty()).collect(),
            public_folder_information: text("PublicFolderInformation")
                .map(|address| PublicFolderInformation { smtp_address: Some(address), unknown: Vec::new() }),
            alternative_mailboxes: self.alternate_mailboxes().iter().map(alternative).collect(),
            ..Account::default()
        };
        Response {
            user: Some(user).filter(|user| *user != User::default()),
            account: Some(account),
            ..Response::default()
        }
    }

    fn filled(&self, name: &str) -> Option<Text<'_>> {
        self.text(name).filter(|value| !value.is_empty()).map(Text::from)
    }

    fn protocol(&self, protocol_type: ProtocolType<'static>, own: &[(Setting, &str)]) -> Protocol<'_> {
        let all =
            own.iter().chain(FRAGMENTS.iter().filter(|_| {
                own.iter().any(|(setting, name)| *setting == Setting::EcpUrl && self.filled(name).is_some())
            }));
        let parts = all.filter_map(|(setting, name)| Some(Part::Setting(*setting, self.filled(name)?)));
        Protocol { parts: parts.collect(), ..Protocol::new(protocol_type) }
    }

    fn exch(&self) -> Protocol<'_> {
        let exch = self.protocol(ProtocolType::Exch, INSIDE);
        match self.filled("InternalRpcClientServer") {
            // The array in front of the mailbox servers, where there is one, is what RPC goes to.
            Some(server) => {
                let rest = exch.parts.into_iter().filter(|part| !matches!(part, Part::Setting(Setting::Server, _)));
                let parts = std::iter::once(Part::Setting(Setting::Server, server)).chain(rest).collect();
                Protocol { parts, ..Protocol::new(ProtocolType::Exch) }
            }
            None => exch,
        }
    }

    fn expr(&self) -> Protocol<'_> {
        let mut expr = self.protocol(ProtocolType::Expr, OUTSIDE);
        if expr.value(Setting::Server).is_none() {
            return expr;
        }
        if let Some(tls) = self.filled("ExternalMailboxServerRequiresSSL") {
            let off = tls.eq_ignore_ascii_case("false") || tls.eq_ignore_ascii_case("off");
            expr = expr.with(Setting::Ssl, if off { "Off" } else { "On" });
        }
        match self.filled("ExternalMailboxServerAuthenticationMethods") {
            Some(package) => expr.with(Setting::AuthPackage, package),
            None => expr,
        }
    }

    fn web(&self) -> Protocol<'_> {
        let mut web = Protocol::new(ProtocolType::Web);
        for (name, part) in [
            ("InternalWebClientUrls", Part::Internal as fn(_) -> _),
            ("ExternalWebClientUrls", Part::External as fn(_) -> _),
        ] {
            let urls = self.settings.iter().filter(|setting| setting.name == name);
            let urls = urls.flat_map(|setting| match &setting.value {
                Value::WebClientUrls(urls) => urls.as_slice(),
                _ => &[],
            });
            let owa_urls: Vec<_> = urls.filter_map(owa_url).collect();
            if !owa_urls.is_empty() {
                web.parts.push(part(Location { owa_urls, ..Location::default() }));
            }
        }
        web
    }

    fn alternate_mailboxes(&self) -> &[AlternateMailbox<'_>] {
        self.settings
            .iter()
            .find_map(|setting| match &setting.value {
                Value::AlternateMailboxes(all) => Some(all.as_slice()),
                _ => None,
            })
            .unwrap_or_default()
    }
}

fn owa_url<'r>(url: &'r WebClientUrl<'_>) -> Option<OwaUrl<'r>> {
    let authentication_method = url.authentication_methods.as_deref().map(Text::from);
    Some(OwaUrl { authentication_method, url: url.url.as_deref()?.into() })
}

fn alternative<'r>(mailbox: &'r AlternateMailbox<'_>) -> AlternativeMailbox<'r> {
    let text = |value: &'r Option<Text<'_>>| value.as_deref().map(Text::from);
    AlternativeMailbox {
        mailbox_type: text(&mailbox.mailbox_type),
        display_name: text(&mailbox.display_name),
        legacy_dn: text(&mailbox.legacy_dn),
        server: text(&mailbox.server),
        smtp_address: text(&mailbox.smtp_address),
        owner_smtp_address: text(&mailbox.owner_smtp_address),
        unknown: Vec::new(),
    }
}
