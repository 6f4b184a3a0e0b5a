//! oxwire-rpc: PDUs, the stream.

use bytes::Bytes;
use oxwire::core::{Decode as _, Encode as _, Limits, Reader, decode_all, encode_to_bytes};
use oxwire::rpc::pdu::{Body, Pdu, VerificationTrailer};
use oxwire::rpc::{PduStream, StreamError};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[("rpc_pdu", rpc_pdu), ("rpc_stream", rpc_stream)];

/// What is read encodes to what reads as the same, and is as long as it says; a sealed region lies inside the PDU; a verification
/// trailer comes to its end.
pub fn rpc_pdu(data: &[u8]) {
    let Ok(pdu) = decode_all::<Pdu<'_>>(data, &Limits::DEFAULT) else { return };
    if let Some(sealed) = pdu.sealed() {
        assert!(sealed.start <= sealed.end && sealed.end <= data.len(), "{sealed:?}");
    }
    if let Body::Request(request) = &pdu.body
        && let Some(trailer) = VerificationTrailer::find(request.stub, 0)
    {
        assert!(trailer.commands().count() <= request.stub.len());
    }
    // A PDU with its list of versions left out grows by a byte, and a verbatim one may no longer fit.
    let Ok(bytes) = encode_to_bytes(&pdu) else { return };
    assert_eq!(bytes.len(), pdu.encoded_len());
    let again = Pdu::decode(&mut Reader::new(&bytes));
    assert_eq!(again.as_ref(), Ok(&pdu));
}

/// The first byte says how the rest is cut; whole and cut give the same PDUs and the same end.
pub fn rpc_stream(data: &[u8]) {
    let Some((step, stream)) = data.split_first() else { return };
    let stream = Bytes::copy_from_slice(stream);
    let step = usize::from(*step).max(1);
    let pieces: Vec<Bytes> =
        (0..stream.len()).step_by(step).map(|at| stream.slice(at..(at + step).min(stream.len()))).collect();
    assert_eq!(run(&pieces), run(&[stream]));
}

fn run(pieces: &[Bytes]) -> (Vec<Bytes>, Option<StreamError>) {
    let mut cutter = PduStream::new(4096);
    let mut pdus = Vec::new();
    for piece in pieces {
        cutter.push(piece.clone());
        loop {
            match cutter.next_pdu() {
                Ok(Some(pdu)) => pdus.push(pdu),
                Ok(None) => break,
                Err(error) => return (pdus, Some(error)),
            }
        }
    }
    (pdus, None)
}
