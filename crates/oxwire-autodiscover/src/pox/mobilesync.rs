//! The response to Exchange ActiveSync: [MS-ASCMD] 2.2.1.1.2. Its request is [`Request`](super::Request) with
//! [`Schema::MobileSync`].

use oxwire_core::EncodeError;

use super::element::{Unknown, document, encode_unknown, is, leaves, once, write_document};
use super::response::ServerError;
use super::schema::{self, Schema};
use crate::text::{Text, into_owned};
use crate::xml::{Reader, Source, Writer, XmlError};

leaves! {
    /// The user.
    MobileUser {
        /// `DisplayName`.
        display_name: "DisplayName",
        /// `EMailAddress`.
        email_address: "EMailAddress",
    }
}

leaves! {
    /// A server of the user's.
    Server {
        /// `Type`: `MobileSync`, or `CertEnroll`.
        server_type: "Type",
        /// `Url`.
        url: "Url",
        /// `Name`: the URL of ActiveSync once more, or the template's name.
        name: "Name",
        /// `ServerData`.
        server_data: "ServerData",
    }
}

leaves! {
    /// An error inside `Action`.
    ActionError {
        /// `Status`: 2 in the example of [MS-ASCMD] 4.2.2, a directory that could not be reached.
        status: "Status",
        /// `Message`.
        message: "Message",
        /// `DebugData`.
        debug_data: "DebugData",
        /// `ErrorCode`.
        error_code: "ErrorCode",
    }
}

/// The response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MobileResponse<'x> {
    /// `Culture`, as in `en:us`.
    pub culture: Option<Text<'x>>,
    /// `User`.
    pub user: Option<MobileUser<'x>>,
    /// `Redirect` inside `Action`: the address to ask for instead.
    pub redirect: Option<Text<'x>>,
    /// The servers of `Settings` inside `Action`.
    pub servers: Vec<Server<'x>>,
    /// `Error` inside `Action`.
    pub action_error: Option<ActionError<'x>>,
    /// `Error` beside `Action`.
    pub error: Option<ServerError<'x>>,
    /// Elements inside `Action` that this library does not know.
    pub action_unknown: Vec<Unknown<'x>>,
    /// Elements inside `Settings` that this library does not know.
    pub settings_unknown: Vec<Unknown<'x>>,
    /// Elements inside `Response` that this library does not know.
    pub unknown: Vec<Unknown<'x>>,
}
into_owned!(MobileResponse {
    culture,
    user,
    redirect,
    servers,
    action_error,
    error,
    action_unknown,
    settings_unknown,
    unknown
});

impl<'x> MobileResponse<'x> {
    /// Reads a response.
    ///
    /// # Errors
    /// [`XmlError`]: not well formed, another document, another namespace.
    pub fn decode(source: &'x Source<'x>) -> Result<Self, XmlError> {
        let ours = |name: &str| schema::is_common(name) || Schema::of_response(name) == Some(Schema::MobileSync);
        document(source, "Response", Schema::MobileSync.response(), ours, |reader, _| {
            let mut response = Self::default();
            while let Some(element) = reader.child()? {
                if is(&element, "Culture") {
                    once(&mut response.culture, &mut response.unknown, reader, &element)?;
                } else if is(&element, "User") && response.user.is_none() {
                    response.user = Some(MobileUser::decode(reader)?);
                } else if is(&element, "Action") {
                    response.action(reader)?;
                } else if is(&element, "Error") && response.error.is_none() {
                    response.error = Some(ServerError::decode(reader, &element)?);
                } else {
                    response.unknown.push(Unknown::decode(reader, &element)?);
                }
            }
            Ok(response)
        })
    }

    fn action(&mut self, reader: &mut Reader<'x>) -> Result<(), XmlError> {
        while let Some(element) = reader.child()? {
            if is(&element, "Redirect") {
                once(&mut self.redirect, &mut self.action_unknown, reader, &element)?;
            } else if is(&element, "Settings") {
                while let Some(element) = reader.child()? {
                    if is(&element, "Server") {
                        self.servers.push(Server::decode(reader)?);
                    } else {
                        self.settings_unknown.push(Unknown::decode(reader, &element)?);
                    }
                }
            } else if is(&element, "Error") && self.action_error.is_none() {
                self.action_error = Some(ActionError::decode(reader)?);
            } else {
                self.action_unknown.push(Unknown::decode(reader, &element)?);
            }
        }
        Ok(())
    }

    /// Writes the response. One that is only an error stands in the common namespace, as servers send it.
    ///
    /// # Errors
    /// A value with a character that XML forbids.
    pub fn encode(&self) -> Result<String, EncodeError> {
        let error_only = self.error.is_some() && self.user.is_none() && !self.has_action();
        let namespace = if error_only { schema::RESPONSE } else { Schema::MobileSync.response() };
        write_document(1 << 10, schema::RESPONSE, ("Response", namespace), |writer| {
            writer.optional("Culture", self.culture.as_deref())?;
            if let Some(user) = &self.user {
                user.encode("User", writer)?;
            }
            if self.has_action() {
                self.encode_action(writer)?;
            }
            if let Some(error) = &self.error {
                error.encode(writer)?;
            }
            encode_unknown(&self.unknown, writer);
            Ok(())
        })
    }

    fn has_action(&self) -> bool {
        self.redirect.is_some() || self.has_settings() || self.action_error.is_some() || !self.action_unknown.is_empty()
    }

    fn has_settings(&self) -> bool {
        !self.servers.is_empty() || !self.settings_unknown.is_empty()
    }

    fn encode_action(&self, writer: &mut Writer) -> Result<(), EncodeError> {
        writer.start("Action", &[])?;
        writer.optional("Redirect", self.redirect.as_deref())?;
        if self.has_settings() {
            writer.start("Settings", &[])?;
            for server in &self.servers {
                server.encode("Server", writer)?;
            }
            encode_unknown(&self.settings_unknown, writer);
            writer.end("Settings");
        }
        if let Some(error) = &self.action_error {
            error.encode("Error", writer)?;
        }
        encode_unknown(&self.action_unknown, writer);
        writer.end("Action");
        Ok(())
    }
}
