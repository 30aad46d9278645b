//! Conditions on the fields of structs in fields and in lists.

use std::collections::{BTreeMap, BTreeSet};

use jvspatial::prelude::*;
use jvspatial::{Error, ErrorKind, Field, Predicate};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Surface {
    Asphalt,
    Gravel,
}

#[derive(Debug, Clone, Serialize, Deserialize, Embedded)]
#[serde(rename_all = "camelCase")]
struct Runway {
    length_in_meters: u32,
    lit: bool,
    surface: Surface,
    #[serde(default)]
    marks: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, Embedded)]
struct Position {
    #[serde(rename = "lat")]
    latitude: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize, Embedded)]
struct Address {
    city: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<Box<Position>>,
    /// Its name must not hide behind what a handle has itself.
    #[serde(default)]
    place: u8,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, Embedded)]
struct Unit {
    name: String,
    #[serde(default)]
    parts: Vec<Unit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chief: Option<Box<Unit>>,
}

#[derive(Debug, Clone, Serialize, Deserialize, Node)]
struct Airport {
    name: String,
    address: Address,
    runways: Vec<Runway>,
    codes: BTreeSet<String>,
    scores: Vec<i64>,
    surfaces: Option<Vec<Surface>>,
    grid: Vec<Vec<u8>>,
    notes: Vec<Option<String>>,
    staff: Unit,
}

fn runway(length_in_meters: u32, lit: bool, surface: Surface) -> Runway {
    Runway { length_in_meters, lit, surface, marks: Vec::new() }
}

fn airport(name: &str) -> Airport {
    Airport {
        name: name.into(),
        address: Address { city: name.into(), position: None, place: 0 },
        runways: Vec::new(),
        codes: BTreeSet::new(),
        scores: Vec::new(),
        surfaces: None,
        grid: Vec::new(),
        notes: Vec::new(),
        staff: Unit::default(),
    }
}

async fn graph() -> Graph {
    let graph = Graph::open("memory:").await.unwrap();
    let mut oslo = airport("Oslo");
    oslo.address.city = "Gardermoen".into();
    oslo.address.position = Some(Box::new(Position { latitude: 60.2 }));
    oslo.address.place = 7;
    oslo.runways = vec![
        Runway { marks: vec!["01L".into()], ..runway(3_600, false, Surface::Asphalt) },
        runway(900, true, Surface::Gravel),
    ];
    oslo.codes = ["OSL".to_owned(), "ENGM".to_owned()].into();
    oslo.scores = vec![70, 95];
    oslo.surfaces = Some(vec![Surface::Asphalt, Surface::Gravel]);
    oslo.grid = vec![vec![1, 2], vec![3]];
    oslo.notes = vec![None, Some("north".into())];
    oslo.staff = Unit {
        name: "all".into(),
        parts: vec![Unit { name: "tower".into(), ..Unit::default() }],
        chief: Some(Box::new(Unit { name: "Ada".into(), ..Unit::default() })),
    };
    let mut rome = airport("Roma");
    rome.runways = vec![runway(3_900, true, Surface::Asphalt)];
    rome.codes = ["FCO".to_owned()].into();
    rome.scores = vec![85];
    rome.surfaces = Some(vec![Surface::Asphalt]);
    rome.grid = vec![vec![]];
    rome.notes = vec![Some("south".into())];
    let mut unnamed = airport("Quito");
    unnamed.scores = vec![-7, 2];
    graph.create_many([oslo, rome, unnamed]).await.unwrap();
    graph
}

async fn found(graph: &Graph, filter: impl FnOnce(AirportFields) -> Predicate) -> Vec<String> {
    let found = graph.nodes::<Airport>().filter(filter).sort(|a| a.name.asc()).all().await;
    found.unwrap().into_iter().map(|airport| airport.name.clone()).collect()
}

