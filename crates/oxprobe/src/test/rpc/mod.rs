//! The analyser over RPC over HTTP: a mailbox session through an RPC proxy, step by step.

mod address_book;
mod advice;
mod calls;
mod recycling;
mod requests;
mod security;
pub(super) mod session;
mod stack;

use std::io::Write;
use std::time::{Instant, SystemTime};

use oxwire::auth::client::ClientEvent;
use oxwire::core::{ConnectionIds, FileTime};
use oxwire::http::Origin;
use oxwire::mapirpc::async_emsmdb::ASYNC_EMSMDB;
use oxwire::mapirpc::emsmdb::EMSMDB;
use oxwire::mapirpc::mgmt::MGMT;
use oxwire::rpc::association::Config as AssociationConfig;
use oxwire::rpc::association::client::Association;
use oxwire::rpch::client::{Client, Config, Event, ProxyUse, Route};
use oxwire::rpch::http::RpcTarget;

use super::authentication::Handshake;
use super::packing::Packing;
use super::{Outcome, Plan, WHOLE_REQUEST, address_book as book, auth_side, mailbox, only, step};
use crate::net::driver::Driver;
use crate::report::{Facts, Failure, Report};
use address_book::Reached;
#[cfg(test)]
pub(crate) use security::RpcLevel;
pub(crate) use security::{RpcAuth, RpcScheme};
use session::RpcSession;
use stack::{Happening, RpcStack};

/// Bytes of an IN channel: the fewest that [MS-RPCH] 2.1.2.1.1 allows, so that it has to be recycled within the test.
pub(super) const IN_CHANNEL: u32 = 0x2_0000;

/// Layers that have sent nothing.
///
/// # Errors
/// A URL that no request can be sent to.
pub(super) fn open(plan: &Plan, origin: &Origin, url: &str, server: &RpcTarget) -> Outcome<RpcSession> {
    let (now, wall) = (Instant::now(), FileTime::from_system(SystemTime::now()));
    let config = Config::from_url(url, server.clone()).map_err(|error| {
        Failure::new("the URL of an RPC proxy", error.to_string(), "use https:// and the host that Autodiscover gives")
    })?;
    let config = config.with_proxy_use(ProxyUse::Determine).with_in_channel_length(IN_CHANNEL);
    let client = Client::new(config, Box::new(crate::entropy::fill), ConnectionIds::default());
    let mut config = AssociationConfig::default();
    config.call_timeout = WHOLE_REQUEST;
    config.negotiation_timeout = WHOLE_REQUEST;
    // A wait that is cancelled and not given up by the server must not cost the session.
    config.cancel_timeout = WHOLE_REQUEST;
    let association = Association::new(config, Box::new(crate::entropy::fill));
    let stack = RpcStack::new(auth_side(plan, origin, now, wall), client, association);
    Ok(RpcSession::new(Driver::new(stack, Some(plan.dialer.clone())), Packing::new(plan.compress)))
}

/// Runs all steps from authentication on, and tells of each; ends at the first that fails.
///
/// # Errors
/// Those of the output.
pub(super) async fn steps<W: Write>(
    plan: &Plan,
    level: RpcAuth,
    session: &mut RpcSession,
    report: &mut Report<W>,
) -> std::io::Result<()> {
    let route = step!(report, "authentication", authentication(session).await);
    step!(report, "echo", only(echo(session, route).await));
    step!(report, "channels", only(channels(session).await));
    step!(report, "bind", only(calls::bind(session, plan, level, &[EMSMDB, ASYNC_EMSMDB, MGMT]).await));
    step!(report, "management", only(calls::management(session).await));
    step!(report, "connect", only(calls::connect(session, &plan.user_dn).await), session.packing);
    let mailbox = step!(report, "logon", mailbox::logon(session, &plan.user_dn).await, session.packing);
    step!(report, "folders", only(mailbox::folders(session, &mailbox).await), session.packing);
    let inbox = step!(report, "inbox", mailbox::inbox(session, &mailbox).await, session.packing);
    step!(report, "notification", only(calls::wait(session, &mailbox, inbox, plan).await), session.packing);
    // What fills a channel is not compressed.
    session.packing = Packing::new(false);
    step!(report, "IN channel recycling", only(recycling::inward(session, inbox).await));
    step!(report, "OUT channel recycling", only(recycling::outward(session, inbox).await));
    step!(report, "disconnect", only(calls::disconnect(session).await));
    Ok(())
}

