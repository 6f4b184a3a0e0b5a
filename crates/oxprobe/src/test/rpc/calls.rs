//! The bind, and the calls of mgmt, EMSMDB and AsyncEMSMDB.

use std::time::{Duration, Instant, SystemTime};

use oxwire::core::FileTime;
use oxwire::mapi::mapihttp::EventPending;
use oxwire::mapi::property::ErrorCode;
use oxwire::mapi::rop::Handle;
use oxwire::mapirpc::async_emsmdb::{ASYNC_EMSMDB, EcDoAsyncWaitExResponse};
use oxwire::mapirpc::emsmdb::{
    EMSMDB, EcDoAsyncConnectExRequest, EcDoAsyncConnectExResponse, EcDoConnectExResponse, EcDoDisconnectRequest,
    EcDoDisconnectResponse,
};
use oxwire::mapirpc::mgmt::{
    InqIfIdsRequest, InqIfIdsResponse, InqStatsRequest, InqStatsResponse, MGMT, StatisticsCount,
};
use oxwire::mapirpc::nspi::NSPI;
use oxwire::mapirpc::rfr::RFR;
use oxwire::rpc::association::client::{ContextOutcome, Event};
use oxwire::rpc::pdu::SyntaxIdentifier;

use super::super::context::auxiliary;
use super::super::mailbox::Mailbox;
use super::super::notification::{expect_none, subscribe, tell};
use super::super::operations::{Answers, Operations, unencodable};
use super::super::{Outcome, Plan};
use super::security::RpcAuth;
use super::session::{Came, RpcSession};
use super::stack::Happening;
use super::{advice, requests, security};
use crate::report::{Facts, Failure};

/// How long a server may take to give a cancelled wait up.
const CANCEL: Duration = Duration::from_secs(3);

fn name(interface: SyntaxIdentifier) -> String {
    match interface {
        EMSMDB => "EMSMDB".to_owned(),
        ASYNC_EMSMDB => "AsyncEMSMDB".to_owned(),
        NSPI => "NSPI".to_owned(),
        RFR => "RFR".to_owned(),
        MGMT => "mgmt".to_owned(),
        other => format!("{} {}.{}", other.uuid, other.version & 0xFFFF, other.version >> 16),
    }
}

/// The bind to some interfaces, of which the first has to be there.
///
/// # Errors
/// What came instead.
pub(super) async fn bind(
    session: &mut RpcSession,
    plan: &Plan,
    level: RpcAuth,
    interfaces: &[SyntaxIdentifier],
) -> Outcome<Facts> {
    let (now, wall) = (Instant::now(), FileTime::from_system(SystemTime::now()));
    let wanted = interfaces.first().copied().unwrap_or_default();
    let ticket = plan.kerberos.as_ref().map(|helper| helper.rpc_initiator(&security::service(plan, wanted)));
    let context = level.security(&plan.address, &plan.password, ticket);
    let bound = session.driver.stack.association.bind(now, wall, interfaces, context);
    bound.map_err(|error| advice::of_association(&error.to_string()))?;
    let (contexts, built, group) = loop {
        let happening = session.next().await.map_err(|failure| advice::of_ticket(failure, plan, wanted))?;
        if let Some(Happening::Association(Event::Bound { contexts, security, assoc_group_id, .. })) = happening {
            break (contexts, security, assoc_group_id);
        }
    };
    let accepted = |(_, interface, outcome): &(_, SyntaxIdentifier, ContextOutcome)| {
        (*outcome == ContextOutcome::Accepted).then(|| name(*interface))
    };
    let told: Vec<String> = contexts.iter().filter_map(accepted).collect();
    let association = &mut session.driver.stack.association;
    let mech = built.and_then(|built| association.security_mut(built)).and_then(|initiator| initiator.mech());
    let facts = Facts::new()
        .with("interfaces", told)
        .with("authentication", level.told(plan.kerberos.is_some(), mech))
        .with("header signing", association.signs_headers())
        .with("fragments", association.max_xmit_frag())
        .with("group", group);
    match contexts.iter().find(|(_, interface, _)| Some(interface) == interfaces.first()) {
        Some((_, interface, ContextOutcome::Rejected { reason, .. })) => {
            let came = format!("provider_rejection, {reason:?}");
            let expected = format!("that the server accepts {}", name(*interface));
            Err(Failure::new(expected, came, advice::of_rejection(*interface)).with_facts(facts))
        }
        _ => Ok(facts),
    }
}

