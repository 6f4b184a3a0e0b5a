//! How the types that a [`Paused`](super::Paused) client holds are stored, where serde has no word for them.

/// Makes a `with` module: how to get the stored form of a value, and the value of a stored form.
macro_rules! stored {
    ($(#[$doc:meta])* $module:ident: $type:ty => $form:ty, $to:expr, $from:expr) => {
        $(#[$doc])*
        pub(super) mod $module {
            use super::*;

            pub(in crate::client) fn serialize<S: Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                let form: $form = ($to)(value);
                form.serialize(to)
            }

            pub(in crate::client) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                let form = <$form>::deserialize(from)?;
                ($from)(form).map_err(|error: &'static str| D::Error::custom(error))
            }
        }
    };
}

use std::sync::Arc;

use bytes::Bytes;
use oxwire_core::SecretString;
use oxwire_http::{ResponseHead, Version};
use oxwire_mapi::mapihttp::{AdditionalHeader, RequestType, ResponseCode};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Body;

stored! {
    request_type: RequestType => String,
    |value: &RequestType| value.as_str().to_owned(),
    |form: String| RequestType::parse(form.as_bytes()).map_err(|_| "expected a request type")
}

stored! {
    response_code: ResponseCode => u32,
    |value: &ResponseCode| value.number(),
    |form: u32| Ok(ResponseCode::new(form))
}

stored! {
    text: Arc<str> => String,
    |value: &Arc<str>| value.to_string(),
    |form: String| Ok(form.into())
}

stored! {
    secret: SecretString => String,
    |value: &SecretString| value.expose().to_owned(),
    |form: String| Ok(form.into())
}

stored! {
    body: Body => Bytes,
    |value: &Body| value.clone().into_bytes(),
    |form: Bytes| Ok(form.into())
}

stored! {
    additional: Vec<AdditionalHeader> => Vec<(Bytes, Bytes)>,
    |value: &Vec<AdditionalHeader>| value
        .iter()
        .map(|header| (Bytes::copy_from_slice(header.name()), header.value_bytes()))
        .collect(),
    |form: Vec<(Bytes, Bytes)>| Ok(form.into_iter().map(|(name, value)| AdditionalHeader::new(&name, &value)).collect())
}

/// A response head, taken apart.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct StoredHead {
    http10: bool,
    status: u16,
    reason: String,
    fields: Vec<(String, Bytes)>,
}

stored! {
    head: ResponseHead => StoredHead,
    |value: &ResponseHead| StoredHead {
        http10: value.version() == Version::Http10,
        status: value.status(),
        reason: String::from_utf8_lossy(value.reason()).into_owned(),
        // Cookies are in the jar, and nowhere else.
        fields: value
            .fields()
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("Set-Cookie"))
            .map(|(name, value)| (name.to_owned(), Bytes::copy_from_slice(value)))
            .collect(),
    },
    |form: StoredHead| {
        let version = if form.http10 { Version::Http10 } else { Version::Http11 };
        let head = ResponseHead::builder(form.status, &form.reason).version(version);
        let head = form.fields.iter().fold(head, |head, (name, value)| head.field(name, value));
        head.response().map_err(|_| "expected a response head")
    }
}
