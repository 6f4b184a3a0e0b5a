//! oxwire-mapi: request and response bodies, meta-tags, RPC_HEADER_EXT, AUX.

use bytes::{Bytes, BytesMut};
use oxwire::core::{DecodeError, Limits, decode_all, encode_to_bytes};
use oxwire::mapi::aux_buffer::{AuxBlock, AuxBlocks, ServerTopology, auxiliary_buffer, auxiliary_buffer_len};
use oxwire::mapi::mapihttp::{
    AdditionalHeaders, ConnectRequest, ConnectResponse, DisconnectRequest, DisconnectResponse, ExecuteRequest,
    ExecuteRequestBuilder, ExecuteResponse, MetaTag, NotificationWaitRequest, NotificationWaitResponse, PingRequest,
    PingResponse, RequestType, ResponseCode, ResponseLimits, ResponseParser, ResponsePart,
};
use oxwire::mapi::rpc_header_ext::{ExtendedBuffer, MAX_PAYLOAD, PayloadForm, xor_magic};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] =
    &[("mapi_body", mapi_body), ("meta_tags", meta_tags), ("extended_buffer", extended_buffer)];

/// What is read as a `$type` either encodes to something that reads the same, of the length that was promised, or is
/// refused when sent, which is stricter.
macro_rules! comes_back {
    ($type:ty, $data:expr) => {{
        use oxwire::core::Encode as _;
        let value = decode_all::<$type>($data, &Limits::DEFAULT);
        if let Ok(value) = &value {
            if let Ok(again) = encode_to_bytes(value) {
                assert_eq!(again.len(), value.encoded_len(), "{value:?}");
                assert_eq!(decode_all::<$type>(&again, &Limits::DEFAULT).as_ref(), Ok(value));
            }
        }
        value
    }};
}