/// The address book, behind the mailbox; ends at the first step that fails.
///
/// # Errors
/// Those of the output.
pub(super) async fn address_book_steps<W: Write>(
    plan: &Plan,
    level: RpcAuth,
    (origin, url): (&Origin, &str),
    server: &RpcTarget,
    report: &mut Report<W>,
) -> std::io::Result<()> {
    let reached = Reached { plan, origin, url, server, level };
    let mut book = step!(report, "address book bind", reached.bind().await);
    let dn = step!(report, "resolve", book::resolve(&mut book, &plan.address, &plan.user_dn).await);
    step!(report, "address list", only(book::list(&mut book).await));
    let server_dn = step!(report, "entry", book::entry(&mut book, &dn).await);
    step!(report, "address book unbind", only(address_book::unbind(book).await));
    let session = step!(report, "referral", reached.referral(&dn).await);
    step!(report, "server name", only(address_book::server_name(session, server_dn.as_deref()).await));
    Ok(())
}

/// Asks for proxy use, which is the first that the proxy is asked for, until it has accepted, or refused, who we are. The product is
/// the answer to the echo requests, where that came with it.
async fn authentication(session: &mut RpcSession) -> Outcome<(Option<Route>, Facts)> {
    session.driver.stack.client.connect(Instant::now()).map_err(|error| {
        Failure::new("a URL that a request can be sent to", error.to_string(), "check --url and --rpc-server")
    })?;
    let mut handshake = Handshake::default();
    loop {
        match session.next().await {
            Ok(Some(Happening::Auth(event))) => {
                let end = handshake.take(event, session.driver.stack.auth.binding_problem());
                if let Some(end) = end {
                    return end.map(|facts| (None, facts));
                }
            }
            Ok(Some(Happening::Connection(Event::ProxyUseDetermined { route }))) => {
                return Ok((Some(route), Facts::new().with("scheme", "none was asked for")));
            }
            Ok(_) => {}
            Err(failure) => return Err(handshake.failed.unwrap_or(failure)),
        }
    }
}

/// The echo requests' answer: which way leads to the proxy.
async fn echo(session: &mut RpcSession, mut determined: Option<Route>) -> Outcome<Facts> {
    let route = loop {
        if let Some(route) = determined {
            break route;
        }
        match session.next().await? {
            Some(Happening::Connection(Event::ProxyUseDetermined { route })) => determined = Some(route),
            Some(Happening::Auth(ClientEvent::Failed { reason, .. })) => {
                return Err(advice::of_channel_authentication(&reason.to_string()));
            }
            _ => {}
        }
    };
    let way = match route {
        Route::Direct => "direct",
        Route::HttpProxy => "through the forward proxy",
    };
    Ok(Facts::new().with("way", way))
}

/// Both channels: the virtual connection is opened.
async fn channels(session: &mut RpcSession) -> Outcome<Facts> {
    loop {
        match session.next().await? {
            Some(Happening::Connection(Event::Opened { peer_receive_window, connection_timeout })) => {
                return Ok(Facts::new()
                    .with("receive window", peer_receive_window)
                    .with("connection timeout s", connection_timeout.as_secs())
                    .with("IN channel bytes", IN_CHANNEL));
            }
            Some(Happening::Auth(ClientEvent::Failed { reason, .. })) => {
                return Err(advice::of_channel_authentication(&reason.to_string()));
            }
            _ => {}
        }
    }
}
