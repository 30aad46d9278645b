//! Page tokens: a text that is accepted prints as the same text and asks no question but its own; one that is
//! sound but for the place that it names leads to a part of the answer or is refused.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jvspatial_db::{
    Collection, Database, Encoding, EntityName, ErrorKind, Filter, Id, MemoryDb, PageToken, Query, Sort,
    WriteBatch, doc, find_page,
};
use libfuzzer_sys::fuzz_target;
use xxhash_rust::xxh3::xxh3_64;

/// How many bytes of a token stand before the place, and how many after it.
const HEAD: usize = 10;
const CHECKSUM: usize = 8;

fuzz_target!(|data: &[u8]| {
    let Some((mode, data)) = data.split_first() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    if mode % 4 == 0 {
        if let Ok(text) = std::str::from_utf8(data) {
            runtime.block_on(as_text(text));
        }
    } else {
        runtime.block_on(as_place(*mode, data));
    }
});

async fn as_text(text: &str) {
    let Ok(token) = text.parse::<PageToken>() else { return };
    assert_eq!(token.to_string(), text);
    let query = Query::new(Collection::Node, Filter::all());
    match find_page(&MemoryDb::new(), query, 1, Some(&token)).await {
        Ok(page) => assert!(page.documents.is_empty()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid),
    }
}

async fn as_place(mode: u8, place: &[u8]) {
    let db = MemoryDb::new();
    let mut batch = WriteBatch::new(Encoding::Bson);
    for n in 0..6_u8 {
        let entity = EntityName::new("City").expect("a name");
        let id = Id::generated(Collection::Node, entity, [n; 12]);
        batch.insert(id, &doc! { "a": i32::from(n % 3), "b": [i32::from(n), "x"] }).expect("a document");
    }
    assert!(db.write(batch).await.expect("a report").is_complete());
    let sort = [doc! { "_id": 1 }, doc! { "context.a": -1 }, doc! { "context.a": 1, "context.b": -1 }];
    let sort = Sort::parse(&sort[usize::from(mode) / 4 % 3]).expect("a sort");
    let query = Query::new(Collection::Node, Filter::all()).sort(sort);
    let whole = find_page(&db, query.clone(), 10, None).await.expect("all");
    let first = find_page(&db, query.clone(), 1, None).await.expect("a page");
    let genuine = first.next.expect("another page").to_string();
    let mut bytes = URL_SAFE_NO_PAD.decode(genuine).expect("a token");
    if mode % 4 == 1 {
        bytes.truncate(HEAD);
        bytes.extend_from_slice(place);
    } else {
        bytes.truncate(bytes.len() - CHECKSUM);
        // Each pair of bytes changes one byte of the place.
        let length = bytes.len() - HEAD;
        for pair in place.chunks_exact(2) {
            bytes[HEAD + usize::from(pair[0]) % length] = pair[1];
        }
    }
    bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
    let Ok(token) = URL_SAFE_NO_PAD.encode(bytes).parse::<PageToken>() else { return };
    match find_page(&db, query, 10, Some(&token)).await {
        Ok(page) => {
            let ids: Vec<_> = page.documents.iter().map(|document| &document.id).collect();
            let all: Vec<_> = whole.documents.iter().map(|document| &document.id).collect();
            assert!(all.windows(ids.len().max(1)).any(|part| part == ids) || ids.is_empty());
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid, "{error}"),
    }
}
