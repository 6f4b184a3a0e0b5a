//! How many connections, half-open channels and bytes: in all, by address, by user.

use core::net::IpAddr;
use std::collections::HashMap;
use std::hash::Hash;

use oxwire_core::Principal;

/// How much one party may hold at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Virtual connections.
    pub connections: usize,
    /// Channel requests that belong to no virtual connection yet.
    pub half_open: usize,
    /// Bytes that its virtual connections may come to hold: queues and receive windows, counted when they open.
    pub memory: usize,
}

/// Limits of a role that takes channel requests: in all, by address and by user.
///
/// A user is a [`Principal`]; requests without one count by address and in all. Whoever serves clients behind one large address
/// translator raises `per_address`; whoever is reached over IPv6 gives the /64 prefix as the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoleLimits {
    /// Of everybody together. Default 100,000 connections, 10,000 half-open channels, 16 GiB.
    pub total: Quota,
    /// Of one address. Default 1,000 connections, 200 half-open channels, 512 MiB.
    pub per_address: Quota,
    /// Of one user. Default 200 connections, 100 half-open channels, 256 MiB.
    pub per_user: Quota,
}

impl RoleLimits {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self {
        total: Quota { connections: 100_000, half_open: 10_000, memory: 16 << 30 },
        per_address: Quota { connections: 1_000, half_open: 200, memory: 512 << 20 },
        per_user: Quota { connections: 200, half_open: 100, memory: 256 << 20 },
    };

    /// Sets [`RoleLimits::total`].
    #[must_use]
    pub const fn with_total(mut self, quota: Quota) -> Self {
        self.total = quota;
        self
    }

    /// Sets [`RoleLimits::per_address`].
    #[must_use]
    pub const fn with_per_address(mut self, quota: Quota) -> Self {
        self.per_address = quota;
        self
    }

    /// Sets [`RoleLimits::per_user`].
    #[must_use]
    pub const fn with_per_user(mut self, quota: Quota) -> Self {
        self.per_user = quota;
        self
    }
}

impl Default for RoleLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The address that the limits count by.
    pub address: IpAddr,
    /// Who authentication says it is; `None` where the caller asks for none.
    pub principal: Option<Principal>,
}

impl Caller {
    /// Somebody authenticated.
    #[must_use]
    pub const fn new(address: IpAddr, principal: Principal) -> Self {
        Self { address, principal: Some(principal) }
    }

    /// Nobody in particular.
    #[must_use]
    pub const fn anonymous(address: IpAddr) -> Self {
        Self { address, principal: None }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    HalfOpen,
    Connection { memory: usize },
}

#[derive(Debug, Clone, Copy, Default)]
struct Held {
    connections: usize,
    half_open: usize,
    memory: usize,
}

impl Held {
    /// Which limit the claim would pass, if any.
    fn check(self, quota: &Quota, claim: Claim, whose: [&'static str; 3]) -> Result<(), &'static str> {
        let [connections, half_open, memory] = whose;
        match claim {
            Claim::HalfOpen if self.half_open >= quota.half_open => Err(half_open),
            Claim::Connection { .. } if self.connections >= quota.connections => Err(connections),
            Claim::Connection { memory: bytes } if self.memory.saturating_add(bytes) > quota.memory => Err(memory),
            _ => Ok(()),
        }
    }

    const fn add(&mut self, claim: Claim) {
        match claim {
            Claim::HalfOpen => self.half_open = self.half_open.saturating_add(1),
            Claim::Connection { memory } => {
                self.connections = self.connections.saturating_add(1);
                self.memory = self.memory.saturating_add(memory);
            }
        }
    }

    const fn sub(&mut self, claim: Claim) {
        match claim {
            Claim::HalfOpen => self.half_open = self.half_open.saturating_sub(1),
            Claim::Connection { memory } => {
                self.connections = self.connections.saturating_sub(1);
                self.memory = self.memory.saturating_sub(memory);
            }
        }
    }

    const fn is_none(self) -> bool {
        self.connections == 0 && self.half_open == 0
    }
}

/// What everybody holds.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    total: Held,
    by_address: HashMap<IpAddr, Held>,
    by_user: HashMap<Principal, Held>,
}

impl Ledger {
    /// Counts a claim, or says which limit it would pass.
    pub(crate) fn claim(&mut self, limits: &RoleLimits, caller: &Caller, claim: Claim) -> Result<(), &'static str> {
        self.total.check(&limits.total, claim, ["total.connections", "total.half_open", "total.memory"])?;
        let whose = ["per_address.connections", "per_address.half_open", "per_address.memory"];
        self.by_address.get(&caller.address).copied().unwrap_or_default().check(&limits.per_address, claim, whose)?;
        if let Some(user) = &caller.principal {
            let whose = ["per_user.connections", "per_user.half_open", "per_user.memory"];
            self.by_user.get(user).copied().unwrap_or_default().check(&limits.per_user, claim, whose)?;
            self.by_user.entry(user.clone()).or_default().add(claim);
        }
        self.by_address.entry(caller.address).or_default().add(claim);
        self.total.add(claim);
        Ok(())
    }

