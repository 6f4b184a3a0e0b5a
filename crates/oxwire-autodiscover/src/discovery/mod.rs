//! The search: from an address to the settings of its mailbox, as Outlook goes about it.
//!
//! [`Discovery`] goes through [`Step`]s until one gives settings. It opens no connection, resolves no name and asks no directory:
//! requests go out as [`HttpTransmit`]s or, by [`PlainForm`](oxwire_http::PlainForm), as `http::Request`s; the rest are [`Event`]s that
//! the caller answers. What came of each is in the [trail](Discovery::trail).
//!
//! # Credentials
//! They go to the hosts that the address names (`example.com`, `autodiscover.example.com`), that the caller's own directory or
//! configuration names, and to no other one without [`Event::ConsentNeeded`]: a redirect, an SRV record or another address may
//! come from anybody. They go out over TLS alone, and not with the GETs of [`Step::HttpRedirect`] and [`Step::Json`]:
//! [`Discovery::may_authenticate`] says so for a connection, and the driver tells `oxwire_auth::client::ClientLayer`, which answers
//! 401 and 407, about the others by its `keep_anonymous`. What is left of a 401 then ends the step; as many as
//! [`DiscoveryLimits::refusals`] end the search, before the account is locked.
//!
//! A redirect to another address changes who is asked for, never who logs on: [`Found::login`].
//!
//! # The driver's words
//! A connection that does not open is a `Reset` whose [`cause`](oxwire_http::Reset::cause) goes into the trail: no such name, nobody
//! there, a wrong certificate. Which of them it was changes nothing else; a connection that was lost is tried again.

mod answers;
mod config;
mod event;
mod exchange;
mod flow;
mod outcome;
mod plain;
mod srv;
mod step;
mod task;
mod trail;
mod url;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use oxwire_core::{ConnectionId, ConnectionIds, Error, Misuse};
use oxwire_http::{HttpEvent, HttpTransmit, Origin};

pub use config::{Config, Deadlines, DiscoveryLimits, LastKnownGood, Service, UnknownPolicyKey};
pub use event::{Destination, DirectorySearch, Event, Failure, Found, QuestionHandle};
pub use srv::SrvRecord;
pub use step::Step;
pub use trail::{Asked, Came, Entry, NotFollowed, Verdict, Via};

use exchange::Kind;
use task::Task;

/// One search for one mailbox.
///
/// It ends in exactly one [`Event::Found`] or [`Event::Failed`], at the latest when [`Deadlines::whole`] is over. Nothing that a
/// server, a directory or a name server says makes a method fail: it is in the trail.
#[derive(Debug)]
pub struct Discovery {
    config: Config,
    login: Arc<str>,
    search: Search,
    /// Where credentials may go.
    allowed: HashSet<Origin>,
    /// Addresses, and URLs with what they were asked, so that nothing is asked twice.
    seen: HashSet<(Arc<str>, String)>,
    /// Addresses that were asked for, in lower case.
    addresses: Vec<String>,
    refused_by: Vec<Origin>,
    requests: u32,
    trail: Vec<Entry>,
    begun: Instant,
    deadline: Instant,
    /// When the first step under way had an answer.
    answered: Option<Instant>,
    ended: bool,
    transmits: VecDeque<HttpTransmit>,
    events: VecDeque<Event>,
    connections: ConnectionIds,
    next_handle: u64,
    /// The latest time seen.
    now: Instant,
}

/// What belongs to one address.
#[derive(Debug)]
struct Search {
    address: Arc<str>,
    domain: Arc<str>,
    steps: VecDeque<Step>,
    /// Under way, in order.
    tasks: Vec<Task>,
}

impl Discovery {
    /// Begins a search for the mailbox of an address; a domain beyond ASCII is given in its ASCII form (`xn--…`).
    ///
    /// # Errors
    /// [`Error::Misuse`] for an address without a domain that can be asked for, and for a configured text that no request can
    /// carry.
    pub fn new(address: &str, config: Config, now: Instant) -> Result<Self, Error> {
        Self::numbered(address, config, now, ConnectionIds::default())
    }

    /// As [`Discovery::new`], with the connections numbered from `first` on: for a driver that runs several machines.
    ///
    /// # Errors
    /// As [`Discovery::new`].
    pub fn with_connections_from(first: u64, address: &str, config: Config, now: Instant) -> Result<Self, Error> {
        Self::numbered(address, config, now, ConnectionIds::starting_at(first))
    }

    fn numbered(address: &str, config: Config, now: Instant, connections: ConnectionIds) -> Result<Self, Error> {
        let misuse = |advice| Misuse { call: "Discovery::new", state: "no search", advice };
        let address = address.trim();
        let domain = url::domain_of(address).filter(|_| exchange::pox_request(address).is_some());
        let domain: Arc<str> = domain.ok_or_else(|| misuse("give an address with a domain, in ASCII form"))?.into();
        let address: Arc<str> = address.into();
        for kind in Kind::of_service(config.service) {
            let trial = flow::domain_lead(&address, &domain, *kind, trail::Via::Config);
            trial.request(&config).map_err(|_| misuse("take control characters out of the configured texts"))?;
        }
        let mut this = Self {
            login: address.clone(),
            search: Search {
                address: address.clone(),
                domain: domain.clone(),
                steps: VecDeque::new(),
                tasks: Vec::new(),
            },
            allowed: HashSet::new(),
            seen: HashSet::new(),
            addresses: Vec::new(),
            refused_by: Vec::new(),
            requests: 0,
            trail: Vec::new(),
            begun: now,
            deadline: flow::later(now, config.deadlines.whole),
            answered: None,
            ended: false,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            connections,
            next_handle: 1,
            now,
            config,
        };
        this.begin_search(address, domain);
        this.pump(now);
        Ok(this)
    }

    /// What was done so far, in the order in which it came to its end.
    #[must_use]
    pub fn trail(&self) -> &[Entry] {
        &self.trail
    }

    /// Whether [`Event::Found`] or [`Event::Failed`] was given out, or is about to be.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.ended
    }

    /// Whether the request on a connection may carry credentials. A driver asks when it opens the connection, and sees to it that
    /// no 401 is answered on one that may not.
    #[must_use]
    pub fn may_authenticate(&self, conn: ConnectionId) -> bool {
        let exchange = self.search.tasks.iter().filter_map(Task::exchange).find(|exchange| exchange.conn == conn);
        exchange.is_some_and(|exchange| exchange.lead.kind.has_credentials())
    }

    /// Something happened on a connection. What concerns a connection that the search has given up is passed over.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a request head.
    pub fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        let now = self.tick(now);
        let result = self.on_http(now, conn, event);
        self.pump(now);
        result
    }

    /// Ends the search: [`Event::Failed`] follows, unless it is over.
    pub fn cancel(&mut self, now: Instant, reason: impl Into<Arc<str>>) {
        let now = self.tick(now);
        self.fail(now, Failure::Cancelled(reason.into()));
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.tick(now);
        self.on_time(now);
    }

    /// What the driver is to do next.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        self.tick(now);
        self.transmits.pop_front()
    }

    /// The next question, or the end.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call `handle_timeout`, if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.ended {
            return None;
        }
        let grace = self.answered.map(|at| flow::later(at, self.config.deadlines.grace));
        self.search.tasks.iter().filter_map(Task::timer).chain(grace).chain([self.deadline]).min()
    }

    /// Time never goes back.
    fn tick(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }
}
