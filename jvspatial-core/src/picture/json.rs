//! Node-link JSON.

use std::fmt::{self, Write};

use jvspatial_db::{Document, Encoding, codec};

use crate::error::{Error, ErrorKind, Result};
use crate::subgraph::Subgraph;

/// A [`Subgraph`] as node-link JSON, the form that d3 and networkx read; made by [`Subgraph::json`], and
/// written by its `Display`, one node or edge a line.
///
/// ```json
/// {"directed":true,"multigraph":true,"graph":{},"nodes":[
/// {"id":"n.City.1","entity":"City","version":1,"depth":0,"fields":{"name":"Oslo"}}
/// ],"links":[
/// {"source":"n.City.1","target":"n.City.1","key":"e.Road.2","entity":"Road","version":1,"undirected":false,"fields":{}}
/// ]}
/// ```
///
/// The fields of a document are relaxed Extended JSON. For networkx: `node_link_graph(data, edges="links")`.
#[derive(Clone, Debug)]
#[must_use = "it has to be written somewhere"]
pub struct NodeLink<'a> {
    subgraph: &'a Subgraph,
    /// The fields of each node and of each edge.
    nodes: Vec<String>,
    edges: Vec<String>,
}

impl<'a> NodeLink<'a> {
    pub(super) fn new(subgraph: &'a Subgraph) -> Result<Self> {
        let nodes = subgraph.nodes().iter().map(|node| fields(node.document()));
        let edges = subgraph.edges().iter().map(|edge| fields(edge.document()));
        Ok(Self {
            subgraph,
            nodes: nodes.collect::<Result<_>>()?,
            edges: edges.collect::<Result<_>>()?,
        })
    }
}

/// The fields of a document as JSON on one line.
fn fields(document: &Document) -> Result<String> {
    let (body, mut json) = (&document.body, Vec::new());
    codec::transcode(body.encoding(), Encoding::Json, body.as_bytes(), &mut json)
        .map_err(|error| error.with("id", &document.id))?;
    String::from_utf8(json).map_err(|_| {
        Error::new(ErrorKind::Corrupt, "fields are not UTF-8").with("id", &document.id)
    })
}

impl fmt::Display for NodeLink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{\"directed\":true,\"multigraph\":true,\"graph\":{},\"nodes\":[")?;
        let mut separator = "\n";
        for (node, fields) in self.subgraph.nodes().iter().zip(&self.nodes) {
            write!(f, "{separator}{{\"id\":{}", Quoted(&node.id().to_string()))?;
            write!(f, ",\"entity\":{}", Quoted(node.entity()))?;
            let depth = self.subgraph.depth(node.id()).unwrap_or_default();
            write!(f, ",\"version\":{},\"depth\":{depth}", node.version().get())?;
            write!(f, ",\"fields\":{fields}}}")?;
            separator = ",\n";
        }
        f.write_str("\n],\"links\":[")?;
        separator = "\n";
        for (edge, fields) in self.subgraph.edges().iter().zip(&self.edges) {
            let [source, target, key] =
                [edge.source(), edge.target(), edge.id()].map(ToString::to_string);
            write!(f, "{separator}{{\"source\":{}", Quoted(&source))?;
            write!(f, ",\"target\":{},\"key\":{}", Quoted(&target), Quoted(&key))?;
            write!(f, ",\"entity\":{}", Quoted(edge.entity()))?;
            write!(f, ",\"version\":{}", edge.version().get())?;
            write!(f, ",\"undirected\":{},\"fields\":{fields}}}", edge.is_undirected())?;
            separator = ",\n";
        }
        f.write_str("\n]}\n")
    }
}

/// Text as a string of JSON.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\0'..='\u{1f}' => write!(f, "\\u{:04x}", u32::from(character))?,
                _ => f.write_char(character)?,
            }
        }
        f.write_char('"')
    }
}