#[test]
fn handles_of_embedded_structs_lead_to_stored_paths() {
    let fields = Airport::fields();
    assert_eq!(fields.address.city.path(), "context.address.city");
    let latitude: Field<f64> = fields.address.position.latitude;
    assert_eq!(latitude.path(), "context.address.position.lat");
    assert_eq!(fields.address.place.path(), "context.address.place");
    assert_eq!(fields.staff.chief.chief.name.path(), "context.staff.chief.chief.name");
}

#[tokio::test]
async fn fields_of_embedded_structs_are_compared_sorted_counted_and_changed() {
    let graph = graph().await;
    assert_eq!(found(&graph, |a| a.address.city.eq("Gardermoen")).await, ["Oslo"]);
    assert_eq!(found(&graph, |a| a.address.position.latitude.gte(60.0)).await, ["Oslo"]);
    assert_eq!(found(&graph, |a| a.address.position.is_null()).await, ["Quito", "Roma"]);
    assert_eq!(found(&graph, |a| a.staff.chief.name.matches("^A")).await, ["Oslo"]);
    let cities: Vec<String> = graph.nodes::<Airport>().distinct(|a| a.address.city).await.unwrap();
    assert_eq!(cities, ["Gardermoen", "Quito", "Roma"]);
    let last = graph.nodes::<Airport>().sort(|a| a.address.place.desc()).first().await.unwrap();
    assert_eq!(last.unwrap().name, "Oslo");
    let moved = graph
        .nodes::<Airport>()
        .filter(|a| a.address.place.eq(7))
        .update(|u| u.address.city.set("Oslo").and(u.address.place.inc(1)))
        .returning_after()
        .await
        .unwrap()
        .unwrap();
    assert_eq!((moved.address.city.as_str(), moved.address.place), ("Oslo", 8));
}

#[tokio::test]
async fn any_asks_all_of_one_embedded_struct() {
    let graph = graph().await;
    let both =
        |a: AirportFields| a.runways.any(|r| r.length_in_meters.gt(3_000).and(r.lit.eq(true)));
    assert_eq!(found(&graph, both).await, ["Roma"]);
    let apart = |a: AirportFields| {
        let long = a.runways.any(|r| r.length_in_meters.gt(3_000));
        long.and(a.runways.any(|r| r.lit.eq(true)))
    };
    assert_eq!(found(&graph, apart).await, ["Oslo", "Roma"]);
    let either = |a: AirportFields| {
        a.runways.any(|r| r.length_in_meters.lt(1_000).or(r.surface.eq(Surface::Gravel)))
    };
    assert_eq!(found(&graph, either).await, ["Oslo"]);
    assert_eq!(found(&graph, |a| a.runways.any(|r| r.marks.contains("01L"))).await, ["Oslo"]);
    assert_eq!(
        found(&graph, |a| a.runways.any(|r| r.marks.any(|m| m.matches("^01")))).await,
        ["Oslo"]
    );
    assert_eq!(found(&graph, |a| a.runways.any(|r| r.lit.eq(true)).not()).await, ["Quito"]);
    let whole = |a: AirportFields| a.runways.contains(runway(3_900, true, Surface::Asphalt));
    assert_eq!(found(&graph, whole).await, ["Roma"]);
    let whole = |a: AirportFields| a.runways.any(|r| r.eq(runway(3_900, true, Surface::Asphalt)));
    assert_eq!(found(&graph, whole).await, ["Roma"]);
    assert_eq!(found(&graph, |a| a.staff.parts.any(|u| u.name.eq("tower"))).await, ["Oslo"]);
    let raw = |a: AirportFields| {
        let lit = Predicate::parse(&jvspatial::db::doc! { "lit": true });
        a.runways.any(|r| r.length_in_meters.gt(3_000).and(lit))
    };
    assert_eq!(found(&graph, raw).await, ["Roma"]);
}

