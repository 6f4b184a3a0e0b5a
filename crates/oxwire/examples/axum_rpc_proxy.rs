//! RPC over HTTP inside an axum server: `RPC_IN_DATA` and `RPC_OUT_DATA`, streamed both ways, and the client that goes through them.
//!
//! `cargo run --example axum_rpc_proxy` serves on a free port of the loopback interface and connects to itself. The application behind it
//! gives every PDU back; 8 MiB go there and back, over channels of 2 MiB, and are compared. `-- 1024` sends a gigabyte instead,
//! within one request body and one response body; a second number is the lifetime of a channel in bytes.
//!
//! Each request is a connection to the machines: axum gives its body piece by piece, the response's head goes out while that is open, and
//! the response's body is taken from the machines as the socket takes it. Nothing is held but what flow control allows. Authentication
//! is Basic, request by request; for NTLM see `axum_server`.
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

mod support;

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use http_body::Frame;
use hyper::ext::ReasonPhrase;
use oxwire::auth::client::{ClientConfig, ClientEvent, ClientLayer, Target};
use oxwire::auth::{AuthScheme, Credentials};
use oxwire::core::{ConnectionId, ConnectionIds};
use oxwire::http::{Head, HttpEvent, HttpTransmit, Origin, Reason, RequestHead, Reset, ResponseHead};
use oxwire::rpch::client::{Client, Config, Event};
use oxwire::rpch::endpoint::{
    self, Endpoint, EndpointConfig, EndpointEvent, Handled, InChannelResponse, VirtualConnection,
    VirtualConnectionConfig, VirtualConnectionId,
};
use oxwire::rpch::front::{Caller, Verdict};
use support::basic::{authenticate, status, unauthorized};
use support::network::Network;
use support::{PASSWORD, Result, USER, entropy, wall};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Sleep, sleep};

/// The RPC server that may be asked for.
const SERVER: &str = "mbx1.mail.test:6001";
/// Bytes of a response's body that wait for its socket; one PDU may come on top.
const ROOM: usize = 64 << 10;
/// The client closes the channels that it has replaced. Who does not is closed after this.
const PATIENCE: Duration = Duration::from_secs(1);
const WINDOW: u32 = 256 << 10;
const PDU: u16 = 32_768;

/// The endpoint, shared by the tasks of all requests.
struct Proxy {
    machine: Mutex<Machine>,
    /// A timer may be due earlier than before.
    changed: Notify,
}

struct Machine {
    endpoint: Endpoint,
    served: HashMap<VirtualConnectionId, Served>,
    ids: ConnectionIds,
    responses: HashMap<ConnectionId, Outgoing>,
    /// The most bytes that ever waited in a response.
    peak: usize,
}

/// A virtual connection and the application on it: what comes goes back.
struct Served {
    connection: VirtualConnection,
    unsent: Option<Bytes>,
}

/// A response on its way.
struct Outgoing {
    head: Option<oneshot::Sender<ResponseHead>>,
    body: VecDeque<Bytes>,
    waiting: usize,
    end: Option<End>,
    reader: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Close,
    Abort,
}

impl Proxy {
    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, conn: ConnectionId, caller: &Caller, event: HttpEvent) {
        let mut machine = self.lock();
        let now = Instant::now();
        match machine.endpoint.handle(now, conn, caller, event) {
            Ok(Handled::BelongsTo(id, event)) => {
                if let Some(served) = machine.served.get_mut(&id) {
                    // What ends a virtual connection is one of its events, too.
                    let _told = served.connection.handle(now, conn, event);
                }
            }
            Ok(_) => {}
            Err(error) => println!("server: {error}"),
        }
        machine.settle(now);
        self.changed.notify_one();
    }

    /// Pings, half-open channels, lost peers: what the machines do when time passes.
    async fn keep_time(self: Arc<Self>) {
        loop {
            let deadline = self.lock().poll_timeout();
            let due = async {
                match deadline {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {
                    let now = Instant::now();
                    let mut machine = self.lock();
                    machine.endpoint.handle_timeout(now);
                    machine.served.values_mut().for_each(|served| served.connection.handle_timeout(now));
                    machine.settle(now);
                }
                () = self.changed.notified() => {}
            }
        }
    }
}

