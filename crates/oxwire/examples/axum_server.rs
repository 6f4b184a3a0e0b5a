//! A MAPI/HTTP endpoint inside an axum server, and a client with an HTTP client of its own: the machines in their plain form, over
//! `http::Request` and `http::Response`.
//!
//! `cargo run --example axum_server` serves on a free port of the loopback interface, connects to itself, executes an empty ROP
//! list, disconnects and ends.
//!
//! Authentication is Basic here, request by request. NTLM authenticates the transport connection, which axum does not show: for it,
//! drive `oxwire::auth::server::ServerLayer` over `oxwire::http::Connection` as `support/loopback.rs` does. hyper sends header names in
//! lower case; for Outlook 2010 and 2013 serve with hyper's own builder and `title_case_headers`.
#![allow(clippy::print_stdout, reason = "an example tells what it does")]

mod support;

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use bytes::Bytes;
use http_body::Frame;
use oxwire::auth::{Charset, UserName, basic_value};
use oxwire::core::{ConnectionId, Transmit};
use oxwire::http::{Connection, Head, HttpEvent, HttpLimits, PlainForm as _, PlainTransmit, RequestHead};
use oxwire::mapi::mapihttp::RequestType;
use oxwire::mapihttp::client::{Client, Config, Event, Outcome};
use oxwire::mapihttp::server::{Call, CallBody, Server, ServerConfig};
use support::basic::{authenticate, status, unauthorized};
use support::{PASSWORD, Result, USER, entropy, wall};
use tokio::sync::Notify;

/// The endpoint, shared by the tasks of all requests.
struct Endpoint {
    machine: Mutex<Machine>,
    /// A timer may be due earlier than before.
    changed: Notify,
}

struct Machine {
    server: Server<()>,
    /// Who reads the body of which call.
    readers: HashMap<ConnectionId, Waker>,
}

impl Endpoint {
    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The application's part, and a word to those who wait for output.
    fn pump(&self, machine: &mut Machine, now: Instant) {
        while let Some(event) = machine.server.poll_event() {
            if let Err(error) = support::loopback::answer(&mut machine.server, now, event) {
                println!("server: {error}");
            }
        }
        while let Some(call) = machine.server.poll_call_ready() {
            if let Some(reader) = machine.readers.remove(&call) {
                reader.wake();
            }
        }
        self.changed.notify_one();
    }

    /// PENDING, lifetimes, lost peers: what the machine does when time passes.
    async fn keep_time(self: Arc<Self>) {
        loop {
            let deadline = self.lock().server.poll_timeout();
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
                    machine.server.handle_timeout(now);
                    self.pump(&mut machine, now);
                }
                () = self.changed.notified() => {}
            }
        }
    }
}

async fn mapi(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response<Body> {
    let Some(principal) = authenticate(&request) else { return unauthorized() };
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 1 << 20).await else { return status(StatusCode::PAYLOAD_TOO_LARGE) };
    let now = Instant::now();
    let mut machine = endpoint.lock();
    match machine.server.call(now, Some(&principal), Request::from_parts(parts, body)) {
        Ok((head, call)) => {
            endpoint.pump(&mut machine, now);
            drop(machine);
            head.map(|()| Body::new(CallStream { endpoint, call: Some(call) }))
        }
        Err(_) => status(StatusCode::BAD_REQUEST),
    }
}

/// A response's body, chunk by chunk as the machine makes it: PROCESSING goes out before there is an answer.
struct CallStream {
    endpoint: Arc<Endpoint>,
    call: Option<Call>,
}

impl HttpBody for CallStream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        let Some(call) = &this.call else { return Poll::Ready(None) };
        let mut machine = this.endpoint.lock();
        match machine.server.poll_call(call) {
            CallBody::Chunk(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            CallBody::Waiting => {
                machine.readers.insert(call.id(), context.waker().clone());
                Poll::Pending
            }
            CallBody::End => {
                this.call = None;
                Poll::Ready(None)
            }
            CallBody::Lost => {
                this.call = None;
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
            }
        }
    }
}

