//! What the virtual channels of both proxies have in common: a leg to the server, channels of one client, and an end.

use std::collections::VecDeque;
use std::time::Instant;

use oxwire_core::{ConnectionId, Encode, Error, Transmit, encode_to_bytes};
use oxwire_http::{Head, HttpEvent, HttpTransmit};
use oxwire_rpc::association::OutgoingPdu;

use super::{Caller, Channel, FromServer, Lease, Life, ProxyChannelEvent, ProxyConfig, ProxyTransmit, on_leg};
use crate::http::{RpcError, RpcTarget, rpc_error_response};
use crate::rts::RtsCookie;

/// A virtual channel of a proxy, without its states.
#[derive(Debug)]
pub(crate) struct VirtualChannel {
    pub(crate) life: Life,
    pub(crate) config: ProxyConfig,
    /// The virtual connection that it belongs to.
    pub(crate) cookie: RtsCookie,
    pub(crate) caller: Caller,
    pub(crate) leg: ConnectionId,
    pub(crate) from_server: FromServer,
    pub(crate) transmits: VecDeque<ProxyTransmit>,
    pub(crate) events: VecDeque<ProxyChannelEvent>,
}

impl VirtualChannel {
    /// Of its first channel, for which a leg to the server is asked for.
    pub(crate) fn new(
        now: Instant,
        config: ProxyConfig,
        channel: &Channel,
        leg: ConnectionId,
        transmits: VecDeque<HttpTransmit>,
        lease: Lease,
    ) -> Self {
        let rpc: RpcTarget = channel.request.rpc.clone();
        let mut transmits: VecDeque<_> = transmits.into_iter().map(ProxyTransmit::Http).collect();
        transmits.push_back(ProxyTransmit::OpenLeg { conn: leg, rpc });
        Self {
            life: Life::new(now, lease),
            config,
            cookie: channel.virtual_connection_cookie(),
            caller: channel.caller.clone(),
            leg,
            from_server: FromServer::new(config.max_pdu),
            transmits,
            events: VecDeque::new(),
        }
    }

    /// Puts a PDU on the leg.
    pub(crate) fn put_leg(&mut self, pdu: impl Into<OutgoingPdu>) {
        self.transmits.push_back(ProxyTransmit::Leg(on_leg(self.leg, pdu)));
    }

    /// Puts an RTS PDU on the leg.
    pub(crate) fn send_on_leg<T: Encode>(&mut self, pdu: &T) {
        if let Ok(bytes) = encode_to_bytes(pdu) {
            self.put_leg(bytes);
        }
    }

    /// Wants something done with a connection of the client's.
    pub(crate) fn put_http(&mut self, transmit: HttpTransmit) {
        self.transmits.push_back(ProxyTransmit::Http(transmit));
    }

    /// Drops a connection of the client's, unless that is wanted already.
    pub(crate) fn abort_once(&mut self, conn: ConnectionId) {
        let abort = ProxyTransmit::Http(HttpTransmit::Abort { conn });
        if !self.transmits.contains(&abort) {
            self.transmits.push_back(abort);
        }
    }

    /// Ends a connection of the client's: with 503 where the server is `unreached` and no response has begun.
    /// [MS-RPCH] 3.2.3.5.11
    pub(crate) fn turn_away(&mut self, conn: ConnectionId, unreached: bool) {
        match rpc_error_response(&RpcError::new(RpcError::SERVER_UNAVAILABLE)) {
            Ok((head, _)) if unreached => {
                for event in [HttpEvent::Head(Head::Response(head)), HttpEvent::End] {
                    self.put_http(HttpTransmit::Event { conn, event });
                }
                self.put_http(HttpTransmit::Close { conn });
            }
            _ => self.put_http(HttpTransmit::Abort { conn }),
        }
    }

    /// Tells what was forwarded and not acknowledged; nothing where that is nothing.
    fn tell_unacknowledged(&mut self, (pdus, bytes): (usize, u32)) {
        if pdus > 0 {
            self.events.push_back(ProxyChannelEvent::Unacknowledged { pdus, bytes });
        }
    }

    /// Another proxy has taken over, and everything is out. `in_doubt` is what was not acknowledged.
    pub(crate) fn finish(&mut self, in_doubt: (usize, u32), last: Option<ConnectionId>, reason: &str) {
        if let Some(conn) = last {
            self.put_http(HttpTransmit::Close { conn });
        }
        self.transmits.push_back(ProxyTransmit::Leg(Transmit::Close { conn: self.leg }));
        self.tell_unacknowledged(in_doubt);
        self.events.push_back(ProxyChannelEvent::Finished);
        self.life.end(reason);
    }

