//! Connection establishment, [MS-RPCH] 3.2.2.4.1.2 and 3.2.2.5.2 to 3.2.2.5.4.

use std::collections::VecDeque;
use std::time::Instant;

use oxwire_core::{ConnectionId, PeerFault};
use oxwire_http::HeadError;

use super::channels::{InChannel, InState, Names, OutChannel, OutState, VirtualIn, VirtualOut};
use super::event::Event;
use super::io::{Io, after, rts};
use super::virtual_connection::VirtualConnection;
use crate::fault;
use crate::flow_control::Sender;
use crate::ping::{PingOriginator, earliest};
use crate::rts::conn::{ConnA3, ConnC2};
use crate::rts::other::Ping;

/// The virtual connection open state machine, [MS-RPCH] 3.2.2 figure 24.
#[derive(Debug)]
pub(super) struct Opening {
    names: Names,
    pub(super) inward: InChannel,
    pub(super) outward: OutChannel,
    pub(super) state: OpenState,
    pub(super) deadline: Option<Instant>,
    /// How often it began anew.
    pub(super) reopens: u32,
    /// Runs from CONN/A3 on.
    ping: Option<PingOriginator>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenState {
    /// Out Channel Wait
    OutChannelWait,
    /// Wait_A3W
    WaitA3W,
    /// Wait_C2
    WaitC2,
}

impl OpenState {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OutChannelWait => "Out Channel Wait",
            Self::WaitA3W => "Wait_A3W",
            Self::WaitC2 => "Wait_C2",
        }
    }

    /// What is awaited, and the section.
    pub(super) const fn awaits(self) -> (&'static str, &'static str) {
        match self {
            Self::OutChannelWait => ("an OUT channel response", "[MS-RPCH] 3.2.2.5.2"),
            Self::WaitA3W => ("a CONN/A3 RTS PDU", "[MS-RPCH] 3.2.2.5.3"),
            Self::WaitC2 => ("a CONN/C2 RTS PDU", "[MS-RPCH] 3.2.2.5.4"),
        }
    }
}

impl Opening {
    /// Both requests, then CONN/A1 and CONN/B1.
    ///
    /// The OUT channel's goes first: it is answered, so that whoever authenticates learns whether the credentials are right, and an
    /// IN channel's is not.
    pub(super) fn start(io: &mut Io, now: Instant, reopens: u32) -> Result<Self, HeadError> {
        let names = Names::new(io);
        let outward = OutChannel::open(io)?;
        let mut inward = InChannel::open(io)?;
        outward.send_a1(io, names);
        inward.send_b1(io, names);
        let deadline = after(now, io.config.setup_timeout);
        Ok(Self { names, inward, outward, state: OpenState::OutChannelWait, deadline, reopens, ping: None })
    }

    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        vec![self.inward.conn, self.outward.conn]
    }

    /// Status 200 on the OUT channel. [MS-RPCH] 3.2.2.5.2
    pub(super) fn on_out_channel_response(&mut self) -> Result<(), PeerFault> {
        if self.state != OpenState::OutChannelWait {
            let (expected, spec) = self.state.awaits();
            return Err(fault::wrong_value(self.state.name(), expected, "a second OUT channel response", spec));
        }
        self.outward.responded = true;
        self.state = OpenState::WaitA3W;
        Ok(())
    }

    /// CONN/A3. [MS-RPCH] 3.2.2.5.3
    pub(super) fn on_a3(&mut self, io: &Io, now: Instant, a3: ConnA3, pdu: &[u8]) -> Result<(), PeerFault> {
        if self.state != OpenState::WaitA3W {
            return Err(self.unexpected(pdu));
        }
        self.ping = Some(PingOriginator::new(now, io.connection_timeout(a3.connection_timeout.0)));
        self.state = OpenState::WaitC2;
        Ok(())
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        earliest([self.deadline, self.ping.and_then(|ping| ping.poll_timeout())])
    }

    /// A ping, where one is due: a server may take long to answer.
    pub(super) fn on_timeout(&mut self, io: &mut Io, now: Instant) {
        if let Some(ping) = &mut self.ping
            && ping.is_due(now)
        {
            ping.on_sent(now);
            self.inward.write_rts(io, rts(&Ping {}));
        }
    }

    /// CONN/C2: opened. [MS-RPCH] 3.2.2.5.4
    pub(super) fn on_c2(self, io: &mut Io, now: Instant, c2: ConnC2) -> VirtualConnection {
        let Self { names, mut inward, outward, .. } = self;
        let peer_receive_window = c2.receive_window_size.0;
        inward.sender = Sender::new(peer_receive_window);
        let connection_timeout = io.connection_timeout(c2.connection_timeout.0);
        io.events.push_back(Event::Opened { peer_receive_window, connection_timeout });
        let inward = VirtualIn {
            default: inward,
            state: InState::Opened,
            ping: PingOriginator::new(now, connection_timeout),
            predecessors: VecDeque::new(),
            a7: None,
            keep_alive: None,
        };
        let outward =
            VirtualOut { default: outward, state: OutState::Opened { asked: false }, stale: 0, ack_due: false };
        VirtualConnection::new(io, now, names, inward, outward)
    }

    pub(super) fn unexpected(&self, pdu: &[u8]) -> PeerFault {
        let (expected, spec) = self.state.awaits();
        fault::unexpected_pdu(self.state.name(), expected, pdu, spec)
    }
}
