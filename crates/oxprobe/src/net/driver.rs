//! The one driver: it moves events between neighbours until nobody has anything left, then waits for a socket or for the
//! earliest `poll_timeout`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::auth::client::CallHandle;
use oxwire::auth::server::QuestionHandle;
use oxwire::auth::spnego::MechanismReply;
use oxwire::core::{ConnectionId, ConnectionIds, Error, Transmit};
use oxwire::http::{Connection, HttpEvent, HttpLimits, HttpTransmit, Origin, ResetCause};
use oxwire::rpc::association::SecurityId;
use oxwire::rpch::endpoint::VirtualConnectionId;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{sleep_until, timeout};
use tokio_rustls::TlsAcceptor;

use super::dial::{Channel, Dialer, STAGE_TIMEOUT};
use super::socket::{self, Command, Opened, Shared, SocketEvent};

/// Events that may wait for the driver, over all connections; then reading stops.
const EVENT_QUEUE: usize = 256;

/// Bytes that a connection's task may have before it is given more: a peer that does not read fills the bounded queue of the
/// `Connection`, not this process.
const WRITE_AHEAD: u64 = 1 << 20;

/// How long a connection that is to close may take to get its last bytes out.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// What stands above the connections: an authentication layer and a machine, seen as one.
pub(crate) trait Stack {
    /// A connection is open; what TLS told decides the channel binding.
    fn on_open(&mut self, now: Instant, conn: ConnectionId, opened: &Opened);

    /// Something came.
    ///
    /// # Errors
    /// The connection is of no further use.
    fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error>;

    /// What is to be done.
    fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit>;

    /// The time that `poll_timeout` gave has come.
    fn handle_timeout(&mut self, now: Instant);

    /// When to call `handle_timeout`.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Something that blocks, to be run on another thread.
    fn take_work(&mut self) -> Option<Work> {
        None
    }

    /// It has been run.
    fn on_work_done(&mut self, _now: Instant, _done: Done) {}

    /// Which way a connection goes.
    fn way(&self, _conn: ConnectionId) -> Way {
        Way::AsConfigured
    }

    /// A connection that is to break now, for the analyser's cut in the middle of a response.
    fn take_cut(&mut self) -> Option<ConnectionId> {
        None
    }
}

/// The way to an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Through the forward proxy where there is one.
    AsConfigured,
    /// To the origin itself.
    Direct,
    /// Through the forward proxy, and where there is none, not at all.
    ByProxy,
}

/// Something that blocks: a step of a mechanism.
pub(crate) type Work = Box<dyn FnOnce() -> Done + Send>;

/// What came of it, and for which question.
pub(crate) struct Done {
    /// The question.
    pub(crate) call: Call,
    /// The answer.
    pub(crate) reply: MechanismReply,
}

/// A question of either layer, or of an association.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Call {
    /// A client's.
    Client(CallHandle),
    /// A server's.
    Server(QuestionHandle),
    /// Of the association of a client.
    Association(SecurityId),
    /// Of the association on a virtual connection of a server.
    VirtualConnection(VirtualConnectionId, SecurityId),
}

/// One transport connection, pinned to its id until it ends.
struct Link {
    http: Connection,
    commands: mpsc::UnboundedSender<Command>,
    task: AbortHandle,
    shared: Shared,
    /// Bytes that went to the task.
    handed: u64,
    /// Reads that were dealt with and not yet given back as credit.
    owed: usize,
    /// Closing, and until when.
    closing: Option<Instant>,
}

impl Link {
    /// Bytes that were handed over and that the stream did not take.
    fn unwritten(&self) -> u64 {
        self.handed.saturating_sub(self.shared.taken.load(Ordering::Relaxed))
    }

