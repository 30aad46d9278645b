//! What to look for: typed field handles, predicates, searches and expansions.

mod expansion;
mod field;
mod find;
mod operand;
mod predicate;
mod select;

pub use expansion::{Expansion, both, incoming, out};
pub use field::Field;
pub use find::{Find, FindStream};
pub use operand::Operand;
pub use predicate::Predicate;
pub use select::{AnyEdge, EdgeSelect, NodeSelect};
