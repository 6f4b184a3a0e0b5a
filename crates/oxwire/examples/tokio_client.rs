//! A MAPI/HTTP client on tokio: the same machines as in `blocking_client`, another driver.
//!
//! `cargo run --example tokio_client` starts a server of its own on the loopback interface, authenticates by NTLM, opens a Session
//! Context, waits for a notification beside its requests, fetches what it tells of, and disconnects.
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

mod support;

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use oxwire::auth::Credentials;
use oxwire::auth::client::{ClientConfig, ClientEvent, ClientLayer, Target};
use oxwire::core::{ConnectionId, Transmit};
use oxwire::http::{Connection, HttpLimits, HttpTransmit, Origin};
use oxwire::mapi::mapihttp::RequestType;
use oxwire::mapihttp::client::{Client, Config, Event, Outcome};
use support::{PASSWORD, Result, USER, entropy, wall};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;

/// What a connection's task has to tell.
enum Arrived {
    Opened(ConnectionId, OwnedWriteHalf),
    Bytes(ConnectionId, Bytes),
    Eof(ConnectionId),
    /// Not opened, or broken.
    Lost(ConnectionId, io::Error),
}

struct Link {
    http: Connection,
    /// `None` until it is open; what is sent waits for that.
    socket: Option<OwnedWriteHalf>,
}

/// The driver: one task that decides, and one for each connection that opens it and reads.
struct Driver {
    client: Client,
    auth: ClientLayer,
    links: HashMap<ConnectionId, Link>,
    sender: mpsc::Sender<Arrived>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let url = format!("http://{}/mapi/emsmdb/?MailboxId={USER}", support::loopback::start()?);
    let now = Instant::now();
    let mut auth = ClientLayer::new(ClientConfig::default(), Box::new(entropy), now, wall());
    let target = Target::Origin(Origin::from_url(&url)?.0);
    auth.set_credentials(now, target, Credentials::Password { user: USER.into(), password: PASSWORD.into() });
    let client = Client::new(Config::new(&*url, &mut entropy), now, wall())?;
    // Bounded: a connection whose bytes nobody takes is read no further.
    let (sender, mut receiver) = mpsc::channel(64);
    let mut driver = Driver { client, auth, links: HashMap::new(), sender };

    driver.client.connect(now, support::connect_request()?)?;
    loop {
        let now = Instant::now();
        driver.pump(now).await?;
        let mut said = false;
        while let Some(event) = driver.client.poll_event() {
            said = true;
            if on_event(&mut driver.client, now, event)? {
                return Ok(());
            }
        }
        if said {
            continue;
        }
        let deadline = driver.deadline();
        tokio::select! {
            arrived = receiver.recv() => {
                if let Some(arrived) = arrived {
                    driver.on_arrived(Instant::now(), arrived);
                }
            }
            () = sleep_until(deadline) => driver.on_time(Instant::now()),
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => pending().await,
    }
}

impl Driver {
    /// Moves events between neighbours until nobody has anything left: machine, authentication, connections, sockets, and back.
    async fn pump(&mut self, now: Instant) -> Result<()> {
        loop {
            let mut moved = false;
            while let Some(transmit) = self.client.poll_transmit(now) {
                self.auth.handle_outgoing(now, transmit)?;
                moved = true;
            }
            while let Some(transmit) = self.auth.poll_transmit(now) {
                self.transmit(now, transmit);
                moved = true;
            }
            self.write(now).await;
            for (conn, link) in &mut self.links {
                while let Some(event) = link.http.poll_event() {
                    self.auth.handle(now, *conn, event)?;
                    moved = true;
                }
            }
            while let Some((conn, event)) = self.auth.poll_deliver() {
                self.client.handle(now, conn, event)?;
                moved = true;
            }
            while let Some(event) = self.auth.poll_event() {
                match event {
                    ClientEvent::Authenticated { conn, scheme, .. } => println!("{conn}: authenticated by {scheme:?}"),
                    ClientEvent::CredentialsNeeded { handle, .. } => self.auth.refuse(now, handle)?,
                    _ => {}
                }
                moved = true;
            }
            if !moved {
                return Ok(());
            }
        }
    }

    fn transmit(&mut self, now: Instant, transmit: HttpTransmit) {
        let conn = transmit.conn();
        if let HttpTransmit::Open { origin, .. } = transmit {
            let http = Connection::client(conn, HttpLimits::DEFAULT);
            self.links.insert(conn, Link { http, socket: None });
            tokio::spawn(open_and_read(conn, origin, self.sender.clone()));
            return;
        }
        // A connection that has gone says so by its Reset.
        let Some(Link { http, .. }) = self.links.get_mut(&conn) else { return };
        match transmit {
            HttpTransmit::Event { event, .. } => {
                if let Err(refused) = http.send(now, event) {
                    http.handle_lost(now, 0, refused.to_string());
                }
            }
            HttpTransmit::Close { .. } => http.close(now),
            _ => http.abort(now),
        }
    }

