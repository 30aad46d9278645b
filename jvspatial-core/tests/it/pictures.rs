//! Subgraphs and trails as text that other programs draw.

use bson::{Bson, Document};
use jvspatial_core::{
    Control, Entity, Graph, Here, HookError, Outcome, Stored, Uniqueness, Walk, Walker, out,
};
use jvspatial_db::codec::parse_json_document;

use crate::backends::graphs;
use crate::model::{City, Road, Trip, Twinned};

async fn city(graph: &Graph, key: &str, name: &str) -> Stored<City> {
    graph.create_with_key(key, City::new(name)).await.unwrap()
}

#[tokio::test]
async fn a_subgraph_is_drawn_with_starts_labels_and_what_stands_out() {
    for graph in graphs().await {
        let oslo = city(&graph, "oslo", "Oslo \"the\" <Tiger>").await;
        let bergen = city(&graph, "bergen", "Bergen\nBryggen").await;
        let road = graph.connect(&oslo, &bergen, Road { km: 463 }).await.unwrap();
        graph.connect(&bergen, &oslo, Twinned {}).await.unwrap();
        let subgraph = graph.subgraph(&oslo, 1).load().await.unwrap();
        assert_eq!(
            subgraph.dot().to_string(),
            r#"digraph {
  node [shape=box];
  "n.City.oslo" [label="n.City.oslo", peripheries=2];
  "n.City.bergen" [label="n.City.bergen"];
  "n.City.oslo" -> "n.City.bergen" [label="Road"];
  "n.City.bergen" -> "n.City.oslo" [label="Twinned", dir=none];
}
"#
        );
        let dot = subgraph.dot().label_field("name").unwrap().edge_label_field("km").unwrap();
        assert_eq!(
            dot.left_to_right().highlight([bergen.id(), road.id()]).to_string(),
            r#"digraph {
  rankdir=LR;
  node [shape=box];
  "n.City.oslo" [label="Oslo \"the\" <Tiger>", peripheries=2];
  "n.City.bergen" [label="Bergen\nBryggen", style=filled, fillcolor=gold];
  "n.City.oslo" -> "n.City.bergen" [label="463", color=orange, penwidth=2];
  "n.City.bergen" -> "n.City.oslo" [label="Twinned", dir=none];
}
"#
        );
        let mermaid = subgraph.mermaid().label_field("name").unwrap().left_to_right();
        assert_eq!(
            mermaid.highlight([bergen.id(), road.id()]).to_string(),
            r#"flowchart LR
  n0(["Oslo #34;the#34; #60;Tiger#62;"])
  n1["Bergen<br/>Bryggen"]:::highlight
  n0 -->|"Road"| n1
  n1 ---|"Twinned"| n0
  classDef highlight fill:gold,stroke:black,color:black
  linkStyle 0 stroke:orange,stroke-width:3px
"#
        );
        let plain = subgraph.dot().label(|node| node.entity()).edge_label(|_| "");
        assert!(plain.to_string().ends_with(
            "\"n.City.oslo\" -> \"n.City.bergen\";\n  \"n.City.bergen\" -> \"n.City.oslo\" [dir=none];\n}\n"
        ));
        let plain = subgraph.mermaid().label(|node| node.entity()).edge_label(|_| "");
        assert_eq!(
            plain.to_string(),
            "flowchart TB\n  n0([\"City\"])\n  n1[\"City\"]\n  n0 --> n1\n  n1 --- n0\n"
        );
    }
}

#[tokio::test]
async fn a_node_without_the_field_keeps_its_label() {
    let graph = Graph::open("memory:").await.unwrap();
    let a = city(&graph, "a", "A").await;
    let subgraph = graph.subgraph(&a, 0).load().await.unwrap();
    let picture = subgraph.mermaid().label_field("nickname").unwrap();
    assert_eq!(picture.to_string(), "flowchart TB\n  n0([\"n.City.a\"])\n");
}

#[tokio::test]
async fn ids_of_any_characters_are_drawn_and_written() {
    let keys = [
        "a b",
        "#1;",
        "<i>&amp;",
        "&#;",
        "{x}|y|",
        "%%{init}",
        "`t`",
        "end",
        "ø北🚂",
        "a-->b",
        "'",
        "--x",
        "ﬂ°°35¶ß",
        "1.",
        "$a",
        "x:y:z",
        "style:#1;",
    ];
    for graph in graphs().await {
        let hub = city(&graph, "hub", "hub").await;
        for key in keys {
            let end = city(&graph, key, key).await;
            graph.connect(&hub, &end, Trip { year: 1 }).await.unwrap();
        }
        let subgraph = graph.subgraph(&hub, 1).load().await.unwrap();
        let dot = subgraph.dot().to_string();
        let mermaid = subgraph.mermaid().to_string();
        assert_eq!(dot.lines().count(), 3 + 1 + 2 * keys.len());
        assert_eq!(mermaid.lines().count(), 1 + 1 + 2 * keys.len());
        for key in keys {
            let name = key.replace('&', "&amp;");
            assert!(dot.contains(&format!("\"n.City.hub\" -> \"n.City.{name}\" [label=")), "{dot}");
        }
        let read = parse_json_document(&subgraph.json().unwrap().to_string()).unwrap();
        let nodes = read.get_array("nodes").unwrap().iter().map(Bson::as_document);
        let nodes: Vec<&Document> = nodes.map(Option::unwrap).collect();
        assert_eq!(nodes.len(), 1 + keys.len());
        for key in keys {
            let id = City::id(key).unwrap().to_string();
            let node = nodes.iter().find(|node| node.get_str("id").ok() == Some(&id)).unwrap();
            let fields = node.get_document("fields").unwrap();
            assert_eq!(fields.get_str("name").ok(), Some(key));
        }
    }
}

