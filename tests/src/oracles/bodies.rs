//! oxwire-mapi: request and response bodies, meta-tags, RPC_HEADER_EXT, AUX.

use bytes::{Bytes, BytesMut};
use oxwire::core::{DecodeError, Encode as _, Limits, decode_all, encode_to_bytes};
use oxwire::mapi::aux_buffer::{AuxBlock, AuxBlocks, ServerTopology, auxiliary_buffer, auxiliary_buffer_len};
use oxwire::mapi::mapihttp::{
    AdditionalHeaders, ConnectRequest, ConnectResponse, DisconnectRequest, DisconnectResponse, ExecuteFlags,
    ExecuteRequest, ExecuteRequestBuilder, ExecuteResponse, MetaTag, NotificationWaitRequest, NotificationWaitResponse,
    PingRequest, PingResponse, RequestType, ResponseCode, ResponseLimits, ResponseParser, ResponsePart,
};
use oxwire::mapi::rpc_header_ext::{
    ChainWriter, ExtendedBuffer, ExtendedBuffers, MAX_PAYLOAD, Packer, PayloadForm, RpcHeaderExt, xor_magic,
};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] = &[
    ("mapi_body", mapi_body),
    ("meta_tags", meta_tags),
    ("extended_buffer", extended_buffer),
    ("extended_chain", extended_chain),
    ("aux_blocks", aux_blocks),
];

/// What is read as a `$type` either encodes to something that reads the same, of the length that was promised, or is
/// refused when sent, which is stricter.
macro_rules! comes_back {
    ($type:ty, $data:expr) => {{
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
    let mut copy = BytesMut::from(&b"before"[..]);
    let copied = buffer.copy_payload_to(&mut copy);
    let payload = match buffer.payload() {
        Ok(payload) => payload,
        Err(error) => {
            assert!(buffer.is_compressed() && error.offset >= buffer.offset() && error.offset <= data.len());
            assert_eq!((copied, &copy[..]), (Err(error), &b"before"[..]));
            return;
        }
    };
    assert_eq!(payload.len(), usize::from(buffer.header().size_actual));
    let mut copy = copy.split_off(6);
    assert_eq!((copied, &copy[..]), (Ok(()), &payload[..]));
    if !buffer.is_compressed() {
        if buffer.is_obfuscated() {
            xor_magic(&mut copy);
        }
        assert_eq!(copy[..], *buffer.stored());
    }
}

/// The payloads of a chain lie within it, in order; what stands in it is written again to the same payloads, in every form.
pub fn extended_chain(data: &[u8]) {
    let limits = Limits::DEFAULT.with_body_bytes(1 << 20);
    let mut payloads = Vec::new();
    let mut end = 0;
    for buffer in ExtendedBuffers::with_limits(data, &limits) {
        let buffer = match buffer {
            Ok(buffer) => buffer,
            Err(error) => {
                assert!(error.offset <= data.len());
                break;
            }
        };
        assert_eq!(buffer.offset(), end + RpcHeaderExt::LEN);
        end = buffer.offset() + buffer.stored().len();
        payloads.extend(buffer.payload().ok().filter(|payload| payload.len() <= MAX_PAYLOAD));
    }
    assert!(end <= data.len() && payloads.len() <= ExtendedBuffers::MAX);
    let mut packer = Packer::new();
    for form in [PayloadForm::Plain, PayloadForm::Compressed, PayloadForm::CompressedXorMagic] {
        let mut out = BytesMut::new();
        let mut chain = ChainWriter::new(&mut packer, &mut out, form, ExecuteFlags::CHAIN, usize::MAX);
        for payload in &payloads {
            let pushed = chain.push(|w| {
                w.bytes(payload);
                Ok(())
            });
            assert_eq!(pushed, Ok(()));
        }
        let again: Result<Vec<_>, _> = ExtendedBuffers::new(&out).map(|buffer| buffer?.payload()).collect();
        assert_eq!(again.as_deref(), Ok(&payloads[..]));
    }
}

/// Blocks are bounded by their bytes, each is written as long as it says, and what was read comes back.
pub fn aux_blocks(data: &[u8]) {
    let walked = AuxBlocks::new(data).count();
    assert!(walked <= data.len() / 4 + 1, "{walked} blocks");
    for block in AuxBlocks::new(data).filter_map(Result::ok) {
        // Texts that share their bytes may not fit a block of their own.
        let Ok(written) = encode_to_bytes(&block) else { continue };
        assert_eq!(written.len(), block.encoded_len());
        assert_eq!(decode_all::<AuxBlock<'_>>(&written, &Limits::DEFAULT), Ok(block));
        let (version, block_type) = block.version_and_type();
        assert_eq!(written[2..4], [version, block_type]);
    }
    let blocks: Vec<AuxBlock<'_>> = AuxBlocks::new(data).filter_map(Result::ok).collect();
    let Ok(built) = auxiliary_buffer(PayloadForm::Compressed, &blocks) else { return };
    assert!(built.len() <= auxiliary_buffer_len(&blocks));
    if blocks.is_empty() {
        assert!(built.is_empty());
    } else {
        let again: ExtendedBuffer<'_> = decode_all(&built, &Limits::DEFAULT).expect("what was written");
        let payload = again.payload().expect("what was written");
        assert!(AuxBlocks::new(&payload).map(|block| block.expect("read before")).eq(blocks));
    }
}
