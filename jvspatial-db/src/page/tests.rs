#![allow(clippy::unwrap_used)]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bson::{Bson, doc};

use super::*;
use crate::error::ErrorKind;
use crate::filter::Filter;
use crate::id::Collection;
use crate::limits::MAX_PAGE_TOKEN_BYTES;

fn query() -> Query {
    let filter = Filter::parse(&doc! { "context.state": "AK" }).unwrap();
    Query::new(Collection::Node, filter).sort(Sort::parse(&doc! { "context.n": -1 }).unwrap())
}

fn token() -> PageToken {
    let query = query();
    let id = "n.Airport.a".parse().unwrap();
    let position = Position::new(&query.sort, [Bson::Double(1.5)], id).unwrap();
    PageToken::new(PageDirection::Backward, token::question(&query, &[]), &position).unwrap()
}

#[test]
fn a_token_is_read_back_as_it_was_written() {
    let text = token().to_string();
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    let read: PageToken = text.parse().unwrap();
    assert_eq!((&read, read.direction()), (&token(), PageDirection::Backward));
    let json = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<PageToken>(&json).unwrap(), read);
    assert!(serde_json::from_str::<PageToken>("\"AQ\"").is_err());
    let position = read.position(token::question(&query(), &[]), &query().sort).unwrap();
    assert_eq!(position.values().collect::<Vec<_>>(), [Bson::Double(1.5)]);
    assert_eq!(position.id().to_string(), "n.Airport.a");
}

#[test]
fn a_changed_token_is_refused_whatever_byte_was_changed() {
    let text = token().to_string();
    let bytes = URL_SAFE_NO_PAD.decode(&text).unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let error = URL_SAFE_NO_PAD.encode(changed).parse::<PageToken>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "byte {at}, bit {bit}");
        }
        let cut = URL_SAFE_NO_PAD.encode(&bytes[..at]);
        assert_eq!(cut.parse::<PageToken>().unwrap_err().kind(), ErrorKind::Invalid, "{at} bytes");
    }
}

#[test]
fn text_that_is_no_token_is_refused() {
    for text in ["", "A", "not a token", "====", "\u{e4}", "AQ==", " ", "AQAAAAAAAAAAAAAAAAAAAAAA"]
    {
        assert_eq!(text.parse::<PageToken>().unwrap_err().kind(), ErrorKind::Invalid, "{text:?}");
    }
    let long = "A".repeat(MAX_PAGE_TOKEN_BYTES + 1);
    assert_eq!(long.parse::<PageToken>().unwrap_err().kind(), ErrorKind::Limit);
    let mut older = URL_SAFE_NO_PAD.decode(token().to_string()).unwrap();
    older[0] = 0;
    let error = URL_SAFE_NO_PAD.encode(older).parse::<PageToken>().unwrap_err();
    assert_eq!(error.context("found"), Some("0"));
}

#[test]
fn a_token_belongs_to_one_question() {
    let question = token::question(&query(), &[]);
    let other_value = Filter::parse(&doc! { "context.state": "AL" }).unwrap();
    for other in [
        Query { collection: Collection::Object, ..query() },
        Query { filter: other_value, ..query() },
        Query { filter: Filter::all(), ..query() },
        query().sort(Sort::parse(&doc! { "context.n": 1 }).unwrap()),
        query().sort(Sort::by_id()),
    ] {
        assert_ne!(token::question(&other, &[]), question, "{other:?}");
        let refused = token().position(token::question(&other, &[]), &other.sort).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
    }
    assert_eq!(token::question(&query().limit(5), &[]), question, "the size is free");
    assert_ne!(token::question(&query(), b"scope"), question);
}

#[test]
fn sort_values_too_large_for_a_token_are_refused() {
    let query = query();
    let id = "n.Airport.a".parse().unwrap();
    let large = Bson::String("x".repeat(MAX_PAGE_TOKEN_BYTES));
    let position = Position::new(&query.sort, [large], id).unwrap();
    let made = PageToken::new(PageDirection::Forward, token::question(&query, &[]), &position);
    assert_eq!(made.unwrap_err().kind(), ErrorKind::Limit);
}
