//! What a client is told before it starts.

use std::time::Duration;

use oxwire_core::{Entropy, Guid};

use crate::Endpoint;

/// How long a client waits for what. Each of these shows in [`Client::poll_timeout`](super::Client::poll_timeout).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Deadlines {
    /// From handing a request over to the first byte of its response, opening the connection and authenticating included:
    /// [MS-OXCMAPIHTTP] 3.1.5.6. Default 2 minutes.
    pub first_response: Duration,
    /// Silence beyond X-PendingPeriod after which the connection counts as dead: [MS-OXCMAPIHTTP] 3.1.5.6. Default 30 s.
    pub pending_margin: Duration,
    /// X-PendingPeriod where the server sends none: [MS-OXCMAPIHTTP] 2.2.3.3.5. Default 30 s.
    pub pending_period: Duration,
    /// One request from first to last, however often the server says PENDING. Default 30 minutes.
    pub whole_request: Duration,
    /// For the caller's answer to [`Event::Redirect`](super::Event::Redirect). Default 5 minutes.
    pub decision: Duration,
    /// The longest Retry-After that is honoured; a longer one is cut to it. Default 10 minutes.
    pub retry_after: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            first_response: Duration::from_secs(120),
            pending_margin: Duration::from_secs(30),
            pending_period: Duration::from_secs(30),
            whole_request: Duration::from_secs(30 * 60),
            decision: Duration::from_secs(300),
            retry_after: Duration::from_secs(600),
        }
    }
}

/// How much a client holds and accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ClientLimits {
    /// Requests that wait for their turn. Default 64.
    pub queue_requests: usize,
    /// Bytes of their bodies together. Default 16 MiB.
    pub queue_bytes: usize,
    /// Bytes of one response body. Default 16 MiB.
    pub body_bytes: usize,
    /// Bytes of diagnostic text that are kept of a refusal; the rest is read and dropped. Default 16 KiB.
    pub diagnostics_bytes: usize,
    /// Cookies of one Session Context. Default 64.
    pub cookies: usize,
    /// Bytes of one cookie, name, value and path together. Default 8 KiB.
    pub cookie_bytes: usize,
    /// Redirects that one request follows. Default 5.
    pub redirects: u32,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            queue_requests: 64,
            queue_bytes: 16 << 20,
            body_bytes: 16 << 20,
            diagnostics_bytes: 16 << 10,
            cookies: 64,
            cookie_bytes: 8 << 10,
            redirects: 5,
        }
    }
}

/// How often a request that was not sent, or a Connect that re-establishes a Session Context, is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Retry {
    /// Tries beyond the first. Default 5.
    pub count: u32,
    /// Before the second try beyond the first; doubled each time. The first goes out at once: most failures are an idle
    /// connection that the server has dropped ([MS-OXCMAPIHTTP] 3.1.7). Default 500 ms.
    pub delay: Duration,
    /// The longest delay. Default 30 s.
    pub longest: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { count: 5, delay: Duration::from_millis(500), longest: Duration::from_secs(30) }
    }
}

impl Retry {
    /// The delay before the try that follows `failures` failed ones.
    pub(super) fn delay_after(&self, failures: u32) -> Duration {
        match failures {
            0 | 1 => Duration::ZERO,
            n => self.delay.saturating_mul(1 << (n - 2).min(20)).min(self.longest),
        }
    }
}

