//! Searches that read a few fields.

use bson::doc;
use jvspatial_core::{ErrorKind, ProjectedFields, Projection, Result};
use jvspatial_db::Id;

use crate::backends::graphs;
use crate::model::{City, Climate};

/// As the derive would implement it.
#[derive(Debug)]
struct Place {
    id: Id,
    name: String,
    climate: Option<Climate>,
    visits: u64,
}

impl Projection for Place {
    const PATHS: &'static [&'static str] = &["name", "climate", "visits"];

    fn read(fields: &ProjectedFields<'_>) -> Result<Self> {
        Ok(Self {
            id: fields.id().clone(),
            name: fields.get("name")?,
            climate: fields.get("climate")?,
            visits: fields.get_or("visits", || 7)?,
        })
    }
}

#[derive(Debug)]
struct Nicknamed {
    _nickname: String,
}

impl Projection for Nicknamed {
    const PATHS: &'static [&'static str] = &["nickname"];

    fn read(fields: &ProjectedFields<'_>) -> Result<Self> {
        Ok(Self { _nickname: fields.get("nickname")? })
    }
}

#[tokio::test]
async fn a_projection_reads_its_fields() {
    for graph in graphs().await {
        let mut oslo = City { visits: 3, ..City::at("Os\"lo", 59.9) };
        oslo.climate = Some(Climate::Mild);
        let oslo = graph.create(oslo).await.unwrap();
        graph.create(City::at("Roma", 41.9)).await.unwrap();
        let found = graph.nodes::<City>().sort(|c| c.latitude.desc()).project::<Place>();
        let found = found.all().await.unwrap();
        assert_eq!((found[0].name.as_str(), found[0].visits), ("Os\"lo", 3));
        assert_eq!((&found[0].id, &found[0].climate), (oslo.id(), &Some(Climate::Mild)));
        assert_eq!((found[1].name.as_str(), found[1].climate.is_none()), ("Roma", true));
        let page = graph.nodes::<City>().sort(|c| c.latitude.asc()).project::<Place>();
        let page = page.page(1, None).await.unwrap();
        assert_eq!(page.items[0].name, "Roma");
        assert!(page.next.is_some());
    }
}

#[tokio::test]
async fn a_missing_field_is_named_unless_it_may_be_missing() {
    for graph in graphs().await {
        let city = graph.create(City::new("Oslo")).await.unwrap();
        let error = graph.nodes::<City>().project::<Nicknamed>().one().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.context("field"), Some("nickname"));
        assert_eq!(error.context("id"), Some(city.id().to_string().as_str()));
    }
}

#[tokio::test]
async fn some_fields_come_as_documents() {
    for graph in graphs().await {
        let mut city = City::at("Oslo", 59.9);
        city.tags = vec!["sea".into()];
        let city = graph.create(city).await.unwrap();
        let found = graph.nodes::<City>().project_fields(["tags", "name", "nothing.here"]);
        let id = city.id().to_string();
        let expected = doc! { "_id": &id, "name": "Oslo", "tags": ["sea"] };
        assert_eq!(found.all().await.unwrap(), std::slice::from_ref(&expected));
        let none = graph.nodes::<City>().project_fields([""; 0]).one().await.unwrap();
        assert_eq!(none, doc! { "_id": &id });
        for fields in [&["a.", "b"][..], &["$a"], &["a", "a.b"], &["a", "a"]] {
            let refused = graph.nodes::<City>().project_fields(fields).all().await;
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid, "{fields:?}");
        }
    }
}
