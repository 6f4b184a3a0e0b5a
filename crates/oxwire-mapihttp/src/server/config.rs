//! What a server is told once.

use std::time::Duration;

use super::TableLimits;
use crate::Endpoint;

/// Settings of a [`Server`](super::Server).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Which endpoint it is. Default the mailbox endpoint; [`ServerConfig::address_book`] is for the other.
    pub endpoint: Endpoint,
    /// The endpoint's path, without a slash at its end; the query is not part of it. `None` takes every path: the caller has
    /// routed already. Default `/mapi/emsmdb`. Compared without regard to letter case.
    pub path: Option<String>,
    /// `Path` of the cookies. Default `/mapi/emsmdb`.
    pub cookie_path: String,
    /// Whether cookies are marked `secure`. Default true; false where the endpoint is reached without TLS, since a client would
    /// not send them back there.
    pub secure_cookies: bool,
    /// X-ServerApplication. Default `Exchange/15.00.0847.4040`: a reported 15.2 breaks "Forward as attachment" in Outlook.
    pub server_application: String,
    /// X-PendingPeriod: what the client may expect. Default 30 s (R158).
    pub pending_period: Duration,
    /// How often PENDING is sent. Default 15 s (R1214); never later than `pending_period`.
    pub keep_alive: Duration,
    /// How long a NotificationWait without an event takes. Default 5 minutes (R1215).
    pub notification_wait: Duration,
    /// How long the application may take for an answer; then the client gets code 1 and the application
    /// [`Event::Cancelled`](super::Event::Cancelled). Default 15 minutes.
    pub answer_timeout: Duration,
    /// How long a request's body may take to arrive whole; then the connection is dropped. Default 2 minutes.
    pub receive_timeout: Duration,
    /// How long output may wait to be taken; then the connection is dropped. Default 2 minutes.
    pub send_timeout: Duration,
    /// Contexts and the answers that they keep.
    pub table: TableLimits,
    /// Requests and bytes in flight.
    pub limits: ServerLimits,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            endpoint: Endpoint::Mailbox,
            path: Some(Endpoint::Mailbox.path().to_owned()),
            cookie_path: Endpoint::Mailbox.path().to_owned(),
            secure_cookies: true,
            server_application: "Exchange/15.00.0847.4040".to_owned(),
            pending_period: Duration::from_secs(30),
            keep_alive: Duration::from_secs(15),
            notification_wait: Duration::from_secs(5 * 60),
            answer_timeout: Duration::from_secs(15 * 60),
            receive_timeout: Duration::from_secs(120),
            send_timeout: Duration::from_secs(120),
            table: TableLimits::DEFAULT,
            limits: ServerLimits::DEFAULT,
        }
    }
}

impl ServerConfig {
    /// The defaults, as named at each field.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The defaults for an address book endpoint: paths `/mapi/nspi`.
    #[must_use]
    pub fn address_book() -> Self {
        let path = Endpoint::AddressBook.path();
        let config = Self { endpoint: Endpoint::AddressBook, ..Self::default() };
        config.with_path(Some(path.to_owned())).with_cookie_path(path)
    }

    /// Sets [`ServerConfig::path`].
    #[must_use]
    pub fn with_path(mut self, path: Option<String>) -> Self {
        self.path = path;
        self
    }

    /// Sets [`ServerConfig::cookie_path`].
    #[must_use]
    pub fn with_cookie_path(mut self, path: impl Into<String>) -> Self {
        self.cookie_path = path.into();
        self
    }

    /// Sets [`ServerConfig::secure_cookies`].
    #[must_use]
    pub const fn with_secure_cookies(mut self, secure: bool) -> Self {
        self.secure_cookies = secure;
        self
    }

    /// Sets [`ServerConfig::server_application`], as in `Exchange/15.00.0847.4040`.
    #[must_use]
    pub fn with_server_application(mut self, text: impl Into<String>) -> Self {
        self.server_application = text.into();
        self
    }

    /// Sets [`ServerConfig::pending_period`].
    #[must_use]
    pub const fn with_pending_period(mut self, period: Duration) -> Self {
        self.pending_period = period;
        self
    }

