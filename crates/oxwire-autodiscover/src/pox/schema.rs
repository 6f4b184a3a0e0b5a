//! The namespaces of the documents.

/// Which of the two POX services a document belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// Outlook and everything like it.
    Outlook,
    /// Exchange ActiveSync.
    MobileSync,
}

impl Schema {
    /// The namespace of a request.
    #[must_use]
    pub const fn request(self) -> &'static str {
        match self {
            Self::Outlook => "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006",
            Self::MobileSync => "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006",
        }
    }

    /// The namespace of the `Response` element, which a client also asks for as its `AcceptableResponseSchema`.
    #[must_use]
    pub const fn response(self) -> &'static str {
        match self {
            Self::Outlook => "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a",
            Self::MobileSync => "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006",
        }
    }

    /// The schema whose request has this namespace, in any spelling: `http` or `https`, any letter case, with or without a
    /// slash at the end.
    #[must_use]
    pub fn of_request(namespace: &str) -> Option<Self> {
        [Self::Outlook, Self::MobileSync].into_iter().find(|schema| same(namespace, schema.request()))
    }

    /// The schema whose response has this namespace, in any spelling. The 2006 namespace of Outlook's older responses is
    /// taken for the 2006a one.
    #[must_use]
    pub fn of_response(namespace: &str) -> Option<Self> {
        const OLDER: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006";
        [Self::Outlook, Self::MobileSync]
            .into_iter()
            .find(|schema| same(namespace, schema.response()))
            .or_else(|| same(namespace, OLDER).then_some(Self::Outlook))
    }
}

/// The namespace of the `Autodiscover` element of a response, and of the `Response` element around an error.
pub const RESPONSE: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";

/// A `Response` without namespace, or in the common one, may belong to any schema.
pub(super) fn is_common(namespace: &str) -> bool {
    namespace.is_empty() || same(namespace, RESPONSE)
}

fn same(found: &str, expected: &str) -> bool {
    fn rest(name: &str) -> &str {
        let rest = name.trim().trim_end_matches('/');
        rest.split_once("://").map_or(rest, |(_, rest)| rest)
    }
    rest(found).eq_ignore_ascii_case(rest(expected))
}
