//! Two cuts: a connection that breaks between requests costs nothing, one that breaks in mid-response costs the context.

use oxwire::mapi::property::PropertyTag;
use oxwire::mapi::rop::{Handle, RopId};
use oxwire::mapihttp::client::Outcome;

use super::advice;
use super::mailbox::{name_and_count, number, text};
use super::operations::{answer, no_columns};
use super::session::Session;
use crate::report::{Facts, Failure};

/// The connection breaks while nothing is under way: the next request goes out on a new one, in the same context, and an old handle
/// still works.
///
/// # Errors
/// The context, or the handle, did not survive.
pub(crate) async fn between_requests(session: &mut Session, folder: Handle) -> Result<Facts, Failure> {
    let before = session.driver.stack.main_connection();
    if let Some(conn) = before {
        session.driver.cut(conn, "cut between requests by the analyser");
    }
    session.replaced = false;
    let answers = name_and_count(folder, 1)?.run(session).await?;
    if session.replaced {
        return Err(Failure::new(
            "the same Session Context on a new connection",
            "a new Session Context",
            "the server binds contexts to connections, or a load balancer without affinity sent the request to a different node",
        ));
    }
    let response = answer!(answers.in_order(no_columns)?, GetPropertiesSpecific);
    let name = text(&response.row, PropertyTag::DISPLAY_NAME);
    let after = session.driver.stack.main_connection();
    Ok(Facts::new()
        .with("context", "the same")
        .with("connection", format!("{} after {}", told(after), told(before)))
        .with("old handle", "works")
        .with_some("folder", name)
        .with_some("messages", number(&response.row, PropertyTag::CONTENT_COUNT)))
}

fn told(conn: Option<oxwire::core::ConnectionId>) -> String {
    conn.map_or_else(|| "none".to_owned(), |conn| conn.number().to_string())
}

/// The connection breaks after the head of a response: nobody knows what the server did, so a new context replaces the old one, and
/// old handles are refused.
///
/// # Errors
/// The context was not replaced, or the old handle still works.
pub(crate) async fn in_mid_response(session: &mut Session, folder: Handle) -> Result<Facts, Failure> {
    session.replaced = false;
    session.driver.stack.cut_next_response();
    let handle = session.begin_execute(name_and_count(folder, 1)?.bytes())?;
    let reason = match session.outcome(handle).await? {
        (_, Outcome::Unanswered { reason }) => reason,
        (request_type, outcome) => {
            let mut failure = advice::of_outcome(request_type, &outcome);
            failure.expected = "a request that is reported as sent and unanswered".to_owned();
            return Err(failure);
        }
    };
    while !session.replaced {
        session.next().await?;
    }
    let answers = name_and_count(folder, 1)?.run(session).await?;
    let refusal = match answers.in_order(no_columns)?.next() {
        Err(refusal) => refusal,
        Ok(_) => {
            return Err(Failure::new(
                format!(
                    "{} to be refused: the handle is of the old context",
                    RopId::GET_PROPERTIES_SPECIFIC.name().unwrap_or_default()
                ),
                "an answer to an old handle in the new context",
                "the server gave the new context the handles of the old one: compare with its log",
            ));
        }
    };
    Ok(Facts::new()
        .with("request", format!("reported as unanswered ({reason})"))
        .with("context", "replaced")
        .with("old handle", format!("refused: {}", refusal.came)))
}
