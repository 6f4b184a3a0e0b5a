//! The Ping Originator, [MS-RPCH] 3.2.1.1.6: keeps a half-duplex channel from looking idle.

use std::time::{Duration, Instant};

/// Says when a Ping RTS PDU is due on one sending channel: ConnectionTimeout, KeepAlive interval, LastPacketSentTimestamp.
///
/// A ping is due once nothing was sent for half of the shorter interval (3.2.1.2.1; Windows reads "recently" as that half, notes
/// 35 and 36). So at most half of the interval passes in silence, whenever the timer began to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PingOriginator {
    connection_timeout: Duration,
    keep_alive: Option<Duration>,
    last_packet_sent: Instant,
}

impl PingOriginator {
    /// A channel on which something was sent at `now`. `connection_timeout` is the peer's ConnectionTimeout, or less.
    #[must_use]
    pub const fn new(now: Instant, connection_timeout: Duration) -> Self {
        Self { connection_timeout, keep_alive: None, last_packet_sent: now }
    }

    /// Another ConnectionTimeout, from CONN/A3, CONN/C2, IN_R1/A4 or their kin.
    pub const fn set_connection_timeout(&mut self, interval: Duration) {
        self.connection_timeout = interval;
    }

    /// The KeepAlive interval; `None` for none requested.
    pub const fn set_keep_alive(&mut self, interval: Option<Duration>) {
        self.keep_alive = interval;
    }

    /// LastPacketSentTimestamp. Time that goes back changes nothing.
    pub fn on_sent(&mut self, now: Instant) {
        self.last_packet_sent = self.last_packet_sent.max(now);
    }

    /// When a ping is due, unless something is sent before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let interval = self.keep_alive.map_or(self.connection_timeout, |keep| keep.min(self.connection_timeout));
        // Never at once: an interval of nothing would ping without end.
        self.last_packet_sent.checked_add((interval / 2).max(Duration::from_millis(1)))
    }

    /// Whether a ping is due.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.poll_timeout().is_some_and(|at| at <= now)
    }
}

/// The earliest of several deadlines; `None` is never.
#[must_use]
pub fn earliest(deadlines: impl IntoIterator<Item = Option<Instant>>) -> Option<Instant> {
    deadlines.into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    fn a_ping_is_due_after_half_of_the_shorter_interval() {
        let start = Instant::now();
        let after = |secs| start + Duration::from_secs(secs);
        let mut ping = PingOriginator::new(start, Duration::from_secs(120));
        assert!(!ping.is_due(after(59)) && ping.is_due(after(60)));
        ping.on_sent(after(59));
        assert_eq!(ping.poll_timeout(), Some(after(119)));
        ping.set_keep_alive(Some(Duration::from_secs(30)));
        assert_eq!(ping.poll_timeout(), Some(after(74)));
        ping.set_keep_alive(Some(Duration::from_secs(1_000)));
        assert_eq!(ping.poll_timeout(), Some(after(119)));
        ping.on_sent(start);
        assert_eq!(ping.poll_timeout(), Some(after(119)), "time that goes back changes nothing");
        ping.set_connection_timeout(Duration::ZERO);
        assert!(ping.poll_timeout() > Some(after(59)));
        assert_eq!(earliest([None, Some(after(2)), Some(after(1))]), Some(after(1)));
    }
}
