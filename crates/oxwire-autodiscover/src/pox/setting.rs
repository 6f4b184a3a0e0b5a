//! The elements of a protocol that hold one value each.

macro_rules! settings {
    ($($(#[$meta:meta])* $variant:ident = $element:literal,)*) => {
        /// An element of a [`Protocol`](super::Protocol) that holds one value.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Setting {
            $($(#[$meta])* $variant,)*
        }

        impl Setting {
            /// Every setting, in the order of the reference.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The element's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $element,)*
                }
            }

            /// The setting of an element's name, in any letter case.
            #[must_use]
            pub fn of(name: &str) -> Option<Self> {
                Self::spelt(name)
                    .or_else(|| Self::ALL.iter().copied().find(|setting| name.eq_ignore_ascii_case(setting.name())))
            }

            /// The setting of an element's name as the reference spells it: what servers send, and the quicker to tell.
            pub(super) fn spelt(name: &str) -> Option<Self> {
                match name {
                    $($element => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

settings! {
    /// Hours during which the settings hold; see [`Protocol::ttl_hours`](super::Protocol::ttl_hours).
    Ttl = "TTL",
    /// The server: a host name, and a URL in protocols of the kind of WEB.
    Server = "Server",
    /// The server's distinguished name; EXCH alone.
    ServerDn = "ServerDN",
    /// The server's version, in hexadecimal; EXCH and EXPR.
    ServerVersion = "ServerVersion",
    /// The distinguished name of the mailbox database.
    MdbDn = "MdbDN",
    /// The host name of the public folder server.
    PublicFolderServer = "PublicFolderServer",
    /// The directory server that Outlook may ask directly.
    Ad = "AD",
    /// The port of the store.
    Port = "Port",
    /// The port of the directory, by NSPI.
    DirectoryPort = "DirectoryPort",
    /// The port of the referral to a directory.
    ReferralPort = "ReferralPort",
    /// The URL of the availability service.
    AsUrl = "ASUrl",
    /// The URL of Exchange Web Services.
    EwsUrl = "EwsUrl",
    /// The URL of Exchange Web Services, under another name.
    EmwsUrl = "EmwsUrl",
    /// The URL of the sharing service.
    SharingUrl = "SharingUrl",
    /// The URL of the control panel, which the ones below continue.
    EcpUrl = "EcpUrl",
    /// Continues [`EcpUrl`](Self::EcpUrl): voice mail.
    EcpUrlUm = "EcpUrl-um",
    /// Continues [`EcpUrl`](Self::EcpUrl): aggregation of other mailboxes.
    EcpUrlAggr = "EcpUrl-aggr",
    /// Continues [`EcpUrl`](Self::EcpUrl): message tracking.
    EcpUrlMt = "EcpUrl-mt",
    /// Continues [`EcpUrl`](Self::EcpUrl): retention tags.
    EcpUrlRet = "EcpUrl-ret",
    /// Continues [`EcpUrl`](Self::EcpUrl): text messages.
    EcpUrlSms = "EcpUrl-sms",
    /// Continues [`EcpUrl`](Self::EcpUrl): calendar publishing.
    EcpUrlPublish = "EcpUrl-publish",
    /// Continues [`EcpUrl`](Self::EcpUrl): the user's photo.
    EcpUrlPhoto = "EcpUrl-photo",
    /// Continues [`EcpUrl`](Self::EcpUrl): social networks.
    EcpUrlConnect = "EcpUrl-connect",
    /// Continues [`EcpUrl`](Self::EcpUrl): site mailboxes.
    EcpUrlTm = "EcpUrl-tm",
    /// Continues [`EcpUrl`](Self::EcpUrl): a new site mailbox.
    EcpUrlTmCreating = "EcpUrl-tmCreating",
    /// Continues [`EcpUrl`](Self::EcpUrl): leaving a site mailbox.
    EcpUrlTmHiding = "EcpUrl-tmHiding",
    /// Continues [`EcpUrl`](Self::EcpUrl): a site mailbox that exists.
    EcpUrlTmEditing = "EcpUrl-tmEditing",
    /// Continues [`EcpUrl`](Self::EcpUrl): installed apps.
    EcpUrlExtinstall = "EcpUrl-extinstall",
    /// The URL of the out-of-office service.
    OofUrl = "OOFUrl",
    /// The URL of the offline address book.
    OabUrl = "OABUrl",
    /// The URL of the unified messaging service.
    UmUrl = "UMUrl",
    /// The URL of Exchange Web Services, for partners.
    EwsPartnerUrl = "EwsPartnerUrl",
    /// The name to log on with.
    LoginName = "LoginName",
    /// `on`: the domain is part of the name to log on with.
    DomainRequired = "DomainRequired",
    /// The user's domain.
    DomainName = "DomainName",
    /// `on`: secure password authentication. On where it is left out.
    Spa = "SPA",
    /// The authentication scheme; see [`AuthPackage`](super::AuthPackage).
    AuthPackage = "AuthPackage",
    /// The name in the certificate; see [`Protocol::principal_name`](super::Protocol::principal_name).
    CertPrincipalName = "CertPrincipalName",
    /// `on`: TLS. On where it is left out.
    Ssl = "SSL",
    /// `on`: authentication. On where it is left out.
    AuthRequired = "AuthRequired",
    /// `on`: the authentication of POP3 holds for SMTP; SMTP alone.
    UsePopAuth = "UsePOPAuth",
    /// `on`: mail is fetched before mail is sent. Off where it is left out.
    SmtpLast = "SMTPLast",
    /// `on`: the client tries this protocol before the others of its kind.
    ServerExclusiveConnect = "ServerExclusiveConnect",
    /// `None`, `SSL`, `TLS` or `Auto`; POP3, IMAP and SMTP.
    Encryption = "Encryption",
    /// Mailboxes with the same value can share a connection for notifications; EXPR alone.
    GroupingInformation = "GroupingInformation",
}