impl Machine {
    /// Lets endpoint, virtual connections, application and responses talk until nobody has anything left to say.
    fn settle(&mut self, now: Instant) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                EndpointEvent::Access(access) => {
                    // A real server asks whether this caller may go there.
                    self.endpoint.verdict(now, access.handle, Verdict::Allow);
                }
                EndpointEvent::Opened(connection) => {
                    self.served.insert(connection.id(), Served { connection: *connection, unsent: None });
                }
                EndpointEvent::Attach { id, channel } => match self.served.get_mut(&id) {
                    Some(served) => drop(served.connection.attach(now, channel)),
                    None => transmit(&mut self.responses, HttpTransmit::Close { conn: channel.conn() }),
                },
                EndpointEvent::Refused(refused) => println!("server: {}", refused.fault),
                _ => {}
            }
        }
        while let Some(action) = self.endpoint.poll_transmit() {
            transmit(&mut self.responses, action);
        }
        let (responses, peak) = (&mut self.responses, &mut self.peak);
        self.served.retain(|_, Served { connection, unsent }| {
            loop {
                echo(now, connection, unsent);
                let waits = |conn| responses.get(&conn).map_or(0, |outgoing: &Outgoing| outgoing.waiting);
                let waiting: usize = connection.connections().map(waits).sum();
                *peak = waiting.max(*peak);
                // What is not taken waits in the send queue, and a full one holds the application back.
                if waiting >= ROOM {
                    break;
                }
                let Some(action) = connection.poll_transmit(now) else { break };
                transmit(responses, action);
            }
            !connection.is_closed()
        });
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let served = self.served.values().filter_map(|served| served.connection.poll_timeout());
        served.chain(self.endpoint.poll_timeout()).min()
    }
}

/// Stands for the RPC server: `oxwire::rpc::association` goes here. A PDU that finds no room keeps its receive window.
fn echo(now: Instant, connection: &mut VirtualConnection, unsent: &mut Option<Bytes>) {
    loop {
        if let Some(pdu) = unsent.take() {
            let len = pdu.len();
            match connection.send_pdu(now, pdu) {
                Ok(()) => drop(connection.consume(now, len)),
                Err(refused) => {
                    *unsent = Some(refused.pdu.into_bytes());
                    return;
                }
            }
        }
        match connection.poll_event() {
            Some(endpoint::Event::Pdu(pdu)) => *unsent = Some(pdu),
            Some(_) => {}
            None => return,
        }
    }
}

/// Does what a machine wants done with a response.
fn transmit(responses: &mut HashMap<ConnectionId, Outgoing>, action: HttpTransmit) {
    // A request that has gone has been told.
    let Some(outgoing) = responses.get_mut(&action.conn()) else { return };
    match action {
        HttpTransmit::Event { event: HttpEvent::Head(Head::Response(head)), .. } => {
            if let Some(waiting) = outgoing.head.take() {
                drop(waiting.send(head));
            }
        }
        HttpTransmit::Event { event: HttpEvent::Body(bytes), .. } => {
            outgoing.waiting += bytes.len();
            outgoing.body.push_back(bytes);
        }
        HttpTransmit::Event { event: HttpEvent::End, .. } => outgoing.end = Some(End::Whole),
        HttpTransmit::Close { .. } => outgoing.end = outgoing.end.or(Some(End::Close)),
        HttpTransmit::Abort { .. } => outgoing.end = Some(End::Abort),
        _ => {}
    }
    if outgoing.end.is_some() {
        // Nobody will send a head any more.
        outgoing.head = None;
    }
    if let Some(reader) = outgoing.reader.take() {
        reader.wake();
    }
}

async fn rpc_proxy(
    State(proxy): State<Arc<Proxy>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let Some(principal) = authenticate(&request) else { return unauthorized() };
    let (parts, body) = request.into_parts();
    let Ok(head) = RequestHead::from_parts(&parts) else { return status(StatusCode::BAD_REQUEST) };
    let caller = Caller::new(peer.ip(), principal);
    let (sender, receiver) = oneshot::channel();
    let conn = {
        let mut machine = proxy.lock();
        let conn = machine.ids.allocate();
        let outgoing = Outgoing { head: Some(sender), body: VecDeque::new(), waiting: 0, end: None, reader: None };
        machine.responses.insert(conn, outgoing);
        conn
    };
    let response = Streamed { proxy: Arc::clone(&proxy), conn, caller: caller.clone(), patience: None };
    proxy.handle(conn, &caller, HttpEvent::Head(Head::Request(head)));
    tokio::spawn(read_body(proxy, conn, caller, body));
    // The machines may wait for what the body says before they answer; most of it comes after the answer.
    let Ok(head) = receiver.await else { return status(StatusCode::SERVICE_UNAVAILABLE) };
    let Ok(mut parts) = head.to_parts() else { return status(StatusCode::INTERNAL_SERVER_ERROR) };
    // `200 Success`, `503 RPC Error: 6ba`: clients read the phrase.
    if let Some(phrase) = parts.extensions.remove::<Reason>().and_then(|Reason(text)| ReasonPhrase::try_from(text).ok())
    {
        parts.extensions.insert(phrase);
    }
    Response::from_parts(parts, Body::new(response))
}

