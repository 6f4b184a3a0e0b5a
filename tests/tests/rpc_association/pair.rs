//! Both ends, and what moves PDUs between them.

use std::time::Instant;

use bytes::Bytes;
use oxwire::core::{Error, FileTime, Guid, Limits, decode_all, encode_to_bytes};
use oxwire::rpc::association::client::{self, Call, ContextOutcome};
use oxwire::rpc::association::server::{self, Acceptance};
use oxwire::rpc::association::{CallId, Config, ContextId};
use oxwire::rpc::pdu::{Body, Pdu, PfcFlags, Ptype, Request, SyntaxIdentifier};

pub(crate) const EMSMDB: SyntaxIdentifier = SyntaxIdentifier {
    uuid: Guid::new(0xa4f1_db00, 0xca47, 0x1067, [0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda]),
    version: 81 << 16,
};
pub(crate) const MGMT: SyntaxIdentifier = SyntaxIdentifier {
    uuid: Guid::new(0xafa8_bd80, 0x7d8a, 0x11c9, [0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29, 0x89]),
    version: 1,
};
pub(crate) const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);

pub(crate) fn config(set: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    set(&mut config);
    config
}

fn entropy() -> Box<dyn oxwire::core::Entropy + Send> {
    Box::new(|out: &mut [u8]| out.fill(7))
}

/// Both ends and what is under way between them.
pub(crate) struct Pair {
    pub(crate) now: Instant,
    pub(crate) client: client::Association,
    pub(crate) server: server::Association,
    /// Every PDU, in order: from the client or not, its PTYPE, its length.
    pub(crate) seen: Vec<(bool, Ptype, usize)>,
}

impl Pair {
    pub(crate) fn new(client: Config, server: Config) -> Self {
        let now = Instant::now();
        Self {
            now,
            client: client::Association::new(client, entropy()),
            server: server::Association::new(server, vec![EMSMDB, MGMT], entropy(), now),
            seen: Vec::new(),
        }
    }

    /// Moves PDUs until neither end has any.
    pub(crate) fn run(&mut self) {
        loop {
            let mut idle = true;
            while let Some(pdu) = self.client.poll_transmit(self.now).unwrap() {
                idle = false;
                let pdu = pdu.into_bytes();
                self.note(true, &pdu);
                if !self.server.is_closed() {
                    self.server.handle_pdu(self.now, WALL, pdu).unwrap();
                }
            }
            while let Some(pdu) = self.server.poll_transmit(self.now).unwrap() {
                idle = false;
                let pdu = pdu.into_bytes();
                self.note(false, &pdu);
                if !self.client.is_closed() {
                    self.client.handle_pdu(self.now, WALL, pdu).unwrap();
                }
            }
            if idle {
                return;
            }
        }
    }

    fn note(&mut self, client: bool, bytes: &Bytes) {
        let pdu = decode_all::<Pdu<'_>>(bytes, &Limits::DEFAULT).unwrap();
        self.seen.push((client, pdu.body.ptype(), bytes.len()));
    }

    pub(crate) fn bind(&mut self) -> Vec<ContextId> {
        let contexts = self.client.bind(self.now, WALL, &[EMSMDB, MGMT], None).unwrap();
        self.run();
        let Some(server::Event::Negotiate(negotiate)) = self.server.poll_event() else { panic!("no question") };
        assert_eq!((negotiate.is_bind, negotiate.security), (true, None));
        assert_eq!(negotiate.interfaces, [EMSMDB, MGMT]);
        self.server.accept(self.now, WALL, Acceptance { assoc_group_id: 0x55, security: None }).unwrap();
        self.run();
        let Some(client::Event::Bound { contexts: outcome, assoc_group_id, .. }) = self.client.poll_event() else {
            panic!("not bound")
        };
        assert_eq!(assoc_group_id, 0x55);
        assert!(outcome.iter().all(|(_, _, outcome)| *outcome == ContextOutcome::Accepted));
        contexts
    }

    pub(crate) fn call(&mut self, call: Call, stub: &[u8]) -> CallId {
        self.client.call(self.now, call, Bytes::copy_from_slice(stub)).unwrap()
    }

    pub(crate) fn request(&mut self) -> server::Request {
        match self.server.poll_event() {
            Some(server::Event::Request(request)) => request,
            other => panic!("expected a request, got {other:?}"),
        }
    }
}

pub(crate) fn pair() -> (Pair, Vec<ContextId>) {
    let mut pair = Pair::new(Config::default(), Config::default());
    let contexts = pair.bind();
    (pair, contexts)
}

/// A PDU of a client's, by hand.
pub(crate) fn from_client(pair: &mut Pair, call_id: u32, flags: PfcFlags, body: Body<'_>) -> Result<(), Error> {
    let pdu = encode_to_bytes(&Pdu { pfc_flags: flags, call_id, body, auth: None }).unwrap();
    pair.server.handle_pdu(pair.now, WALL, pdu)
}

pub(crate) fn request(stub: &[u8]) -> Body<'_> {
    Body::Request(Request { alloc_hint: 0, context_id: 0, opnum: 1, object: None, stub })
}
