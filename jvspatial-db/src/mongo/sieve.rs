//! What a server returns of an order between two places, cut exactly.

use crate::document::Document;
use crate::error::Result;
use crate::projection::PathTree;
use crate::query::Query;
use crate::sort::Window;

/// Judges documents that come in order, skip and limit included.
pub(super) struct Sieve {
    window: Window,
    paths: PathTree,
    /// How many are still to be passed over.
    skip: u64,
    /// How many may still pass.
    left: u64,
    is_over: bool,
}

/// What becomes of a document.
pub(super) enum Verdict {
    Pass,
    Drop,
    /// Neither this one nor any after it.
    End,
}

impl Sieve {
    /// The sieve that a query needs; one without places needs none.
    pub(super) fn of(query: &Query) -> Option<Self> {
        if query.after.is_none() && query.before.is_none() {
            return None;
        }
        let sort = query.order();
        let mut paths = PathTree::default();
        sort.add_paths(&mut paths);
        let left = query.limit.unwrap_or(u64::MAX);
        Some(Self { window: query.window(sort), paths, skip: query.skip, left, is_over: false })
    }

    /// Whether nothing more can pass.
    pub(super) const fn is_done(&self) -> bool {
        self.is_over || self.left == 0
    }

    /// Judges the next document.
    ///
    /// # Errors
    /// `Invalid` when it cannot be sorted so, `Corrupt` when its fields are not BSON.
    pub(super) fn judge(&mut self, document: &Document) -> Result<Verdict> {
        if self.is_done() {
            return Ok(Verdict::End);
        }
        let (sort, id) = (&self.window.sort, &document.id);
        let key = sort.key(&document.pick(&self.paths)?).map_err(|error| error.with("id", id))?;
        if !self.window.admits(&key, id) {
            let before = self.window.before.as_ref();
            self.is_over = before.is_some_and(|before| before.order_of(sort, &key, id).is_gt());
            return Ok(if self.is_over { Verdict::End } else { Verdict::Drop });
        }
        if self.skip > 0 {
            self.skip -= 1;
            return Ok(Verdict::Drop);
        }
        self.left -= 1;
        Ok(Verdict::Pass)
    }
}
