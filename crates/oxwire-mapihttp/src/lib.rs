//! Session Contexts of MAPI over HTTP, client and server: [MS-OXCMAPIHTTP] 3.
