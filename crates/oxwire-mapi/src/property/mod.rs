//! The property model of [MS-OXCDATA]: tags, values and rows (2.8 to 2.13), named properties (2.6), entry ids and ids of folders and
//! messages (2.2), recipient rows (2.8.3), error codes.
//!
//! Everything that is large or repeated is a view over the input: a [`PropertyValue`] borrows its bytes, a
//! [`PropertyRow`] iterates its cells, [`PropertyRows`] iterates rows, none of them allocates. Text stays UTF-16 until it is
//! asked for, so a bad surrogate costs one character and never the page.
//!
//! PtypObject has no value in a ROP buffer: there a column of that type is an error of kind
//! [`Unsupported`](oxwire_core::DecodeErrorKind::Unsupported) that names it, unless its cell is flagged absent or in error.
//! A PtypRestriction is read as a [`Restriction`] and made by a [`NewRestriction`]; a PtypRuleAction is written from what was read only.

mod cell;
mod elements;
mod entry_id;
mod error_code;
mod id;
mod multiple;
mod named;
mod new_restriction;
mod property_type;
mod recipient;
mod restriction;
mod row;
mod rule_actions;
mod server_id;
mod sort;
mod tag;
mod tags;
mod text;
mod value;

pub use cell::{Cell, CellFlag};
pub use entry_id::{AddressBookType, EntryId, LongTermId, OneOffFlags, StoreObjectType};
pub use error_code::ErrorCode;
pub use id::{FolderId, MessageId};
pub use multiple::{Fixed, Multiple, MultipleBinary, MultipleString, MultipleString8};
pub use named::{PropertyName, PropertyNameKind};
pub use new_restriction::NewRestriction;
pub use property_type::{CountWidth, PropertyType};
pub use recipient::{RecipientAddress, RecipientFlags, RecipientRow};
pub use restriction::{Restriction, RestrictionKind, Restrictions};
pub use row::{Cells, PropertyRow, PropertyRows, RowFlag, RowsWriter, encode_row};
pub use rule_actions::{ActionBlock, RuleActions};
pub use server_id::ServerId;
pub use sort::{Order, SortOrder, SortOrders};
pub use tag::PropertyTag;
pub use tags::PropertyTags;
pub use text::{Text, TypedString};
pub use value::PropertyValue;
