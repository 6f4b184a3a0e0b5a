//! What a seed decides before the run begins.

use std::time::Duration;

use super::cuts::{How, Of, Role, STATES, State};
use super::faults::Fault;
use super::random::Random;
use super::watch::Hop;

/// What ends a run early, or tries to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing: everything arrives.
    Nothing,
    /// A connection is cut within these bytes, counted from the first over these hops.
    CutAtByte { left: u64, hops: [Hop; 2] },
    /// A connection is cut when a role at one of its ends is in a state: within a write on it, or between two; after so many chances.
    CutAtState { state: State, skip: u64, within: bool },
    /// The client's application closes after so many PDUs.
    ClientCloses(u64),
    /// The server's application closes.
    ServerCloses(u64),
    /// OUT_R2/A7 names another successor than the client has opened: a client that is none of ours.
    WrongCookie,
}

impl Plan {
    /// One word for it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::CutAtByte { .. } => "cut at a byte",
            Self::CutAtState { .. } => "cut in a state",
            Self::ClientCloses(_) => "the client closes",
            Self::ServerCloses(_) => "the server closes",
            Self::WrongCookie => "a wrong cookie in OUT_R2/A7",
        }
    }
}

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) collapsed: bool,
    pub(super) plan: Plan,
    pub(super) how: How,
    /// PDUs each way.
    pub(super) total: [u64; 2],
    pub(super) largest: u64,
    /// The longest latency.
    pub(super) latency: Duration,
    /// Once the client has sent so many, both sides are silent for so long.
    pub(super) pause: Option<(u64, Duration)>,
    /// A hop that takes ten times as long as the others.
    pub(super) slow: Option<Hop>,
    pub(super) determine: bool,
    /// The applications consume once in so many steps.
    pub(super) slowness: u64,
    /// ConnectionTimeout of the proxies; what the client asks for on its OUT channel, in seconds; what it pings for itself.
    pub(super) timeout: Duration,
    pub(super) asked_timeout: Option<u32>,
    pub(super) own_timeout: Option<Duration>,
}

const HOPS: [Hop; 8] = [
    Hop::ClientIn,
    Hop::InClient,
    Hop::ClientOut,
    Hop::OutClient,
    Hop::InServer,
    Hop::ServerIn,
    Hop::OutServer,
    Hop::ServerOut,
];

fn plan(random: &mut Random, collapsed: bool, total: [u64; 2]) -> Plan {
    match random.below(16) {
        0..=2 => {
            let hops = [
                [Hop::ClientIn, Hop::InClient],
                [Hop::ClientOut, Hop::OutClient],
                [Hop::InServer, Hop::ServerIn],
                [Hop::OutServer, Hop::ServerOut],
            ][random.index(if collapsed { 2 } else { 4 })];
            Plan::CutAtByte { left: random.below(400_000), hops }
        }
        3..=7 => {
            let roles: &[Role] = if collapsed {
                &[Role::Client, Role::Endpoint]
            } else {
                &[Role::Client, Role::InboundProxy, Role::OutboundProxy, Role::Server]
            };
            let states: Vec<State> = STATES.into_iter().filter(|state| roles.contains(&state.role)).collect();
            let state = states[random.index(states.len())];
            let skip = if state.name == "opened" { [1, 30, 300][random.index(3)] } else { 1 + random.below(2) };
            Plan::CutAtState { state, skip: random.below(skip), within: random.one_in(2) }
        }
        8 => Plan::ClientCloses(random.below(total[0].max(1))),
        9 => Plan::ServerCloses(random.below(total[1].max(1))),
        10 if !collapsed => Plan::WrongCookie,
        _ => Plan::Nothing,
    }
}

impl Settings {
    pub(super) fn new(random: &mut Random, fault: Option<Fault>) -> Self {
        let collapsed = random.one_in(2);
        let largest = [200, 2_000, 4_096][random.index(3)];
        // Half of the seeds carry enough for several recyclings, both ways; the others less.
        let most = if random.one_in(2) { 700_000 } else { 200_000 };
        let mut total = || random.below(most) / (largest / 2);
        let mut total = [total(), total()];
        let plan = match fault {
            None => plan(random, collapsed, total),
            Some(Fault::UnreportedPdu) => Plan::ClientCloses(random.below(total[0].max(1))),
            Some(_) => Plan::Nothing,
        };
        // A state of a recycling, or a wrong cookie in one, wants recyclings.
        let recycles = match plan {
            Plan::WrongCookie => true,
            Plan::CutAtState { state, .. } => state.of != Of::Both || state.name != "opened",
            _ => false,
        };
        if recycles {
            total = total.map(|total| total.max(400_000 / (largest / 2)));
        }
        let longest = [500, 40_000, 400_000][random.index(3)];
        // One in sixteen lasts for so long that pings cost much of a channel: 1,031 bytes of them, note 50.
        let long = random.one_in(16);
        let pause = (long || random.one_in(3)).then(|| {
            let seconds = if long { 3_600 + random.below(3_600) } else { 30 + random.below(900) };
            (random.below(total[0].max(1)), Duration::from_secs(seconds))
        });
        let how = [How::Reset, How::Close, How::Silence][random.index(3)];
        let slow = match plan {
            // OUT_R2/B1 comes before OUT_R2/C1.
            Plan::CutAtState { state, .. } if state.name == "R2C1W" => Some(Hop::ClientOut),
            _ => random.one_in(4).then(|| HOPS[random.index(HOPS.len())]),
        };
        // What is queued when OUT_R1/A9 comes waits for the client's window.
        let sluggish = matches!(plan, Plan::CutAtState { state, .. } if state.name.ends_with("after OUT_R1/A9"));
        let determines = matches!(plan, Plan::CutAtState { state, .. } if state.name.starts_with("Wait"));
        Self {
            collapsed,
            plan,
            how,
            total,
            largest,
            latency: Duration::from_micros(100 + random.below(longest)),
            pause,
            determine: determines || random.one_in(8),
            slow,
            slowness: if sluggish { 60 } else { 1 + random.below(6) },
            asked_timeout: random.one_in(4).then(|| 120 + u32::try_from(random.below(300)).unwrap_or(0)),
            own_timeout: random.one_in(4).then(|| Duration::from_secs(30 + random.below(300))),
            timeout: Duration::from_secs(if long { 120 } else { 120 + random.below(300) }),
        }
    }

    /// How long the IN channel, and the OUT channel, may be silent.
    pub(super) fn patience(&self) -> [Duration; 2] {
        let slack = self.latency * 40;
        let asked = self.asked_timeout.map(|seconds| Duration::from_secs(seconds.into()));
        let own = self.own_timeout.map_or(self.timeout, |own| own.min(self.timeout));
        [own + slack, asked.unwrap_or(self.timeout) + slack]
    }
}
