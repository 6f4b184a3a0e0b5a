//! DCE/RPC PDUs, and the RTS PDUs among them.

use bytes::Bytes;
use oxwire::core::{DecodeError, Encode, Reader, Structure};
use oxwire::rpc::pdu::{CommonHeader, Pdu, Ptype};
use oxwire::rpch::rts::{RtsHeader, RtsPdu, Signature};

use super::tree::Tree;

/// One PDU behind the other.
pub(super) fn stream(bytes: &Bytes, tree: &mut Tree<'_>) {
    let mut r = Reader::new(bytes);
    while !r.is_empty() {
        let at = r.offset();
        let header = match r.clone().structure::<CommonHeader>() {
            Ok(header) => header,
            Err(error) => return tree.error(&error),
        };
        let name = header.ptype.name().unwrap_or("unknown PTYPE");
        let text = format!(
            "{name} PDU: frag_length {}, auth_length {}, call_id {}",
            header.frag_length, header.auth_length, header.call_id
        );
        tree.line(at, &text, CommonHeader::SPEC);
        let pdu = match r.sub(header.frag_length.into(), "frag_length") {
            Ok(pdu) => pdu,
            Err(error) => return tree.error(&error),
        };
        tree.within(|tree| {
            let shown = if header.ptype == Ptype::RTS { rts(pdu, tree) } else { plain(pdu, tree) };
            if let Err(error) = shown {
                tree.error(&error);
            }
        });
    }
}

fn plain(mut r: Reader<'_>, tree: &mut Tree<'_>) -> Result<(), DecodeError> {
    let pdu: Pdu<'_> = r.structure()?;
    r.finish()?;
    tree.fields(&pdu);
    Ok(())
}

fn rts(mut r: Reader<'_>, tree: &mut Tree<'_>) -> Result<(), DecodeError> {
    let at = r.offset();
    let pdu: RtsPdu<'_> = r.structure()?;
    r.finish()?;
    match Signature::of(&pdu) {
        Some(signature) => {
            for name in signature.names() {
                tree.field(&format!("{}  {}", name.name(), name.spec()));
            }
        }
        None => tree.field("no PDU of [MS-RPCH] 2.2.4 has these flags and commands"),
    }
    tree.field(&format!("Flags {:?}", pdu.flags()));
    let mut offset = at.saturating_add(RtsHeader::LEN);
    for command in pdu.commands() {
        tree.line(offset, &format!("{command:?}"), "[MS-RPCH] 2.2.3.5");
        offset = offset.saturating_add(command.encoded_len());
    }
    Ok(())
}