#[tokio::test]
async fn any_asks_all_of_one_value() {
    let graph = graph().await;
    assert_eq!(found(&graph, |a| a.scores.any(|s| s.gt(80).and(s.lt(90)))).await, ["Roma"]);
    assert_eq!(found(&graph, |a| a.scores.any(|s| s.gt(90).or(s.lt(0)))).await, ["Oslo", "Quito"]);
    let alternatives = |a: AirportFields| {
        a.scores.any(|s| s.gt(60).and(s.lt(80)).or(s.eq(85)).and(s.modulo(5, 0)))
    };
    assert_eq!(found(&graph, alternatives).await, ["Oslo", "Roma"]);
    assert_eq!(found(&graph, |a| a.scores.any(|s| s.modulo(3, -1))).await, ["Quito"]);
    assert_eq!(found(&graph, |a| a.scores.any(|s| !s.one_of([85, 2]))).await, ["Oslo", "Quito"]);
    let neither =
        |a: AirportFields| a.scores.any(|s| !s.gt(90).or(s.eq(70)).or(s.eq(85)).or(s.eq(2)));
    assert_eq!(found(&graph, neither).await, ["Quito"]);
    assert_eq!(found(&graph, |a| a.codes.any(|c| c.matches_with("^en", "i"))).await, ["Oslo"]);
    let both = |a: AirportFields| a.codes.any(|c| c.matches("^E").and(c.matches("M$")));
    assert_eq!(found(&graph, both).await, ["Oslo"]);
    let neither = |a: AirportFields| a.codes.any(|c| !c.matches("L$").or(c.matches("^F")));
    assert_eq!(found(&graph, neither).await, ["Oslo"]);
    let back = |a: AirportFields| a.codes.any(|c| !!c.matches("^E").and(c.matches("M$")));
    assert_eq!(found(&graph, back).await, ["Oslo"]);
    let gravel = |a: AirportFields| a.surfaces.any(|s| s.ne(Surface::Asphalt));
    assert_eq!(found(&graph, gravel).await, ["Oslo"]);
    assert_eq!(found(&graph, |a| a.notes.any(|n| n.is_null())).await, ["Oslo"]);
    assert_eq!(found(&graph, |a| a.grid.any(|row| row.any(|cell| cell.gt(2)))).await, ["Oslo"]);
    assert_eq!(found(&graph, |a| a.grid.any(|row| row.size(0))).await, ["Roma"]);
    assert_eq!(found(&graph, |a| a.grid.any(|row| row.contains(2))).await, ["Oslo"]);
    assert_eq!(found(&graph, |a| a.grid.any(|row| row.all([2, 1]))).await, ["Oslo"]);
}

#[tokio::test]
async fn lists_are_asked_for_what_they_hold_and_how_much() {
    let graph = graph().await;
    assert_eq!(found(&graph, |a| a.codes.contains("FCO")).await, ["Roma"]);
    assert_eq!(found(&graph, |a| a.codes.all(["ENGM", "OSL"])).await, ["Oslo"]);
    assert!(found(&graph, |a| a.codes.all(["ENGM", "FCO"])).await.is_empty());
    assert!(found(&graph, |a| a.codes.all::<&str>([])).await.is_empty());
    assert_eq!(found(&graph, |a| a.codes.size(2)).await, ["Oslo"]);
    assert_eq!(found(&graph, |a| a.codes.size(0)).await, ["Quito"]);
    assert_eq!(found(&graph, |a| a.surfaces.contains(Surface::Gravel)).await, ["Oslo"]);
    assert_eq!(found(&graph, |a| a.notes.contains(None)).await, ["Oslo"]);
    assert_eq!(found(&graph, |a| a.notes.all([None, Some("north".to_owned())])).await, ["Oslo"]);
    assert_eq!(found(&graph, |a| a.grid.contains(vec![])).await, ["Roma"]);
    assert_eq!(found(&graph, |a| a.grid.contains(vec![3])).await, ["Oslo"]);
}

async fn refused(graph: &Graph, filter: impl FnOnce(AirportFields) -> Predicate) -> Error {
    graph.nodes::<Airport>().filter(filter).count().await.unwrap_err()
}

