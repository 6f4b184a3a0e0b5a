//! The Virtual Connection Cookie Table, [MS-RPCH] 3.2.1.1.2, of machines that were handed out and are driven elsewhere.

use std::collections::{HashMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender, channel};

use oxwire_core::ConnectionId;

use super::{Caller, Claim, Ledger};
use crate::http::{ChannelKind, RpcTarget};
use crate::rts::RtsCookie;

/// Names a virtual connection among those of one role's machine; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VirtualConnectionId(u64);

impl VirtualConnectionId {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Tells the registry that a machine has ended, by being dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    id: VirtualConnectionId,
    ended: Sender<VirtualConnectionId>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Where the registry is gone, nobody counts any more.
        let _nobody = self.ended.send(self.id);
    }
}

/// What is known of a machine that was handed out.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) cookie: RtsCookie,
    pub(crate) caller: Caller,
    pub(crate) rpc: Option<RpcTarget>,
    claim: Claim,
    /// Connections of its channels and of their predecessors, the latest last.
    conns: VecDeque<(ChannelKind, ConnectionId)>,
}

/// Machines by their virtual connection cookie, and connections by their machine.
#[derive(Debug)]
pub(crate) struct Registry {
    table: HashMap<RtsCookie, VirtualConnectionId>,
    rows: HashMap<VirtualConnectionId, Row>,
    owners: HashMap<ConnectionId, VirtualConnectionId>,
    next_id: u64,
    ended: Receiver<VirtualConnectionId>,
    lease: Sender<VirtualConnectionId>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        let (lease, ended) = channel();
        Self { table: HashMap::new(), rows: HashMap::new(), owners: HashMap::new(), next_id: 1, ended, lease }
    }

    /// Forgets machines that have ended.
    pub(crate) fn sweep(&mut self, ledger: &mut Ledger) {
        while let Ok(id) = self.ended.try_recv() {
            if let Some(row) = self.rows.remove(&id) {
                self.table.remove(&row.cookie);
                ledger.release(&row.caller, row.claim);
                for (_, conn) in row.conns {
                    if self.owners.get(&conn) == Some(&id) {
                        self.owners.remove(&conn);
                    }
                }
            }
        }
    }

    /// Whose connection it is.
    pub(crate) fn owner(&self, conn: ConnectionId) -> Option<VirtualConnectionId> {
        self.owners.get(&conn).copied()
    }

    pub(crate) fn find(&self, cookie: RtsCookie) -> Option<(VirtualConnectionId, &Row)> {
        let id = self.table.get(&cookie)?;
        Some((*id, self.rows.get(id)?))
    }

    /// A machine is handed out; `claim` has been counted.
    pub(crate) fn insert(
        &mut self,
        cookie: RtsCookie,
        caller: Caller,
        rpc: Option<RpcTarget>,
        claim: Claim,
        conns: &[(ChannelKind, ConnectionId)],
    ) -> Lease {
        let id = VirtualConnectionId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        self.table.insert(cookie, id);
        self.owners.extend(conns.iter().map(|(_, conn)| (*conn, id)));
        self.rows.insert(id, Row { cookie, caller, rpc, claim, conns: conns.iter().copied().collect() });
        Lease { id, ended: self.lease.clone() }
    }

    /// A successor's connection belongs to the machine from now on. Of each kind the latest three are remembered: a predecessor, its
    /// successor, and a successor of that which has overtaken both.
    pub(crate) fn attach(&mut self, id: VirtualConnectionId, kind: ChannelKind, conn: ConnectionId) {
        let Some(row) = self.rows.get_mut(&id) else { return };
        row.conns.push_back((kind, conn));
        if row.conns.iter().filter(|(other, _)| *other == kind).count() > 3
            && let Some(at) = row.conns.iter().position(|(other, _)| *other == kind)
            && let Some((_, old)) = row.conns.remove(at)
        {
            self.owners.remove(&old);
        }
        self.owners.insert(conn, id);
    }
}

impl Lease {
    pub(crate) const fn id(&self) -> VirtualConnectionId {
        self.id
    }
}
