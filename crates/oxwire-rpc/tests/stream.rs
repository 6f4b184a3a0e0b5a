//! A stream cut into PDUs.

use bytes::Bytes;
use oxwire_rpc::{PduStream, StreamError};
use proptest::prelude::*;

/// A PDU of that length, its bytes behind the header counting up. \[C706\] 12.6.3.1
fn pdu(len: u16, call_id: u32) -> Vec<u8> {
    let mut bytes = vec![5, 0, 0, 3, 0x10, 0, 0, 0];
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&call_id.to_le_bytes());
    bytes.extend((16..len).map(|at| at.to_le_bytes()[0]));
    bytes
}

proptest! {
    /// Any chunking of one stream gives the same PDUs.
    #[test]
    fn any_chunking_gives_the_same_pdus(
        lens in prop::collection::vec(16_u16..200, 0..20),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let pdus: Vec<_> = lens.iter().zip(1..).map(|(len, call_id)| pdu(*len, call_id)).collect();
        let stream = Bytes::from(pdus.concat());
        let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        at.push(stream.len());
        at.sort_unstable();
        let mut cutter = PduStream::new(u16::MAX);
        let mut found = Vec::new();
        let mut from = 0;
        for to in at {
            cutter.push(stream.slice(from..to));
            from = to;
            while let Some(pdu) = cutter.next_pdu().unwrap() {
                found.push(pdu.to_vec());
            }
        }
        prop_assert_eq!(found, pdus);
        prop_assert_eq!(cutter.held(), 0);
    }

    /// Whatever comes, it never panics, and once it has failed it stays failed.
    #[test]
    fn garbage_ends_it_for_good(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..16)) {
        let mut cutter = PduStream::new(4096);
        for piece in pieces {
            cutter.push(piece.into());
            if let Err(error) = cutter.next_pdu() {
                prop_assert_eq!(cutter.next_pdu(), Err(error));
                prop_assert_eq!(cutter.held(), 0);
            }
        }
    }
}

#[test]
fn a_pdu_in_one_piece_is_a_slice_of_it() {
    let piece = Bytes::from([pdu(100, 1), pdu(50, 2)].concat());
    let mut cutter = PduStream::new(4096);
    cutter.push(piece.clone());
    let first = cutter.next_pdu().unwrap().unwrap();
    let second = cutter.next_pdu().unwrap().unwrap();
    assert_eq!((first.as_ptr(), second.as_ptr()), (piece.as_ptr(), piece[100..].as_ptr()));
}

#[test]
fn an_oversized_fragment_is_named() {
    let mut cutter = PduStream::new(100);
    cutter.push([pdu(100, 1), pdu(101, 2)].concat().into());
    assert!(cutter.next_pdu().unwrap().is_some());
    let error = cutter.next_pdu().unwrap_err();
    assert_eq!(error, StreamError::TooLong { offset: 100, frag_length: 101, max: 100 });
    assert_eq!(cutter.next_pdu(), Err(error));
}

#[test]
fn a_zero_length_pdu_is_refused() {
    let mut cutter = PduStream::new(100);
    cutter.push(pdu(0, 1).into());
    let StreamError::Header(error) = cutter.next_pdu().unwrap_err() else { panic!("not a header's error") };
    assert_eq!((error.field, error.offset), ("frag_length", 8));
}

/// What stands in place of a PDU can be looked at and taken as it is.
#[test]
fn the_rest_comes_out_as_it_is() {
    let mut stream = PduStream::new(u16::MAX);
    assert_eq!(stream.peek_u8(), None);
    for piece in ["HTTP/1.0 503 RPC", " Error: 5\r\n"] {
        stream.push(Bytes::from(piece));
    }
    assert_eq!(stream.peek_u8(), Some(b'H'));
    assert_eq!(stream.take_rest(), "HTTP/1.0 503 RPC Error: 5\r\n");
    assert_eq!((stream.held(), stream.peek_u8()), (0, None));
    assert_eq!(stream.take_rest(), "");
    assert_eq!(stream.next_pdu(), Ok(None));
}