#[tokio::test]
async fn conditions_on_something_else_are_refused_by_name() {
    let graph = graph().await;
    let error = refused(&graph, |a| a.runways.any(|_| a.name.eq("Oslo"))).await;
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.context("field"), Some("context.runways"));
    assert!(error.to_string().contains("the document"), "{error}");
    let error =
        refused(&graph, |a| a.runways.any(|r| r.marks.any(|m| m.eq("01L").and(r.lit.eq(true)))))
            .await;
    assert!(error.to_string().contains("an element of context.runways"), "{error}");
    let error = refused(&graph, |a| a.grid.any(|row| row.any(|_| row.size(2)))).await;
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = refused(&graph, |a| {
        let mut escaped = None;
        let _ = a.runways.any(|r| {
            escaped = Some(r.lit);
            r.lit.eq(true)
        });
        escaped.unwrap().eq(true)
    })
    .await;
    assert!(error.to_string().contains("an element of context.runways"), "{error}");
    let whole = runway(1, true, Surface::Gravel);
    let error = refused(&graph, |a| a.runways.any(|r| r.eq(&whole).and(r.lit.eq(true)))).await;
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = refused(&graph, |a| a.scores.any(|s| s.gt(1).and(s.gt(2)))).await;
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("$gt"), "{error}");
}

#[tokio::test]
async fn conditions_that_grow_without_bound_are_refused() {
    let graph = graph().await;
    let error = refused(&graph, |a| {
        a.scores.any(|s| {
            let pairs = (0..40).map(|n| s.eq(n).or(s.gt(n)));
            pairs.reduce(Predicate::and).unwrap()
        })
    })
    .await;
    assert!(matches!(error.kind(), ErrorKind::Limit | ErrorKind::Invalid), "{error}");
    let error = refused(&graph, |a| {
        a.scores.any(|s| (0..100).map(|n| s.eq(n)).reduce(Predicate::or).unwrap())
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    let error = refused(&graph, |a| {
        let mut unit = a.staff.chief;
        for _ in 0..1_000 {
            unit = unit.chief;
        }
        assert!(unit.path().len() < 1_000);
        unit.name.eq("Ada")
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}

#[derive(Debug, Serialize, Deserialize, Object)]
struct Settings {
    #[serde(with = "as_map")]
    limits: Position,
    words: Vec<String>,
}

mod as_map {
    use super::{BTreeMap, Deserialize, Position, Serialize};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Position, to: S) -> Result<S::Ok, S::Error> {
        BTreeMap::from([("north", value.latitude)]).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Position, D::Error> {
        let map = BTreeMap::<String, f64>::deserialize(from)?;
        Ok(Position { latitude: map.get("north").copied().unwrap_or_default() })
    }
}

#[derive(Debug, Serialize, Deserialize, Edge)]
struct Flight {
    carriers: Vec<String>,
    seats: Position,
}

#[tokio::test]
async fn objects_edges_and_neighbours_take_the_same_conditions() {
    let graph = Graph::open("memory:").await.unwrap();
    let words = vec!["one".to_owned(), "two".to_owned()];
    graph.create(Settings { limits: Position { latitude: 1.0 }, words }).await.unwrap();
    let found = graph.objects::<Settings>().filter(|s| s.words.any(|w| w.matches("^t")));
    assert_eq!(found.count().await.unwrap(), 1);

    let from = graph.create(airport("Oslo")).await.unwrap();
    let mut rome = airport("Roma");
    rome.scores = vec![3];
    let to = graph.create(rome).await.unwrap();
    let seats = Position { latitude: 3.0 };
    graph.connect(&from, &to, Flight { carriers: vec!["SK".into()], seats }).await.unwrap();
    let edges =
        graph.edges::<Flight>().filter(|f| f.seats.latitude.gt(2.0).and(f.carriers.size(1)));
    assert_eq!(edges.count().await.unwrap(), 1);
    for (carrier, score, count) in [("SK", 3, 1), ("AZ", 3, 0), ("SK", 4, 0)] {
        let reached = graph
            .out::<Flight>(&from)
            .filter(|f| f.carriers.any(|c| c.eq(carrier)))
            .to::<Airport>()
            .filter(|a| a.scores.contains(score));
        assert_eq!(reached.count().await.unwrap(), count, "{carrier} {score}");
    }
}
