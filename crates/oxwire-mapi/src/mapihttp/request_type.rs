//! The X-RequestType header field, [MS-OXCMAPIHTTP] 2.2.3.3.1.

use std::fmt;

/// A request type of either endpoint. All are known by name; the bodies of the mailbox endpoint's are in this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RequestType {
    /// Mailbox endpoint: establishes a Session Context.
    Connect,
    /// Mailbox endpoint: carries ROPs.
    Execute,
    /// Mailbox endpoint: destroys the Session Context.
    Disconnect,
    /// Mailbox endpoint: waits for an event.
    NotificationWait,
    /// Both endpoints: whether the endpoint answers; keeps the Session Context alive.
    Ping,
    /// Address book endpoint.
    Bind,
    /// Address book endpoint.
    Unbind,
    /// Address book endpoint; "CompareMinIds" in its section's title.
    CompareMIds,
    /// Address book endpoint; "DnToMinId" in its section's title.
    DnToMId,
    /// Address book endpoint.
    GetMatches,
    /// Address book endpoint.
    GetPropList,
    /// Address book endpoint.
    GetProps,
    /// Address book endpoint.
    GetSpecialTable,
    /// Address book endpoint.
    GetTemplateInfo,
    /// Address book endpoint.
    ModLinkAtt,
    /// Address book endpoint.
    ModProps,
    /// Address book endpoint.
    QueryColumns,
    /// Address book endpoint.
    QueryRows,
    /// Address book endpoint.
    ResolveNames,
    /// Address book endpoint.
    ResortRestriction,
    /// Address book endpoint.
    SeekEntries,
    /// Address book endpoint.
    UpdateStat,
    /// Address book endpoint.
    GetMailboxUrl,
    /// Address book endpoint.
    GetAddressBookUrl,
}

impl RequestType {
    /// All of them, the mailbox endpoint's first.
    pub const ALL: &'static [Self] = &[
        Self::Connect,
        Self::Execute,
        Self::Disconnect,
        Self::NotificationWait,
        Self::Ping,
        Self::Bind,
        Self::Unbind,
        Self::CompareMIds,
        Self::DnToMId,
        Self::GetMatches,
        Self::GetPropList,
        Self::GetProps,
        Self::GetSpecialTable,
        Self::GetTemplateInfo,
        Self::ModLinkAtt,
        Self::ModProps,
        Self::QueryColumns,
        Self::QueryRows,
        Self::ResolveNames,
        Self::ResortRestriction,
        Self::SeekEntries,
        Self::UpdateStat,
        Self::GetMailboxUrl,
        Self::GetAddressBookUrl,
    ];

    /// The value of the X-RequestType header, spelled as the specification spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "Connect",
            Self::Execute => "Execute",
            Self::Disconnect => "Disconnect",
            Self::NotificationWait => "NotificationWait",
            Self::Ping => "PING",
            Self::Bind => "Bind",
            Self::Unbind => "Unbind",
            Self::CompareMIds => "CompareMIds",
            Self::DnToMId => "DNToMId",
            Self::GetMatches => "GetMatches",
            Self::GetPropList => "GetPropList",
            Self::GetProps => "GetProps",
            Self::GetSpecialTable => "GetSpecialTable",
            Self::GetTemplateInfo => "GetTemplateInfo",
            Self::ModLinkAtt => "ModLinkAtt",
            Self::ModProps => "ModProps",
            Self::QueryColumns => "QueryColumns",
            Self::QueryRows => "QueryRows",
            Self::ResolveNames => "ResolveNames",
            Self::ResortRestriction => "ResortRestriction",
            Self::SeekEntries => "SeekEntries",
            Self::UpdateStat => "UpdateStat",
            Self::GetMailboxUrl => "GetMailboxUrl",
            Self::GetAddressBookUrl => "GetAddressBookUrl",
        }
    }

    /// Reads a header value, in any letter case: gromox answers in lower case. Blanks around it do not count.
    ///
    /// # Errors
    /// [`UnknownRequestType`], which keeps the value.
    pub fn parse(value: &[u8]) -> Result<Self, UnknownRequestType<'_>> {
        let value = value.trim_ascii();
        let known = Self::ALL.iter().find(|known| known.as_str().as_bytes().eq_ignore_ascii_case(value));
        known.copied().ok_or(UnknownRequestType { value })
    }

    /// Whether the mailbox endpoint has it ([MS-OXCMAPIHTTP] 2.2.4, 2.2.6).
    #[must_use]
    pub const fn is_mailbox(self) -> bool {
        matches!(self, Self::Connect | Self::Execute | Self::Disconnect | Self::NotificationWait | Self::Ping)
    }

    /// Whether the address book endpoint has it ([MS-OXCMAPIHTTP] 2.2.5, 2.2.6).
    #[must_use]
    pub const fn is_address_book(self) -> bool {
        matches!(self, Self::Ping) || !self.is_mailbox()
    }
}

/// What a request type does to a Session Context.
impl RequestType {
    /// Whether it establishes one: Connect, Bind.
    #[must_use]
    pub const fn begins_context(self) -> bool {
        matches!(self, Self::Connect | Self::Bind)
    }

    /// Whether it destroys one: Disconnect, Unbind.
    #[must_use]
    pub const fn ends_context(self) -> bool {
        matches!(self, Self::Disconnect | Self::Unbind)
    }

    /// Whether it takes its turn in one and does the work: neither of the above, nor one that only waits or asks for life.
    #[must_use]
    pub const fn is_call(self) -> bool {
        !self.begins_context() && !self.ends_context() && !matches!(self, Self::NotificationWait | Self::Ping)
    }
}

impl fmt::Display for RequestType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An X-RequestType that the specification does not list; a server answers it with
/// [`ResponseCode::INVALID_REQUEST_TYPE`](super::ResponseCode::INVALID_REQUEST_TYPE).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownRequestType<'a> {
    /// The value as it came, without the blanks around it.
    pub value: &'a [u8],
}

impl fmt::Display for UnknownRequestType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "X-RequestType: expected a request type of [MS-OXCMAPIHTTP] 2.2.3.3.1, found \"{}\"",
            self.value.escape_ascii()
        )
    }
}

impl std::error::Error for UnknownRequestType<'_> {}
