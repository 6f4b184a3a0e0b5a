#![doc = include_str!("../README.md")]

#[cfg(feature = "auth")]
pub use oxwire_auth as auth;
#[cfg(feature = "autodiscover")]
pub use oxwire_autodiscover as autodiscover;
pub use oxwire_core as core;
pub use oxwire_http as http;
#[cfg(feature = "mapi")]
pub use oxwire_mapi as mapi;
#[cfg(feature = "mapihttp")]
pub use oxwire_mapihttp as mapihttp;
#[cfg(feature = "mapirpc")]
pub use oxwire_mapirpc as mapirpc;
#[cfg(feature = "rpc")]
pub use oxwire_rpc as rpc;
#[cfg(feature = "rpch")]
pub use oxwire_rpch as rpch;
