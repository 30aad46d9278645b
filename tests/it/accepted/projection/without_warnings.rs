#![deny(warnings)]

use jvspatial::prelude::*;

use jvspatial::Version;

#[derive(Debug, Projection)]
#[serde(rename_all = "UPPERCASE")]
pub struct Name {
    #[projection(id)]
    pub id: Id,
    #[projection(version)]
    pub version: Version,
    pub r#type: Option<String>,
    #[projection(path = "address.city")]
    pub city: String,
    #[serde(default)]
    pub count: u32,
}
