//! Requests whose body is not yet whole, counted in all, by user and by address.

use core::net::IpAddr;
use std::collections::HashMap;
use std::hash::Hash;

use oxwire_core::Principal;

use super::ServerLimits;
use super::request::Detail;

#[derive(Debug, Default)]
pub(crate) struct HalfOpen {
    total: usize,
    by_user: HashMap<Principal, usize>,
    by_address: HashMap<IpAddr, usize>,
}

impl HalfOpen {
    /// Counts one more, or says which limit it would pass.
    pub(crate) fn begin(
        &mut self,
        limits: &ServerLimits,
        user: &Principal,
        address: Option<IpAddr>,
    ) -> Result<(), Detail> {
        let of_user = self.by_user.get(user).copied().unwrap_or(0);
        let of_address = address.and_then(|address| self.by_address.get(&address)).copied().unwrap_or(0);
        if self.total >= limits.half_open {
            return Err("Too many requests at a time.");
        }
        if of_user >= limits.half_open_per_user {
            return Err("Too many requests at a time of this user.");
        }
        if address.is_some() && of_address >= limits.half_open_per_address {
            return Err("Too many requests at a time from this address.");
        }
        self.total += 1;
        self.by_user.insert(user.clone(), of_user + 1);
        if let Some(address) = address {
            self.by_address.insert(address, of_address + 1);
        }
        Ok(())
    }

    pub(crate) fn end(&mut self, user: &Principal, address: Option<IpAddr>) {
        self.total = self.total.saturating_sub(1);
        count_down(&mut self.by_user, user);
        if let Some(address) = address {
            count_down(&mut self.by_address, &address);
        }
    }

    pub(crate) const fn total(&self) -> usize {
        self.total
    }
}

fn count_down<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}
