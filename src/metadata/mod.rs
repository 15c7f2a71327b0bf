//! Metadata: what a record carries beside its vector, and filters over it.
//!
//! # Values
//! Metadata is a JSON object. A value is a string, a number, a boolean, `null`, an array of
//! strings and numbers, or an object of values. A nested value is found by its dotted path:
//! `{"author": {"name": "Ada"}}` has a field `author.name` (and a field `author`, which only
//! `$exists` sees). Numbers are 64-bit floats, as in JavaScript; dates are their milliseconds.
//! The text is kept as it came and given back unchanged.
//!
//! # Filters
//! `{"field": value}` means `{"field": {"$eq": value}}`; several fields or operators in one object
//! must all hold; `{}` holds for every record. As in MongoDB, where not said otherwise:
//!
//! * **`$eq`** holds if the field is the operand, or is an array with such an element. Values of
//!   different types are never equal. `null` equals only a `null` that is there (MongoDB: also a
//!   missing field; ask for that with `$exists`). Arrays and objects are no operands.
//! * **`$in`** holds if `$eq` holds for one of the operands; for none if there are none.
//! * **`$gt $gte $lt $lte`** take a number or a string and hold if the field, or an element of it,
//!   is of the same type and so ordered; strings by code points. On an array, each operator may be
//!   satisfied by another element.
//! * **`$contains`** holds if the field is an array with that element, or if both are strings and
//!   the operand is part of the field.
//! * **`$startsWith`** takes a string and holds if the field, or an element of it, begins with it.
//! * **`$exists`** takes a boolean: whether the field is there, with any value, also `null`.
//! * **`$ne`, `$nin`, `$not`** hold exactly where `$eq`, `$in` and the filter inside do not: so
//!   also where the field is missing or of another type.
//! * **`$and`, `$or`** take an array of at least one filter.

mod columns;
mod dictionary;
mod evaluate;
mod facets;
mod filter;
mod numbers;
mod order;
mod part;
mod set;
mod value;

pub(crate) use columns::Columns;
pub use facets::{Facet, FacetValue};
pub use filter::Filter;
pub use order::OrderBy;

pub(crate) use value::{Field, parse};

/// The longest metadata of a record, in bytes of JSON.
pub const MAX_METADATA_BYTES: usize = 64 << 10;
/// The most keys that the metadata of a record has, counting those of nested objects.
pub const MAX_METADATA_KEYS: usize = 256;
/// How deep objects in metadata nest; a flat object has depth 1.
pub const MAX_METADATA_DEPTH: usize = 16;
/// The most distinct fields over all records of a collection.
pub const MAX_FIELDS: usize = 4096;
/// The longest filter, in bytes of JSON.
pub const MAX_FILTER_BYTES: usize = 1 << 20;
/// The most operators in a filter.
pub const MAX_FILTER_NODES: usize = 1024;
/// The most operands of all `$in` and `$nin` of a filter together.
pub const MAX_FILTER_OPERANDS: usize = 65_536;
/// How deep `$and`, `$or` and `$not` nest.
pub const MAX_FILTER_DEPTH: usize = 32;
