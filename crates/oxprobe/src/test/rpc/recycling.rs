//! A recycling of each channel under traffic: calls go on, in order, and none is lost.

use std::collections::VecDeque;

use oxwire::mapi::property::PropertyTag;
use oxwire::mapi::rop::Handle;
use oxwire::rpch::client::Recycling;

use super::super::Outcome;
use super::super::mailbox::{name_and_count, text};
use super::super::operations::{answer, no_columns};
use super::IN_CHANNEL;
use super::session::RpcSession;
use crate::report::{Facts, Failure};

/// Operations in a call: some kilobytes each way.
const OPERATIONS: usize = 400;

/// Calls under way at a time.
const AT_A_TIME: usize = 3;

/// Bytes after which no recycling is waited for any more: that of a channel with the shortest lifetime has begun long before.
const ENOUGH: u64 = 3 * IN_CHANNEL as u64;

/// What went over the channels while a recycling was waited for.
#[derive(Debug, Default)]
struct Traffic {
    calls: u64,
    sent: u64,
    received: u64,
    seen: Option<&'static str>,
}

impl Traffic {
    fn facts(&self) -> Facts {
        if self.calls == 0 {
            return Facts::new().with("under", "the traffic of the step before");
        }
        Facts::new().with("calls", self.calls).with("bytes sent", self.sent).with("bytes received", self.received)
    }
}

/// Makes calls until the recycling is through, or enough went over the channel; every answer is read.
async fn traffic(
    session: &mut RpcSession,
    folder: Handle,
    wanted: fn(Recycling) -> Option<&'static str>,
    enough: fn(&Traffic) -> bool,
) -> Outcome<Traffic> {
    let (sent, received) = (session.driver.stack.sent, session.driver.stack.received);
    let mut traffic = Traffic::default();
    let mut under_way = VecDeque::new();
    let mut name = None;
    loop {
        traffic.seen = session.recycled.iter().find_map(|which| wanted(*which));
        let over = traffic.seen.is_some() || enough(&traffic);
        while !over && under_way.len() < AT_A_TIME {
            let operations = name_and_count(folder, OPERATIONS)?;
            under_way.push_back((session.begin_rops(operations.bytes())?, operations));
        }
        let Some((call, operations)) = under_way.pop_front() else { return Ok(traffic) };
        let answers = operations.answered(session.rops(call).await?);
        let mut sequence = answers.in_order(no_columns)?;
        for _ in 0..OPERATIONS {
            let came = text(&answer!(sequence, GetPropertiesSpecific).row, PropertyTag::DISPLAY_NAME);
            if name.get_or_insert_with(|| came.clone()) != &came {
                let advice = "PDUs were lost or mixed up on the way: compare with the server's log";
                return Err(Failure::new("the same answer to the same question", format!("{came:?}"), advice));
            }
        }
        traffic.calls += 1;
        traffic.sent = session.driver.stack.sent.saturating_sub(sent);
        traffic.received = session.driver.stack.received.saturating_sub(received);
    }
}

/// The IN channel, whose end this side chose: the proxy has to follow.
///
/// # Errors
/// It did not, or a call was lost.
pub(super) async fn inward(session: &mut RpcSession, folder: Handle) -> Outcome<Facts> {
    let wanted = |which| match which {
        Recycling::InR1 => Some("IN_R1, to another proxy"),
        Recycling::InR2 => Some("IN_R2, to the same proxy"),
        _ => None,
    };
    let traffic = traffic(session, folder, wanted, |traffic| traffic.sent > ENOUGH).await?;
    match traffic.seen {
        Some(how) => Ok(Facts::new().with("recycled", how).with_all(traffic.facts())),
        None => Err(Failure::new(
            format!("a recycling of an IN channel of {IN_CHANNEL} bytes"),
            "none, and calls went on",
            "the channel carried more than its length: something between does not count; compare with the server's log",
        )
        .with_facts(traffic.facts())),
    }
}

/// The OUT channel, whose end the proxy chooses: it is recycled here where its lifetime is short.
///
/// # Errors
/// A call was lost.
pub(super) async fn outward(session: &mut RpcSession, folder: Handle) -> Outcome<Facts> {
    let wanted = |which| match which {
        Recycling::OutR1 => Some("OUT_R1, to another proxy"),
        Recycling::OutR2 => Some("OUT_R2, to the same proxy"),
        _ => None,
    };
    let traffic = traffic(session, folder, wanted, |traffic| traffic.received > ENOUGH).await?;
    let how = traffic.seen.unwrap_or("not yet: the proxy's channels live longer than this test");
    Ok(Facts::new().with("recycled", how).with_all(traffic.facts()))
}
