//! A MAPI/HTTP client over the standard library's sockets: no runtime, and threads for nothing but I/O.
//!
//! `cargo run --example blocking_client` starts a server of its own on the loopback interface, authenticates by NTLM, opens a
//! Session Context, executes an empty ROP list and disconnects.
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

mod support;

use std::time::Instant;

use oxwire::auth::Credentials;
use oxwire::auth::client::{ClientConfig, ClientEvent, ClientLayer, Target};
use oxwire::http::Origin;
use oxwire::mapi::mapihttp::RequestType;
use oxwire::mapihttp::client::{Client, Config, Event, Outcome};
use support::network::Network;
use support::{PASSWORD, Result, USER, entropy, wall};

fn main() -> Result<()> {
    let url = format!("http://{}/mapi/emsmdb/?MailboxId={USER}", support::loopback::start()?);
    let now = Instant::now();
    let mut client = Client::new(Config::new(&*url, &mut entropy), now, wall())?;
    let mut auth = ClientLayer::new(ClientConfig::default(), Box::new(entropy), now, wall());
    let target = Target::Origin(Origin::from_url(&url)?.0);
    auth.set_credentials(now, target, Credentials::Password { user: USER.into(), password: PASSWORD.into() });
    let mut network = Network::new();

    client.connect(now, support::connect_request()?)?;
    loop {
        let now = Instant::now();
        // Until nobody has anything left: machine, authentication, network, and back.
        loop {
            let mut moved = false;
            while let Some(transmit) = client.poll_transmit(now) {
                auth.handle_outgoing(now, transmit)?;
                moved = true;
            }
            while let Some(transmit) = auth.poll_transmit(now) {
                network.transmit(now, transmit);
                moved = true;
            }
            for (conn, event) in network.exchange(now) {
                auth.handle(now, conn, event)?;
                moved = true;
            }
            while let Some((conn, event)) = auth.poll_deliver() {
                client.handle(now, conn, event)?;
                moved = true;
            }
            if !moved {
                break;
            }
        }
        while let Some(event) = auth.poll_event() {
            match event {
                ClientEvent::Authenticated { scheme, binding, .. } => {
                    println!("authenticated by {scheme:?}, channel binding {binding:?}");
                }
                ClientEvent::CredentialsNeeded { handle, .. } => auth.refuse(now, handle)?,
                ClientEvent::Failed { reason, .. } => println!("not authenticated: {reason}"),
                _ => {}
            }
        }
        let mut said = false;
        while let Some(event) = client.poll_event() {
            said = true;
            if on_event(&mut client, now, event)? {
                return Ok(());
            }
        }
        if !said {
            network.wait([client.poll_timeout(), auth.poll_timeout()].into_iter().flatten().min());
            let now = Instant::now();
            auth.handle_timeout(now);
            client.handle_timeout(now);
        }
    }
}

/// What the application does about a fact; `true` when it is through.
fn on_event(client: &mut Client, now: Instant, event: Event) -> Result<bool> {
    let Event::Completed(done) = event else { return Err(format!("unexpected: {event:?}").into()) };
    let Outcome::Answered(response) = done.outcome else { return Err(format!("failed: {:?}", done.outcome).into()) };
    let body = response.body.into_bytes();
    match done.request_type {
        RequestType::Connect => {
            println!("connected to the mailbox of {}", support::display_name(&body)?);
            client.execute(now, support::execute_request()?)?;
        }
        RequestType::Execute => {
            println!("executed: {} bytes came back", body.len());
            client.disconnect(now, support::disconnect_request()?)?;
        }
        _ => {
            println!("disconnected");
            return Ok(true);
        }
    }
    Ok(false)
}
