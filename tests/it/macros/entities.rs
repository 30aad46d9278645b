//! The derives.

use std::collections::BTreeSet;

use jvspatial::prelude::*;
use jvspatial::{Bson, Field, Standalone};

#[derive(Debug, Serialize, Deserialize, Node)]
struct City {}

#[derive(Debug, Serialize, Deserialize, Node)]
#[node(name = "Stadt", schema = 3)]
struct Town {}

#[derive(Debug, Serialize, Deserialize, Node)]
struct 都市 {}

#[derive(Debug, Serialize, Deserialize, Object)]
struct Unit;

#[tokio::test]
async fn an_entity_is_named_after_its_struct_or_as_it_is_told() {
    assert_eq!(City::NAME, "City");
    assert_eq!(City::SCHEMA, 1);
    assert_eq!(Town::NAME, "Stadt");
    assert_eq!(Town::SCHEMA, 3);
    assert_eq!(Town::entity_name().as_str(), "Stadt");

    let graph = Graph::open("memory:").await.unwrap();
    let stored = graph.create(Town {}).await.unwrap();
    assert!(stored.id().to_string().starts_with("n.Stadt."));
    let stored = graph.create(都市 {}).await.unwrap();
    assert!(stored.id().to_string().starts_with("n.都市."));
}

#[test]
fn a_field_called_id_is_apart_from_the_id_of_the_document() {
    #[derive(Serialize, Deserialize, Node)]
    struct Flagged {
        id: u32,
    }
    assert_eq!(Flagged::id("x").unwrap().to_string(), "n.Flagged.x");
    let _: Field<u32> = Flagged::fields().id;
    assert!(Flagged::id("").is_err());
}

#[tokio::test]
async fn structs_without_fields_are_kept() {
    let graph = Graph::open("memory:").await.unwrap();
    let city = graph.create(City {}).await.unwrap();
    assert!(graph.get::<City>(city.id()).await.unwrap().is_some());
    let unit = graph.create(Unit).await.unwrap();
    assert!(unit.id().to_string().starts_with("o.Unit."));
    assert!(graph.get::<Unit>(unit.id()).await.unwrap().is_some());
}

#[test]
fn edges_say_whether_they_are_parallel_and_directed() {
    #[derive(Serialize, Deserialize, Edge)]
    struct Road {}
    #[derive(Serialize, Deserialize, Edge)]
    #[edge(parallel)]
    struct Flight {}
    #[derive(Serialize, Deserialize, Edge)]
    #[edge(undirected, name = "Path")]
    struct Track {}

    assert_eq!((Road::PARALLEL, Road::UNDIRECTED), (false, false));
    assert_eq!((Flight::PARALLEL, Flight::UNDIRECTED), (true, false));
    assert_eq!((Track::PARALLEL, Track::UNDIRECTED), (false, true));
    assert_eq!(Track::NAME, "Path");
}

#[test]
fn nodes_and_objects_are_created_by_themselves() {
    fn name<T: Standalone>() -> &'static str {
        T::NAME
    }
    assert_eq!(name::<City>(), "City");
    assert_eq!(name::<Unit>(), "Unit");
}

/// The names under which serde writes the fields of `value`.
fn written(value: &impl Serialize) -> BTreeSet<String> {
    let value = serde_json::to_value(value).unwrap();
    value.as_object().unwrap().keys().cloned().collect()
}

fn names<const N: usize>(paths: [&str; N]) -> BTreeSet<String> {
    let name = |path: &str| path.strip_prefix("context.").unwrap().to_owned();
    paths.map(name).into_iter().collect()
}

