//! What authentication tells, in the words of this program.

use oxwire::auth::client::{ClientEvent, FailReason, LastToken};
use oxwire::auth::spnego::{MechType, Refusal};
use oxwire::auth::{AuthScheme, BindingKind};

use crate::report::{Facts, Failure};

/// One authentication, as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    offered: Vec<String>,
    mechanism: Option<MechType>,
    skipped: Vec<String>,
    /// A failure after which another scheme may have its turn.
    pub(super) failed: Option<Failure>,
}

impl Handshake {
    /// Takes what the layer tells; gives the end.
    pub(super) fn take(&mut self, event: ClientEvent, binding_problem: Option<&str>) -> Option<Result<Facts, Failure>> {
        match event {
            ClientEvent::SchemeChosen { offered: all, .. } => {
                self.offered = all.iter().map(ToString::to_string).collect();
            }
            ClientEvent::CredentialsNeeded { offers, .. } if self.offered.is_empty() => {
                self.offered = offers.iter().map(|offer| offer.scheme.to_string()).collect();
            }
            ClientEvent::MechanismChosen { mechanism: chosen, instead_of, skipped: left_out, .. } => {
                self.mechanism = Some(chosen);
                self.skipped.extend(left_out.iter().map(|(mech, why)| format!("{mech}: {why}")));
                self.skipped.extend(instead_of.map(|mech| format!("{mech}: the server chose {chosen}")));
            }
            ClientEvent::Authenticated { scheme, binding, last_token, .. } => {
                let skipped = std::mem::take(&mut self.skipped);
                let facts = Facts::new().with("offered", std::mem::take(&mut self.offered));
                let facts = facts.with("scheme", scheme.as_str());
                let facts = facts.with_some("mechanism", self.mechanism.map(|mechanism| mechanism.to_string()));
                let facts = facts.with_some("not used", (!skipped.is_empty()).then_some(skipped));
                let facts = facts.with("binding", binding_name(scheme, binding));
                let facts = facts.with_some("last token", last_token_name(last_token));
                return Some(Ok(facts.with_some("no binding because", binding_problem)));
            }
            ClientEvent::Failed { scheme, reason, .. } => return self.refused(scheme, &reason).map(Err),
            _ => {}
        }
        None
    }

    fn refused(&mut self, scheme: Option<AuthScheme>, reason: &FailReason) -> Option<Failure> {
        if let (FailReason::NoCommonScheme { offered: all }, true) = (reason, self.offered.is_empty()) {
            self.offered.push(all.to_string());
        }
        let facts = Facts::new().with_some("offered", (!self.offered.is_empty()).then(|| self.offered.clone()));
        let facts = facts.with_some("scheme", scheme.map(|s| s.as_str()));
        let facts = facts.with_some("mechanism", self.mechanism.map(|mechanism| mechanism.to_string()));
        let expected = "that the server accepts user and password";
        let advice = failed_advice(scheme, self.mechanism, reason);
        let failure = Failure::new(expected, came(scheme, self.mechanism, reason), advice).with_facts(facts);
        if scheme == Some(AuthScheme::Negotiate) && !matches!(reason, FailReason::Rejected { .. }) {
            // It may give way to another scheme; if it does not, the answer to the request comes next.
            self.skipped.push(format!("Negotiate: {reason}"));
            self.failed = Some(failure);
            return None;
        }
        Some(failure)
    }
}

fn binding_name(scheme: AuthScheme, binding: BindingKind) -> String {
    if scheme.is_connection_bound() { binding.to_string() } else { format!("not possible with {scheme}") }
}

fn last_token_name(last_token: LastToken) -> Option<&'static str> {
    match last_token {
        LastToken::Verified => Some("verified: the server took part in the authentication"),
        LastToken::Missing => Some("none came: TLS alone says who the server is"),
        _ => None,
    }
}

