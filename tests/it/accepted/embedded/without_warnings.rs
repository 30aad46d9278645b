#![deny(warnings, missing_docs)]
//! Generated code brings no warnings, whatever the struct looks like.

use jvspatial::prelude::*;

/// Where an airport is.
#[derive(Debug, Serialize, Deserialize, Embedded)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Public.
    pub city_name: String,
    r#type: u8,
    #[serde(skip)]
    seen: bool,
    #[serde(default)]
    within: Option<Box<Self>>,
}

/// Nothing.
#[derive(Debug, Serialize, Deserialize, Embedded)]
pub struct Empty {}

mod private {
    use super::{Deserialize, Embedded, Serialize};

    #[derive(Debug, Serialize, Deserialize, Embedded)]
    struct Hidden {
        field: u8,
    }
}

/// An airport.
#[derive(Debug, Serialize, Deserialize, Node)]
pub struct Airport {
    address: Address,
    empty: Empty,
}

#[test]
fn is_accepted() {
    let airport = Airport::fields();
    assert_eq!(airport.address.city_name.path(), "context.address.cityName");
    assert_eq!(airport.address.within.within.r#type.path(), "context.address.within.within.type");
    assert_eq!(airport.empty.path(), "context.empty");
}
