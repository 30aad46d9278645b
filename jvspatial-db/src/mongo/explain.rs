//! How a server answers a search, in our shape.

use std::sync::Arc;
use std::time::Instant;

use bson::{Bson, Document as Fields, doc};

use super::client::Client;
use super::find;
use super::indexes::{Catalog, Known};
use super::reader::Reader;
use crate::error::Result;
use crate::indexes::{Candidate, Explanation, Question, Stage, plan};
use crate::query::Query;

/// Runs a query and tells how it was answered.
///
/// What the server has looked at it tells itself. The bounds are those that a plan made here has for the index that
/// it chose, in the spelling of all backends.
pub(super) async fn explain(
    client: &Arc<Client>,
    catalog: &Catalog,
    query: Query,
    max_sort_bytes: usize,
) -> Result<Explanation> {
    let start = Instant::now();
    let mut hinted = query.clone();
    catalog.resolve_hint(&mut hinted)?;
    let command = doc! {
        "explain": find::command_of(&hinted),
        "verbosity": "executionStats",
        "maxTimeMS": client.max_time(),
    };
    let told = client.call(|database| async move { database.run_command(command).await }).await?;
    let found =
        find::find(&Reader::from(client), hinted, max_sort_bytes).await?.try_collect().await?;
    let plan =
        told.get_document("queryPlanner").ok().and_then(|planner| planner.get("winningPlan"));
    let index = plan.and_then(|plan| stage(plan, &["IXSCAN", "EXPRESS_IXSCAN"]));
    let index = index.and_then(|stage| stage.get_str("indexName").ok());
    let known = catalog.known();
    let known = index.and_then(|name| {
        let own = |known: &&Known| {
            known.definition.collection == query.collection && known.server_name == name
        };
        known.iter().find(own)
    });
    let mut explanation = match (index, known) {
        (_, Some(known)) => {
            catalog.note_explained(query.collection, &known.server_name);
            by_index(&query, known)
        }
        (Some(name), None) => {
            let mut explanation = Explanation::new(Stage::IndexScan);
            explanation.index = Some(name.to_owned());
            explanation
        }
        (None, None) => {
            let by_id = plan.and_then(|plan| stage(plan, &["IDHACK", "EXPRESS_CLUSTERED_IXSCAN"]));
            Explanation::new(if by_id.is_some() { Stage::IndexScan } else { Stage::CollectionScan })
        }
    };
    let stats = told.get_document("executionStats").ok();
    let figure = |name: &str| match stats.and_then(|stats| stats.get(name)) {
        Some(Bson::Int32(number)) => u64::try_from(*number).unwrap_or_default(),
        Some(Bson::Int64(number)) => u64::try_from(*number).unwrap_or_default(),
        _ => 0,
    };
    explanation.keys_examined = figure("totalKeysExamined");
    explanation.documents_examined = figure("totalDocsExamined");
    explanation.returned = found.len() as u64;
    explanation.sorted_in_memory =
        query.reversed || plan.is_some_and(|plan| stage(plan, &["SORT"]).is_some());
    explanation.elapsed = start.elapsed();
    Ok(explanation)
}

/// The explanation of a search by this index.
fn by_index(query: &Query, known: &Known) -> Explanation {
    let order = query.passed_order();
    let hint = known.spec().name();
    let question = Question { hint: Some(&hint), ..Question::of(query, &order) };
    let bounds = plan(&[known], question).ok().flatten().map(|plan| plan.bounds);
    let name = known.definition.name.as_str();
    Explanation::of(Some((name, bounds.as_deref().unwrap_or_default())))
}

/// The first stage of one of these names in a plan.
fn stage<'a>(plan: &'a Bson, names: &[&str]) -> Option<&'a Fields> {
    match plan {
        Bson::Document(own) => {
            if own.get_str("stage").is_ok_and(|name| names.contains(&name)) {
                return Some(own);
            }
            own.values().find_map(|inner| stage(inner, names))
        }
        Bson::Array(plans) => plans.iter().find_map(|inner| stage(inner, names)),
        _ => None,
    }
}
