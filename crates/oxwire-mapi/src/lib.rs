//! Codecs of the mailbox endpoint: [MS-OXCMAPIHTTP] 2.2, ROP buffers, property values.

mod flags;
pub mod mapihttp;
pub mod rpc_header_ext;
