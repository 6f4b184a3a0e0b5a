//! A subscription, and NotificationWait until an event comes or time is up.

use std::time::Instant;

use bytes::Bytes;
use oxwire::core::{Limits, decode_all, encode_to_bytes};
use oxwire::mapi::mapihttp::{EventPending, NotificationWaitRequest, NotificationWaitResponse};
use oxwire::mapi::property::ErrorCode;
use oxwire::mapi::rop::{Handle, NotificationData, NotificationScope, NotificationTypes, RegisterNotificationRequest};
use oxwire::mapihttp::client::{Outcome, RequestHandle, Response};

use super::Plan;
use super::advice;
use super::mailbox::{LOGON_ID, Mailbox, message_words, newest};
use super::operations::{Answers, Carrier, Operations, answer, no_columns};
use super::session::{Session, rejection, rop_payload, undecodable};
use crate::report::{Facts, Failure};

/// Subscribes to new mail and to new objects in the whole store.
///
/// # Errors
/// The subscription was refused.
pub(crate) async fn subscribe(carrier: &mut impl Carrier, mailbox: &Mailbox) -> Result<(), Failure> {
    let subscription = RegisterNotificationRequest {
        logon_id: LOGON_ID,
        input_handle_index: 0,
        output_handle_index: 1,
        notification_types: NotificationTypes::NEW_MAIL.with(NotificationTypes::OBJECT_CREATED),
        scope: NotificationScope::WholeStore,
    };
    let handles = [mailbox.logon, Handle::UNUSED];
    let answers = Operations::new(&handles, |requests| requests.push(&subscription))?.run(carrier).await?;
    answer!(answers.in_order(no_columns)?, RegisterNotification);
    Ok(())
}

/// Waits for news of the mailbox.
///
/// # Errors
/// The subscription or the wait was refused, or an event that has to come did not.
pub(crate) async fn wait(
    session: &mut Session,
    mailbox: &Mailbox,
    inbox: Handle,
    plan: &Plan,
) -> Result<Facts, Failure> {
    subscribe(session, mailbox).await?;
    let body = encode_to_bytes(&NotificationWaitRequest::default());
    let body = body.map_err(|error| undecodable("NotificationWait", &error))?;
    let machine = &mut session.driver.stack.machine;
    let handle = machine.notification_wait(Instant::now(), body);
    let handle = handle.map_err(|rejected| rejection("NotificationWait", &rejected))?;
    let waited = tokio::time::timeout(plan.listen, session.outcome(handle)).await;
    match waited {
        Ok(Ok((_, Outcome::Answered(response)))) => {
            if is_pending(response)? {
                fetched(session, inbox).await
            } else {
                Ok(Facts::new().with("event", "none: the server ended the wait by itself"))
            }
        }
        Ok(Ok((request_type, outcome))) => Err(advice::of_outcome(request_type, &outcome)),
        Ok(Err(failure)) => Err(failure),
        Err(_) => gave_up(session, handle, plan).await,
    }
}

fn is_pending(response: Response) -> Result<bool, Failure> {
    let body = response.body.into_bytes();
    let decoded: Result<NotificationWaitResponse<'_>, _> = decode_all(&body, &Limits::DEFAULT);
    match decoded {
        Ok(NotificationWaitResponse::Success(success)) if success.error_code == 0 => {
            Ok(success.event_pending.contains(EventPending::PENDING))
        }
        Ok(NotificationWaitResponse::Success(success)) => Err(refused(ErrorCode(success.error_code))),
        Ok(NotificationWaitResponse::Failure(failure)) => Err(refused(ErrorCode(failure.status_code))),
        Err(error) => Err(undecodable("NotificationWait", &error)),
    }
}

fn refused(code: ErrorCode) -> Failure {
    Failure::new("ErrorCode 0 to NotificationWait", code.to_string(), advice::of_error(code))
}

/// The events come in the answer to the Execute that the machine sends by itself.
async fn fetched(session: &mut Session, inbox: Handle) -> Result<Facts, Failure> {
    let execute = loop {
        match session.fetching.take() {
            Some(execute) => break execute,
            None => drop(session.next().await?),
        }
    };
    let response = session.response(execute).await?;
    let payload = rop_payload(&mut session.packing, response)?;
    tell(session, inbox, payload).await
}

/// Tells the events of an answer to no operations, and the newest message.
///
/// # Errors
/// There is no event, or it does not decode.
pub(crate) async fn tell(carrier: &mut impl Carrier, inbox: Handle, received: Bytes) -> Result<Facts, Failure> {
    let answers = Answers::to_nothing(received)?;
    let told: Vec<String> = answers.in_order(no_columns)?.notices()?.iter().map(words).collect();
    if told.is_empty() {
        return Err(Failure::new(
            "RopNotify in the call that follows EventPending",
            "none",
            "the server says that events are pending and has none: compare with its log",
        ));
    }
    let (_, messages) = newest(carrier, inbox).await?;
    let facts = Facts::new().with("events", told);
    Ok(match messages.into_iter().next() {
        Some(message) => {
            let words = message_words(&message);
            facts.with_words("newest", message, words)
        }
        None => facts,
    })
}

/// An event on a line.
fn words(event: &NotificationData<'_>) -> String {
    let kinds = [
        (NotificationTypes::NEW_MAIL, "new mail"),
        (NotificationTypes::OBJECT_CREATED, "object created"),
        (NotificationTypes::OBJECT_DELETED, "object deleted"),
        (NotificationTypes::OBJECT_MODIFIED, "object modified"),
        (NotificationTypes::OBJECT_MOVED, "object moved"),
        (NotificationTypes::OBJECT_COPIED, "object copied"),
        (NotificationTypes::SEARCH_COMPLETED, "search completed"),
        (NotificationTypes::TABLE_MODIFIED, "table modified"),
    ];
    let kind = event.flags.notification_type();
    let mut words = match kinds.iter().find(|(of, _)| *of == kind) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("kind {:#06x}", kind.bits()),
    };
    if let Some(message) = event.message_id {
        words.push_str(&format!(" {message}"));
    }
    if let Some(folder) = event.folder_id {
        words.push_str(&format!(" in folder {folder}"));
    }
    words
}

/// No event is a failure where somebody has delivered a message.
///
/// # Errors
/// That.
pub(crate) fn expect_none(plan: &Plan) -> Result<(), Failure> {
    if !plan.message_expected {
        return Ok(());
    }
    let expected = format!("an event within {} s: a message was delivered", plan.listen.as_secs());
    Err(Failure::new(expected, "nothing", "compare with the server's log"))
}

/// Time is up: the wait's connection is closed, which costs nothing but the wait.
async fn gave_up(session: &mut Session, handle: RequestHandle, plan: &Plan) -> Result<Facts, Failure> {
    let seconds = plan.listen.as_secs();
    expect_none(plan)?;
    if let Some(conn) = session.driver.stack.waiting_connection() {
        session.driver.cut(conn, "the analyser waits no longer");
    }
    session.outcome(handle).await?;
    Ok(Facts::new().with("event", format!("none within {seconds} s; the server kept the request open")))
}
