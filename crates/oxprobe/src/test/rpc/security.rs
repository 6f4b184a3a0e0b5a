//! Authentication inside RPC: what `--rpc-auth` says, and the security context of it.

use oxwire::auth::UserName;
use oxwire::auth::ntlm;
use oxwire::auth::spnego::{Initiator, MechType, Mechanism};
use oxwire::core::SecretString;
use oxwire::http::Origin;
use oxwire::mapirpc::nspi::NSPI;
use oxwire::mapirpc::rfr::RFR;
use oxwire::rpc::association::client::Security;
use oxwire::rpc::pdu::{AuthLevel, AuthType, SyntaxIdentifier};

use super::super::{Endpoint, Plan};
use crate::kerberos::Context;

/// `--rpc-auth`: who authenticates inside RPC how, and what it protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RpcAuth {
    /// `None`: NTLM by a password, Negotiate by a ticket.
    pub(crate) scheme: Option<RpcScheme>,
    /// What it protects.
    pub(crate) level: RpcLevel,
}

/// What stands in auth_type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RpcScheme {
    /// NTLM by itself.
    Ntlm,
    /// SPNEGO.
    Negotiate,
    /// Kerberos by itself.
    Kerberos,
}

/// What authentication inside RPC protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RpcLevel {
    /// There is none: who authenticated to the proxy counts.
    None,
    /// The beginning of the connection.
    Connect,
    /// Calls are signed.
    Integrity,
    /// Calls are signed and sealed.
    Privacy,
}

impl RpcAuth {
    /// What is used where nothing is said.
    pub(crate) const DEFAULT: Self = Self { scheme: None, level: RpcLevel::Privacy };

    /// Reads `none`, or a level with or without a scheme in front of it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, level) = match text.split_once('-') {
            None => (None, text),
            Some(("ntlm", level)) => (Some(RpcScheme::Ntlm), level),
            Some(("negotiate", level)) => (Some(RpcScheme::Negotiate), level),
            Some(("kerberos", level)) => (Some(RpcScheme::Kerberos), level),
            Some(_) => return None,
        };
        let level = match level {
            "none" if scheme.is_none() => RpcLevel::None,
            "connect" => RpcLevel::Connect,
            "integrity" => RpcLevel::Integrity,
            "privacy" => RpcLevel::Privacy,
            _ => return None,
        };
        Some(Self { scheme, level })
    }

    /// In words, with a ticket or a password; `mech` is what Negotiate came to.
    pub(super) fn told(self, ticket: bool, mech: Option<MechType>) -> String {
        let level = match self.level {
            RpcLevel::None => return "none".to_owned(),
            RpcLevel::Connect => "connect",
            RpcLevel::Integrity => "integrity",
            RpcLevel::Privacy => "privacy",
        };
        let scheme = match (self.scheme_for(ticket), mech) {
            (RpcScheme::Ntlm, _) => "NTLM".to_owned(),
            (RpcScheme::Kerberos, _) => "Kerberos".to_owned(),
            (RpcScheme::Negotiate, Some(mech)) => format!("Negotiate with {mech} inside"),
            (RpcScheme::Negotiate, None) => "Negotiate".to_owned(),
        };
        format!("{scheme}, {level}")
    }

    fn scheme_for(self, ticket: bool) -> RpcScheme {
        let usual = if ticket { RpcScheme::Negotiate } else { RpcScheme::Ntlm };
        self.scheme.unwrap_or(usual)
    }

    /// The security context, of a ticket or of a password.
    pub(super) fn security(
        self,
        address: &str,
        password: &SecretString,
        ticket: Option<Context>,
    ) -> Option<Security<Initiator>> {
        let level = match self.level {
            RpcLevel::None => return None,
            RpcLevel::Connect => AuthLevel::CONNECT,
            RpcLevel::Integrity => AuthLevel::PKT_INTEGRITY,
            RpcLevel::Privacy => AuthLevel::PKT_PRIVACY,
        };
        let scheme = self.scheme_for(ticket.is_some());
        let mechanism = match ticket {
            Some(context) => Mechanism::outside(MechType::KERBEROS, Some(Box::new(context))),
            None => {
                let mut config = ntlm::ClientConfig::new(UserName::parse(address), password.expose());
                config.sign = matches!(self.level, RpcLevel::Integrity | RpcLevel::Privacy);
                config.seal = self.level == RpcLevel::Privacy;
                // Without it nothing protects SPNEGO's list of mechanisms.
                config.sign |= scheme == RpcScheme::Negotiate;
                Mechanism::ntlm_client(config)
            }
        };
        let (auth_type, initiator) = match scheme {
            RpcScheme::Ntlm => (AuthType::WINNT, Initiator::without_spnego(mechanism)),
            RpcScheme::Kerberos => (AuthType::GSS_KERBEROS, Initiator::without_spnego(mechanism)),
            RpcScheme::Negotiate => (AuthType::GSS_NEGOTIATE, Initiator::new(vec![mechanism])),
        };
        Some(Security::new(auth_type, level, initiator))
    }
}

