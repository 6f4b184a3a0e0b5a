//! Allocation budgets of the bodies of MAPI over HTTP.

use bytes::Bytes;
use oxwire::core::{Limits, decode_all};
use oxwire::mapi::aux_buffer::{AuxBlock, AuxBlocks, AuxExOrgInfo, OrgFlags};
use oxwire::mapi::mapihttp::{
    ExecuteRequest, ExecuteRequestBuilder, ExecuteResponse, ExecuteSuccessBuilder, ResponseParser, ResponsePart,
};
use oxwire::mapi::rpc_header_ext::{ExtendedBuffer, PayloadForm};
use oxwire_tests::allocations;

const PAYLOAD: usize = 32 << 10;

fn response() -> Bytes {
    let body = ExecuteSuccessBuilder::default().build(PAYLOAD, |w| {
        w.zeros(PAYLOAD);
        Ok(())
    });
    let head = b"PROCESSING\r\nPENDING\r\nDONE\r\nX-ResponseCode: 0\r\nX-ElapsedTime: 3\r\n\r\n";
    let mut stream = bytes::BytesMut::from(&head[..]);
    stream.extend_from_slice(&body.unwrap());
    stream.freeze()
}

/// A response of 32 KiB in three chunks, sliced from what was read off the socket.
#[test]
fn meta_tags_headers_and_body_pieces_allocate_nothing() {
    let stream = response();
    // Two handles on it, as the reader of a socket leaves them: the first slice of a lone one makes its counter.
    let chunks = [stream.slice(..10_000), stream.slice(10_000..20_000), stream.slice(20_000..)];
    let (made, body) = allocations(|| {
        let mut parser = ResponseParser::default();
        let mut body = 0;
        for mut chunk in chunks {
            while let Some(part) = parser.parse(&mut chunk).unwrap() {
                if let ResponsePart::Body(piece) = part {
                    body += piece.len();
                }
            }
        }
        parser.finish().unwrap();
        body
    });
    assert_eq!(body, PAYLOAD + 28);
    assert_eq!(made.count, 0, "{made:?}");
}

#[test]
fn a_body_is_taken_apart_without_an_allocation() {
    let body = response();
    let body = body.slice(body.len() - PAYLOAD - 28..);
    let (made, payload) = allocations(|| {
        let ExecuteResponse::Success(success) = decode_all(&body, &Limits::DEFAULT).unwrap() else { panic!("failure") };
        success.rop_payload(&body).unwrap()
    });
    assert_eq!(payload.len(), PAYLOAD);
    assert_eq!(made.count, 0, "{made:?}");
}

/// One buffer, and the counter that sharing it takes; obfuscated or not, and with auxiliary blocks.
#[test]
fn an_execute_request_is_built_in_one_buffer() {
    let aux = [AuxBlock::ExOrgInfo(AuxExOrgInfo { org_flags: OrgFlags::PUBLIC_FOLDERS_ENABLED })];
    for form in [PayloadForm::Plain, PayloadForm::XorMagic] {
        let builder = ExecuteRequestBuilder { form, auxiliary: &aux, ..Default::default() };
        let (made, body) = allocations(|| {
            builder.build(1000, |w| {
                w.zeros(1000);
                Ok(())
            })
        });
        let body = body.unwrap();
        assert!(made.count <= 2, "{made:?}");
        assert!(made.bytes <= 1100, "{made:?}");
        let request: ExecuteRequest<'_> = decode_all(&body, &Limits::DEFAULT).unwrap();
        assert_eq!(&request.rop_payload(&body).unwrap()[..], [0; 1000]);
    }
}

#[test]
fn auxiliary_blocks_are_walked_without_an_allocation() {
    let buffer = [0, 0, 4, 0, 12, 0, 12, 0, 8, 0, 1, 0x17, 1, 0, 0, 0, 4, 0, 1, 0x99];
    let (made, blocks) = allocations(|| {
        let buffer: ExtendedBuffer<'_> = decode_all(&buffer, &Limits::DEFAULT).unwrap();
        buffer.payload().map_or(0, |payload| AuxBlocks::new(&payload).filter(Result::is_ok).count())
    });
    assert_eq!((made.count, blocks), (0, 2), "{made:?}");
}
