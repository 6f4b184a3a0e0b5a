//! The PING request type, [MS-OXCMAPIHTTP] 2.2.6, of both endpoints: no body either way.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

macro_rules! no_body {
    ($(#[$meta:meta])* $name:ident, $text:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name;

        impl Structure for $name {
            const NAME: &'static str = $text;
            const SPEC: &'static str = "[MS-OXCMAPIHTTP] 2.2.6";
        }

        impl Decode<'_> for $name {
            fn decode(_: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self)
            }
        }

        impl Encode for $name {
            fn encoded_len(&self) -> usize {
                0
            }

            fn encode(&self, _: &mut Writer<'_>) -> Result<(), EncodeError> {
                Ok(())
            }
        }
    };
}

no_body! {
    /// The request body of PING: no byte. [`decode_all`](oxwire_core::decode_all) reports any that came.
    PingRequest, "PING request body"
}

no_body! {
    /// The response body of PING: no byte behind the meta-tags and additional headers, which there can be (3.2.5.3).
    PingResponse, "PING response body"
}
