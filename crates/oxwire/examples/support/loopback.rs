//! A server for the examples to talk to: NTLM in front, one mailbox endpoint that knows Connect, Execute and Disconnect.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::Instant;

use oxwire::auth::ChannelBinding;
use oxwire::auth::ntlm::nt_hash;
use oxwire::auth::server::{Answer, ServerConfig as AuthConfig, ServerEvent, ServerLayer};
use oxwire::core::Principal;
use oxwire::mapihttp::server::{Event, Server, ServerConfig};

use super::network::Network;
use super::{PASSWORD, Result, USER, connect_success, disconnect_success, entropy, execute_success, wall};

/// Starts it on a free port of the loopback interface.
pub(crate) fn start() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        if let Err(error) = serve(listener) {
            println!("server: {error}");
        }
    });
    Ok(address)
}

fn serve(listener: TcpListener) -> Result<()> {
    let mut network = Network::new();
    network.listen(listener);
    let now = Instant::now();
    let mut auth = ServerLayer::new(AuthConfig::new("LOOPBACK"), Box::new(entropy), now, wall());
    // Without TLS, cookies marked `secure` would not come back.
    let config = ServerConfig::new().with_secure_cookies(false);
    let mut mailbox: Server<()> = Server::new(now, wall(), config, entropy)?;
    loop {
        let now = Instant::now();
        for conn in std::mem::take(&mut network.accepted) {
            auth.accept(conn, false, ChannelBinding::None)?;
        }
        // Until nobody has anything left: network, authentication, machine, application, and back.
        loop {
            let mut moved = false;
            for (conn, event) in network.exchange(now) {
                auth.handle(now, conn, event)?;
                moved = true;
            }
            while let Some(event) = auth.poll_event() {
                on_auth(&mut auth, now, event)?;
                moved = true;
            }
            while let Some(delivery) = auth.poll_deliver() {
                mailbox.handle(now, delivery.conn, delivery.principal.as_ref(), delivery.event)?;
                moved = true;
            }
            while let Some(event) = mailbox.poll_event() {
                answer(&mut mailbox, now, event)?;
                moved = true;
            }
            while let Some(transmit) = mailbox.poll_transmit(now) {
                auth.handle_outgoing(now, transmit)?;
                moved = true;
            }
            while let Some(transmit) = auth.poll_transmit(now) {
                network.transmit(now, transmit);
                moved = true;
            }
            if !moved {
                break;
            }
        }
        network.wait([auth.poll_timeout(), mailbox.poll_timeout()].into_iter().flatten().min());
        let now = Instant::now();
        auth.handle_timeout(now);
        mailbox.handle_timeout(now);
    }
}

/// Who may come in: this server knows one user.
fn on_auth(auth: &mut ServerLayer, now: Instant, event: ServerEvent) -> Result<()> {
    if let ServerEvent::NtHashNeeded { handle, user, .. } = event {
        let known = user.user().eq_ignore_ascii_case(USER);
        let answer = match known {
            true => Answer::NtHash { hash: nt_hash(PASSWORD), principal: Principal::new(USER) },
            false => Answer::UnknownUser,
        };
        auth.answer(now, handle, answer)?;
    }
    Ok(())
}

/// The application: what a request gets for an answer.
pub(crate) fn answer(mailbox: &mut Server<()>, now: Instant, event: Event<()>) -> Result<()> {
    match event {
        Event::Connect(request) => mailbox.accept(now, request.handle, (), &[connect_success("Ada Lovelace")?])?,
        Event::Execute(request) => mailbox.respond(now, request.handle, &[execute_success()?])?,
        Event::Disconnect(request) => mailbox.respond(now, request.handle, &[disconnect_success()?])?,
        // Something happens in the mailbox at once: the wait ends, and the client fetches it by an Execute.
        Event::Waiting { context, .. } => drop(mailbox.notify(now, context)),
        _ => {}
    }
    Ok(())
}