/// What came, in the words of this program: the reasons of the library name its settings.
fn came(scheme: Option<AuthScheme>, mechanism: Option<MechType>, reason: &FailReason) -> String {
    match reason {
        FailReason::Rejected { binding } if scheme == Some(AuthScheme::Negotiate) => {
            let inside = mechanism.map_or_else(|| "no mechanism".to_owned(), |mechanism| mechanism.to_string());
            format!(
                "HTTP 401 to Negotiate with {inside} inside and channel binding {binding}; the server does not say why"
            )
        }
        FailReason::Rejected { binding } if scheme == Some(AuthScheme::Ntlm) => {
            format!(
                "HTTP 401 to the NTLM handshake, with channel binding {binding}; a wrong password and a wrong binding look the same"
            )
        }
        FailReason::Rejected { .. } => "HTTP 401 to user and password".to_owned(),
        FailReason::NoCommonScheme { offered } => {
            format!("HTTP 401 that offers {offered} and nothing that may be used here")
        }
        FailReason::NeedsTls => {
            "HTTP 401 that offers what would send the password in clear, and there is no TLS".to_owned()
        }
        FailReason::NoToken => "HTTP 401 without a challenge to NTLM's first message".to_owned(),
        reason => reason.to_string(),
    }
}

fn failed_advice(scheme: Option<AuthScheme>, mechanism: Option<MechType>, reason: &FailReason) -> &'static str {
    let kerberos = mechanism == Some(MechType::KERBEROS);
    match (reason, scheme) {
        (FailReason::Rejected { .. }, Some(AuthScheme::Negotiate)) if kerberos => {
            "the server refuses the ticket: compare its keytab with the KDC's key of HTTP/host, and the clocks (5 minutes at most); a server with Extended Protection refuses a binding that is not its own: reach it directly, without --binding none"
        }
        (
            FailReason::Rejected { binding: BindingKind::None | BindingKind::EndsElsewhere },
            Some(AuthScheme::Negotiate),
        ) => {
            "check user and password; a server with Extended Protection also refuses NTLM inside of Negotiate without channel binding: run without --binding none, over https"
        }
        (FailReason::Rejected { .. }, Some(AuthScheme::Negotiate)) => {
            "check user and password; if they are right, something between may end TLS so that the binding does not fit: reach the server directly, or try --auth basic"
        }
        (FailReason::Negotiate(Refusal::NothingToOffer(_)), _) => {
            "there is no ticket that fits: run klist, kinit if it has expired, and check that the KDC knows HTTP/ and the host of --url"
        }
        (FailReason::Negotiate(Refusal::Rejected | Refusal::NotOffered(_)), _) => {
            "the server has none of the mechanisms that were offered: give a ticket with --ccache for a server of Kerberos alone, or try --auth ntlm"
        }
        (FailReason::Negotiate(Refusal::NoMechListMic { .. } | Refusal::WrongMechListMic), _) => {
            "the list of mechanisms was not what arrived: look for a proxy that changes Authorization, or an attack"
        }
        (FailReason::CallTimeout, _) => "the KDC does not answer: is it reached from here?",
        (FailReason::Rejected { binding: BindingKind::None | BindingKind::EndsElsewhere }, Some(AuthScheme::Ntlm)) => {
            "check user and password; a server with Extended Protection also refuses NTLM without channel binding: run without --binding none, over https"
        }
        (FailReason::Rejected { .. }, Some(AuthScheme::Ntlm)) => {
            "check user and password; if they are right, something between may end TLS so that the binding does not fit: reach the server directly, or try --auth basic"
        }
        (FailReason::Rejected { .. }, _) => "check user and password, and whether this account may use that scheme",
        (FailReason::NoCommonScheme { .. }, _) => {
            "switch on one of Negotiate, NTLM and Basic for the endpoint, or drop --auth"
        }
        (FailReason::NeedsTls, _) => "use https in --url; to send the password in clear all the same, say --auth basic",
        (FailReason::NoToken, _) => {
            "the server offers NTLM and does not begin it: look at its authentication settings, and at proxies between"
        }
        (FailReason::ClosedInHandshake { .. }, _) => {
            "a proxy between does not keep connections: NTLM cannot pass it; reach the server directly"
        }
        (FailReason::LegTimeout, _) => {
            "the server does not answer in the middle of the handshake: can it reach its domain controller?"
        }
        _ => "compare with the server's log",
    }
}