    /// Sets [`ServerConfig::keep_alive`].
    #[must_use]
    pub const fn with_keep_alive(mut self, interval: Duration) -> Self {
        self.keep_alive = interval;
        self
    }

    /// Sets [`ServerConfig::notification_wait`].
    #[must_use]
    pub const fn with_notification_wait(mut self, wait: Duration) -> Self {
        self.notification_wait = wait;
        self
    }

    /// Sets [`ServerConfig::answer_timeout`].
    #[must_use]
    pub const fn with_answer_timeout(mut self, timeout: Duration) -> Self {
        self.answer_timeout = timeout;
        self
    }

    /// Sets [`ServerConfig::receive_timeout`].
    #[must_use]
    pub const fn with_receive_timeout(mut self, timeout: Duration) -> Self {
        self.receive_timeout = timeout;
        self
    }

    /// Sets [`ServerConfig::send_timeout`].
    #[must_use]
    pub const fn with_send_timeout(mut self, timeout: Duration) -> Self {
        self.send_timeout = timeout;
        self
    }

    /// Sets [`ServerConfig::table`].
    #[must_use]
    pub const fn with_table(mut self, limits: TableLimits) -> Self {
        self.table = limits;
        self
    }

    /// Sets [`ServerConfig::limits`].
    #[must_use]
    pub const fn with_limits(mut self, limits: ServerLimits) -> Self {
        self.limits = limits;
        self
    }
}

/// What a server holds in flight at most. A request past a limit is refused with code 1 and a text that names the limit; an
/// answer past one goes back to the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerLimits {
    /// Bytes of one request's body; past it the code is 9, Too Large. Default 16 MiB.
    pub request_bytes: usize,
    /// Bytes of one answer's body; past it the code is 17, Invalid Response. Default 16 MiB.
    pub response_bytes: usize,
    /// Bytes of request bodies that are not yet whole, in all. Default 256 MiB.
    pub receiving_bytes: usize,
    /// Bytes of answers that were not yet taken, in all. Default 256 MiB.
    pub sending_bytes: usize,
    /// Requests whose body is not yet whole, in all. Default 16,384.
    pub half_open: usize,
    /// The same, of one user. Default 64.
    pub half_open_per_user: usize,
    /// The same, from one address, where [`Server::open`](super::Server::open) has told it. Default 1,024.
    pub half_open_per_address: usize,
    /// Bytes of events that a connection may deliver while its last request is being answered. Default 1 MiB.
    pub pipelined_bytes: usize,
}

impl ServerLimits {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self {
        request_bytes: 16 << 20,
        response_bytes: 16 << 20,
        receiving_bytes: 256 << 20,
        sending_bytes: 256 << 20,
        half_open: 16_384,
        half_open_per_user: 64,
        half_open_per_address: 1_024,
        pipelined_bytes: 1 << 20,
    };

    /// Sets [`ServerLimits::request_bytes`].
    #[must_use]
    pub const fn with_request_bytes(mut self, bytes: usize) -> Self {
        self.request_bytes = bytes;
        self
    }

    /// Sets [`ServerLimits::response_bytes`].
    #[must_use]
    pub const fn with_response_bytes(mut self, bytes: usize) -> Self {
        self.response_bytes = bytes;
        self
    }

    /// Sets [`ServerLimits::receiving_bytes`].
    #[must_use]
    pub const fn with_receiving_bytes(mut self, bytes: usize) -> Self {
        self.receiving_bytes = bytes;
        self
    }

    /// Sets [`ServerLimits::sending_bytes`].
    #[must_use]
    pub const fn with_sending_bytes(mut self, bytes: usize) -> Self {
        self.sending_bytes = bytes;
        self
    }

    /// Sets [`ServerLimits::half_open`], in all, of one user and from one address.
    #[must_use]
    pub const fn with_half_open(mut self, total: usize, per_user: usize, per_address: usize) -> Self {
        self.half_open = total;
        self.half_open_per_user = per_user;
        self.half_open_per_address = per_address;
        self
    }

    /// Sets [`ServerLimits::pipelined_bytes`].
    #[must_use]
    pub const fn with_pipelined_bytes(mut self, bytes: usize) -> Self {
        self.pipelined_bytes = bytes;
        self
    }
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
