//! The streams of a run, PDU by PDU, as text2pcap reads them.

use std::fmt::Write as _;

use bytes::Bytes;
use oxwire::rpch::rts::{PduName, Signature};

use super::watch::{Way, decode};

/// What was sent on every connection, in order.
#[derive(Debug, Default)]
pub(super) struct Dump(pub(super) String);

impl Dump {
    /// One PDU: `#`, the hop, the connection and the names that the PDU may have by its bytes and its place; then its bytes.
    pub(super) fn sent(&mut self, way: Way, bytes: &Bytes, name: Option<PduName>) {
        let by_signature = || {
            let signature = decode(bytes).ok().as_ref().and_then(Signature::of);
            let names: Vec<_> = signature.into_iter().flat_map(Signature::names).map(PduName::name).collect();
            if names.is_empty() { "-".to_owned() } else { names.join("|") }
        };
        let name = name.map_or_else(by_signature, |name| name.name().to_owned());
        let _infallible = writeln!(self.0, "# {:?} {} {name}", way.hop, way.conn.number());
        for (n, line) in bytes.chunks(16).enumerate() {
            let _infallible = write!(self.0, "{:06x}", n * 16);
            for byte in line {
                let _infallible = write!(self.0, " {byte:02x}");
            }
            self.0.push('\n');
        }
        let _infallible = writeln!(self.0, "{:06x}", bytes.len());
    }
}
