//! Extended buffers and what is in them: ROPs and auxiliary blocks.

use std::borrow::Cow;

use oxwire::core::{Limits, Reader, Structure, decode_all};
use oxwire::mapi::aux_buffer::{AuxBlock, AuxBlocks};
use oxwire::mapi::rop::{Request, RopBuffer, RopError, RopResponse};
use oxwire::mapi::rpc_header_ext::{ExtendedBuffer, ExtendedBuffers, RpcHeaderExt};

use super::kind::Kind;
use super::tree::Tree;

/// What a chain holds, by its first payload: ROPs where that is a ROP buffer, else auxiliary blocks.
pub(super) fn content_of(bytes: &[u8]) -> Kind {
    let payload = ExtendedBuffers::new(bytes).next().and_then(Result::ok).and_then(|buffer| buffer.payload().ok());
    let payload = payload.unwrap_or_default();
    let rops = decode_all::<RopBuffer<'_>>(&payload, &Limits::DEFAULT);
    let blocks = || AuxBlocks::new(&payload);
    let is_aux = !payload.is_empty() && blocks().all(|block| block.is_ok_and(|block| block.name().is_some()));
    if is_aux && !rops.is_ok_and(|rops| rops.requests().all(|request| request.is_ok())) {
        Kind::Auxiliary
    } else {
        Kind::Extended
    }
}

/// The payloads of a `RopBuffer` that begins at `base`, and the ROPs in them. `requests` says which way they go; `None` guesses.
pub(super) fn rop_chain(chain: &[u8], base: usize, requests: Option<bool>, tree: &mut Tree<'_>) {
    for buffer in ExtendedBuffers::new(chain).at_offset(base) {
        match buffer {
            Ok(buffer) => payload(&buffer, tree, &|bytes, tree| {
                let requests = requests.unwrap_or_else(|| {
                    decode_all::<RopBuffer<'_>>(bytes, &Limits::DEFAULT)
                        .is_ok_and(|rops| rops.requests().all(|request| request.is_ok()))
                });
                rops(bytes, requests, tree);
            }),
            Err(error) => tree.error(&error),
        }
    }
}

/// An `AuxiliaryBuffer` that begins at `base`.
pub(super) fn auxiliary(buffer: &[u8], base: usize, tree: &mut Tree<'_>) {
    if buffer.is_empty() {
        return;
    }
    let mut r = Reader::with_limits(buffer, &Limits::DEFAULT).at_offset(base);
    match r.structure::<ExtendedBuffer<'_>>() {
        Ok(extended) => payload(&extended, tree, &blocks),
        Err(error) => tree.error(&error),
    }
    if let Err(error) = r.finish() {
        tree.error(&error);
    }
}

/// A header, and its payload by `inner`.
fn payload(buffer: &ExtendedBuffer<'_>, tree: &mut Tree<'_>, inner: &dyn Fn(&[u8], &mut Tree<'_>)) {
    let header = buffer.header();
    let at = buffer.offset().saturating_sub(RpcHeaderExt::LEN);
    let text =
        format!("{}: {:?}, Size {}, SizeActual {}", RpcHeaderExt::NAME, header.flags, header.size, header.size_actual);
    tree.line(at, &text, RpcHeaderExt::SPEC);
    match buffer.payload() {
        Ok(bytes) => {
            let restored = match bytes {
                Cow::Borrowed(_) => {
                    format!("payload: {} bytes at {:#x}; offsets count from there", bytes.len(), buffer.offset())
                }
                Cow::Owned(_) => format!("payload: {} bytes, restored; offsets count in them", bytes.len()),
            };
            tree.within(|tree| {
                tree.field(&restored);
                tree.within_payload(&bytes, |tree| inner(&bytes, tree));
            });
        }
        Err(error) => tree.error(&error),
    }
}

fn blocks(payload: &[u8], tree: &mut Tree<'_>) {
    let mut at = 0_usize;
    for block in AuxBlocks::new(payload) {
        let size =
            payload.get(at..).and_then(|rest| rest.first_chunk::<2>()).map_or(0, |size| u16::from_le_bytes(*size));
        match block {
            Ok(AuxBlock::Other(block)) => {
                let text = format!(
                    "block of version {}, type {:#04x}: {} bytes",
                    block.version,
                    block.block_type,
                    block.payload.len()
                );
                tree.line(at, &text, "[MS-OXCRPC] 2.2.2.2");
                tree.raw(at.saturating_add(4), block.payload.len());
            }
            Ok(block) => {
                tree.line(at, block.name().unwrap_or("block"), "[MS-OXCRPC] 2.2.2.2");
                tree.within(|tree| tree.fields(&block));
            }
            Err(error) => tree.error(&error),
        }
        at = at.saturating_add(size.into());
    }
}

/// A ROP buffer that stands alone in `bytes`.
pub(super) fn rops(bytes: &[u8], requests: bool, tree: &mut Tree<'_>) {
    let buffer = match decode_all::<RopBuffer<'_>>(bytes, &Limits::DEFAULT) {
        Ok(buffer) => buffer,
        Err(error) => return tree.error(&error),
    };
    let list = buffer.rops_list().len();
    let which = if requests { "ROP input buffer" } else { "ROP output buffer" };
    tree.line(0, &format!("{which}: RopsList of {list} bytes"), RopBuffer::SPEC);
    tree.within(|tree| if requests { rop_requests(&buffer, tree) } else { rop_responses(&buffer, bytes, tree) });
    let handles = buffer.handles();
    tree.line(
        list.saturating_add(2),
        &format!("Server object handle table: {} handles", handles.len()),
        RopBuffer::SPEC,
    );
    tree.within(|tree| {
        for (index, handle) in handles.iter().enumerate() {
            tree.line(
                list.saturating_add(2).saturating_add(index.saturating_mul(4)),
                &format!("[{index}] {:#010x}", handle.0),
                "",
            );
        }
    });
}

fn rop_requests(buffer: &RopBuffer<'_>, tree: &mut Tree<'_>) {
    for request in buffer.requests() {
        match request {
            Ok(request) => {
                tree.line(request.offset, request.rop.rop_id().name().unwrap_or("ROP"), "[MS-OXCROPS] 2.2");
                tree.within(|tree| tree.fields(&request.rop));
            }
            Err(error) => broken(&error, tree),
        }
    }
}

/// Responses alone: rows whose columns stand in a request cannot be taken apart, and are shown as bytes.
fn rop_responses(buffer: &RopBuffer<'_>, bytes: &[u8], tree: &mut Tree<'_>) {
    let mut responses = buffer.raw_responses();
    let end = buffer.rops_list().len().saturating_add(2);
    loop {
        let at = end.saturating_sub(responses.rest().len());
        let name = responses.peek().and_then(oxwire::mapi::rop::RopId::name).unwrap_or("ROP");
        match responses.next_with(None) {
            Some(Ok(response)) => {
                let failed = if matches!(response, RopResponse::Failure(_)) { ", which failed" } else { "" };
                tree.line(at, &format!("{name} response{failed}"), "[MS-OXCROPS] 2.2");
                tree.within(|tree| tree.fields(&response));
            }
            Some(Err(error)) => {
                broken(&error, tree);
                tree.raw(at, end.min(bytes.len()).saturating_sub(at));
            }
            None => return,
        }
    }
}

fn broken(error: &RopError<'_>, tree: &mut Tree<'_>) {
    tree.failed(error.error.offset, &format!("{error}; it begins at {:#x}", error.offset));
}
