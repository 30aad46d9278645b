//! The text of a page token: what is accepted prints as the same text, and asks no question but its own.

#![no_main]

use jvspatial_db::{Collection, ErrorKind, Filter, MemoryDb, PageToken, Query, find_page};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(token) = text.parse::<PageToken>() else { return };
    assert_eq!(token.to_string(), text);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let query = Query::new(Collection::Node, Filter::all());
    match runtime.block_on(find_page(&MemoryDb::new(), query, 1, Some(&token))) {
        Ok(page) => assert!(page.documents.is_empty()),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid),
    }
});
