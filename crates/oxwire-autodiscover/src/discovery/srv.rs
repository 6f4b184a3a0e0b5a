//! SRV records: [RFC 2782].

use oxwire_core::Entropy;

/// One SRV record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SrvRecord {
    /// The lowest goes first.
    pub priority: u16,
    /// Among records of one priority, the share of clients that go to this one.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host, with or without a dot at the end; `.` says that there is no such service.
    pub target: String,
}

/// Puts records in the order to try them: by priority, and by chance within one, in proportion to the weights.
pub(super) fn in_order(mut records: Vec<SrvRecord>, entropy: &mut dyn Entropy) -> Vec<SrvRecord> {
    // Those without weight stand in front of their priority, so that chance reaches them seldom and still can.
    records.sort_by_key(|record| (record.priority, record.weight != 0));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(priority) = records.first().map(|record| record.priority) {
        let group = records.iter().take_while(|record| record.priority == priority);
        let total: u64 = group.clone().map(|record| u64::from(record.weight)).sum();
        let mut bytes = [0; 8];
        entropy.fill(&mut bytes);
        let drawn = u64::from_le_bytes(bytes) % total.saturating_add(1);
        let mut sum = 0;
        let reached = group.map(|record| {
            sum += u64::from(record.weight);
            sum
        });
        let chosen = reached.into_iter().position(|sum| sum >= drawn).unwrap_or(0);
        ordered.push(records.remove(chosen));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(priority: u16, weight: u16, target: &str) -> SrvRecord {
        SrvRecord { priority, weight, port: 443, target: target.to_owned() }
    }

    fn order(records: &[SrvRecord], draws: &[u64]) -> String {
        let mut draws = draws.iter().copied();
        let mut entropy = |out: &mut [u8]| out.copy_from_slice(&draws.next().unwrap().to_le_bytes());
        let ordered = in_order(records.to_vec(), &mut entropy);
        ordered.into_iter().map(|record| record.target).collect::<Vec<_>>().join(" ")
    }

    /// The algorithm of [RFC 2782], "Weight", with the number that it draws given.
    #[test]
    fn priority_and_weight() {
        let records = [record(10, 60, "big"), record(0, 0, "first"), record(10, 20, "small"), record(10, 0, "none")];
        // Running sums at priority 10: none 0, big 60, small 80.
        assert_eq!(order(&records, &[0, 0, 0, 0]), "first none big small");
        assert_eq!(order(&records, &[0, 60, 0, 0]), "first big none small");
        assert_eq!(order(&records, &[0, 61, 1, 0]), "first small big none");
        assert_eq!(order(&records, &[9, 80, 60, 7]), "first small big none");
        assert_eq!(order(&[], &[]), "");
    }
}
