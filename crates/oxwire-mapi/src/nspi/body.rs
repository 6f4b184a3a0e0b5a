//! What request and success response bodies have in common: fields in order, and an auxiliary buffer at the end.

/// Defines a request body: its fields in the order of the wire. `@reserved "Name";` in front is a field that is written as 0 and
/// ignored on receipt.
macro_rules! request {
    (
        $(#[$meta:meta])* $name:ident, $text:literal, $spec:literal;
        $(@reserved $reserved:literal;)?
        $($(#[$doc:meta])* $field:ident: $ty:ty = $wire:literal;)*
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name<'de> {
            $($(#[$doc])* pub $field: $ty,)*
            /// The extended buffer of the client's auxiliary blocks; empty for none.
            pub auxiliary_buffer: &'de [u8],
        }

        impl oxwire_core::Structure for $name<'_> {
            const NAME: &'static str = $text;
            const SPEC: &'static str = $spec;
        }

        impl<'de> oxwire_core::Decode<'de> for $name<'de> {
            fn decode(r: &mut oxwire_core::Reader<'de>) -> Result<Self, oxwire_core::DecodeError> {
                $(r.u32_le($reserved)?;)?
                Ok(Self {
                    $($field: $crate::nspi::field::Field::read(r, $wire)?,)*
                    auxiliary_buffer: $crate::mapihttp::auxiliary::read(r)?,
                })
            }
        }

        impl oxwire_core::Encode for $name<'_> {
            fn encoded_len(&self) -> usize {
                let len = $crate::mapihttp::auxiliary::encoded_len(self.auxiliary_buffer);
                $(let len = usize::saturating_add(len, $crate::nspi::body::reserved_len($reserved));)?
                $(let len = usize::saturating_add(len, $crate::nspi::field::Field::size(&self.$field));)*
                len
            }

            fn encode(&self, w: &mut oxwire_core::Writer<'_>) -> Result<(), oxwire_core::EncodeError> {
                $($crate::nspi::body::write_reserved(w, $reserved);)?
                $($crate::nspi::field::Field::write(&self.$field, w, $wire)?;)*
                $crate::mapihttp::auxiliary::write(w, self.auxiliary_buffer)
            }
        }
    };
}

/// Defines a success response body and the enum of it and the failure response body: StatusCode 0 and ErrorCode in front, the
/// out-parameters in the order of the wire. When ErrorCode is a failure they are written as absent or zero, whatever they hold.
macro_rules! response {
    (
        $(#[$meta:meta])* $name:ident, $text:literal, $spec:literal;
        $response:ident, $response_text:literal, $response_spec:literal, $failure:ident;
        $($(#[$doc:meta])* $field:ident: $ty:ty = $wire:literal;)*
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name<'de> {
            /// The return value of the operation, [MS-OXNSPI] 2.2.2. With a failure, all that follows is written as absent or
            /// zero: clients crash at anything else.
            pub error_code: $crate::property::ErrorCode,
            $($(#[$doc])* pub $field: $ty,)*
            /// The extended buffer of the server's auxiliary blocks; empty for none.
            pub auxiliary_buffer: &'de [u8],
        }

        impl $name<'_> {
            /// A body that carries this ErrorCode and nothing else.
            #[must_use]
            pub fn failed(error_code: $crate::property::ErrorCode) -> Self {
                Self { error_code, $($field: Default::default(),)* auxiliary_buffer: &[] }
            }
        }

        impl oxwire_core::Structure for $name<'_> {
            const NAME: &'static str = $text;
            const SPEC: &'static str = $spec;
        }

        impl<'de> oxwire_core::Decode<'de> for $name<'de> {
            fn decode(r: &mut oxwire_core::Reader<'de>) -> Result<Self, oxwire_core::DecodeError> {
                $crate::mapihttp::failure::read_success_status(r)?;
                Ok(Self {
                    error_code: $crate::nspi::field::Field::read(r, "ErrorCode")?,
                    $($field: $crate::nspi::field::Field::read(r, $wire)?,)*
                    auxiliary_buffer: $crate::mapihttp::auxiliary::read(r)?,
                })
            }
        }

        impl oxwire_core::Encode for $name<'_> {
            fn encoded_len(&self) -> usize {
                let len = $crate::mapihttp::auxiliary::encoded_len(self.auxiliary_buffer).saturating_add(8);
                $(
                    let len = len.saturating_add(if self.error_code.is_failure() {
                        $crate::nspi::field::Field::size(&$crate::nspi::body::zero(&self.$field))
                    } else {
                        $crate::nspi::field::Field::size(&self.$field)
                    });
                )*
                len
            }

            fn encode(&self, w: &mut oxwire_core::Writer<'_>) -> Result<(), oxwire_core::EncodeError> {
                w.u32_le(0);
                w.u32_le(self.error_code.0);
                $(
                    if self.error_code.is_failure() {
                        $crate::nspi::field::Field::write(&$crate::nspi::body::zero(&self.$field), w, $wire)?;
                    } else {
                        $crate::nspi::field::Field::write(&self.$field, w, $wire)?;
                    }
                )*
                $crate::mapihttp::auxiliary::write(w, self.auxiliary_buffer)
            }
        }

        #[doc = concat!("The response body of ", $response_spec, ", told by StatusCode.")]
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub enum $response<'de> {
            /// StatusCode is 0. The operation has an ErrorCode of its own.
            Success($name<'de>),
            /// StatusCode is not 0.
            Failure($failure<'de>),
        }

        impl oxwire_core::Structure for $response<'_> {
            const NAME: &'static str = $response_text;
            const SPEC: &'static str = $response_spec;
        }

        impl<'de> oxwire_core::Decode<'de> for $response<'de> {
            fn decode(r: &mut oxwire_core::Reader<'de>) -> Result<Self, oxwire_core::DecodeError> {
                if $crate::mapihttp::failure::is_failure(r) {
                    r.structure().map(Self::Failure)
                } else {
                    r.structure().map(Self::Success)
                }
            }
        }

        impl oxwire_core::Encode for $response<'_> {
            fn encoded_len(&self) -> usize {
                match self {
                    Self::Success(body) => body.encoded_len(),
                    Self::Failure(body) => body.encoded_len(),
                }
            }

            fn encode(&self, w: &mut oxwire_core::Writer<'_>) -> Result<(), oxwire_core::EncodeError> {
                match self {
                    Self::Success(body) => w.structure(body),
                    Self::Failure(body) => w.structure(body),
                }
            }
        }
    };
}

pub(super) use {request, response};

use oxwire_core::Writer;

/// Writes a reserved field.
pub(super) fn write_reserved(w: &mut Writer<'_>, _field: &'static str) {
    w.u32_le(0);
}

/// Its length.
pub(super) const fn reserved_len(_field: &'static str) -> usize {
    4
}

/// What an out-parameter holds when the call failed.
pub(super) fn zero<T: Default>(_: &T) -> T {
    T::default()
}