/// Everything a client is told before it starts.
///
/// Made with entropy once, since X-ClientInfo and X-RequestId need values that no other client has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Config {
    /// The endpoint's URL as Autodiscover gave it, `?MailboxId=` included. Used as it is.
    pub url: String,
    /// Which endpoint that is. Default the mailbox endpoint.
    #[cfg_attr(feature = "serde", serde(default))]
    pub endpoint: Endpoint,
    /// X-ClientApplication: [MS-OXCMAPIHTTP] 2.2.3.3.6. Servers gate features by it. Default `Outlook/15.00.4420.1017`.
    pub client_application: String,
    /// User-Agent. Default `oxwire/` and this crate's version.
    pub user_agent: String,
    /// The GUID of X-ClientInfo: one for all clients of one application instance ([MS-OXCMAPIHTTP] 2.2.3.3.4).
    pub client_instance: Guid,
    /// The counter of X-ClientInfo for the first Session Context. Clients that share a `client_instance` take numbers apart.
    pub client_info_counter: u64,
    /// What the GUIDs of X-RequestId are counted up from, one for each Session Context ([MS-OXCMAPIHTTP] 2.2.3.3.2).
    pub request_guid: Guid,
    /// Waiting times.
    pub deadlines: Deadlines,
    /// Bounds.
    pub limits: ClientLimits,
    /// Repetition. What the server advises in its Connect response replaces count and delay.
    pub retry: Retry,
    /// PING before X-ExpirationInfo runs out while nothing else is in flight: [MS-OXCMAPIHTTP] 3.1.5.3. Default true.
    pub keep_alive: bool,
    /// Send an Execute with an empty ROP list after a NotificationWait that says that events are pending, unless one waits to
    /// be sent anyway: [MS-OXCMAPIHTTP] 2.2.4.4.2. Default true; without it the caller sends one.
    pub fetch_pending: bool,
    /// Keep the Session Context when a NotificationWait or a PING was sent and its response was lost. Both change nothing that
    /// the client would have to know about, so nothing is lost with them; [MS-OXCMAPIHTTP] 3.1.7.2 read by the letter
    /// replaces the context here too. Default true.
    pub keep_context_after_lost_wait: bool,
}

impl Config {
    /// The defaults, with GUIDs from `entropy`.
    #[must_use]
    pub fn new(url: impl Into<String>, entropy: &mut dyn Entropy) -> Self {
        let mut guid = || {
            let mut bytes = [0; 16];
            entropy.fill(&mut bytes);
            Guid::from_entropy(bytes)
        };
        Self {
            url: url.into(),
            endpoint: Endpoint::Mailbox,
            client_application: "Outlook/15.00.4420.1017".to_owned(),
            user_agent: concat!("oxwire/", env!("CARGO_PKG_VERSION")).to_owned(),
            client_instance: guid(),
            client_info_counter: 1,
            request_guid: guid(),
            deadlines: Deadlines::default(),
            limits: ClientLimits::default(),
            retry: Retry::default(),
            keep_alive: true,
            fetch_pending: true,
            keep_context_after_lost_wait: true,
        }
    }

    /// Sets [`Config::endpoint`].
    #[must_use]
    pub const fn with_endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// Sets [`Config::client_application`].
    #[must_use]
    pub fn with_client_application(mut self, application: impl Into<String>) -> Self {
        self.client_application = application.into();
        self
    }

    /// Sets [`Config::user_agent`].
    #[must_use]
    pub fn with_user_agent(mut self, agent: impl Into<String>) -> Self {
        self.user_agent = agent.into();
        self
    }

    /// Sets [`Config::client_instance`] and [`Config::client_info_counter`]: several clients of one application instance.
    #[must_use]
    pub const fn with_client_instance(mut self, instance: Guid, counter: u64) -> Self {
        self.client_instance = instance;
        self.client_info_counter = counter;
        self
    }

    /// Sets [`Config::deadlines`].
    #[must_use]
    pub const fn with_deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// Sets [`Config::limits`].
    #[must_use]
    pub const fn with_limits(mut self, limits: ClientLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`Config::retry`].
    #[must_use]
    pub const fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Sets [`Config::keep_alive`].
    #[must_use]
    pub const fn with_keep_alive(mut self, on: bool) -> Self {
        self.keep_alive = on;
        self
    }

    /// Sets [`Config::fetch_pending`].
    #[must_use]
    pub const fn with_fetch_pending(mut self, on: bool) -> Self {
        self.fetch_pending = on;
        self
    }

    /// Sets [`Config::keep_context_after_lost_wait`].
    #[must_use]
    pub const fn with_context_kept_after_lost_wait(mut self, on: bool) -> Self {
        self.keep_context_after_lost_wait = on;
        self
    }
}
