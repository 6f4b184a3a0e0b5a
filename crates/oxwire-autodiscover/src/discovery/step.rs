//! The steps of a search.

use std::fmt;

/// One way to find the service. Outlook's order is [`Step::OUTLOOK`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// A document that an administrator has put on the client's disk.
    LocalXml,
    /// The URL that gave the settings the last time.
    LastKnownGood,
    /// Exchange Online's own endpoint, where the caller names it.
    Office365,
    /// The service connection points of a directory: [MS-OXDISCO] 2.1.
    Scp,
    /// `https://<domain>/autodiscover/autodiscover.xml`.
    HttpsRootDomain,
    /// `https://autodiscover.<domain>/autodiscover/autodiscover.xml`.
    HttpsAutodiscoverDomain,
    /// A GET of `http://autodiscover.<domain>/autodiscover/autodiscover.xml`, without credentials: only a redirect to `https`
    /// is an answer.
    HttpRedirect,
    /// The SRV records of `_autodiscover._tcp.<domain>`.
    Srv,
    /// Autodiscover v2: a GET without credentials that asks for the URL of `autodiscover.xml`.
    Json,
}

impl Step {
    /// The order of Outlook 2016 and later, the JSON of v2 among the last. A local document goes first where
    /// [`Config::prefer_local_xml`](super::Config::prefer_local_xml) says so, Exchange Online where
    /// [`Config::office365_first`](super::Config::office365_first) does.
    pub const OUTLOOK: [Self; 9] = [
        Self::LastKnownGood,
        Self::Scp,
        Self::HttpsRootDomain,
        Self::HttpsAutodiscoverDomain,
        Self::LocalXml,
        Self::HttpRedirect,
        Self::Srv,
        Self::Json,
        Self::Office365,
    ];

    /// The steps of [MS-OXDISCO] 3.1.5 in their order: SRV goes before the redirect there.
    pub const OXDISCO: [Self; 5] =
        [Self::Scp, Self::HttpsRootDomain, Self::HttpsAutodiscoverDomain, Self::Srv, Self::HttpRedirect];

    /// The policy key by which an administrator switches the step off in Outlook; a local document has none.
    #[must_use]
    pub const fn policy_key(self) -> Option<&'static str> {
        Some(match self {
            Self::LocalXml => return None,
            Self::LastKnownGood => "ExcludeLastKnownGoodURL",
            Self::Office365 => "ExcludeExplicitO365Endpoint",
            Self::Scp => "ExcludeScpLookup",
            Self::HttpsRootDomain => "ExcludeHttpsRootDomain",
            Self::HttpsAutodiscoverDomain => "ExcludeHttpsAutoDiscoverDomain",
            Self::HttpRedirect => "ExcludeHttpRedirect",
            Self::Srv => "ExcludeSrvRecord",
            Self::Json => "DisableAutodiscoverV2Service",
        })
    }

    /// The step that a policy key switches off; keys in any letter case.
    #[must_use]
    pub fn of_policy_key(key: &str) -> Option<Self> {
        let keyed = |step: &Self| step.policy_key().is_some_and(|known| known.eq_ignore_ascii_case(key));
        Self::OUTLOOK.into_iter().find(keyed)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LocalXml => "local XML",
            Self::LastKnownGood => "last known good",
            Self::Office365 => "Office 365",
            Self::Scp => "SCP",
            Self::HttpsRootDomain => "https root domain",
            Self::HttpsAutodiscoverDomain => "https autodiscover domain",
            Self::HttpRedirect => "http redirect",
            Self::Srv => "SRV",
            Self::Json => "JSON v2",
        })
    }
}
