//! Structs that read a few fields.

use jvspatial::prelude::*;
use jvspatial::{ErrorKind, Version};

#[derive(Debug, Serialize, Deserialize, Node)]
#[serde(rename_all = "camelCase")]
struct Airport {
    full_name: String,
    address: Address,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    elevation: Option<f64>,
    runways: Vec<Runway>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Address {
    city: String,
    zip: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Runway {
    length: u32,
    #[serde(default)]
    width: u32,
}

#[derive(Debug, Deserialize)]
struct Length {
    length: u32,
}

#[derive(Debug, Projection)]
#[serde(rename_all = "camelCase")]
struct Summary {
    #[projection(id)]
    id: Id,
    #[projection(version)]
    version: Version,
    full_name: String,
    #[projection(path = "address.city")]
    city: String,
    #[projection(path = "address.country")]
    country: Option<String>,
    elevation: Option<f64>,
    #[serde(rename = "runways")]
    lengths: Vec<Length>,
    #[serde(default)]
    gates: u32,
    #[serde(default = "unknown")]
    owner: String,
}

fn unknown() -> String {
    "unknown".to_owned()
}

#[derive(Debug, Projection)]
struct Nothing {}

#[derive(Debug, Projection)]
struct Misfit {
    #[projection(path = "address.zip")]
    _zip: u32,
}

async fn graph() -> Graph {
    let graph = Graph::open("memory:").await.unwrap();
    let address = Address { city: "Gardermoen".into(), zip: "2060".into() };
    let runways = vec![Runway { length: 3_600, width: 45 }, Runway { length: 2_950, width: 45 }];
    let oslo = Airport { full_name: "Oslo".into(), address, elevation: None, runways };
    graph.create(oslo).await.unwrap();
    graph
}

#[tokio::test]
async fn fields_are_read_by_name_by_path_and_from_the_envelope() {
    let graph = graph().await;
    assert_eq!(
        Summary::PATHS,
        ["fullName", "address.city", "address.country", "elevation", "runways", "gates", "owner"]
    );
    let found = graph.nodes::<Airport>().project::<Summary>().one().await.unwrap();
    assert!(found.id.to_string().starts_with("n.Airport."));
    assert_eq!(found.version, Version::FIRST);
    assert_eq!((found.full_name.as_str(), found.city.as_str()), ("Oslo", "Gardermoen"));
    assert_eq!((found.country, found.elevation, found.gates), (None, None, 0));
    assert_eq!(found.owner, "unknown");
    let lengths: Vec<u32> = found.lengths.iter().map(|runway| runway.length).collect();
    assert_eq!(lengths, [3_600, 2_950]);
}

#[tokio::test]
async fn a_projection_without_fields_counts() {
    let graph = graph().await;
    assert_eq!(graph.nodes::<Airport>().project::<Nothing>().all().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_named_by_its_path() {
    let graph = graph().await;
    let error = graph.nodes::<Airport>().project::<Misfit>().all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.context("field"), Some("address.zip"));
}
