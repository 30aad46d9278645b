//! Everything that a cached query can be.

#![deny(warnings)]

use std::sync::Arc;

use jvspatial::prelude::*;

#[derive(Clone)]
struct Towns<'a> {
    graph: Graph,
    #[allow(dead_code)]
    name: &'a str,
}

impl Towns<'_> {
    /// Documented.
    #[cached_query(ttl = "250ms")]
    pub(crate) async fn with_an_error_of_its_own(&self, n: u64) -> Result<u64, String> {
        n.checked_add(1).ok_or_else(|| "too large".to_owned())
    }

    #[cached_query(tier = all, ttl = "1m")]
    async fn for_all_processes(&self, country: String) -> Result<Vec<String>> {
        Ok(vec![country])
    }

    #[cached_query(tier = memory)]
    async fn without_an_error(&self, names: &[String], n: Option<u8>) -> Arc<str> {
        format!("{names:?} {n:?}").into()
    }
}

mod inner {
    use super::*;

    #[cached_query(cache = graph, skip(_trace), tags("a", name), unless = |n: &usize| *n == 0)]
    pub(super) async fn free(graph: &Graph, name: &str, _trace: &mut Vec<u8>) -> Result<usize> {
        let _ = graph;
        Ok(name.len())
    }
}

#[test]
fn is_accepted() {
    let _ = async |towns: Towns<'_>| {
        let _ = towns.with_an_error_of_its_own(1).await;
        let _ = towns.with_an_error_of_its_own_refresh(1).await;
        towns.with_an_error_of_its_own_cache().invalidate().await;
        let _ = towns.for_all_processes(String::new()).await;
        let _ = towns.for_all_processes_refresh(String::new()).await;
        towns.for_all_processes_kept(String::new()).invalidate();
        let _ = towns.without_an_error(&[], None).await;
        let _ = towns.without_an_error_kept(&[], None).get();
        let _ = inner::free(&towns.graph, "a", &mut Vec::new()).await;
        let _ = inner::free::kept(&towns.graph, "a", &mut Vec::new()).get();
        let _ = inner::free::cache(&towns.graph).statistics();
    };
}