    /// Ends with its leg. `in_doubt` is what was not acknowledged.
    pub(crate) fn close(&mut self, in_doubt: (usize, u32), error: Error) {
        self.transmits.push_back(ProxyTransmit::Leg(Transmit::Abort { conn: self.leg }));
        self.life.end(&error.to_string());
        self.tell_unacknowledged(in_doubt);
        self.events.push_back(ProxyChannelEvent::Closed(error));
    }
}

/// What a virtual channel of either proxy has from what is common to both; `channel` holds that. The machine itself has `dispatch` for the
/// events of client channels, `on_leg_opened`, `read_server`, `on_successor` and `end`.
macro_rules! virtual_channel_methods {
    () => {
        /// Its name.
        #[must_use]
        pub const fn id(&self) -> crate::front::VirtualConnectionId {
            self.channel.life.id()
        }

        /// The virtual connection that it belongs to.
        #[must_use]
        pub const fn cookie(&self) -> crate::rts::RtsCookie {
            self.channel.cookie
        }

        /// Who the client is.
        #[must_use]
        pub const fn caller(&self) -> &crate::front::Caller {
            &self.channel.caller
        }

        /// Its leg to the server.
        #[must_use]
        pub const fn leg(&self) -> oxwire_core::ConnectionId {
            self.channel.leg
        }

        /// Whether it has ended.
        #[must_use]
        pub const fn is_closed(&self) -> bool {
            self.channel.life.is_over()
        }

        /// Takes an event of one of its client connections. Of a predecessor nothing is wanted.
        ///
        /// # Errors
        /// [`Error::Peer`](oxwire_core::Error::Peer) for what ends it, with the PDU, the state and the section;
        /// [`Error::Closed`](oxwire_core::Error::Closed) after its end.
        pub fn handle(
            &mut self,
            now: std::time::Instant,
            conn: oxwire_core::ConnectionId,
            event: oxwire_http::HttpEvent,
        ) -> Result<(), oxwire_core::Error> {
            self.channel.life.check()?;
            self.channel.life.tick(now);
            let result = self.dispatch(conn, event);
            self.fail_on(result)
        }

        /// Takes what happened to its leg.
        ///
        /// # Errors
        /// Those of [`handle`](Self::handle).
        pub fn handle_leg(
            &mut self,
            now: std::time::Instant,
            conn: oxwire_core::ConnectionId,
            event: crate::front::LegEvent,
        ) -> Result<(), oxwire_core::Error> {
            self.channel.life.check()?;
            self.channel.life.tick(now);
            if conn != self.channel.leg {
                return Ok(());
            }
            let state = self.state.name();
            let result = match event {
                crate::front::LegEvent::Opened => self.on_leg_opened().map_err(oxwire_core::Error::from),
                crate::front::LegEvent::Bytes(bytes) => {
                    let pushed = self.channel.from_server.push(bytes, state);
                    pushed.and_then(|()| self.read_server()).map_err(oxwire_core::Error::from)
                }
                crate::front::LegEvent::Lost(reason) => {
                    Err(oxwire_core::Error::Transport(format!("the server is gone: {reason}").into()))
                }
            };
            self.fail_on(result)
        }

        /// Takes a successor channel from the proxy. After the end the channel's connection is closed.
        ///
        /// # Errors
        /// Those of [`handle`](Self::handle): a successor that nobody has reason to open ends the virtual channel.
        pub fn attach(
            &mut self,
            now: std::time::Instant,
            channel: Box<crate::front::Channel>,
        ) -> Result<(), oxwire_core::Error> {
            let conn = channel.conn;
            let result = self.channel.life.check().and_then(|()| {
                let now = self.channel.life.tick(now);
                let result = self.on_successor(now, *channel);
                self.fail_on(result.map_err(oxwire_core::Error::from))
            });
            if result.is_err() {
                self.channel.abort_once(conn);
            }
            result
        }

        /// What happened.
        pub fn poll_event(&mut self) -> Option<crate::front::ProxyChannelEvent> {
            self.channel.events.pop_front()
        }

        fn fail_on(&mut self, result: Result<(), oxwire_core::Error>) -> Result<(), oxwire_core::Error> {
            result.inspect_err(|error| self.end(error.clone()))
        }
    };
}

pub(crate) use virtual_channel_methods;
