//! The requests of a ROP input buffer.

use oxwire_core::{DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::{
    GetContentsTableRequest, GetHierarchyTableRequest, GetPropertiesSpecificRequest, HandleIndexes, LogonRequest,
    OpenFolderRequest, QueryRowsRequest, RegisterNotificationRequest, ReleaseRequest, Request, RopError, RopId,
    SetColumnsRequest, SortTableRequest,
};

macro_rules! requests {
    ($($(#[$doc:meta])* $variant:ident($ty:ty) = $id:ident,)*) => {
        /// A ROP request of those that this crate has structures for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum RopRequest<'a> {
            $($(#[$doc])* $variant($ty),)*
        }

        impl<'a> RopRequest<'a> {
            /// Reads the next request; `None` for a RopId without a structure here.
            fn decode(r: &mut Reader<'a>) -> Option<Result<Self, DecodeError>> {
                Some(match RopId(r.peek_u8()?) {
                    $(RopId::$id => r.structure::<$ty>().map(Self::$variant),)*
                    _ => return None,
                })
            }
        }

        impl Structure for RopRequest<'_> {
            const NAME: &'static str = "ROP request";
            const SPEC: &'static str = "[MS-OXCROPS] 2.2.2";
        }

        impl Encode for RopRequest<'_> {
            fn encoded_len(&self) -> usize {
                match self {
                    $(Self::$variant(rop) => rop.encoded_len(),)*
                }
            }

            fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
                match self {
                    $(Self::$variant(rop) => w.structure(rop),)*
                }
            }
        }

        impl Request for RopRequest<'_> {
            fn rop_id(&self) -> RopId {
                match self {
                    $(Self::$variant(rop) => rop.rop_id(),)*
                }
            }

            fn handle_indexes(&self) -> HandleIndexes {
                match self {
                    $(Self::$variant(rop) => rop.handle_indexes(),)*
                }
            }
        }
    };
}

requests! {
    /// RopLogon.
    Logon(LogonRequest<'a>) = LOGON,
    /// RopRelease.
    Release(ReleaseRequest) = RELEASE,
    /// RopOpenFolder.
    OpenFolder(OpenFolderRequest) = OPEN_FOLDER,
    /// RopGetHierarchyTable.
    GetHierarchyTable(GetHierarchyTableRequest) = GET_HIERARCHY_TABLE,
    /// RopGetContentsTable.
    GetContentsTable(GetContentsTableRequest) = GET_CONTENTS_TABLE,
    /// RopSetColumns.
    SetColumns(SetColumnsRequest<'a>) = SET_COLUMNS,
    /// RopSortTable.
    SortTable(SortTableRequest<'a>) = SORT_TABLE,
    /// RopQueryRows.
    QueryRows(QueryRowsRequest) = QUERY_ROWS,
    /// RopGetPropertiesSpecific.
    GetPropertiesSpecific(GetPropertiesSpecificRequest<'a>) = GET_PROPERTIES_SPECIFIC,
    /// RopRegisterNotification.
    RegisterNotification(RegisterNotificationRequest) = REGISTER_NOTIFICATION,
}

/// A request and where it stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawRequest<'a> {
    /// The request.
    pub rop: RopRequest<'a>,
    /// Where it begins, absolute, in bytes.
    pub offset: usize,
    /// The RopsList from this request to the end: what goes back when it is not processed.
    pub rest: &'a [u8],
}

/// Iterates the requests of a buffer. Ends after the first error: where the next ROP begins is not known then.
#[derive(Debug, Clone)]
pub struct Requests<'a> {
    r: Reader<'a>,
}

impl<'a> Requests<'a> {
    pub(crate) const fn new(r: Reader<'a>) -> Self {
        Self { r }
    }

    /// The RopsList from the next request on.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.r.peek_rest()
    }
}

impl<'a> Iterator for Requests<'a> {
    type Item = Result<RawRequest<'a>, RopError<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.r.is_empty() {
            return None;
        }
        let start = self.r.clone();
        let error = match RopRequest::decode(&mut self.r) {
            Some(Ok(rop)) => return Some(Ok(RawRequest { rop, offset: start.offset(), rest: start.peek_rest() })),
            Some(Err(error)) => RopError::new(&start, error),
            None => RopError::unsupported(&start),
        };
        self.r.ignore_rest("[MS-OXCROPS] 2.2.1");
        Some(Err(error))
    }
}
