use jvspatial::prelude::*;
use jvspatial::{Bson, Field};

#[derive(Serialize, Deserialize, Node)]
struct City {
    name: String,
    #[serde(serialize_with = "as_text")]
    founded: i32,
    #[serde(deserialize_with = "from_any")]
    ended: i32,
}

fn as_text<S: serde::Serializer>(
    year: &i32,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(year)
}

fn from_any<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<i32, D::Error> {
    i32::deserialize(deserializer)
}

#[test]
fn is_accepted() {
    let CityFields { name, founded, ended } = City::fields();
    let _: (Field<String>, Field<Bson>, Field<i32>) = (name, founded, ended);
}
