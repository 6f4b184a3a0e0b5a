//! Codecs of the mailbox endpoint: [MS-OXCMAPIHTTP] 2.2, ROP buffers, property values.

pub mod aux_buffer;
mod flags;
pub mod lz77;
pub mod mapihttp;
pub mod property;
pub mod rop;
pub mod rpc_header_ext;
