//! What to look for: typed field handles, predicates, searches and expansions.

mod change;
mod delete;
mod expansion;
mod field;
mod find;
mod operand;
mod predicate;
mod select;
mod update;

pub use change::{Change, Dated, Numeric};
pub use delete::DeleteReport;
pub use expansion::{Expansion, both, incoming, out};
pub use field::Field;
pub use find::{Find, FindStream};
pub use operand::Operand;
pub use predicate::Predicate;
pub use select::{AnyEdge, EdgeSelect, NodeSelect};
pub use update::{FindUpdate, Updated};
