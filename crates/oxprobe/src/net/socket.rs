//! One open connection: a task that owns it, commands in, events out.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::{Buf, Bytes, BytesMut};
use oxwire::core::{ConnectionId, Inline};
use oxwire::http::ResetCause;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc};

use super::dial::TlsFacts;

/// Bytes read at a time: a TLS record and its head.
const READ_SIZE: usize = 17 * 1024;

/// Reads ahead of the driver.
const READ_CREDIT: usize = 4;

/// A stream of bytes, TLS or not.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What is known of a connection that opened.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    /// The address at the other end; a proxy's, where one is in between.
    pub(crate) peer: Option<SocketAddr>,
    /// What TLS told a client.
    pub(crate) tls: Option<TlsFacts>,
}

/// What the driver wants done.
#[derive(Debug)]
pub(crate) enum Command {
    /// Write `head`, then `body`.
    Send {
        /// Framing.
        head: Inline,
        /// Payload.
        body: Bytes,
    },
    /// Shut the writing side down once all is out.
    Finish,
    /// Close once all is out.
    Close,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    /// Bytes came.
    Read(Bytes),
    /// It is open.
    Opened(Opened),
    /// All that was handed over is written, and the driver held more back.
    Drained,
    /// The peer will send nothing more.
    Eof,
    /// The connection is gone, and why.
    Gone(String),
    /// The connection did not open.
    NotOpened(ResetCause, String),
}

/// Where a connection's events go. It is bounded: a driver that is behind stops the reading.
pub(crate) type Events = mpsc::Sender<(ConnectionId, SocketEvent)>;

/// What a connection's task and the driver share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    /// How many bytes the stream took. It moves in the same step in which the stream takes them, so a connection that broke is
    /// known to have carried no more than this: a request of which bytes are missing here did not reach the peer whole.
    pub(crate) taken: Arc<AtomicU64>,
    /// Reads that the task may do before the driver has dealt with what came.
    pub(crate) credit: Arc<Semaphore>,
    /// The driver holds output back until the task has written what it has.
    pub(crate) held_back: Arc<AtomicBool>,
}

impl Shared {
    /// A new connection's.
    pub(crate) fn new() -> Self {
        Self { taken: Arc::default(), credit: Arc::new(Semaphore::new(READ_CREDIT)), held_back: Arc::default() }
    }
}

/// Runs a connection until it is closed, breaks, or the driver drops its commands (which closes it at once).
pub(crate) async fn run<S: Stream>(
    stream: S,
    conn: ConnectionId,
    mut commands: mpsc::UnboundedReceiver<Command>,
    events: Events,
    shared: Shared,
) {
    let (reader, mut writer) = tokio::io::split(stream);
    // The end of the reading side does not end the writing side: a half-closed client still wants its answer. The end of
    // the writing side ends both.
    let gone = tokio::select! {
        gone = write(&mut writer, conn, &mut commands, &events, &shared) => gone,
        gone = read(reader, conn, &events, &shared.credit) => gone,
    };
    if let Some(why) = gone {
        // The driver may be gone already; then nobody is left to tell.
        let _ = events.send((conn, SocketEvent::Gone(why))).await;
    }
}

/// Reads until the stream breaks; at the end of the stream it waits for the writing side to end.
async fn read<R: AsyncRead + Unpin>(
    mut reader: R,
    conn: ConnectionId,
    events: &Events,
    credit: &Semaphore,
) -> Option<String> {
    loop {
        credit.acquire().await.ok()?.forget();
        let mut buffer = BytesMut::with_capacity(READ_SIZE);
        match reader.read_buf(&mut buffer).await {
            Ok(0) => {
                events.send((conn, SocketEvent::Eof)).await.ok()?;
                return std::future::pending().await;
            }
            Ok(_) => events.send((conn, SocketEvent::Read(buffer.freeze()))).await.ok()?,
            // Peers end TLS without close_notify; framing, not TLS, says whether the message was whole.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                events.send((conn, SocketEvent::Eof)).await.ok()?;
                return std::future::pending().await;
            }
            Err(error) => return Some(error.to_string()),
        }
    }
}

/// Writes what is asked for; `None` when the driver wanted the end.
async fn write<W: AsyncWrite + Unpin>(
    writer: &mut W,
    conn: ConnectionId,
    commands: &mut mpsc::UnboundedReceiver<Command>,
    events: &Events,
    shared: &Shared,
) -> Option<String> {
    loop {
        let command = match commands.try_recv() {
            Ok(command) => command,
            Err(_) => {
                // Flushed once nothing more is queued: several small pieces become one TLS record's worth of packets.
                if let Err(error) = writer.flush().await {
                    return Some(error.to_string());
                }
                if shared.held_back.swap(false, Ordering::Relaxed) {
                    events.send((conn, SocketEvent::Drained)).await.ok()?;
                }
                commands.recv().await?
            }
        };
        let done = match command {
            Command::Send { head, body } => write_both(writer, head, body, &shared.taken).await,
            Command::Finish => writer.shutdown().await,
            Command::Close => {
                return Some(match writer.shutdown().await {
                    Ok(()) => "closed by this end".to_owned(),
                    Err(error) => error.to_string(),
                });
            }
        };
        if let Err(error) = done {
            return Some(error.to_string());
        }
    }
}

/// A vectored write of both to their end: the payload is not copied.
async fn write_both<W: AsyncWrite + Unpin>(
    writer: &mut W,
    head: Inline,
    mut body: Bytes,
    taken: &AtomicU64,
) -> std::io::Result<()> {
    let mut head = head.as_slice();
    while head.has_remaining() || body.has_remaining() {
        let written = writer.write_vectored(&[IoSlice::new(head), IoSlice::new(&body)]).await?;
        if written == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
        taken.fetch_add(u64::try_from(written).unwrap_or(u64::MAX), Ordering::Relaxed);
        let of_head = written.min(head.len());
        head.advance(of_head);
        body.advance((written - of_head).min(body.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn what_the_stream_did_not_take_is_known() {
        let (near, far) = tokio::io::duplex(10);
        let (commands, queue) = mpsc::unbounded_channel();
        let (events, mut happened) = mpsc::channel(4);
        let shared = Shared::new();
        let task = tokio::spawn(run(near, ConnectionId::new(1), queue, events, shared.clone()));
        let body = Bytes::from_static(b"0123456789abcdef");
        commands.send(Command::Send { head: Inline::new(b"head").unwrap(), body }).unwrap();
        // The other end takes nothing and goes: ten bytes of twenty are in between.
        tokio::task::yield_now().await;
        drop(far);
        let (_, event) = happened.recv().await.unwrap();
        assert!(matches!(event, SocketEvent::Eof | SocketEvent::Gone(_)), "{event:?}");
        drop(commands);
        task.await.unwrap();
        assert_eq!(shared.taken.load(Ordering::Relaxed), 10);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn head_and_body_arrive_in_order_and_close_ends() {
        let (near, mut far) = tokio::io::duplex(3);
        let (commands, queue) = mpsc::unbounded_channel();
        let (events, mut happened) = mpsc::channel(4);
        let task = tokio::spawn(run(near, ConnectionId::new(1), queue, events, Shared::new()));
        let body = Bytes::from_static(b"payload");
        commands.send(Command::Send { head: Inline::new(b"7\r\n").unwrap(), body }).unwrap();
        commands.send(Command::Close).unwrap();
        let mut read = Vec::new();
        far.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"7\r\npayload");
        let (_, event) = happened.recv().await.unwrap();
        assert!(matches!(&event, SocketEvent::Gone(why) if why == "closed by this end"), "{event:?}");
        task.await.unwrap();
    }
}
