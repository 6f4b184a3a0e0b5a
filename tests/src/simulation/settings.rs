//! What a seed decides before the run begins.

use std::time::Duration;

use super::random::Random;
use super::watch::Hop;

/// What ends a run early, or tries to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing: everything arrives.
    Nothing,
    /// A connection is cut within these bytes, counted from the first of that kind.
    CutAtByte(u64),
    /// A connection is cut soon after the client has come to a state, the so many-th time.
    CutAtState(&'static str),
    /// The client's application closes after so many PDUs.
    ClientCloses(u64),
    /// The server's application closes.
    ServerCloses(u64),
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Both ends see it, what is on the way is lost.
    Reset,
    /// Both ends see it, what is on the way arrives.
    Close,
    /// Nobody sees it: nothing arrives any more.
    Silence,
}

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) collapsed: bool,
    pub(super) plan: Plan,
    pub(super) how: How,
    /// What is cut at a byte.
    pub(super) cut_hops: [Hop; 2],
    /// The so many-th time of a state is cut.
    pub(super) times: u64,
    /// PDUs each way.
    pub(super) total: [u64; 2],
    pub(super) largest: u64,
    /// The longest latency.
    pub(super) latency: Duration,
    /// Once the client has sent so many, both sides are silent for so long.
    pub(super) pause: Option<(u64, Duration)>,
    pub(super) determine: bool,
    /// The applications consume once in so many steps.
    pub(super) slowness: u64,
}

/// The client's states that a cut waits for: [MS-RPCH] 3.2.2, figures 22 to 26.
pub(super) const STATES: [&str; 11] = [
    "Wait",
    "Wait_Direct",
    "Out Channel Wait",
    "Wait_A3W",
    "Wait_C2",
    "opened",
    "Opened_A4W",
    "Opened_A6W",
    "Opened_A10W",
    "B3W",
    "closed",
];

impl Settings {
    pub(super) fn new(random: &mut Random, faulty: bool) -> Self {
        let collapsed = random.one_in(2);
        let largest = [200, 2_000, 4_096][random.index(3)];
        // Half of the seeds carry enough for several recyclings, both ways; the others less.
        let most = if random.one_in(2) { 700_000 } else { 200_000 };
        let mut total = || random.below(most) / (largest / 2);
        let total = [total(), total()];
        let plan = if faulty {
            Plan::Nothing
        } else {
            match random.below(8) {
                0 | 1 => Plan::CutAtByte(random.below(400_000)),
                2 | 3 => Plan::CutAtState(STATES[random.index(STATES.len() - 1)]),
                4 if random.one_in(2) => Plan::ClientCloses(random.below(total[0].max(1))),
                4 => Plan::ServerCloses(random.below(total[1].max(1))),
                _ => Plan::Nothing,
            }
        };
        let longest = [500, 40_000, 400_000][random.index(3)];
        let pause =
            random.one_in(3).then(|| (random.below(total[0].max(1)), Duration::from_secs(30 + random.below(900))));
        Self {
            collapsed,
            plan,
            how: [How::Reset, How::Close, How::Silence][random.index(3)],
            cut_hops: [
                [Hop::ClientIn, Hop::InClient],
                [Hop::ClientOut, Hop::OutClient],
                [Hop::InServer, Hop::ServerIn],
                [Hop::OutServer, Hop::ServerOut],
            ][random.index(if collapsed { 2 } else { 4 })],
            times: 1 + random.below(2),
            total,
            largest,
            latency: Duration::from_micros(100 + random.below(longest)),
            pause,
            determine: matches!(plan, Plan::CutAtState("Wait" | "Wait_Direct")) || random.one_in(8),
            slowness: 1 + random.below(6),
        }
    }
}
