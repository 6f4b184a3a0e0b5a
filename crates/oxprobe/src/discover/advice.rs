//! What to do when nothing was found: from the trail, the most telling entry first.

use oxwire::autodiscover::discovery::{Asked, Entry, Verdict};
use oxwire::http::ResetCause;

/// The advice.
pub(super) fn of(trail: &[Entry], refusals: &[String], not_allowed: &[String]) -> String {
    let any = |wanted: fn(&Verdict) -> bool| trail.iter().any(|entry| wanted(&entry.verdict));
    if let Some(to) = not_allowed.first() {
        let host = host_of(to);
        return format!("the search leads to {to}: if you trust it with the password, say --allow {host}");
    }
    if let Some(reason) = refusals.first() {
        return reason.clone();
    }
    if any(|verdict| matches!(verdict, Verdict::Unauthorized)) {
        return "the servers want a way to authenticate that this program has not: compare with the server's settings"
            .to_owned();
    }
    if any(|verdict| matches!(verdict, Verdict::ServerError { .. })) {
        return "the server answers, and has no settings for this address: check its spelling, and that it is a mailbox there"
            .to_owned();
    }
    if any(|verdict| matches!(verdict, Verdict::NotReached { cause: ResetCause::Certificate, .. })) {
        return "a certificate is not trusted or bears other names: have it replaced, name its issuer with --ca FILE, or go on \
                without trust with --insecure"
            .to_owned();
    }
    if any(|verdict| matches!(verdict, Verdict::HtmlPage | Verdict::Status(404))) {
        return "a web server answers for the domain, and not Autodiscover: have autodiscover.<domain> point to the mail server, \
                or leave that host out with --policy"
            .to_owned();
    }
    let unnamed = |entry: &Entry| match &entry.asked {
        Asked::Http { .. } => matches!(entry.verdict, Verdict::NotReached { cause: ResetCause::NameNotFound, .. }),
        _ => true,
    };
    if trail.iter().all(unnamed) {
        return "none of the names exists: check the domain, publish autodiscover.<domain>, or say where to connect with \
                --connect-to or --srv"
            .to_owned();
    }
    "no host of the domain answers as Autodiscover does: see the steps above".to_owned()
}

/// The host of a URL, or the domain of an address.
fn host_of(to: &str) -> &str {
    let authority = to.split_once("://").map_or(to, |(_, rest)| rest.split(['/', '?', ':']).next().unwrap_or(rest));
    authority.rsplit_once('@').map_or(authority, |(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        assert_eq!(host_of("https://a.test:444/x?y@z"), "a.test");
        assert_eq!(host_of("kim@b.test"), "b.test");
    }
}
