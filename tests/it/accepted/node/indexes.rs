#![deny(warnings)]
//! Every form of a declaration.

use jvspatial::prelude::*;

#[derive(Debug, Serialize, Deserialize, Node)]
#[node(index(state, -latitude), name = "Airport")]
#[node(index("address.city", -"tags", sparse), unique("sparse", r#type))]
#[node(unique(state, iata, partial = |a| a.iata.ne("").and(a.latitude.gt(0.0)),))]
struct Airfield {
    #[node(unique(partial = |a| a.iata.exists()))]
    iata: String,
    #[node(index)]
    state: String,
    #[serde(rename = "lat")]
    #[node(index(sparse))]
    latitude: f64,
    tags: Vec<String>,
    address: Address,
    sparse: bool,
    r#type: u8,
}

#[derive(Debug, Serialize, Deserialize)]
struct Address {
    city: String,
}

macro_rules! declare {
    ($name:ident, $field:ident) => {
        #[derive(Debug, Serialize, Deserialize, Node)]
        #[node(index($field))]
        struct $name {
            $field: u8,
        }
    };
}

declare!(Declared, field);

#[test]
fn is_accepted() {
    assert_eq!(Airfield::indexes().len(), 7);
    assert_eq!(Declared::indexes().len(), 1);
}
