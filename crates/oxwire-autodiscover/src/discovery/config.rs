//! What a caller decides.

use std::time::Duration;

use crate::json::JsonLimits;
use crate::pox::RequestHeaders;
use crate::xml::XmlLimits;

use super::Step;

/// How a search goes about it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The steps, in order; each counts once. Default [`Step::OUTLOOK`].
    pub order: Vec<Step>,
    /// The steps that are left out, as Outlook's policy keys do: see [`Step::policy_key`]. Default none.
    pub excluded: Vec<Step>,
    /// `PreferLocalXML`: a local document before everything. Default no.
    pub prefer_local_xml: bool,
    /// The caller has a local document, or can look for one. Default no: the step is passed over.
    pub local_xml: bool,
    /// What the last search came to: see [`Found::last_known_good`](super::Found::last_known_good). Default none.
    pub last_known_good: Option<LastKnownGood>,
    /// The URL of [`Step::Office365`]. Default none: credentials go to nobody who was not asked for. Outlook's own is
    /// [`Config::OFFICE_365`].
    pub office365: Option<String>,
    /// [`Step::Office365`] before the directory, as Outlook does for accounts that it takes for Exchange Online's, and not as
    /// the last resort. Default no.
    pub office365_first: bool,
    /// The client's site in the directory, for the order of service connection points. Default none.
    pub site: Option<String>,
    /// Hosts of [`Step::Json`] besides `autodiscover.<domain>`. Default none; Exchange Online's is `outlook.office365.com`.
    pub json_hosts: Vec<String>,
    /// Hosts, and with a dot in front domains, that credentials go to without a question, as Outlook's `RedirectServers`: the
    /// targets of redirects and SRV records, the domains of redirected addresses. Default none.
    pub trusted_hosts: Vec<String>,
    /// Which service of a server is asked for the settings. Default [`Service::Pox`], as Outlook does.
    pub service: Service,
    /// The names of the settings that the SOAP service is asked for. Default [`Config::SOAP_SETTINGS`].
    pub soap_settings: Vec<String>,
    /// The port of an SRV record is taken for 443, as some versions of Outlook do. Default no.
    pub ignore_srv_port: bool,
    /// The headers that change the answer. Default MAPI/HTTP of version 1 and Negotiate; the anchor is the address that is asked
    /// for, unless one is given here.
    pub headers: RequestHeaders<'static>,
    /// User-Agent. Default `oxwire/` and this crate's version.
    pub user_agent: String,
    /// How many steps go on at once; an earlier step's answer is still preferred. Default 1.
    pub side_by_side: usize,
    /// Waiting times.
    pub deadlines: Deadlines,
    /// Bounds.
    pub limits: DiscoveryLimits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            order: Step::OUTLOOK.to_vec(),
            excluded: Vec::new(),
            prefer_local_xml: false,
            local_xml: false,
            last_known_good: None,
            office365: None,
            office365_first: false,
            site: None,
            json_hosts: Vec::new(),
            trusted_hosts: Vec::new(),
            service: Service::Pox,
            soap_settings: Self::SOAP_SETTINGS.iter().map(|name| (*name).to_owned()).collect(),
            ignore_srv_port: false,
            headers: RequestHeaders { mapi_http_capability: Some(1), negotiate: true, ..RequestHeaders::default() },
            user_agent: concat!("oxwire/", env!("CARGO_PKG_VERSION")).to_owned(),
            side_by_side: 1,
            deadlines: Deadlines::default(),
            limits: DiscoveryLimits::default(),
        }
    }
}

/// Which service of a server is asked for the settings of a mailbox. Where one answers at `…/autodiscover.xml`, the other does at
/// `…/autodiscover.svc`; a URL that ends in neither is asked as it is.
///
/// MAPI over HTTP is found by POX alone: the SOAP service gives no URLs of it. Clients of Exchange Web Services ask by SOAP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// POX.
    #[default]
    Pox,
    /// SOAP, and POX on the same server where that gives no settings, as Microsoft advises clients of Exchange Web Services.
    SoapThenPox,
    /// SOAP.
    Soap,
}

/// A policy key that this library has nothing for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected PreferLocalXML or one of the Exclude keys of Outlook's Autodiscover policy")]
pub struct UnknownPolicyKey;

impl Config {
    /// The endpoint that Outlook knows for Exchange Online.
    pub const OFFICE_365: &'static str = "https://autodiscover-s.outlook.com/autodiscover/autodiscover.xml";

