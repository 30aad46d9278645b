//! A page of an answer.

use jvspatial_db::PageToken;

/// A part of an answer, and the way to the parts beside it; from [`Find::page`](crate::Find::page).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Page<I> {
    /// What was found, in order.
    pub items: Vec<I>,
    /// The way to the page after this one; `None` when there was nothing more.
    pub next: Option<PageToken>,
    /// The way to the page before this one; `None` when there was nothing before.
    pub previous: Option<PageToken>,
}