    pub(crate) fn release(&mut self, caller: &Caller, claim: Claim) {
        self.total.sub(claim);
        give_back(&mut self.by_address, &caller.address, claim);
        if let Some(user) = &caller.principal {
            give_back(&mut self.by_user, user, claim);
        }
    }

    pub(crate) const fn half_open(&self) -> usize {
        self.total.half_open
    }

    pub(crate) const fn connections(&self) -> usize {
        self.total.connections
    }

    pub(crate) const fn memory(&self) -> usize {
        self.total.memory
    }
}

fn give_back<K: Hash + Eq>(held: &mut HashMap<K, Held>, key: &K, claim: Claim) {
    if let Some(of_key) = held.get_mut(key) {
        of_key.sub(claim);
        if of_key.is_none() {
            held.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_named_and_what_is_given_back_can_be_had_again() {
        let quota = |connections, half_open, memory| Quota { connections, half_open, memory };
        let limits = RoleLimits::DEFAULT
            .with_total(quota(3, 3, 300))
            .with_per_address(quota(2, 2, 200))
            .with_per_user(quota(1, 1, 250));
        let ada = |last: u8| Caller::new(IpAddr::from([192, 0, 2, last]), Principal::new("ada"));
        let nobody = |last: u8| Caller::anonymous(IpAddr::from([192, 0, 2, last]));
        let mut ledger = Ledger::default();
        assert_eq!(ledger.claim(&limits, &ada(1), Claim::HalfOpen), Ok(()));
        assert_eq!(ledger.claim(&limits, &ada(2), Claim::HalfOpen), Err("per_user.half_open"));
        assert_eq!(ledger.claim(&limits, &nobody(1), Claim::HalfOpen), Ok(()));
        assert_eq!(ledger.claim(&limits, &nobody(1), Claim::HalfOpen), Err("per_address.half_open"));
        assert_eq!(ledger.claim(&limits, &nobody(2), Claim::HalfOpen), Ok(()));
        assert_eq!(ledger.claim(&limits, &nobody(3), Claim::HalfOpen), Err("total.half_open"));
        ledger.release(&ada(1), Claim::HalfOpen);
        assert_eq!(ledger.claim(&limits, &ada(2), Claim::HalfOpen), Ok(()));

        let memory = |memory| Claim::Connection { memory };
        assert_eq!(ledger.claim(&limits, &ada(1), memory(251)), Err("per_address.memory"));
        assert_eq!(ledger.claim(&limits, &ada(1), memory(150)), Ok(()));
        assert_eq!(ledger.claim(&limits, &ada(1), memory(1)), Err("per_user.connections"));
        assert_eq!(ledger.claim(&limits, &nobody(2), memory(151)), Err("total.memory"));
        assert_eq!(ledger.claim(&limits, &nobody(2), memory(150)), Ok(()));
        assert_eq!((ledger.connections(), ledger.half_open(), ledger.memory()), (2, 3, 300));
        for caller in [ada(1), nobody(2)] {
            ledger.release(&caller, memory(150));
        }
        for caller in [ada(2), nobody(1), nobody(2)] {
            ledger.release(&caller, Claim::HalfOpen);
        }
        assert_eq!((ledger.connections(), ledger.half_open(), ledger.memory()), (0, 0, 0));
        assert!(ledger.by_address.is_empty() && ledger.by_user.is_empty());
    }
}
