//! Property tags, values and rows, [MS-OXCDATA] 2.8 to 2.13; folder and message ids, error codes.
//!
//! Everything that is large or repeated is a view over the input: a [`PropertyValue`] borrows its bytes, a
//! [`PropertyRow`] iterates its cells, [`PropertyRows`] iterates rows, none of them allocates. Text stays UTF-16 until it is
//! asked for, so a bad surrogate costs one character and never the page.
//!
//! Not supported: PtypObject, which has no value in a buffer. A column of that type is an error of kind
//! [`Unsupported`](oxwire_core::DecodeErrorKind::Unsupported) that names it, unless its cell is flagged absent or in error.
//! PtypRestriction and PtypRuleAction are written from what was read only.

mod cell;
mod elements;
mod error_code;
mod id;
mod multiple;
mod property_type;
mod restriction;
mod row;
mod rule_actions;
mod server_id;
mod sort;
mod tag;
mod tags;
mod value;

pub use cell::{Cell, CellFlag};
pub use error_code::ErrorCode;
pub use id::{FolderId, MessageId};
pub use multiple::{Fixed, Multiple, MultipleBinary, MultipleString, MultipleString8};
pub use property_type::{CountWidth, PropertyType};
pub use restriction::{Restriction, RestrictionKind, Restrictions};
pub use row::{Cells, PropertyRow, PropertyRows, RowFlag, RowsWriter, encode_row};
pub use rule_actions::{ActionBlock, RuleActions};
pub use server_id::ServerId;
pub use sort::{Order, SortOrder, SortOrders};
pub use tag::PropertyTag;
pub use tags::PropertyTags;
pub use value::PropertyValue;
