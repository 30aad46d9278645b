//! What the derives declare as indexes.

use jvspatial::prelude::*;
use jvspatial::{DeclaredIndex, DeclaredKey};

#[derive(Debug, Serialize, Deserialize, Node)]
#[node(index(state, -latitude))]
#[node(unique(full_name, partial = |a| a.state.eq("AK")), index("addr.city", -"tags.name"))]
#[serde(rename_all = "camelCase")]
struct Airport {
    #[node(unique)]
    iata: String,
    full_name: String,
    state: String,
    #[serde(rename = "lat")]
    #[node(index(sparse))]
    latitude: f64,
    #[serde(rename = "addr")]
    address: Address,
    tags: Vec<Tag>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Address {
    city: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Tag {
    name: String,
}

#[derive(Debug, Serialize, Deserialize, Edge)]
#[edge(index(day, -count), parallel)]
struct Flight {
    day: u32,
    #[edge(index)]
    count: u32,
}

#[derive(Debug, Serialize, Deserialize, Object)]
#[object(unique(key))]
struct Setting {
    key: String,
}

#[derive(Debug, Serialize, Deserialize, Node)]
struct Plain {
    name: String,
}

fn keys(index: &DeclaredIndex) -> Vec<(&'static str, i32)> {
    let direction = |key: &DeclaredKey| if key.descending { -1 } else { 1 };
    index.keys().iter().map(|key| (key.path, direction(key))).collect()
}

#[test]
fn indexes_are_told_by_stored_names_in_the_order_of_their_declarations() {
    let declared: Vec<_> = Airport::indexes().iter().map(keys).collect();
    assert_eq!(
        declared,
        [
            vec![("context.state", 1), ("context.lat", -1)],
            vec![("context.fullName", 1)],
            vec![("context.addr.city", 1), ("context.tags.name", -1)],
            vec![("context.iata", 1)],
            vec![("context.lat", 1)],
        ]
    );
    let flags: Vec<_> =
        Airport::indexes().iter().map(|index| (index.is_unique(), index.is_sparse())).collect();
    assert_eq!(
        flags,
        [(false, false), (true, false), (false, false), (true, false), (false, true)]
    );
}

#[test]
fn a_partial_index_tells_its_predicate() {
    let predicates: Vec<_> = Airport::indexes()
        .iter()
        .map(|index| index.predicate().map(|predicate| predicate.into_filter().unwrap()))
        .collect();
    assert!(predicates[0].is_none() && predicates[3].is_none());
    let filter = predicates[1].as_ref().unwrap().to_document();
    assert_eq!(filter, jvspatial::db::doc! { "context.state": "AK" });
}

#[test]
fn edges_and_objects_declare_them_too_and_others_none() {
    let declared: Vec<_> = Flight::indexes().iter().map(keys).collect();
    let both = vec![("context.day", 1), ("context.count", -1)];
    assert_eq!(declared, [both, vec![("context.count", 1)]]);
    assert!(Setting::indexes()[0].is_unique());
    assert!(Plain::indexes().is_empty());
    assert!(Root::indexes().is_empty());
}
