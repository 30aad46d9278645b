//! What every macro here needs.

pub(crate) mod crate_path;
pub(crate) mod diagnostics;
pub(crate) mod keys;
pub(crate) mod self_type;
pub(crate) mod suggest;

pub(crate) use crate_path::CratePath;
pub(crate) use diagnostics::Diagnostics;
pub(crate) use self_type::name_self;