    /// What the SOAP service is asked for: the user, RPC over HTTP, and the URLs of the web services, from inside and outside.
    pub const SOAP_SETTINGS: &'static [&'static str] = &[
        "UserDisplayName",
        "UserDN",
        "UserDeploymentId",
        "AutoDiscoverSMTPAddress",
        "InternalMailboxServer",
        "InternalMailboxServerDN",
        "InternalRpcClientServer",
        "ActiveDirectoryServer",
        "MailboxDN",
        "PublicFolderServer",
        "ExternalMailboxServer",
        "ExternalMailboxServerRequiresSSL",
        "ExternalMailboxServerAuthenticationMethods",
        "CertPrincipalName",
        "MapiHttpEnabled",
        "InternalEwsUrl",
        "ExternalEwsUrl",
        "EwsSupportedSchemas",
        "InternalEcpUrl",
        "ExternalEcpUrl",
        "InternalOABUrl",
        "ExternalOABUrl",
        "InternalUMUrl",
        "ExternalUMUrl",
        "InternalWebClientUrls",
        "ExternalWebClientUrls",
        "AlternateMailboxes",
        "PublicFolderInformation",
        "GroupingInformation",
        "UserMSOnline",
    ];

    /// Sets one of Outlook's policy keys as an administrator does (`ExcludeScpLookup`, 1), in any letter case.
    ///
    /// # Errors
    /// [`UnknownPolicyKey`].
    pub fn set_policy(&mut self, key: &str, on: bool) -> Result<(), UnknownPolicyKey> {
        if key.eq_ignore_ascii_case("PreferLocalXML") {
            self.prefer_local_xml = on;
            return Ok(());
        }
        let step = Step::of_policy_key(key).ok_or(UnknownPolicyKey)?;
        self.excluded.retain(|excluded| *excluded != step);
        if on {
            self.excluded.push(step);
        }
        Ok(())
    }

    /// The steps as they are gone through, those left out included.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::with_capacity(self.order.len());
        for step in &self.order {
            if !steps.contains(step) {
                steps.push(*step);
            }
        }
        let mut to_front = |step: Step, before: Option<Step>| {
            if let Some(from) = steps.iter().position(|known| *known == step) {
                steps.remove(from);
                let to = before.and_then(|before| steps.iter().position(|known| *known == before));
                steps.insert(to.unwrap_or(0), step);
            }
        };
        if self.office365_first {
            to_front(Step::Office365, Some(Step::Scp));
        }
        if self.prefer_local_xml {
            to_front(Step::LocalXml, None);
        }
        steps
    }

    pub(super) fn trusts(&self, host: &str) -> bool {
        self.trusted_hosts.iter().any(|trusted| match trusted.strip_prefix('.') {
            Some(domain) => host.split_once('.').is_some_and(|_| ends_with_domain(host, domain)),
            None => trusted.eq_ignore_ascii_case(host),
        })
    }
}

/// Whether `host` is a name below `domain`.
fn ends_with_domain(host: &str, domain: &str) -> bool {
    let Some(at) = host.len().checked_sub(domain.len()).filter(|at| *at > 1 && !domain.is_empty()) else {
        return false;
    };
    let tail = host.get(at..).is_some_and(|tail| tail.eq_ignore_ascii_case(domain));
    tail && host.get(..at).is_some_and(|rest| rest.ends_with('.'))
}

/// Where the settings were found: plain data, to be kept across restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastKnownGood {
    /// The address that was asked for there; another one than the user's where a redirect gave it.
    pub address: String,
    /// The URL.
    pub url: String,
}

/// Waiting times; each shows in `poll_timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// One request and its response, authentication included, or one question to directory, DNS or disk. Who asks the user for a
    /// password only when a server wants it gives more. Default 25 seconds.
    pub request: Duration,
    /// One step, with its redirects, and without the time that the user takes for a question. Default 60 seconds.
    pub step: Duration,
    /// How long a question for consent waits. Default 2 minutes.
    pub consent: Duration,
    /// All of it. Default 5 minutes.
    pub whole: Duration,
    /// With steps side by side: how long an answer waits for the steps before it in the order. Default 2 seconds.
    pub grace: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(25),
            step: Duration::from_secs(60),
            consent: Duration::from_secs(120),
            whole: Duration::from_secs(300),
            grace: Duration::from_secs(2),
        }
    }
}

/// Bounds on what peers can make a search do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiscoveryLimits {
    /// Redirects to another URL that are followed one after the other. Default 10, as the reference has it.
    pub redirects: u32,
    /// Redirects to another address in the whole search. Default 10.
    pub addresses: u32,
    /// Requests in the whole search. Default 64.
    pub requests: u32,
    /// Origins that refuse the credentials (401) before the search ends: each refusal may count towards the lock of the account.
    /// Default 3.
    pub refusals: usize,
    /// URLs that are taken from a directory, or hosts from DNS. Default 16.
    pub leads: usize,
    /// Directories that pointers lead to. Default 4.
    pub directories: u32,
    /// How often one request is sent again when its connection is lost. Authentication may need some. Default 4.
    pub resends: u32,
    /// A POX document.
    pub xml: XmlLimits,
    /// A JSON document.
    pub json: JsonLimits,
}

impl Default for DiscoveryLimits {
    fn default() -> Self {
        Self {
            redirects: 10,
            addresses: 10,
            requests: 64,
            refusals: 3,
            leads: 16,
            directories: 4,
            resends: 4,
            xml: XmlLimits::DEFAULT,
            json: JsonLimits::DEFAULT,
        }
    }
}
