//! What a refusal means, and what to do about it.

use oxwire::http::ResponseHead;
use oxwire::mapi::mapihttp::{RequestType, ResponseCode};
use oxwire::mapi::property::ErrorCode;
use oxwire::mapihttp::client::{Outcome, Response};

use crate::report::{Facts, Failure};

/// Characters of a server's own text that are shown.
const TEXT_LIMIT: usize = 600;

/// What did not succeed, in words.
pub(crate) fn of_outcome(request: RequestType, outcome: &Outcome) -> Failure {
    let expected = format!("X-ResponseCode 0 to {request}");
    match outcome {
        // Asked for only where no answer was to come: in the cut in mid-response.
        Outcome::Answered(_) => {
            Failure::new(expected, "a whole answer", "the connection was cut too late: run the test again")
        }
        Outcome::Refused { code, response } => {
            let came = format!("X-ResponseCode {code}; the server says: {}", text(response));
            Failure::new(expected, came, of_code(*code)).with_facts(servers(&response.head))
        }
        Outcome::Status { status, response, .. } => {
            let reason = String::from_utf8_lossy(response.head.reason()).into_owned();
            let came = format!("HTTP {status} {reason} without X-ResponseCode; the server says: {}", text(response));
            Failure::new(expected, came, of_status(*status)).with_facts(servers(&response.head))
        }
        Outcome::Unanswered { reason } => Failure::new(
            expected,
            format!("no answer: {reason}"),
            "the server, or something between, broke the connection: run the test again, and compare with the server's log",
        ),
        Outcome::NotSent { reason, .. } => Failure::new(
            expected,
            format!("the request did not get through: {reason}"),
            "the connection does not stay open: look for a proxy or a firewall between, and at the server's log",
        ),
        _ => Failure::new(expected, format!("{outcome:?}"), "compare with the server's log"),
    }
}

/// Who answered, as Exchange says it.
fn servers(head: &ResponseHead) -> Facts {
    let fields = head.fields();
    Facts::new()
        .with_some("server", fields.text("Server"))
        .with_some("X-ServerApplication", fields.text("X-ServerApplication"))
        .with_some("X-FEServer", fields.text("X-FEServer"))
        .with_some("X-BEServer", fields.text("X-BEServer"))
        .with_some("X-DiagInfo", fields.text("X-DiagInfo"))
}

/// The server's own text: without mark-up and without the title, which says the same again, on one line.
fn text(response: &Response) -> String {
    let bytes: Vec<u8> = response.body.pieces().flatten().copied().take(TEXT_LIMIT * 8).collect();
    plain(&String::from_utf8_lossy(&bytes))
}

fn plain(all: &str) -> String {
    let untitled = all.split_once("<title>").and_then(|(before, rest)| Some((before, rest.split_once("</title>")?.1)));
    let all = untitled.map_or_else(|| all.to_owned(), |(before, behind)| [before, behind].concat());
    let mut words = String::new();
    let mut inside = false;
    for c in all.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                words.push(' ');
            }
            _ if inside => {}
            c => words.push(c),
        }
    }
    let words: Vec<&str> = words.split_whitespace().collect();
    let mut line: String = words.join(" ").chars().take(TEXT_LIMIT).collect();
    if line.is_empty() {
        line.push_str("(nothing)");
    }
    line
}

fn of_code(code: ResponseCode) -> &'static str {
    match code {
        ResponseCode::ANONYMOUS_NOT_ALLOWED => {
            "the endpoint took the request as anonymous: switch a scheme on for it, or look for a proxy that strips Authorization"
        }
        ResponseCode::NO_PRIVILEGE => {
            "the account may not use this mailbox: check --user-dn, and that the account is enabled for MAPI"
        }
        ResponseCode::CONTEXT_NOT_FOUND => {
            "the server lost the context: a load balancer without affinity sends requests to different nodes"
        }
        ResponseCode::INVALID_SEQUENCE => "something between repeats or reorders requests: look at the load balancer",
        ResponseCode::MISSING_COOKIE | ResponseCode::INVALID_CONTEXT_COOKIE => {
            "something between drops or changes cookies: look at the reverse proxy"
        }
        ResponseCode::ENDPOINT_DISABLED => {
            "MAPI over HTTP is switched off for this mailbox or this organization: switch it on"
        }
        ResponseCode::ENDPOINT_SHUTTING_DOWN => "the server is stopping: run the test again in a minute",
        ResponseCode::INVALID_PATH => {
            "the path of --url is not an endpoint: use the URL that Autodiscover gives, /mapi/emsmdb/?MailboxId=…"
        }
        ResponseCode::TOO_LARGE => "a limit on request sizes is set too low on the server or between",
        _ => "compare with the server's log; X-RequestId and time find the entry",
    }
}

fn of_status(status: u16) -> &'static str {
    match status {
        200 => {
            "the endpoint is not MAPI over HTTP, or ?MailboxId= is missing in --url: use the URL that Autodiscover gives, whole"
        }
        301..=308 => "use the URL that the server names, if you trust it",
        401 => "check user and password; if they are right, see the authentication step",
        403 => {
            "the account may not use the endpoint: MAPI over HTTP may be switched off for it, or a firewall filters by path"
        }
        404 => "the path of --url does not exist there: use the URL that Autodiscover gives, ?MailboxId= included",
        407 => "the proxy wants a password, which is not supported: use another way out",
        440 | 456 => "the account is locked, or wants another way of signing in",
        405 | 501 => "what answers there is no MAPI over HTTP endpoint: use the URL that Autodiscover gives",
        500..=599 => {
            "the server, or a proxy in front of it, fails: look at its log and at its health page, /mapi/healthcheck.htm"
        }
        _ => "compare with the server's log",
    }
}

/// What a refused operation means.
pub(crate) fn of_error(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::WRONG_SERVER => {
            "--url and --user-dn are of different mailboxes: take both from one Autodiscover answer"
        }
        ErrorCode::UNKNOWN_USER => "the server does not know --user-dn: take it from Autodiscover (LegacyDN)",
        ErrorCode::LOGIN_PERMISSION | ErrorCode::ACCESS_DENIED => {
            "the account has no right to this mailbox: grant it, or test with the mailbox's own account"
        }
        ErrorCode::SERVER_BUSY => "the server throttles this account: wait, and run the test again",
        ErrorCode::MAILBOX_IN_TRANSIT => "the mailbox is being moved: run the test again later",
        ErrorCode::CLIENT_VERSION_BLOCKED => "the server blocks clients of this version",
        ErrorCode::LOGON_FAILED => "the server refuses the logon: is the mailbox database mounted?",
        _ => "compare with the server's log",
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_page_becomes_one_line_without_its_title() {
        let page =
            "<html><head><title>Error 3</title></head>\r\n<body><p>X-ResponseCode 3: no\n such user</p></body></html>";
        assert_eq!(plain(page), "X-ResponseCode 3: no such user");
        assert_eq!(plain("<title>Only this"), "Only this");
        assert_eq!(plain(""), "(nothing)");
    }
}
