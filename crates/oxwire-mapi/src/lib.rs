//! Codecs of the mailbox endpoint: [MS-OXCMAPIHTTP] 2.2, ROP buffers, property values.
