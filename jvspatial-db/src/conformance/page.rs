//! Pages go on where the last one ended.

use std::sync::Arc;

use bson::{Document, doc};

use super::support::{fields, filter, ops};
use crate::database::Database;
use crate::error::ErrorKind;
use crate::filter::Filter;
use crate::id::Collection;
use crate::page::{DocumentPage, PageToken, find_page};
use crate::projection::Projection;
use crate::query::Query;
use crate::sort::Sort;

/// Stores `count` documents of which three each have the same `v`, in an order of its own.
async fn store(db: &dyn Database, count: i32) {
    let mut batch = ops(db);
    for number in 0..count {
        let place = number * 7 % count;
        batch = batch.insert(&format!("o.Note.{place:03}"), &doc! { "v": place / 3, "n": place });
    }
    batch.done().await;
}

fn query(sort: Document) -> Query {
    Query::new(Collection::Object, Filter::all()).sort(Sort::parse(&sort).expect("a sort"))
}

async fn page(
    db: &dyn Database,
    query: &Query,
    size: u32,
    token: Option<&PageToken>,
) -> DocumentPage {
    // What an application does with a token: it goes out as text and comes back as text.
    let token = token.map(|token| token.to_string().parse().expect("a token"));
    find_page(db, query.clone(), size, token.as_ref()).await.expect("a page")
}

fn ids(page: &DocumentPage) -> Vec<String> {
    page.documents.iter().map(|document| document.id.to_string()).collect()
}

pub async fn pages_are_the_whole_forward_and_backward(db: Arc<dyn Database>) {
    store(&*db, 23).await;
    for sort in [doc! { "context.v": 1 }, doc! { "context.v": -1 }, doc! { "_id": -1 }, doc! {}] {
        let query = query(sort.clone());
        let ordered =
            if sort.is_empty() { query.clone().sort(Sort::by_id()) } else { query.clone() };
        let whole = db.find(ordered).await.expect("find").try_collect().await.expect("documents");
        let whole: Vec<String> = whole.iter().map(|document| document.id.to_string()).collect();
        let first = page(&*db, &query, 5, None).await;
        assert!(first.previous.is_none(), "nothing is before the first page");
        let (mut seen, mut pages, mut last) = (ids(&first), 1, first);
        while let Some(next) = &last.next {
            last = page(&*db, &query, 5, Some(next)).await;
            seen.extend(ids(&last));
            pages += 1;
        }
        assert_eq!((seen, pages), (whole.clone(), 5), "{sort}");
        let mut seen = ids(&last);
        while let Some(previous) = &last.previous {
            last = page(&*db, &query, 5, Some(previous)).await;
            seen.splice(0..0, ids(&last));
            assert!(last.next.is_some(), "a page was left behind");
        }
        assert_eq!(seen, whole, "{sort} backward");
    }
}

pub async fn the_last_page_is_known_to_be_the_last(db: Arc<dyn Database>) {
    store(&*db, 10).await;
    let query = query(doc! { "context.n": 1 });
    let first = page(&*db, &query, 5, None).await;
    let second = page(&*db, &query, 5, first.next.as_ref()).await;
    assert_eq!((second.documents.len(), second.next.is_none()), (5, true));
    let whole = page(&*db, &query, 10, None).await;
    assert_eq!((whole.documents.len(), whole.next.is_none()), (10, true));
    let empty = Query::new(Collection::Node, Filter::all());
    let none = page(&*db, &empty, 10, None).await;
    assert!(none.documents.is_empty() && none.next.is_none() && none.previous.is_none());
}

pub async fn pages_are_stable_under_writes(db: Arc<dyn Database>) {
    store(&*db, 12).await;
    let query = query(doc! { "context.n": 1 });
    let first = page(&*db, &query, 4, None).await;
    // The document that the page ended with goes, one comes before it and one after it.
    let batch = ops(&*db).delete("o.Note.003").insert("o.Note.new1", &doc! { "n": 1.5 });
    batch.insert("o.Note.new2", &doc! { "n": 4.5 }).done().await;
    let second = page(&*db, &query, 4, first.next.as_ref()).await;
    assert_eq!(ids(&second), ["o.Note.004", "o.Note.new2", "o.Note.005", "o.Note.006"]);
    let back = page(&*db, &query, 4, second.previous.as_ref()).await;
    assert_eq!(ids(&back), ["o.Note.000", "o.Note.001", "o.Note.new1", "o.Note.002"]);
}

pub async fn a_page_that_became_empty_leads_back(db: Arc<dyn Database>) {
    store(&*db, 6).await;
    let query = query(doc! { "context.n": 1 });
    let first = page(&*db, &query, 3, None).await;
    let batch = ops(&*db).delete("o.Note.003").delete("o.Note.004").delete("o.Note.005");
    batch.done().await;
    let second = page(&*db, &query, 3, first.next.as_ref()).await;
    assert!(second.documents.is_empty() && second.next.is_none());
    let back = page(&*db, &query, 3, second.previous.as_ref()).await;
    assert_eq!(ids(&back), ids(&first));
}

pub async fn a_token_of_another_question_is_invalid(db: Arc<dyn Database>) {
    store(&*db, 6).await;
    let asked = query(doc! { "context.n": 1 });
    let token = page(&*db, &asked, 3, None).await.next.expect("a next page");
    let narrower = Query { filter: filter(&doc! { "context.n": { "$gt": 0 } }), ..asked.clone() };
    let elsewhere = Query { collection: Collection::Node, ..asked.clone() };
    for other in [query(doc! { "context.n": -1 }), query(doc! {}), narrower, elsewhere] {
        let error = find_page(&*db, other, 3, Some(&token)).await.expect_err("a foreign token");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    assert_eq!(page(&*db, &asked, 2, Some(&token)).await.documents.len(), 2, "the size is free");
}

pub async fn a_page_is_projected_and_still_leads_on(db: Arc<dyn Database>) {
    store(&*db, 9).await;
    let projection = Projection::parse(&doc! { "context.v": 1 }).expect("a projection");
    let query = query(doc! { "context.n": -1 }).project(projection);
    let first = page(&*db, &query, 4, None).await;
    let second = page(&*db, &query, 4, first.next.as_ref()).await;
    assert_eq!(ids(&second), ["o.Note.004", "o.Note.003", "o.Note.002", "o.Note.001"]);
    assert_eq!(fields(&second.documents[0]), doc! { "v": 1 });
}

pub async fn a_page_without_size_or_with_bounds_of_its_own_is_refused(db: Arc<dyn Database>) {
    let asked = query(doc! { "context.n": 1 });
    for (query, size, kind) in [
        (asked.clone(), 0, ErrorKind::Invalid),
        (asked.clone(), u32::MAX, ErrorKind::Limit),
        (asked.clone().skip(1), 1, ErrorKind::Invalid),
        (asked.limit(1), 1, ErrorKind::Invalid),
    ] {
        let error = find_page(&*db, query, size, None).await.expect_err("a refusal");
        assert_eq!(error.kind(), kind);
    }
}
