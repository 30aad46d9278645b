//! What to look for: typed field handles, predicates, searches and expansions.

mod change;
mod delete;
mod distinct;
mod expansion;
mod field;
mod find;
mod hop;
mod operand;
mod order;
mod page;
mod predicate;
mod projection;
mod select;
mod update;

pub use change::{Change, Dated, Numeric};
pub use delete::DeleteReport;
mod stream;
mod view;

pub use distinct::DistinctAs;
pub use expansion::{Expansion, both, incoming, out};
pub use field::Field;
pub use find::Find;
pub use hop::Hop;
pub use operand::Operand;
pub use order::Order;
pub use page::Page;
pub use predicate::Predicate;
pub use projection::{ProjectedFields, Projection};
pub use select::{AnyEdge, EdgeSelect, NodeSelect};
pub use stream::FindStream;
pub use update::{FindUpdate, Updated};
pub use view::{Projected, SomeFields, View, Whole};
