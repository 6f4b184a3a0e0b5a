//! Sockets of the standard library under [`Connection`]s: a thread reads each socket and does nothing else; all decisions are taken on
//! the thread that owns the [`Network`].

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use oxwire::core::{ConnectionId, ConnectionIds, Transmit};
use oxwire::http::{Connection, HttpEvent, HttpLimits, HttpTransmit, Origin, Reset};

/// What a thread that does I/O has to tell.
enum Arrived {
    Accepted(ConnectionId, TcpStream),
    Bytes(ConnectionId, Bytes),
    /// The peer closed or half-closed.
    Eof(ConnectionId),
    Lost(ConnectionId, io::Error),
    /// Something else has happened that a layer above wants to look at.
    Woken,
}

struct Link {
    http: Connection,
    socket: TcpStream,
}

/// Connections by their names.
pub(crate) struct Network {
    links: HashMap<ConnectionId, Link>,
    sender: Sender<Arrived>,
    receiver: Receiver<Arrived>,
    /// Connections accepted since the last look.
    pub(crate) accepted: Vec<ConnectionId>,
    /// What arrived, for the layer above.
    events: Vec<(ConnectionId, HttpEvent)>,
}

impl Network {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { links: HashMap::new(), sender, receiver, accepted: Vec::new(), events: Vec::new() }
    }

    /// Accepts connections from now on.
    pub(crate) fn listen(&self, listener: TcpListener) {
        let sender = self.sender.clone();
        thread::spawn(move || {
            let mut ids = ConnectionIds::default();
            for socket in listener.incoming().flatten() {
                if sender.send(Arrived::Accepted(ids.allocate(), socket)).is_err() {
                    return;
                }
            }
        });
    }

    /// Ends [`wait`](Self::wait) from another thread.
    pub(crate) fn waker(&self) -> impl Fn() + Send + 'static {
        let sender = self.sender.clone();
        // Without a receiver there is nobody to wake.
        move || drop(sender.send(Arrived::Woken))
    }

    /// Does what a machine wants done.
    pub(crate) fn transmit(&mut self, now: Instant, transmit: HttpTransmit) {
        match transmit {
            HttpTransmit::Open { conn, origin } => match open(&origin) {
                Ok(socket) => self.add(conn, socket, Connection::client(conn, HttpLimits::DEFAULT)),
                Err(error) => {
                    self.events
                        .push((conn, HttpEvent::Reset(Reset::not_sent(format!("connecting to {origin}: {error}")))));
                }
            },
            HttpTransmit::Event { conn, event } => {
                // A connection that has gone says so by its Reset.
                let Some(link) = self.links.get_mut(&conn) else { return };
                if let Err(refused) = link.http.send(now, event) {
                    link.http.handle_lost(now, 0, refused.to_string());
                }
            }
            HttpTransmit::Close { conn } => {
                if let Some(link) = self.links.get_mut(&conn) {
                    link.http.close(now);
                }
            }
            HttpTransmit::Abort { conn } => {
                if let Some(link) = self.links.get_mut(&conn) {
                    link.http.abort(now);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, conn: ConnectionId, socket: TcpStream, http: Connection) {
        let sender = self.sender.clone();
        if let Ok(reader) = socket.try_clone() {
            thread::spawn(move || read(conn, reader, &sender));
            self.links.insert(conn, Link { http, socket });
        }
    }

    /// Writes what there is to write, and gives what has arrived.
    pub(crate) fn exchange(&mut self, now: Instant) -> Vec<(ConnectionId, HttpEvent)> {
        let mut gone = Vec::new();
        for (conn, link) in &mut self.links {
            while let Some(transmit) = link.http.poll_transmit(now) {
                match transmit {
                    Transmit::Send { head, body, .. } => {
                        if let Err((unwritten, error)) = write(&mut link.socket, [head.as_slice(), &body]) {
                            link.http.handle_lost(now, unwritten, error.to_string());
                        }
                    }
                    Transmit::Finish { .. } => drop(link.socket.shutdown(Shutdown::Write)),
                    _ => gone.push(*conn),
                }
            }
            self.events.extend(std::iter::from_fn(|| link.http.poll_event()).map(|event| (*conn, event)));
        }
        for conn in gone {
            if let Some(link) = self.links.remove(&conn) {
                drop(link.socket.shutdown(Shutdown::Both));
            }
        }
        std::mem::take(&mut self.events)
    }

    /// Waits for a socket, or until the earliest timer, the layers' own or `deadline`.
    pub(crate) fn wait(&mut self, deadline: Option<Instant>) {
        let own = self.links.values().filter_map(|link| link.http.poll_timeout());
        let deadline = own.chain(deadline).min();
        let patience = deadline.map_or(Duration::from_secs(3600), |at| at.saturating_duration_since(Instant::now()));
        let first = self.receiver.recv_timeout(patience);
        let now = Instant::now();
        for arrived in first.into_iter().chain(std::iter::from_fn(|| self.receiver.try_recv().ok())).collect::<Vec<_>>()
        {
            self.on_arrived(now, arrived);
        }
        for link in self.links.values_mut() {
            link.http.handle_timeout(now);
        }
    }

    fn on_arrived(&mut self, now: Instant, arrived: Arrived) {
        match arrived {
            Arrived::Accepted(conn, socket) => {
                self.add(conn, socket, Connection::server(now, conn, HttpLimits::DEFAULT));
                self.accepted.push(conn);
            }
            Arrived::Bytes(conn, bytes) => {
                if let Some(link) = self.links.get_mut(&conn) {
                    // What is wrong with them comes up as a Reset, too.
                    let _told = link.http.handle(now, bytes);
                }
            }
            Arrived::Eof(conn) => {
                if let Some(link) = self.links.get_mut(&conn) {
                    link.http.handle_eof(now);
                }
            }
            Arrived::Lost(conn, error) => {
                if let Some(link) = self.links.get_mut(&conn) {
                    link.http.handle_lost(now, 0, error.to_string());
                }
            }
            Arrived::Woken => {}
        }
    }
}

/// A connection to an origin. `https` wants a TLS library between the socket and the [`Connection`]; oxprobe shows rustls.
fn open(origin: &Origin) -> io::Result<TcpStream> {
    let socket = TcpStream::connect((&*origin.host, origin.port))?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// The thread's whole work: bytes off the socket, to the one who decides.
fn read(conn: ConnectionId, mut socket: TcpStream, sender: &Sender<Arrived>) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.resize(64 << 10, 0);
        let arrived = match socket.read(&mut buffer) {
            Ok(0) => Arrived::Eof(conn),
            Ok(len) => Arrived::Bytes(conn, buffer.split_to(len).freeze()),
            Err(error) => Arrived::Lost(conn, error),
        };
        let last = !matches!(arrived, Arrived::Bytes(..));
        if sender.send(arrived).is_err() || last {
            return;
        }
    }
}

/// Writes it all, or tells how many bytes the transport did not take: on that hangs whether a request may go out again.
fn write(socket: &mut TcpStream, parts: [&[u8]; 2]) -> Result<(), (u64, Arc<io::Error>)> {
    let total: usize = parts.iter().map(|part| part.len()).sum();
    let mut written = 0;
    for mut part in parts {
        while !part.is_empty() {
            match socket.write(part) {
                Ok(len) if len > 0 => {
                    written += len;
                    part = part.get(len..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => return Err(((total - written) as u64, Arc::new(io::ErrorKind::WriteZero.into()))),
                Err(error) => return Err(((total - written) as u64, Arc::new(error))),
            }
        }
    }
    Ok(())
}