macro_rules! handles_follow_rename_all {
    ($($test:ident: $case:literal,)*) => {$(
        #[test]
        fn $test() {
            #[derive(Default, Serialize, Deserialize, Node)]
            #[serde(rename_all = $case)]
            struct Sample {
                plain: u8,
                two_words: u8,
                r#type: u8,
                _hidden_: u8,
                n1_b2: u8,
                #[serde(rename = "as-Given")]
                renamed: u8,
            }

            let SampleFields { plain, two_words, r#type, _hidden_, n1_b2, renamed } = Sample::fields();
            assert_eq!(renamed.path(), "context.as-Given");
            let handles = [
                plain.path(), two_words.path(), r#type.path(), _hidden_.path(), n1_b2.path(), renamed.path(),
            ];
            assert_eq!(names(handles), written(&Sample::default()));
        }
    )*};
}

handles_follow_rename_all! {
    handles_follow_lowercase: "lowercase",
    handles_follow_uppercase: "UPPERCASE",
    handles_follow_pascal_case: "PascalCase",
    handles_follow_camel_case: "camelCase",
    handles_follow_snake_case: "snake_case",
    handles_follow_screaming_snake_case: "SCREAMING_SNAKE_CASE",
    handles_follow_kebab_case: "kebab-case",
    handles_follow_screaming_kebab_case: "SCREAMING-KEBAB-CASE",
}

#[test]
fn renames_given_for_reading_and_writing_alike_are_one_name() {
    #[derive(Default, Serialize, Deserialize, Node)]
    #[serde(rename_all(serialize = "camelCase", deserialize = "camelCase"))]
    struct Sample {
        two_words: u8,
        #[serde(rename(serialize = "x", deserialize = "x"))]
        other_words: u8,
    }

    let SampleFields { two_words, other_words } = Sample::fields();
    assert_eq!(two_words.path(), "context.twoWords");
    assert_eq!(other_words.path(), "context.x");
}

#[derive(Debug, Default, Serialize, Deserialize, PartialEq)]
struct Position {
    latitude: f64,
}

#[derive(Debug, Default, Serialize, Deserialize, Node)]
struct Place {
    name: String,
    #[serde(skip)]
    seen: bool,
    #[serde(skip_serializing, skip_deserializing)]
    visits: u32,
    #[serde(flatten)]
    position: Position,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[tokio::test]
async fn fields_that_are_not_stored_by_name_have_no_handle() {
    let PlaceFields { name, note } = Place::fields();
    assert_eq!(name.path(), "context.name");
    assert_eq!(note.path(), "context.note");

    let graph = Graph::open("memory:").await.unwrap();
    let place = Place {
        name: "Oslo".into(),
        seen: true,
        visits: 7,
        position: Position { latitude: 59.9 },
        note: None,
    };
    let id = graph.create(place).await.unwrap().id().clone();
    let place = graph.get::<Place>(&id).await.unwrap().unwrap();
    assert_eq!(place.position, Position { latitude: 59.9 });
    assert_eq!((place.seen, place.visits), (false, 0));
}

#[tokio::test]
async fn filters_find_what_serde_has_renamed() {
    #[derive(Debug, Serialize, Deserialize, Node)]
    #[serde(rename_all = "camelCase")]
    struct Airport {
        iata_code: String,
        #[serde(rename = "lat")]
        latitude: f64,
    }

    let graph = Graph::open("memory:").await.unwrap();
    for (iata_code, latitude) in [("ATL", 33.6), ("BRW", 71.3)] {
        let iata_code = iata_code.to_owned();
        graph.create(Airport { iata_code, latitude }).await.unwrap();
    }
    let north = graph
        .nodes::<Airport>()
        .filter(|a| a.latitude.gte(65.0).and(a.iata_code.ne("ATL")))
        .all()
        .await
        .unwrap();
    assert_eq!(north.len(), 1);
    assert_eq!(north[0].iata_code, "BRW");
}

#[tokio::test]
async fn a_field_written_by_a_function_is_filtered_by_its_stored_form() {
    #[derive(Debug, Serialize, Deserialize, Node)]
    struct Flag {
        #[serde(with = "yes_or_no")]
        up: bool,
    }

    let graph = Graph::open("memory:").await.unwrap();
    graph.create(Flag { up: true }).await.unwrap();
    let up = graph.nodes::<Flag>().filter(|f| f.up.eq(Bson::String("yes".into())));
    assert_eq!(up.count().await.unwrap(), 1);
}

mod yes_or_no {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
    pub(super) fn serialize<S: Serializer>(value: &bool, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(if *value { "yes" } else { "no" })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
        Ok(String::deserialize(from)? == "yes")
    }
}

#[derive(Debug, Serialize, Deserialize, Object)]
#[object(name = "Settings")]
struct OldSettings {
    lang: String,
}

#[derive(Debug, Serialize, Deserialize, Object)]
#[serde(rename_all = "camelCase")]
struct Settings {
    #[serde(alias = "lang", alias = "language", alias = "displayLanguage")]
    display_language: String,
}

#[tokio::test]
async fn a_save_moves_the_value_of_an_old_name() {
    let graph = Graph::open("memory:").await.unwrap();
    let old = OldSettings { lang: "nb".into() };
    let id = graph.create(old).await.unwrap().id().clone();

    let mut settings = graph.get::<Settings>(&id).await.unwrap().unwrap();
    assert_eq!(settings.display_language, "nb");
    settings.display_language.push_str("-NO");
    graph.save(&mut settings).await.unwrap();

    let present = graph.objects::<Settings>();
    let moved = present.filter(|s| s.display_language.eq("nb-NO"));
    assert_eq!(moved.count().await.unwrap(), 1);
    let old = graph.objects::<OldSettings>();
    assert_eq!(old.filter(|s| s.lang.exists()).count().await.unwrap(), 0);
}