#[tokio::test]
async fn json_has_nodes_and_links_with_their_fields() {
    for graph in graphs().await {
        let oslo = city(&graph, "oslo", "Oslo\u{1}\"\\").await;
        let bergen = city(&graph, "bergen", "Bergen").await;
        let road = graph.connect(&oslo, &bergen, Road { km: 463 }).await.unwrap();
        let subgraph = graph.subgraph(&oslo, 1).load().await.unwrap();
        let text = subgraph.json().unwrap().to_string();
        assert_eq!(text.lines().count(), 6, "{text}");
        let read = parse_json_document(&text).unwrap();
        assert_eq!(read.get_bool("directed").ok(), Some(true));
        assert_eq!(read.get_bool("multigraph").ok(), Some(true));
        let list = |name: &str| -> Vec<Document> {
            let items = read.get_array(name).unwrap().iter();
            items.map(|item| item.as_document().unwrap().clone()).collect()
        };
        let nodes = list("nodes");
        assert_eq!(nodes[0].get_str("id").ok(), Some("n.City.oslo"));
        assert_eq!(nodes[0].get_str("entity").ok(), Some("City"));
        let fields = nodes[0].get_document("fields").unwrap();
        assert_eq!(fields.get_str("name").ok(), Some("Oslo\u{1}\"\\"));
        assert_eq!(nodes[1].get("depth").and_then(Bson::as_i32), Some(1));
        let links = list("links");
        assert_eq!(links.len(), 1);
        assert_eq!(links[0].get_str("source").ok(), Some("n.City.oslo"));
        assert_eq!(links[0].get_str("target").ok(), Some("n.City.bergen"));
        assert_eq!(links[0].get_str("key").ok(), Some(&*road.id().to_string()));
        assert_eq!(links[0].get_bool("undirected").ok(), Some(false));
        let fields = links[0].get_document("fields").unwrap();
        assert_eq!(fields.get("km").and_then(Bson::as_i32), Some(463));
    }
}

#[tokio::test]
async fn a_subgraph_of_one_node_is_well_formed_json() {
    let graph = Graph::open("memory:").await.unwrap();
    let root = graph.root().await.unwrap();
    let subgraph = graph.subgraph(&root, 3).load().await.unwrap();
    let text = subgraph.json().unwrap().to_string();
    let read = parse_json_document(&text).unwrap();
    assert_eq!(read.get_array("links").map(Vec::len).ok(), Some(0), "{text}");
}

/// Follows all roads.
#[derive(Debug)]
struct Roam;

impl Walker for Roam {
    type Report = ();
    const NAME: &'static str = "Roam";

    async fn visit(&mut self, _: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
        walk.follow(out::<Road>());
        Ok(Control::Continue)
    }
}

/// a → b → c → a, and a → c.
async fn triangle(graph: &Graph) -> Vec<Stored<City>> {
    let mut cities = Vec::new();
    for key in ["a", "b", "c"] {
        cities.push(city(graph, key, &key.to_uppercase()).await);
    }
    for (from, to) in [(0, 1), (1, 2), (2, 0), (0, 2)] {
        graph.connect(&cities[from], &cities[to], Road { km: 1 }).await.unwrap();
    }
    cities
}

#[tokio::test]
async fn a_trail_is_drawn_with_each_node_once_and_an_arrow_for_each_step() {
    for graph in graphs().await {
        let cities = triangle(&graph).await;
        let walk = graph.walk(Roam).from(&cities[0]).trail(100);
        let Outcome { trail, .. } =
            walk.uniqueness(Uniqueness::Unlimited).max_steps(5).run().await.unwrap();
        assert_eq!(
            trail.dot().to_string(),
            r#"digraph {
  node [shape=box];
  "n.City.a" [label="n.City.a", peripheries=2];
  "n.City.b" [label="n.City.b"];
  "n.City.c" [label="n.City.c"];
  "n.City.a" -> "n.City.b" [label="2: Road"];
  "n.City.a" -> "n.City.c" [label="3: Road"];
  "n.City.b" -> "n.City.c" [label="4: Road"];
  "n.City.c" -> "n.City.a" [label="5: Road"];
}
"#
        );
        let named = trail.mermaid().left_to_right().label(|id| id.entity().to_owned());
        let numbered = named.edge_label(|step| step.sequence).highlight([&cities[2]]);
        assert_eq!(
            numbered.to_string(),
            r#"flowchart LR
  n0(["City"])
  n1["City"]
  n2["City"]:::highlight
  n0 -->|"2"| n1
  n0 -->|"3"| n2
  n1 -->|"4"| n2
  n2 -->|"5"| n0
  classDef highlight fill:gold,stroke:black,color:black
"#
        );
    }
}

#[tokio::test]
async fn a_step_whose_parent_is_forgotten_has_no_arrow_and_is_no_start() {
    let graph = Graph::open("memory:").await.unwrap();
    let cities = triangle(&graph).await;
    let trail = graph.walk(Roam).from(&cities[0]).trail(2).run().await.unwrap().trail;
    assert_eq!(trail.forgotten(), 1);
    assert_eq!(
        trail.mermaid().to_string(),
        "flowchart TB\n  n0[\"n.City.b\"]\n  n1[\"n.City.c\"]\n"
    );
}

#[tokio::test]
async fn without_a_trail_the_picture_is_empty() {
    let graph = Graph::open("memory:").await.unwrap();
    let root = graph.root().await.unwrap();
    let trail = graph.walk(Roam).from(&root).run().await.unwrap().trail;
    assert_eq!(trail.dot().to_string(), "digraph {\n  node [shape=box];\n}\n");
    assert_eq!(trail.mermaid().to_string(), "flowchart TB\n");
}