impl Drop for CallStream {
    /// The client went away before the end.
    fn drop(&mut self) {
        if let Some(call) = self.call.take() {
            let mut machine = self.endpoint.lock();
            machine.readers.remove(&call.id());
            machine.server.drop_call(Instant::now(), call);
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // Without TLS, cookies marked `secure` would not come back.
    let config = ServerConfig::new().with_secure_cookies(false);
    let server = Server::new(Instant::now(), wall(), config, entropy)?;
    let machine = Mutex::new(Machine { server, readers: HashMap::new() });
    let endpoint = Arc::new(Endpoint { machine, changed: Notify::new() });
    tokio::spawn(endpoint.clone().keep_time());

    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}/mapi/emsmdb/?MailboxId={USER}", listener.local_addr()?);
    println!("serving {url}");
    let router = Router::new().fallback(mapi).with_state(endpoint);
    tokio::spawn(async move { axum::serve(listener, router).await });

    tokio::task::spawn_blocking(move || client(&url).map_err(|error| error.to_string())).await??;
    Ok(())
}

/// The other end: the client machine in its plain form.
fn client(url: &str) -> Result<()> {
    let now = Instant::now();
    let mut client = Client::new(Config::new(url, &mut entropy), now, wall())?;
    let credentials = basic_value(&UserName::parse(USER), &PASSWORD.into(), Charset::Utf8)?;
    client.connect(now, support::connect_request()?)?;
    loop {
        let now = Instant::now();
        while let Some(transmit) = client.poll_request(now) {
            let PlainTransmit::Request { conn, mut request, .. } = transmit else { continue };
            request.headers_mut().insert(header::AUTHORIZATION, credentials.expose().parse()?);
            let (parts, body) = send(*request)?.into_parts();
            client.handle_response(now, conn, &parts)?;
            client.handle_body(now, conn, body)?;
            client.handle_end(now, conn)?;
        }
        let Some(event) = client.poll_event() else { return Err("the client waits for nothing".into()) };
        let Event::Completed(done) = event else { return Err(format!("unexpected: {event:?}").into()) };
        let Outcome::Answered(response) = done.outcome else {
            return Err(format!("failed: {:?}", done.outcome).into());
        };
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
                return Ok(());
            }
        }
    }
}

/// Stands for the caller's HTTP client, reqwest or another: a request out, the whole response in.
fn send(request: http::Request<Bytes>) -> Result<http::Response<Bytes>> {
    let (parts, body) = request.into_parts();
    let authority = parts.uri.authority().ok_or("the URI has no host")?.to_string();
    let mut socket = TcpStream::connect(authority)?;
    let mut http = Connection::client(ConnectionId::new(1), HttpLimits::DEFAULT);
    http.send(Instant::now(), HttpEvent::Head(Head::Request(RequestHead::from_parts(&parts)?)))?;
    http.send(Instant::now(), HttpEvent::Body(body))?;
    http.send(Instant::now(), HttpEvent::End)?;
    while let Some(Transmit::Send { head, body, .. }) = http.poll_transmit(Instant::now()) {
        socket.write_all(head.as_slice())?;
        socket.write_all(&body)?;
    }
    let (mut response, mut whole) = (None, Vec::new());
    let mut buffer = vec![0; 16 << 10];
    loop {
        let len = socket.read(&mut buffer)?;
        match buffer.get(..len) {
            Some(bytes) if len > 0 => http.handle(Instant::now(), Bytes::copy_from_slice(bytes))?,
            _ => http.handle_eof(Instant::now()),
        }
        while let Some(event) = http.poll_event() {
            match event {
                HttpEvent::Head(Head::Response(head)) => response = Some(head.to_parts()?),
                HttpEvent::Body(bytes) => whole.extend_from_slice(&bytes),
                HttpEvent::End => {
                    let parts = response.take().ok_or("a body without a head")?;
                    return Ok(http::Response::from_parts(parts, whole.into()));
                }
                HttpEvent::Reset(reset) => return Err(reset.reason.to_string().into()),
                _ => {}
            }
        }
    }
}
