//! Association groups of a server, \[C706\] 9.3.3 and [MS-RPCE] 3.3.1.5.7.

use std::collections::HashMap;

/// Why a connection may not join a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JoinRefused {
    /// No such group: its last connection is gone, or it is another server's.
    #[error("no association group of this assoc_group_id")]
    Unknown,
    /// It is another client's.
    #[error("the association group belongs to another client")]
    OtherPeer,
    /// There are as many groups as this table takes.
    #[error("as many association groups as are taken")]
    Full,
}

/// The association groups of a server: which connections belong together. Context handles are valid within their group.
///
/// `P` says who a client is, as its carrier tells: its address over TCP, the AssociationGroupId of CONN/B1 over HTTP ([MS-RPCE]
/// 3.3.1.5.7).
#[derive(Debug)]
pub struct AssociationGroups<P> {
    groups: HashMap<u32, Group<P>>,
    next: u32,
    max: usize,
}

#[derive(Debug)]
struct Group<P> {
    peer: P,
    connections: usize,
}

impl<P: PartialEq> AssociationGroups<P> {
    /// An empty table of at most `max` groups. The first id is `first`, or 1 where that is 0: a server that has restarted starts
    /// elsewhere, so that old ids are not taken for new ones.
    #[must_use]
    pub fn new(first: u32, max: usize) -> Self {
        Self { groups: HashMap::new(), next: first.max(1), max }
    }

    /// A connection of `peer` that asks for the group `requested`, or for a new one with 0. Gives the group's id.
    ///
    /// # Errors
    /// [`JoinRefused`]; a client whose group is gone is usually given a new one by asking again with 0.
    pub fn join(&mut self, requested: u32, peer: P) -> Result<u32, JoinRefused> {
        if requested != 0 {
            let group = self.groups.get_mut(&requested).ok_or(JoinRefused::Unknown)?;
            if group.peer != peer {
                return Err(JoinRefused::OtherPeer);
            }
            group.connections = group.connections.saturating_add(1);
            return Ok(requested);
        }
        if self.groups.len() >= self.max {
            return Err(JoinRefused::Full);
        }
        while self.next == 0 || self.groups.contains_key(&self.next) {
            self.next = self.next.wrapping_add(1);
        }
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        self.groups.insert(id, Group { peer, connections: 1 });
        Ok(id)
    }

    /// A connection of the group has ended. True where it was the last one: the context handles of the group are run down then
    /// ([MS-RPCE] 3.3.3.7.1).
    pub fn leave(&mut self, id: u32) -> bool {
        let Some(group) = self.groups.get_mut(&id) else { return false };
        group.connections = group.connections.saturating_sub(1);
        let last = group.connections == 0;
        if last {
            self.groups.remove(&id);
        }
        last
    }

    /// How many groups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}