/// The service that a ticket is for: its class by the interface, and the RPC server; the proxy, where the server has a mailbox's name
/// (`guid@domain`), which is no host's.
pub(super) fn service(plan: &Plan, interface: SyntaxIdentifier) -> String {
    let class = match interface {
        NSPI => "exchangeAB",
        RFR => "exchangeRFR",
        _ => "exchangeMDB",
    };
    let host = match &plan.endpoint {
        Endpoint::RpcHttp { server, .. } if !server.server.contains('@') => server.server.to_string(),
        endpoint => {
            Origin::from_url(endpoint.url()).map_or_else(|_| String::new(), |(origin, _)| origin.host.to_string())
        }
    };
    format!("{class}/{host}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kerberos::Helper;

    #[test]
    fn a_level_stands_alone_or_behind_a_scheme() {
        for (text, scheme, level) in [
            ("none", None, RpcLevel::None),
            ("connect", None, RpcLevel::Connect),
            ("integrity", None, RpcLevel::Integrity),
            ("ntlm-privacy", Some(RpcScheme::Ntlm), RpcLevel::Privacy),
            ("negotiate-connect", Some(RpcScheme::Negotiate), RpcLevel::Connect),
            ("kerberos-integrity", Some(RpcScheme::Kerberos), RpcLevel::Integrity),
        ] {
            assert_eq!(RpcAuth::parse(text), Some(RpcAuth { scheme, level }), "{text}");
        }
        for text in ["", "low", "ntlm", "ntlm-none", "basic-privacy", "privacy-ntlm"] {
            assert_eq!(RpcAuth::parse(text), None, "{text}");
        }
    }

    #[test]
    fn who_authenticates_and_how() {
        let password = SecretString::from("x");
        for (rows, auth, expected) in [
            ("MS-OXCRPC_R1361", "none", None),
            ("MS-OXCRPC_R1361 MS-OXCRPC_R1417", "connect", Some((AuthType::WINNT, AuthLevel::CONNECT))),
            ("MS-OXCRPC_R1139", "integrity", Some((AuthType::WINNT, AuthLevel::PKT_INTEGRITY))),
            ("MS-OXCRPC_R954 MS-OXCRPC_R1140", "privacy", Some((AuthType::WINNT, AuthLevel::PKT_PRIVACY))),
            ("", "negotiate-privacy", Some((AuthType::GSS_NEGOTIATE, AuthLevel::PKT_PRIVACY))),
        ] {
            let found = RpcAuth::parse(auth).unwrap().security("ada@oxwire.test", &password, None);
            assert_eq!(found.map(|security| (security.auth_type, security.level)), expected, "{rows} {auth}");
        }
        // With a ticket.
        for (auth, expected) in [("privacy", AuthType::GSS_NEGOTIATE), ("kerberos-privacy", AuthType::GSS_KERBEROS)] {
            let helper = Helper { program: "/nonexistent/helper".into(), environment: None };
            let ticket = Some(helper.rpc_initiator("exchangeMDB/mbx1"));
            let found = RpcAuth::parse(auth).unwrap().security("ada@oxwire.test", &password, ticket).unwrap();
            assert_eq!((found.auth_type, found.level), (expected, AuthLevel::PKT_PRIVACY), "{auth}");
        }
    }
}