    async fn write(&mut self, now: Instant) {
        let mut gone = Vec::new();
        for (conn, Link { http, socket }) in &mut self.links {
            let Some(open) = socket else { continue };
            while let Some(transmit) = http.poll_transmit(now) {
                match transmit {
                    Transmit::Send { head, body, .. } => {
                        if let Err((unwritten, error)) = write_all(open, [head.as_slice(), &body]).await {
                            http.handle_lost(now, unwritten, error.to_string());
                        }
                    }
                    Transmit::Finish { .. } => drop(open.shutdown().await),
                    _ => gone.push(*conn),
                }
            }
        }
        for conn in gone {
            // Its last event, the Reset, is still to be told; the socket closes with its halves.
            if let Some(link) = self.links.get_mut(&conn) {
                link.socket = None;
            }
        }
    }

    fn on_arrived(&mut self, now: Instant, arrived: Arrived) {
        let (Arrived::Opened(conn, _) | Arrived::Bytes(conn, _) | Arrived::Eof(conn) | Arrived::Lost(conn, _)) =
            &arrived;
        let Some(link) = self.links.get_mut(conn) else { return };
        match arrived {
            Arrived::Opened(_, socket) => link.socket = Some(socket),
            // What is wrong with them comes up as a Reset, too.
            Arrived::Bytes(_, bytes) => drop(link.http.handle(now, bytes)),
            Arrived::Eof(_) => link.http.handle_eof(now),
            Arrived::Lost(_, error) => link.http.handle_lost(now, 0, error.to_string()),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let links = self.links.values().filter_map(|link| link.http.poll_timeout());
        links.chain(self.client.poll_timeout()).chain(self.auth.poll_timeout()).min()
    }

    fn on_time(&mut self, now: Instant) {
        self.auth.handle_timeout(now);
        self.client.handle_timeout(now);
        for link in self.links.values_mut() {
            link.http.handle_timeout(now);
        }
    }
}

/// A connection's task. `https` wants tokio-rustls between the socket and the [`Connection`]; oxprobe shows it.
async fn open_and_read(conn: ConnectionId, origin: Origin, sender: mpsc::Sender<Arrived>) {
    let (mut reader, writer) = match TcpStream::connect((&*origin.host, origin.port)).await {
        Ok(socket) => socket.into_split(),
        Err(error) => return drop(sender.send(Arrived::Lost(conn, error)).await),
    };
    let mut arrived = Arrived::Opened(conn, writer);
    let mut buffer = BytesMut::new();
    while sender.send(arrived).await.is_ok() {
        buffer.reserve(64 << 10);
        arrived = match reader.read_buf(&mut buffer).await {
            Ok(0) => return drop(sender.send(Arrived::Eof(conn)).await),
            Ok(_) => Arrived::Bytes(conn, buffer.split().freeze()),
            Err(error) => return drop(sender.send(Arrived::Lost(conn, error)).await),
        };
    }
}

/// Writes it all, or tells how many bytes the transport did not take: on that hangs whether a request may go out again.
async fn write_all(socket: &mut OwnedWriteHalf, parts: [&[u8]; 2]) -> std::result::Result<(), (u64, io::Error)> {
    let mut left: usize = parts.iter().map(|part| part.len()).sum();
    for mut part in parts {
        while !part.is_empty() {
            match socket.write(part).await {
                Ok(0) => return Err((left as u64, io::ErrorKind::WriteZero.into())),
                Ok(len) => {
                    left -= len;
                    part = part.get(len..).unwrap_or_default();
                }
                Err(error) => return Err((left as u64, error)),
            }
        }
    }
    Ok(())
}

/// What the application does about a fact; `true` when it is through.
fn on_event(client: &mut Client, now: Instant, event: Event) -> Result<bool> {
    let done = match event {
        Event::Completed(done) => done,
        Event::EventPending { execute, .. } => {
            println!("something happened in the mailbox; fetched by {execute:?}");
            return Ok(false);
        }
        other => return Err(format!("unexpected: {other:?}").into()),
    };
    let Outcome::Answered(response) = done.outcome else { return Err(format!("failed: {:?}", done.outcome).into()) };
    let body = response.body.into_bytes();
    match done.request_type {
        RequestType::Connect => {
            println!("connected to the mailbox of {}", support::display_name(&body)?);
            client.notification_wait(now, support::notification_wait_request()?)?;
        }
        RequestType::NotificationWait => println!("the wait is over"),
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
