//! Pages of an answer that go on where the last one ended, whatever is written meanwhile.

mod token;

use std::future::Future;

use crate::database::{Cursor, Database};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::query::Query;
use crate::sort::{Position, Sort};

pub use token::{PageDirection, PageToken};

/// The largest page.
const MAX_PAGE_SIZE: u32 = 100_000;

/// A part of an answer, and the way to the parts beside it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DocumentPage {
    /// The documents, in the order of the sort.
    pub documents: Vec<Document>,
    /// The way to the page after this one; `None` when there was nothing more.
    pub next: Option<PageToken>,
    /// The way to the page before this one; `None` when there was nothing before.
    pub previous: Option<PageToken>,
}

/// Reads a page of at most `size` documents of what `query` asks for; without a token the first one.
///
/// The order is that of the query's sort, and of ids when it has none. A page begins behind the last
/// document of the one before, even when that has been changed or deleted since: no document that
/// stays where it is comes twice or is passed over, and the last page costs as much as the first
/// where an index gives the order. A token says whether it leads forward or backward; the size and the
/// projection may be others than they were.
///
/// # Errors
/// `Invalid` for a size of zero, a query with positions, skip or limit of its own, and a token of
/// another question; `Limit` for a size above 100,000 and for sort values too large for a token;
/// otherwise as [`Database::find`].
///
/// # Cancellation
/// Safe: a page is only read.
pub async fn find_page(
    database: &dyn Database,
    query: Query,
    size: u32,
    token: Option<&PageToken>,
) -> Result<DocumentPage> {
    read_page(|query| database.find(query), query, &[], size, token).await
}

/// As [`find_page`], for an answer that `find` gives to the query of a page; tokens are also tied to
/// `scope`, which names whatever else decides the answer.
///
/// # Errors
/// As [`find_page`], with those of `find`.
///
/// # Cancellation
/// As `find`.
pub async fn read_page<F: Future<Output = Result<Cursor>>>(
    find: impl FnOnce(Query) -> F,
    mut query: Query,
    scope: &[u8],
    size: u32,
    token: Option<&PageToken>,
) -> Result<DocumentPage> {
    check(&query, size)?;
    if query.sort.is_none() {
        query.sort = Sort::by_id();
    }
    let question = token::question(&query, scope);
    let direction = token.map_or(PageDirection::Forward, PageToken::direction);
    let projection = query.projection.clone();
    let mut asked = query.clone().project(projection.with_keys_of(&query.sort));
    let origin = token.map(|token| token.position(question, &query.sort)).transpose()?;
    match direction {
        PageDirection::Forward => asked.after.clone_from(&origin),
        PageDirection::Backward => {
            asked.before.clone_from(&origin);
            asked.reversed = true;
        }
    }
    // One more tells whether there is another page.
    asked.limit = Some(u64::from(size) + 1);
    let mut documents = find(asked).await?.try_collect().await?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let has_more = documents.len() > size;
    documents.truncate(size);
    if direction == PageDirection::Backward {
        documents.reverse();
    }
    let to = |direction, position: Option<Position>| {
        position.map(|position| PageToken::new(direction, question, &position)).transpose()
    };
    let end = |document: Option<&Document>| {
        document.map(|document| Position::of(&query.sort, document)).transpose()
    };
    let (first, last) = (end(documents.first())?, end(documents.last())?);
    // What led here leads back, even from a page that has become empty.
    let back = |edge: Option<Position>| match (edge, &origin) {
        (Some(edge), Some(_)) => Some(edge),
        (None, Some(origin)) => Some(origin.clone().inclusive(!origin.is_inclusive())),
        (_, None) => None,
    };
    let (next, previous) = match direction {
        PageDirection::Forward => (last.filter(|_| has_more), back(first)),
        PageDirection::Backward => (back(last), first.filter(|_| has_more)),
    };
    let next = to(PageDirection::Forward, next)?;
    let previous = to(PageDirection::Backward, previous)?;
    for document in documents.iter_mut().filter(|_| !projection.is_at_least()) {
        document.body = projection.apply_to_body(&document.body)?;
    }
    Ok(DocumentPage { documents, next, previous })
}

fn check(query: &Query, size: u32) -> Result<()> {
    if query.reversed
        || query.after.is_some()
        || query.before.is_some()
        || query.skip > 0
        || query.limit.is_some()
    {
        return Err(Error::invalid("a page takes neither position nor skip nor limit"));
    }
    if size == 0 {
        return Err(Error::invalid("a page has at least one document"));
    }
    if size > MAX_PAGE_SIZE {
        return Err(Error::limit("page is too large")
            .with("size", size)
            .with("limit", MAX_PAGE_SIZE));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
