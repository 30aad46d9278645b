//! Secondary indexes: what they are declared to be, how values become keys, and which one answers a query.

mod bounds;
mod definition;
mod explain;
mod extract;
mod extractor;
mod key;
mod key_list;
mod planner;
#[cfg(feature = "json")]
mod prefix;
mod spec;

#[cfg(feature = "json")]
pub(crate) use bounds::{FieldBounds, advance};
pub(crate) use definition::Definition;
pub use definition::IndexInfo;
pub use explain::{Explanation, FieldInterval, Stage};
#[cfg(feature = "json")]
pub(crate) use extract::Keys;
pub(crate) use extract::Source;
#[cfg(feature = "json")]
pub(crate) use extractor::Extractor;
pub use extractor::{MAX_KEY_BYTES, MAX_KEYS_OF_DOCUMENT};
#[cfg(feature = "json")]
pub(crate) use key::{invert, push_value};
#[cfg(feature = "json")]
pub(crate) use key_list::{KeyList, PlacedKey};
#[cfg(feature = "json")]
pub(crate) use planner::Order;
pub(crate) use planner::{Candidate, KeyRange, Plan, Question, plan};
#[cfg(feature = "json")]
pub(crate) use prefix::prefix_len;
pub use spec::{IndexKey, IndexSpec, MAX_INDEX_KEYS, MAX_INDEX_NAME_BYTES, MAX_INDEXES};

#[cfg(test)]
mod tests;