/// The request's body, piece by piece, beside its response.
async fn read_body(proxy: Arc<Proxy>, conn: ConnectionId, caller: Caller, mut body: Body) {
    loop {
        let event = match poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) if !bytes.is_empty() => HttpEvent::Body(bytes),
                _ => continue,
            },
            Some(Err(error)) => HttpEvent::Reset(Reset::unknown(error.to_string())),
            None => HttpEvent::End,
        };
        let last = !matches!(event, HttpEvent::Body(_));
        proxy.handle(conn, &caller, event);
        if last {
            return;
        }
    }
}

/// A response's body, as the machines make it and the socket takes it.
struct Streamed {
    proxy: Arc<Proxy>,
    conn: ConnectionId,
    caller: Caller,
    patience: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        let gone = || Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
        let mut machine = this.proxy.lock();
        let Some(outgoing) = machine.responses.get_mut(&this.conn) else { return gone() };
        if outgoing.end == Some(End::Abort) {
            return gone();
        }
        if let Some(bytes) = outgoing.body.pop_front() {
            outgoing.waiting -= bytes.len();
            // There is room again.
            if outgoing.waiting < ROOM {
                machine.settle(Instant::now());
            }
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        outgoing.reader = Some(context.waker().clone());
        match outgoing.end {
            Some(End::Whole) => Poll::Ready(None),
            // A body can end a connection only by failing, and that would take what hyper has not written yet with it.
            Some(_) => match this.patience.get_or_insert_with(|| Box::pin(sleep(PATIENCE))).as_mut().poll(context) {
                Poll::Ready(()) => gone(),
                Poll::Pending => Poll::Pending,
            },
            None => Poll::Pending,
        }
    }
}

impl Drop for Streamed {
    /// The response is out, or the client went away before its end.
    fn drop(&mut self) {
        let ended = self.proxy.lock().responses.remove(&self.conn).is_some_and(|outgoing| outgoing.end.is_some());
        if !ended {
            self.proxy.handle(self.conn, &self.caller, HttpEvent::Reset(Reset::unknown("the client has gone")));
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mebibytes = arguments.next().map(|text| text.parse::<u32>()).transpose()?;
    let lifetime = arguments.next().map(|text| text.parse()).transpose()?;
    let lifetime = lifetime.unwrap_or(if mebibytes.is_some() { 2 << 30 } else { 2 << 20 });

    let connection = VirtualConnectionConfig::DEFAULT
        .with_receive_window(WINDOW)
        .with_channel_lifetime(lifetime)
        // The default gives no response while a request body is open, as Windows; this shows that hyper can.
        .with_in_channel_response(InChannelResponse::HeldOpen);
    let machine = Machine {
        endpoint: Endpoint::new(EndpointConfig::DEFAULT.with_connection(connection)),
        served: HashMap::new(),
        ids: ConnectionIds::default(),
        responses: HashMap::new(),
        peak: 0,
    };
    let proxy = Arc::new(Proxy { machine: Mutex::new(machine), changed: Notify::new() });
    tokio::spawn(Arc::clone(&proxy).keep_time());

    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}/rpc/rpcproxy.dll", listener.local_addr()?);
    println!("serving {url}?{SERVER}");
    let router = Router::new().fallback(rpc_proxy).with_state(Arc::clone(&proxy));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });

    let pdus = mebibytes.unwrap_or(8) << 5;
    tokio::task::spawn_blocking(move || client(&url, lifetime, pdus).map_err(|error| error.to_string())).await??;
    let peak = proxy.lock().peak;
    if peak >= ROOM + usize::from(PDU) {
        return Err(format!("a response held {peak} bytes").into());
    }
    println!("no response ever held more than {peak} bytes");
    Ok(())
}

/// What the client counts.
#[derive(Default)]
struct Seen {
    /// IN channels whose request body is open.
    open: HashSet<ConnectionId>,
    successes: u32,
    /// Of those, on a connection whose request body was open.
    while_open: u32,
    recycled: u32,
}

