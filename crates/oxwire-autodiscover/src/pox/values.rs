//! Values of a protocol with their defaults.

use std::fmt;

use super::protocol::Protocol;
use super::setting::Setting;
use crate::text::Text;

/// The authentication scheme that a server wants inside RPC. Names are read in any letter case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthPackage {
    /// `basic`.
    Basic,
    /// `kerb`: Kerberos.
    Kerb,
    /// `kerbntlm`: Kerberos or NTLM, by Negotiate.
    KerbNtlm,
    /// `ntlm`.
    Ntlm,
    /// `certificate`.
    Certificate,
    /// `negotiate`: sent to clients that say `Negotiate` in `X-ClientCanHandle`.
    Negotiate,
    /// `nego2`.
    Nego2,
    /// `anonymous`: MAPI/HTTP carries the authentication.
    Anonymous,
}

impl AuthPackage {
    const ALL: [(Self, &'static str); 8] = [
        (Self::Basic, "basic"),
        (Self::Kerb, "kerb"),
        (Self::KerbNtlm, "kerbntlm"),
        (Self::Ntlm, "ntlm"),
        (Self::Certificate, "certificate"),
        (Self::Negotiate, "negotiate"),
        (Self::Nego2, "nego2"),
        (Self::Anonymous, "anonymous"),
    ];

    /// The package of a name; `None` for a name that is none of them.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(package, _)| package)
    }

    /// The name as it is sent.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(package, _)| *package == self).map_or("", |(_, name)| name)
    }
}

/// The version of an Exchange server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion {
    /// Major version, below 64: 15 in Exchange 2013 and all later ones.
    pub major: u8,
    /// Minor version, below 64.
    pub minor: u8,
    /// Build, below 32,768.
    pub build: u16,
}

impl ServerVersion {
    /// Reads the hexadecimal number of `ServerVersion`: four bits of structure version, six of major, six of minor, a flag,
    /// fifteen of build.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let bits = u32::from_str_radix(bits, 16).ok()?;
        let field = |shift: u32, mask: u32| (bits >> shift) & mask;
        Some(Self {
            major: u8::try_from(field(22, 0x3F)).ok()?,
            minor: u8::try_from(field(16, 0x3F)).ok()?,
            build: u16::try_from(field(0, 0x7FFF)).ok()?,
        })
    }
}

impl fmt::LowerHex for ServerVersion {
    /// The number as `ServerVersion` has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = (7 << 28) | (u32::from(self.major & 0x3F) << 22) | (u32::from(self.minor & 0x3F) << 16);
        fmt::LowerHex::fmt(&(bits | 0x8000 | u32::from(self.build & 0x7FFF)), f)
    }
}

/// The name that the certificate of the RPC proxy must bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalName<'x> {
    /// `none`: by the rules of TLS alone.
    ByTls,
    /// `msstd:` and this name.
    Msstd(Text<'x>),
    /// Another form, kept as it came.
    Other(Text<'x>),
}

impl Protocol<'_> {
    /// The value of a switch: `on` or `off`, also `true` and `false`. `None` where it is left out or says something else.
    #[must_use]
    pub fn switch(&self, setting: Setting) -> Option<bool> {
        let value = self.value(setting)?;
        let is = |name: &str| value.eq_ignore_ascii_case(name);
        match () {
            () if is("on") || is("true") => Some(true),
            () if is("off") || is("false") => Some(false),
            () => None,
        }
    }

    /// Whether TLS is asked for; on where the document does not say.
    #[must_use]
    pub fn ssl(&self) -> bool {
        self.switch(Setting::Ssl).unwrap_or(true)
    }

    /// Whether authentication is asked for; on where the document does not say.
    #[must_use]
    pub fn auth_required(&self) -> bool {
        self.switch(Setting::AuthRequired).unwrap_or(true)
    }

    /// Hours during which the settings hold: 1 where the document does not say, 0 for ever.
    #[must_use]
    pub fn ttl_hours(&self) -> u32 {
        self.value(Setting::Ttl).and_then(|hours| hours.parse().ok()).unwrap_or(1)
    }

    /// A port; `None` where it is left out or is no port.
    #[must_use]
    pub fn port(&self, setting: Setting) -> Option<u16> {
        self.value(setting).and_then(|port| port.parse().ok()).filter(|port| *port != 0)
    }

    /// `ServerVersion`.
    #[must_use]
    pub fn server_version(&self) -> Option<ServerVersion> {
        self.value(Setting::ServerVersion).and_then(ServerVersion::parse)
    }

    /// `AuthPackage`.
    #[must_use]
    pub fn auth_package(&self) -> Option<AuthPackage> {
        self.value(Setting::AuthPackage).and_then(AuthPackage::of)
    }

    /// The name in the certificate. With TLS and without `CertPrincipalName` it is `msstd:` and the server's name; without
    /// TLS there is none.
    #[must_use]
    pub fn principal_name(&self) -> Option<PrincipalName<'_>> {
        if !self.ssl() {
            return None;
        }
        let Some(name) = self.value(Setting::CertPrincipalName) else {
            return self.value(Setting::Server).map(|server| PrincipalName::Msstd(server.into()));
        };
        Some(match name.split_once(':') {
            _ if name.eq_ignore_ascii_case("none") => PrincipalName::ByTls,
            Some((form, name)) if form.eq_ignore_ascii_case("msstd") => PrincipalName::Msstd(name.into()),
            _ => PrincipalName::Other(name.into()),
        })
    }
}