/// What mgmt tells of the server, where it is offered.
///
/// # Errors
/// The association has ended.
pub(super) async fn management(session: &mut RpcSession) -> Outcome<Facts> {
    if session.driver.stack.association.context_of(MGMT).is_none() {
        return Ok(Facts::new().with("offered", false));
    }
    let mut facts = Facts::new();
    let call = session.begin(&InqIfIdsRequest)?;
    facts = match session.outcome(call).await? {
        Came::Answer(stub) => {
            let answer: InqIfIdsResponse = stub.read()?;
            let names = answer.if_ids.into_iter().flatten().flatten().map(|id| name(id.into()));
            facts.with("inq_if_ids", names.collect::<Vec<_>>())
        }
        Came::Fault(status) => facts.with("inq_if_ids", format!("a fault, {status:?}")),
        Came::Nothing { reason, .. } => facts.with("inq_if_ids", format!("no answer: {reason}")),
    };
    let call = session.begin(&InqStatsRequest { count: 4 })?;
    Ok(match session.outcome(call).await? {
        Came::Answer(stub) => {
            let answer: InqStatsResponse = stub.read()?;
            let number = |at: usize| answer.statistics.get(at).copied();
            facts
                .with_some("calls received", number(StatisticsCount::CALLS_IN))
                .with_some("packets received", number(StatisticsCount::PACKETS_IN))
                .with_some("packets sent", number(StatisticsCount::PACKETS_OUT))
        }
        Came::Fault(status) => facts.with("inq_stats", format!("a fault, {status:?}")),
        Came::Nothing { reason, .. } => facts.with("inq_stats", format!("no answer: {reason}")),
    })
}

/// EcDoConnectEx.
///
/// # Errors
/// What came instead.
pub(super) async fn connect(session: &mut RpcSession, user_dn: &str) -> Outcome<Facts> {
    let auxiliary_in = session.packing.connect_auxiliary().map_err(|error| unencodable(&error))?;
    let stub = session.call(&requests::connect(user_dn, &auxiliary_in)).await?;
    let response: EcDoConnectExResponse<'_> = stub.read()?;
    session.context = requests::connected(&response)?;
    session.packing.received(response.auxiliary_out);
    let text = |text: Option<&[u8]>| text.map(|text| String::from_utf8_lossy(text).into_owned());
    Ok(Facts::new()
        .with_some("display name", text(response.display_name))
        .with_some("DN prefix", text(response.dn_prefix))
        .with("server version", response.server_version.to_string())
        .with("session", response.icxr)
        .with("poll ms", response.polls_max)
        .with("retries", response.retry_count)
        .with("auxiliary blocks", auxiliary(response.auxiliary_out)))
}

/// A subscription, and EcDoAsyncWaitEx until an event comes or time is up.
///
/// # Errors
/// What was refused, or an event that has to come did not.
pub(super) async fn wait(session: &mut RpcSession, mailbox: &Mailbox, inbox: Handle, plan: &Plan) -> Outcome<Facts> {
    subscribe(session, mailbox).await?;
    let stub = session.call(&EcDoAsyncConnectExRequest { session: session.context }).await?;
    let opened: EcDoAsyncConnectExResponse = stub.read()?;
    if opened.error_code != 0 {
        return Err(advice::of_code("EcDoAsyncConnectEx", ErrorCode(opened.error_code)));
    }
    let call = session.begin_wait(&requests::wait(opened.asynchronous), plan.listen)?;
    match tokio::time::timeout(plan.listen, session.answer("EcDoAsyncWaitEx", call)).await {
        Ok(stub) => {
            let stub = stub?;
            let ended: EcDoAsyncWaitExResponse = stub.read()?;
            if ended.error_code != 0 {
                return Err(advice::of_code("EcDoAsyncWaitEx", ErrorCode(ended.error_code)));
            }
            if !ended.flags_out.contains(EventPending::PENDING) {
                expect_none(plan)?;
                return Ok(Facts::new().with("event", "none: the server ended the wait by itself"));
            }
            let Answers { received, .. } = Operations::new(&[], |_| Ok(()))?.run(session).await?;
            tell(session, inbox, received).await
        }
        Err(_) => {
            expect_none(plan)?;
            let facts =
                Facts::new().with("event", format!("none within {} s; the call stayed open", plan.listen.as_secs()));
            // Refused only for a call that has ended meanwhile.
            let _ = session.driver.stack.association.cancel(Instant::now(), call);
            let end = tokio::time::timeout(CANCEL, session.outcome(call)).await;
            Ok(facts.with(
                "cancel",
                match end {
                    Ok(Ok(Came::Fault(status))) => format!("followed, {status:?}"),
                    Ok(Ok(Came::Answer(_))) => "answered".to_owned(),
                    Ok(Ok(Came::Nothing { reason, .. })) => reason,
                    Ok(Err(failure)) => return Err(failure),
                    Err(_) => "not followed: the call goes on".to_owned(),
                },
            ))
        }
    }
}

/// EcDoDisconnect, and the end of the virtual connection.
///
/// # Errors
/// What came instead.
pub(super) async fn disconnect(session: &mut RpcSession) -> Outcome<Facts> {
    let stub = session.call(&EcDoDisconnectRequest { session: session.context }).await?;
    let response: EcDoDisconnectResponse = stub.read()?;
    if response.error_code != 0 {
        return Err(advice::of_code("EcDoDisconnect", ErrorCode(response.error_code)));
    }
    let (sent, received) = (session.driver.stack.sent, session.driver.stack.received);
    session.close();
    Ok(Facts::new().with("context", "ended").with("bytes sent", sent).with("bytes received", received))
}
