//! A fresh graph on each backend, for what must hold on all of them.

use std::ops::Deref;

use jvspatial_core::Graph;
use tempfile::TempDir;

pub(crate) struct Opened {
    graph: Graph,
    _directory: Option<TempDir>,
}

impl Deref for Opened {
    type Target = Graph;

    fn deref(&self) -> &Graph {
        &self.graph
    }
}

pub(crate) async fn graphs() -> Vec<Opened> {
    let mut opened = Vec::new();
    let graph = Graph::open("memory:").await.unwrap();
    opened.push(Opened { graph, _directory: None });
    if cfg!(feature = "json") {
        let directory = TempDir::new().unwrap();
        // What these tests ask for is not whether writes survive a power failure.
        let url = format!("json:{}?durability=os", directory.path().join("db").display());
        let graph = Graph::open(&url).await.unwrap();
        opened.push(Opened { graph, _directory: Some(directory) });
    }
    opened
}

/// Makes a test of each case for the backends that need nothing, and another for MongoDB.
macro_rules! on_every_backend {
    ($($case:ident,)*) => {
        mod embedded {
            $(#[tokio::test]
            async fn $case() {
                for graph in crate::backends::graphs().await {
                    Box::pin(super::$case(graph.clone())).await;
                }
            })*
        }

        #[cfg(feature = "mongodb")]
        mod mongodb {
            $(#[tokio::test]
            #[ignore = "needs a MongoDB server"]
            async fn $case() {
                Box::pin(super::$case(crate::mongo::another_graph().await)).await;
            })*
        }
    };
}