impl Seen {
    fn outgoing(&mut self, action: &HttpTransmit) {
        let HttpTransmit::Event { conn, event } = action else { return };
        match event {
            HttpEvent::Head(Head::Request(head)) if head.method() == "RPC_IN_DATA" => drop(self.open.insert(*conn)),
            HttpEvent::End => drop(self.open.remove(conn)),
            _ => {}
        }
    }

    fn incoming(&mut self, conn: ConnectionId, event: &HttpEvent) -> Result<()> {
        let HttpEvent::Head(Head::Response(head)) = event else { return Ok(()) };
        if head.status() == 200 {
            if head.reason() != b"Success" {
                return Err(format!("the phrase is {:?}", String::from_utf8_lossy(head.reason())).into());
            }
            self.successes += 1;
            self.while_open += u32::from(self.open.contains(&conn));
        }
        Ok(())
    }
}

/// A PDU that says which one it is: the header of a request, and a filling.
fn pdu(number: u32) -> Bytes {
    let mut pdu = vec![number.to_le_bytes()[0]; usize::from(PDU)];
    let (length, call) = (PDU.to_le_bytes(), number.to_le_bytes());
    let header = [&[5, 0, 0, 3, 0x10, 0, 0, 0][..], &length, &[0, 0], &call].concat();
    pdu.splice(..header.len(), header);
    pdu.into()
}

/// The other end: sends the PDUs as fast as flow control lets it, and compares what comes back.
fn client(url: &str, lifetime: u32, pdus: u32) -> Result<()> {
    let now = Instant::now();
    let mut config = ClientConfig::default();
    config.preference = vec![AuthScheme::Basic];
    // There is no TLS here.
    config.cleartext = true;
    let mut auth = ClientLayer::new(config, Box::new(entropy), now, wall());
    let target = Target::Origin(Origin::from_url(url)?.0);
    auth.set_credentials(now, target, Credentials::Password { user: USER.into(), password: PASSWORD.into() });
    let config = Config::from_url(url, SERVER.parse()?)?.with_in_channel_length(lifetime).with_receive_window(WINDOW);
    let mut client = Client::new(config, Box::new(entropy), ConnectionIds::default());
    let (mut network, mut seen) = (Network::new(), Seen::default());
    let (mut opened, mut sent, mut received, mut refused) = (false, 0, 0, None);

    client.connect(now)?;
    while received < pdus {
        let now = Instant::now();
        while opened && sent < pdus {
            let next = refused.take().unwrap_or_else(|| pdu(sent));
            match client.send_pdu(now, next) {
                Ok(()) => sent += 1,
                // Event::Writable says when to go on.
                Err(back) => {
                    refused = Some(back.pdu.into_bytes());
                    break;
                }
            }
        }
        let mut moved = false;
        while let Some(action) = client.poll_transmit(now) {
            auth.handle_outgoing(now, action)?;
            moved = true;
        }
        while let Some(action) = auth.poll_transmit(now) {
            seen.outgoing(&action);
            network.transmit(now, action);
            moved = true;
        }
        for (conn, event) in network.exchange(now) {
            seen.incoming(conn, &event)?;
            auth.handle(now, conn, event)?;
            moved = true;
        }
        while let Some((conn, event)) = auth.poll_deliver() {
            client.handle(now, conn, event)?;
            moved = true;
        }
        while let Some(event) = auth.poll_event() {
            if let ClientEvent::Failed { reason, .. } = event {
                return Err(format!("not authenticated: {reason}").into());
            }
        }
        while let Some(event) = client.poll_event() {
            moved = true;
            match event {
                Event::Opened { .. } => opened = true,
                Event::Pdu(found) => {
                    if found != pdu(received) {
                        return Err(format!("PDU {received} has changed on its way").into());
                    }
                    client.consume(now, found.len())?;
                    received += 1;
                }
                Event::Recycled(_) => seen.recycled += 1,
                Event::Closed { reason, .. } => return Err(reason.to_string().into()),
                _ => {}
            }
        }
        if !moved {
            network.wait([client.poll_timeout(), auth.poll_timeout()].into_iter().flatten().min());
            let now = Instant::now();
            auth.handle_timeout(now);
            client.handle_timeout(now)?;
        }
    }
    let Seen { successes, while_open, recycled, .. } = seen;
    println!("{} MiB there and back, {recycled} channels recycled", received >> 5);
    println!("{successes} responses 200 Success, {while_open} of them while the request body was open");
    if while_open == 0 || successes == while_open {
        return Err("expected such a response on both channels".into());
    }
    Ok(())
}
