//! Codecs of both endpoints of MAPI over HTTP: [MS-OXCMAPIHTTP] 2.2, ROP buffers, property values, the address book.

pub mod aux_buffer;
mod flags;
pub mod lz77;
pub mod mapihttp;
pub mod nspi;
pub mod property;
pub mod rop;
pub mod rpc_header_ext;
