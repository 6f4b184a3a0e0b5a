//! The request, and the headers that belong to it.

use oxwire_core::EncodeError;

use super::element::{Unknown, document, encode_unknown, is, once};
use super::schema::Schema;
use crate::text::{Text, into_owned};
use crate::xml::{Source, XmlError, XmlErrorKind};

/// A POX request of either schema: [MS-OXDSCLI] 2.2.3, [MS-ASCMD] 2.2.1.1.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'x> {
    /// The service that is asked.
    pub schema: Schema,
    /// `EMailAddress`: the address of the mailbox.
    pub email_address: Option<Text<'x>>,
    /// `LegacyDN`: the mailbox by its distinguished name instead.
    pub legacy_dn: Option<Text<'x>>,
    /// `AcceptableResponseSchema`: the namespaces that the client reads, as it spells them.
    pub acceptable: Vec<Text<'x>>,
    /// Elements that this library does not know.
    pub unknown: Vec<Unknown<'x>>,
}
into_owned!(Request { email_address, legacy_dn, acceptable, unknown } copy { schema });

impl<'x> Request<'x> {
    /// A request for the mailbox of an address, which accepts the response of its own schema.
    #[must_use]
    pub fn for_address(schema: Schema, address: impl Into<Text<'x>>) -> Self {
        let acceptable = vec![schema.response().into()];
        Self { schema, email_address: Some(address.into()), legacy_dn: None, acceptable, unknown: Vec::new() }
    }

    /// A request of Outlook's for the mailbox of a distinguished name.
    #[must_use]
    pub fn for_legacy_dn(legacy_dn: impl Into<Text<'x>>) -> Self {
        let mut request = Self::for_address(Schema::Outlook, "");
        request.email_address = None;
        request.legacy_dn = Some(legacy_dn.into());
        request
    }

    /// The first schema among the acceptable ones that this library answers. A client that names none means its own.
    #[must_use]
    pub fn answer_in(&self) -> Option<Schema> {
        if self.acceptable.is_empty() {
            return Some(self.schema);
        }
        self.acceptable.iter().find_map(|name| Schema::of_response(name))
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`XmlError`]: not well formed, another document, another namespace, neither address nor distinguished name.
    pub fn decode(source: &'x Source<'x>) -> Result<Self, XmlError> {
        // Without a namespace it is Outlook's: clients that write none ask for that.
        let of = |name: &str| if name.is_empty() { Some(Schema::Outlook) } else { Schema::of_request(name) };
        document(
            source,
            "Request",
            Schema::Outlook.request(),
            |name| of(name).is_some(),
            |reader, start| {
                let schema = of(reader.namespace()).unwrap_or(Schema::Outlook);
                let mut request =
                    Self { schema, email_address: None, legacy_dn: None, acceptable: Vec::new(), unknown: Vec::new() };
                while let Some(element) = reader.child()? {
                    if is(&element, "EMailAddress") {
                        once(&mut request.email_address, &mut request.unknown, reader, &element)?;
                    } else if is(&element, "LegacyDN") {
                        once(&mut request.legacy_dn, &mut request.unknown, reader, &element)?;
                    } else if is(&element, "AcceptableResponseSchema") {
                        request.acceptable.push(reader.text()?);
                    } else {
                        request.unknown.push(Unknown::decode(reader, &element)?);
                    }
                }
                let filled = |value: &Option<Text<'_>>| value.as_ref().is_some_and(|value| !value.is_empty());
                if filled(&request.email_address) || filled(&request.legacy_dn) {
                    Ok(request)
                } else {
                    Err(reader.error_at(start, XmlErrorKind::Missing { element: "EMailAddress or LegacyDN" }))
                }
            },
        )
    }

    /// Writes the request.
    ///
    /// # Errors
    /// A value with a character that XML forbids.
    pub fn encode(&self) -> Result<String, EncodeError> {
        let mut writer = crate::xml::Writer::document(512);
        writer.start("Autodiscover", &[("xmlns", self.schema.request())])?;
        writer.start("Request", &[])?;
        writer.optional("EMailAddress", self.email_address.as_deref())?;
        writer.optional("LegacyDN", self.legacy_dn.as_deref())?;
        for schema in &self.acceptable {
            writer.text("AcceptableResponseSchema", schema)?;
        }
        encode_unknown(&self.unknown, &mut writer);
        writer.end("Request");
        writer.end("Autodiscover");
        Ok(writer.finish())
    }
}

/// The headers of a request that change its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestHeaders<'x> {
    /// `X-MapiHttpCapability`: the version of MAPI/HTTP that the client speaks. Exchange knows 1.
    pub mapi_http_capability: Option<u32>,
    /// `Negotiate` among `X-ClientCanHandle`.
    pub negotiate: bool,
    /// `ExHttpInfo` among `X-ClientCanHandle`: the client reads a protocol of type `EXHTTP`.
    pub ex_http_info: bool,
    /// `X-AnchorMailbox`: the address that routes the request.
    pub anchor_mailbox: Option<Text<'x>>,
}
into_owned!(RequestHeaders { anchor_mailbox } copy { mapi_http_capability, negotiate, ex_http_info });

impl<'x> RequestHeaders<'x> {
    /// Takes what concerns Autodiscover from the fields of a request; names and values in any letter case. A value that
    /// means nothing is passed over.
    pub fn from_fields(fields: impl IntoIterator<Item = (&'x str, &'x str)>) -> Self {
        let mut headers = Self::default();
        for (name, value) in fields {
            if name.eq_ignore_ascii_case("X-MapiHttpCapability") {
                headers.mapi_http_capability = value.trim().parse().ok();
            } else if name.eq_ignore_ascii_case("X-ClientCanHandle") {
                for what in value.split(',').map(str::trim) {
                    headers.negotiate |= what.eq_ignore_ascii_case("Negotiate");
                    headers.ex_http_info |= what.eq_ignore_ascii_case("ExHttpInfo");
                }
            } else if name.eq_ignore_ascii_case("X-AnchorMailbox") {
                headers.anchor_mailbox = Some(value.trim().into());
            }
        }
        headers
    }

    /// The fields to send, in the specifications' spelling.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, Text<'_>)> {
        let handle = match (self.negotiate, self.ex_http_info) {
            (true, true) => Some("Negotiate, ExHttpInfo"),
            (true, false) => Some("Negotiate"),
            (false, true) => Some("ExHttpInfo"),
            (false, false) => None,
        };
        let mapi = self.mapi_http_capability.map(|version| ("X-MapiHttpCapability", version.to_string().into()));
        let handle = handle.map(|handle| ("X-ClientCanHandle", handle.into()));
        let anchor = self.anchor_mailbox.as_deref().map(|anchor| ("X-AnchorMailbox", anchor.into()));
        [mapi, handle, anchor].into_iter().flatten()
    }
}
