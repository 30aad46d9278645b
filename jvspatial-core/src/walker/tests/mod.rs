//! What a walk promises, on a reference database that counts what it is asked.

#![allow(clippy::unwrap_used, clippy::panic)]

mod control;
mod errors;
mod limits;
mod order;
mod pages;
mod queries;
mod saves;
mod support;
mod trail;