/// Every body of the mailbox endpoint; the first byte says which.
pub fn mapi_body(data: &[u8]) {
    let Some((which, data)) = data.split_first() else { return };
    match which % 10 {
        0 => drop(comes_back!(ConnectRequest<'_>, data)),
        1 => {
            if let Ok(ConnectResponse::Success(body)) = comes_back!(ConnectResponse<'_>, data) {
                let _ = ServerTopology::from_auxiliary_buffer(body.auxiliary_buffer);
            }
        }
        2 => {
            if let Ok(request) = comes_back!(ExecuteRequest<'_>, data) {
                execute_request(&request);
            }
        }
        3 => {
            if let Ok(ExecuteResponse::Success(body)) = comes_back!(ExecuteResponse<'_>, data) {
                let _ = body.rop_payload(&Bytes::copy_from_slice(data));
            }
        }
        4 => drop(comes_back!(DisconnectRequest<'_>, data)),
        5 => drop(comes_back!(DisconnectResponse<'_>, data)),
        6 => drop(comes_back!(NotificationWaitRequest<'_>, data)),
        7 => drop(comes_back!(NotificationWaitResponse<'_>, data)),
        8 => assert_eq!(comes_back!(PingRequest, data).is_ok(), data.is_empty()),
        _ => assert_eq!(comes_back!(PingResponse, data).is_ok(), data.is_empty()),
    }
}

/// The payload that came out goes into a body of the builder's, and comes out of that.
fn execute_request(request: &ExecuteRequest<'_>) {
    let Ok(payload) = request.rop_payload(&Bytes::new()) else { return };
    let builder = ExecuteRequestBuilder { form: PayloadForm::XorMagic, ..Default::default() };
    let built = builder.build(payload.len(), |w| {
        w.bytes(&payload);
        Ok(())
    });
    assert_eq!(built.is_ok(), payload.len() <= MAX_PAYLOAD);
    let Ok(built) = built else { return };
    assert_eq!(built.len(), builder.len_with(payload.len()));
    let again: ExecuteRequest<'_> = decode_all(&built, &Limits::DEFAULT).expect("the builder's own");
    assert_eq!(again.rop_payload(&built), Ok(payload));
}

/// What a stream says: its parts in order, the pieces of the body joined.
#[derive(Debug, Default, PartialEq)]
struct Said {
    parts: Vec<ResponsePart>,
    body: BytesMut,
    known: AdditionalHeaders,
    end: Option<DecodeError>,
}

fn said<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Said {
    let limits = ResponseLimits::DEFAULT.with_line_bytes(64).with_headers(4).with_body_bytes(256);
    let mut parser = ResponseParser::new(limits);
    let mut said = Said::default();
    for piece in pieces {
        let mut chunk = Bytes::copy_from_slice(piece);
        loop {
            let left = chunk.len();
            match parser.parse(&mut chunk) {
                Ok(None) => {
                    assert!(chunk.is_empty(), "all is taken");
                    break;
                }
                Ok(Some(ResponsePart::Body(piece))) => {
                    assert!(!piece.is_empty());
                    said.body.extend_from_slice(&piece);
                }
                Ok(Some(part)) => {
                    assert!(chunk.len() < left, "each part takes something");
                    if let ResponsePart::Header(header) = &part {
                        said.known.on_header(header);
                    }
                    said.parts.push(part);
                }
                Err(error) => {
                    assert_eq!(parser.parse(&mut Bytes::from_static(b"DONE\r\n")), Err(error), "it stays broken");
                    assert_eq!(parser.finish(), Err(error));
                    said.end = Some(error);
                    return said;
                }
            }
        }
    }
    said.end = parser.finish().err();
    assert!(said.end.is_some() || parser.is_done());
    said
}

/// Any chunking of a common response says the same, in the order of the specification.
pub fn meta_tags(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else { return };
    let whole = said([stream].into_iter());
    assert_eq!(said(stream.chunks(1)), whole);
    assert_eq!(said(stream.chunks(usize::from(*size).max(1))), whole);
    let done = whole.parts.iter().position(|part| *part == ResponsePart::MetaTag(MetaTag::Done));
    for (at, part) in whole.parts.iter().enumerate() {
        let is_behind = done.is_some_and(|done| at > done);
        assert_eq!(is_behind, !matches!(part, ResponsePart::MetaTag(_)), "{part:?}");
    }
    let code = whole.known.effective_response_code(ResponseCode::SUCCESS);
    assert!(whole.known.response_code.is_some() || code.is_success());
    if let Ok(known) = RequestType::parse(stream) {
        assert!(known.as_str().as_bytes().eq_ignore_ascii_case(stream.trim_ascii()));
    }
}

/// A payload is as long as its header says, obfuscation undoes itself, and what blocks are walked come back.
pub fn extended_buffer(data: &[u8]) {
    let Ok(buffer) = decode_all::<ExtendedBuffer<'_>>(data, &Limits::DEFAULT) else { return };
    assert_eq!(buffer.stored().len(), usize::from(buffer.header().size));
    let payload = buffer.payload();
    let mut copy = BytesMut::new();
    buffer.copy_payload_to(&mut copy);
    assert_eq!(copy[..], payload[..]);
    if buffer.is_obfuscated() {
        xor_magic(&mut copy);
    }
    assert_eq!(copy[..], *buffer.stored());

    let walked = AuxBlocks::new(&payload).count();
    assert!(walked <= payload.len() / 4 + 1, "{walked} blocks");
    let blocks: Vec<AuxBlock<'_>> = AuxBlocks::new(&payload).filter_map(Result::ok).collect();
    let Ok(built) = auxiliary_buffer(PayloadForm::Plain, &blocks) else { return };
    assert_eq!(built.len(), auxiliary_buffer_len(&blocks));
    if let Ok(again) = decode_all::<ExtendedBuffer<'_>>(&built, &Limits::DEFAULT) {
        assert!(AuxBlocks::new(&again.payload()).map(|block| block.expect("read before")).eq(blocks));
    } else {
        assert!(blocks.is_empty());
    }
}