    fn timeout(&self) -> Option<Instant> {
        self.closing.or_else(|| self.http.poll_timeout())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sockets below, a [`Stack`] above.
pub(crate) struct Driver<S> {
    /// What is driven.
    pub(crate) stack: S,
    links: HashMap<ConnectionId, Link>,
    /// Connections that may have something to say.
    busy: Vec<ConnectionId>,
    events: socket::Events,
    happened: mpsc::Receiver<(ConnectionId, SocketEvent)>,
    finished: mpsc::UnboundedSender<Done>,
    done: mpsc::UnboundedReceiver<Done>,
    dialer: Option<Dialer>,
    ready: Option<(Origin, Channel)>,
    accepted: ConnectionIds,
}

impl<S: Stack> Driver<S> {
    /// A client's driver opens connections by `dialer`; a server's has none.
    pub(crate) fn new(stack: S, dialer: Option<Dialer>) -> Self {
        let (events, happened) = mpsc::channel(EVENT_QUEUE);
        let (finished, done) = mpsc::unbounded_channel();
        Self {
            stack,
            links: HashMap::new(),
            busy: Vec::new(),
            events,
            happened,
            finished,
            done,
            dialer,
            ready: None,
            accepted: ConnectionIds::default(),
        }
    }

    /// A connection that is open already: the next that is asked for to that origin is this one.
    pub(crate) fn adopt(&mut self, origin: Origin, channel: Channel) {
        self.ready = Some((origin, channel));
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.links.len()
    }

    /// Takes an accepted connection; with `tls`, its handshake comes first.
    pub(crate) fn accept(&mut self, tcp: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>) {
        let conn = self.accepted.allocate();
        let http = Connection::server(Instant::now(), conn, HttpLimits::DEFAULT);
        self.link(conn, http, |events, queue, shared| async move {
            let opened = SocketEvent::Opened(Opened { peer: Some(peer), tls: None });
            let Some(tls) = tls else {
                if events.send((conn, opened)).await.is_ok() {
                    socket::run(tcp, conn, queue, events, shared).await;
                }
                return;
            };
            let failure = match timeout(STAGE_TIMEOUT, tls.accept(tcp)).await {
                Ok(Ok(stream)) => {
                    if events.send((conn, opened)).await.is_ok() {
                        socket::run(stream, conn, queue, events, shared).await;
                    }
                    return;
                }
                Ok(Err(error)) => format!("TLS: {error}"),
                Err(_) => format!("TLS: no handshake within {} s", STAGE_TIMEOUT.as_secs()),
            };
            let _ = events.send((conn, SocketEvent::Gone(failure))).await;
        });
    }

    fn open(&mut self, conn: ConnectionId, origin: Origin) {
        let http = Connection::client(conn, HttpLimits::DEFAULT);
        let mut dialer = self.dialer.clone();
        let way = self.stack.way(conn);
        let proxied = dialer.as_ref().is_some_and(|dialer| dialer.proxy.is_some());
        match (&mut dialer, way) {
            (Some(dialer), Way::Direct) => dialer.proxy = None,
            (dialer, Way::ByProxy) if !proxied => *dialer = None,
            _ => {}
        }
        let ready = match way {
            Way::ByProxy => None,
            _ => self.ready.take_if(|(of, _)| *of == origin).map(|(_, channel)| channel),
        };
        self.link(conn, http, |events, queue, shared| async move {
            let channel = match (ready, dialer) {
                (Some(channel), _) => Ok(channel),
                (None, Some(dialer)) => dialer.dial(&origin).await.map_err(|error| (error.cause(), error.to_string())),
                (None, None) => Err((ResetCause::Proxy, "there is no forward proxy to go through".to_owned())),
            };
            match channel {
                Ok(Channel { stream, peer, tls }) => {
                    if events.send((conn, SocketEvent::Opened(Opened { peer, tls }))).await.is_ok() {
                        socket::run(stream, conn, queue, events, shared).await;
                    }
                }
                Err((cause, reason)) => {
                    let _ = events.send((conn, SocketEvent::NotOpened(cause, reason))).await;
                }
            }
        });
    }

    fn link<F>(
        &mut self,
        conn: ConnectionId,
        http: Connection,
        task: impl FnOnce(socket::Events, mpsc::UnboundedReceiver<Command>, Shared) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (commands, queue) = mpsc::unbounded_channel();
        let shared = Shared::new();
        let task = tokio::spawn(task(self.events.clone(), queue, shared.clone())).abort_handle();
        self.links.insert(conn, Link { http, commands, task, shared, handed: 0, owed: 0, closing: None });
        self.busy.push(conn);
    }

    /// Breaks a connection, as a network does: nobody is told but this end's machines.
    pub(crate) fn cut(&mut self, conn: ConnectionId, reason: &str) {
        if let Some(link) = self.links.get_mut(&conn) {
            // The task runs on this thread, so it is not in the middle of anything, and what it did is counted.
            link.task.abort();
            let unwritten = link.unwritten();
            link.http.handle_lost(Instant::now(), unwritten, reason);
            self.busy.push(conn);
        }
    }

    /// Moves what can be moved; when there is nothing, waits until something happens, and moves that. Whoever calls it looks
    /// at the stack's events after each turn. Dropping it in between loses nothing.
    pub(crate) async fn turn(&mut self) {
        if self.pump() {
            return;
        }
        let at = self.next_timeout();
        let timeout = async {
            match at {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some((conn, event)) = self.happened.recv() => self.on_event(conn, event),
            Some(done) = self.done.recv() => self.stack.on_work_done(Instant::now(), done),
            () = timeout => self.on_timeout(),
        }
        self.pump();
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.links.values().filter_map(Link::timeout).chain(self.stack.poll_timeout()).min()
    }

    fn on_timeout(&mut self) {
        let now = Instant::now();
        if self.stack.poll_timeout().is_some_and(|at| at <= now) {
            self.stack.handle_timeout(now);
        }
        let due = |link: &Link| link.timeout().is_some_and(|at| at <= now);
        let due: Vec<ConnectionId> = self.links.iter().filter(|(_, link)| due(link)).map(|(conn, _)| *conn).collect();
        for conn in due {
            if let Some(link) = self.links.get_mut(&conn) {
                if link.closing.is_some() {
                    self.links.remove(&conn);
                } else {
                    link.http.handle_timeout(now);
                    self.busy.push(conn);
                }
            }
        }
    }

    fn on_event(&mut self, conn: ConnectionId, event: SocketEvent) {
        let now = Instant::now();
        let Some(link) = self.links.get_mut(&conn) else { return };
        match event {
            SocketEvent::Opened(opened) => self.stack.on_open(now, conn, &opened),
            SocketEvent::Read(bytes) => {
                link.owed += 1;
                on_bytes(link, now, bytes);
            }
            SocketEvent::Drained => {}
            SocketEvent::Eof => link.http.handle_eof(now),
            SocketEvent::Gone(_) | SocketEvent::NotOpened(..) if link.closing.is_some() => {
                self.links.remove(&conn);
            }
            SocketEvent::NotOpened(cause, why) => link.http.handle_not_opened(now, cause, why),
            SocketEvent::Gone(why) => {
                let unwritten = link.unwritten();
                link.http.handle_lost(now, unwritten, why);
            }
        }
        self.busy.push(conn);
    }

    /// Moves everything that can be moved without waiting; says whether there was anything.
    fn pump(&mut self) -> bool {
        let now = Instant::now();
        let mut any = false;
        loop {
            let mut moved = false;
            while let Some(transmit) = self.stack.poll_transmit(now) {
                moved = true;
                self.apply(now, transmit);
            }
            while let Some(conn) = self.busy.pop() {
                moved |= self.pump_link(now, conn);
            }
            if let Some(conn) = self.stack.take_cut() {
                moved = true;
                self.cut(conn, "cut in mid-response by the analyser");
            }
            while let Some(work) = self.stack.take_work() {
                moved = true;
                let finished = self.finished.clone();
                tokio::task::spawn_blocking(move || drop(finished.send(work())));
            }
            if !moved {
                return any;
            }
            any = true;
        }
    }

    fn apply(&mut self, now: Instant, transmit: HttpTransmit) {
        let conn = transmit.conn();
        if let HttpTransmit::Open { conn, origin } = transmit {
            return self.open(conn, origin);
        }
        // What is meant for a connection that has ended: its end is on the way up, or was told.
        let Some(link) = self.links.get_mut(&conn) else { return };
        match transmit {
            HttpTransmit::Event { event, .. } => {
                if let Err(refused) = link.http.send(now, event) {
                    let unwritten = link.unwritten();
                    link.http.handle_lost(now, unwritten, refused.reason.to_string());
                }
            }
            HttpTransmit::Close { .. } => link.http.close(now),
            HttpTransmit::Abort { .. } => link.http.abort(now),
            _ => {}
        }
        self.busy.push(conn);
    }

    /// One connection's events up and bytes down; says whether there was anything.
    fn pump_link(&mut self, now: Instant, conn: ConnectionId) -> bool {
        let mut moved = false;
        let Some(link) = self.links.get_mut(&conn) else { return false };
        while let Some(event) = link.http.poll_event() {
            moved = true;
            if self.stack.handle(now, conn, event).is_err() {
                link.http.abort(now);
            }
        }
        loop {
            if link.unwritten() > WRITE_AHEAD {
                link.shared.held_back.store(true, Ordering::Relaxed);
                break;
            }
            let Some(transmit) = link.http.poll_transmit(now) else { break };
            moved = true;
            match transmit {
                Transmit::Send { head, body, .. } => {
                    let length = head.as_slice().len().saturating_add(body.len());
                    link.handed = link.handed.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
                    let _ = link.commands.send(Command::Send { head, body });
                }
                Transmit::Finish { .. } => {
                    let _ = link.commands.send(Command::Finish);
                }
                Transmit::Close { .. } => {
                    let _ = link.commands.send(Command::Close);
                    link.closing = now.checked_add(CLOSE_TIMEOUT);
                }
                _ => {
                    self.links.remove(&conn);
                    return true;
                }
            }
        }
        if link.http.wants_input() {
            link.shared.credit.add_permits(std::mem::take(&mut link.owed));
        }
        moved
    }
}

fn on_bytes(link: &mut Link, now: Instant, bytes: Bytes) {
    // An error is told as an event too, as the connection's last.
    let _ = link.http.handle(now, bytes);
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use oxwire::http::{Head, RequestFate, RequestHead};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A machine that sends what it is told and keeps what it hears.
    #[derive(Default)]
    struct Recorder {
        to_send: VecDeque<HttpTransmit>,
        heard: Vec<HttpEvent>,
    }

    impl Stack for Recorder {
        fn on_open(&mut self, _now: Instant, _conn: ConnectionId, _opened: &Opened) {}

        fn handle(&mut self, _now: Instant, _conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
            self.heard.push(event);
            Ok(())
        }

        fn poll_transmit(&mut self, _now: Instant) -> Option<HttpTransmit> {
            self.to_send.pop_front()
        }

        fn handle_timeout(&mut self, _now: Instant) {}

        fn poll_timeout(&self) -> Option<Instant> {
            None
        }
    }

    const CONN: ConnectionId = ConnectionId::new(1);

    /// A driver that is to send a request with a body of that size.
    fn driver(port: u16, body: usize) -> Driver<Recorder> {
        let origin = Origin { scheme: oxwire::http::Scheme::Http, host: "127.0.0.1".into(), port };
        let head = RequestHead::builder("POST", "/").field("Host", "x").field("Content-Length", body.to_string());
        let head = HttpEvent::Head(Head::Request(head.request().unwrap()));
        let mut stack = Recorder::default();
        stack.to_send.push_back(HttpTransmit::Open { conn: CONN, origin });
        for event in [head, HttpEvent::Body(Bytes::from(vec![7; body])), HttpEvent::End] {
            stack.to_send.push_back(HttpTransmit::Event { conn: CONN, event });
        }
        Driver::new(stack, Some(Dialer::default()))
    }

    async fn fate(driver: &mut Driver<Recorder>) -> RequestFate {
        loop {
            if let Some(HttpEvent::Reset(reset)) = driver.stack.heard.last() {
                return reset.request;
            }
            driver.turn().await;
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_request_that_never_left_is_not_sent() {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        assert_eq!(fate(&mut driver(port, 10)).await, RequestFate::NotSent);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_request_that_left_in_part_is_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // More than any system's buffers take.
        let mut driver = driver(listener.local_addr().unwrap().port(), 64 << 20);
        let accepted = async {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut some = [0; 100];
            tcp.read_exact(&mut some).await.unwrap();
        };
        let (told, ()) = tokio::join!(fate(&mut driver), accepted);
        assert_eq!(told, RequestFate::NotSent);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_request_that_left_whole_has_an_unknown_fate() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut driver = driver(listener.local_addr().unwrap().port(), 10);
        let accepted = async {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(&[7; 10]) {
                head.push(tcp.read_u8().await.unwrap());
            }
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").await.unwrap();
        };
        let (told, ()) = tokio::join!(fate(&mut driver), accepted);
        assert_eq!(told, RequestFate::Unknown);
        assert!(matches!(driver.stack.heard.first(), Some(HttpEvent::Head(Head::Response(_)))));
    }
}
