//! From a difference to the smallest one of its sort.

use bson::{Bson, Document};

use crate::compare::{Answers, Sort, Table};
use crate::kinds::Kind;
use crate::known;
use crate::oracle::Reply;
use crate::world::World;

/// How many simpler pairs are tried at most.
const MOST_ATTEMPTS: usize = 3_000;

/// A question, the world that it was asked in, and what everybody said.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) world: World,
    pub(crate) question: Document,
    pub(crate) answers: Answers,
}

/// Tries simpler worlds and questions as long as one shows the same sort of difference.
///
/// The `table` is one of its own, because the documents change all the time.
pub(crate) async fn smallest(
    table: &Table<'_>,
    kind: &dyn Kind,
    world: World,
    question: Document,
) -> Reply<Option<Difference>> {
    table.load(&world).await?;
    let answers = table.ask(kind, &question).await?;
    let Some(sort) = answers.difference() else { return Ok(None) };
    let mut smallest = Difference { world, question, answers };
    if let Some((number, question)) = kind.alone(&smallest.question) {
        let world = smallest.world.alone(number);
        table.load(&world).await?;
        let answers = table.ask(kind, &question).await?;
        if is_still(&sort, &question, &answers) {
            smallest = Difference { world, question, answers };
        }
    }
    let mut attempts = 0;
    loop {
        let before = attempts;
        let simpler = match simpler_world(table, kind, &smallest, &sort, &mut attempts).await? {
            Some(simpler) => Some(simpler),
            None => simpler_question(table, kind, &smallest, &sort, &mut attempts).await?,
        };
        match simpler {
            Some(simpler) => smallest = simpler,
            None => return Ok(Some(smallest)),
        }
        if attempts >= MOST_ATTEMPTS || attempts == before {
            return Ok(Some(smallest));
        }
    }
}

async fn simpler_world(
    table: &Table<'_>,
    kind: &dyn Kind,
    from: &Difference,
    sort: &Sort,
    attempts: &mut usize,
) -> Reply<Option<Difference>> {
    let worlds = fewer(&from.world.steps).into_iter().chain(smaller(&from.world.steps));
    for steps in worlds {
        let world = World { steps };
        *attempts += 1;
        table.load(&world).await?;
        let answers = table.ask(kind, &from.question).await?;
        if is_still(sort, &from.question, &answers) {
            let question = from.question.clone();
            return Ok(Some(Difference { world, question, answers }));
        }
    }
    Ok(None)
}

async fn simpler_question(
    table: &Table<'_>,
    kind: &dyn Kind,
    from: &Difference,
    sort: &Sort,
    attempts: &mut usize,
) -> Reply<Option<Difference>> {
    table.load(&from.world).await?;
    for question in kind.simpler(&from.question) {
        *attempts += 1;
        if kind.writes() > 0 {
            table.load(&from.world).await?;
        }
        let answers = table.ask(kind, &question).await?;
        if is_still(sort, &question, &answers) {
            let world = from.world.clone();
            return Ok(Some(Difference { world, question, answers }));
        }
    }
    Ok(None)
}

/// Whether a simpler question is answered differently in the same way, and not in one that is meant to be.
fn is_still(sort: &Sort, question: &Document, answers: &Answers) -> bool {
    answers.difference().as_ref() == Some(sort) && known::reason(question, answers).is_none()
}

/// No steps, one half of them, or all but one.
fn fewer(steps: &[Document]) -> Vec<Vec<Document>> {
    match steps {
        [] => Vec::new(),
        [_] => vec![Vec::new()],
        several => {
            let (first, second) = several.split_at(several.len() / 2);
            let without = (0..several.len()).map(|place| {
                let mut rest = several.to_vec();
                rest.remove(place);
                rest
            });
            [Vec::new(), first.to_vec(), second.to_vec()].into_iter().chain(without).collect()
        }
    }
}

/// As many steps, one of which is simpler.
fn smaller(steps: &[Document]) -> impl Iterator<Item = Vec<Document>> {
    steps.iter().enumerate().flat_map(move |(place, step)| {
        documents(step).into_iter().map(move |simpler| {
            let mut steps = steps.to_vec();
            steps[place] = simpler;
            steps
        })
    })
}

/// Whether two values are the same to the type of each number, its sign and its trailing zeros.
pub(crate) fn is_same(left: &Bson, right: &Bson) -> bool {
    let bytes = |value: &Bson| bson::serialize_to_vec(&bson::doc! {"": value}).ok();
    bytes(left).is_some_and(|left| Some(left) == bytes(right))
}

/// Simpler documents in place of this one, the boldest first.
pub(crate) fn documents(document: &Document) -> Vec<Document> {
    let weight = weigh_fields(document);
    simpler_fields(document).into_iter().filter(|simpler| weigh_fields(simpler) < weight).collect()
}

fn simpler_fields(fields: &Document) -> Vec<Document> {
    let mut simpler = Vec::new();
    for gone in fields.keys() {
        let rest = fields.iter().filter(|(name, _)| *name != gone);
        simpler.push(rest.map(|(name, value)| (name.clone(), value.clone())).collect());
    }
    for at in fields.keys() {
        for value in values(&fields[at]) {
            let mut changed = fields.clone();
            changed.insert(at.clone(), value);
            simpler.push(changed);
        }
        for name in names(at).into_iter().filter(|name| !fields.contains_key(name)) {
            let renamed = fields.iter().map(|(old, value)| {
                (if old == at { name.clone() } else { old.clone() }, value.clone())
            });
            simpler.push(renamed.collect());
        }
    }
    simpler
}

/// Simpler values in place of this one, the boldest first; of those that weigh less.
fn values(value: &Bson) -> Vec<Bson> {
    let simpler = match value {
        Bson::Document(fields) => {
            let inside = fields.values().cloned();
            inside.chain(simpler_fields(fields).into_iter().map(Bson::Document)).collect()
        }
        Bson::Array(items) => {
            let mut simpler = items.clone();
            for place in 0..items.len() {
                let mut rest = items.clone();
                rest.remove(place);
                simpler.push(Bson::Array(rest));
            }
            for (place, item) in items.iter().enumerate() {
                for value in values(item) {
                    let mut changed = items.clone();
                    changed[place] = value;
                    simpler.push(Bson::Array(changed));
                }
            }
            simpler
        }
        Bson::Null => Vec::new(),
        Bson::Int32(_) => vec![Bson::Int32(0), Bson::Int32(1)],
        Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => {
            vec![Bson::Int32(0), Bson::Int32(1), Bson::Int64(1), Bson::Double(1.0)]
        }
        Bson::String(text) | Bson::Symbol(text) => {
            let half: String = text.chars().take(text.chars().count() / 2).collect();
            vec![Bson::Null, Bson::Int32(0), "".into(), "a".into(), half.into()]
        }
        _ => vec![Bson::Null, Bson::Int32(0), Bson::Int32(1), "".into()],
    };
    let weight = weigh(value);
    simpler.into_iter().filter(|simpler| weigh(simpler) < weight).collect()
}

/// Simpler names: a dotted one with a part left out, others as `a`. Operators keep theirs.
fn names(name: &str) -> Vec<String> {
    if name.starts_with('$') {
        return Vec::new();
    }
    let parts: Vec<&str> = name.split('.').collect();
    if parts.len() == 1 {
        return vec!["a".to_owned()];
    }
    (0..parts.len())
        .map(|gone| {
            let rest = parts.iter().enumerate().filter(|(place, _)| *place != gone);
            rest.map(|(_, part)| *part).collect::<Vec<_>>().join(".")
        })
        .collect()
}

/// How far a value is from the simplest one; what is tried must weigh less, so that trying ends.
fn weigh(value: &Bson) -> usize {
    match value {
        Bson::Null => 1,
        Bson::Boolean(_) | Bson::Int32(0) => 2,
        Bson::Int32(1) => 3,
        Bson::Int32(_) => 4,
        Bson::Int64(1) => 5,
        Bson::Double(number) if *number == 1.0 => 5,
        Bson::String(text) => 4 + text.len(),
        Bson::Symbol(text) => 7 + text.len(),
        Bson::Array(items) => 4 + items.iter().map(weigh).sum::<usize>(),
        Bson::Document(fields) => 3 + weigh_fields(fields),
        _ => 6,
    }
}

fn weigh_fields(fields: &Document) -> usize {
    // A name other than `a` weighs more, whatever its length.
    let name = |name: &str| if name == "a" { 1 } else { 2 + name.split('.').count() };
    fields.iter().map(|(field, value)| name(field) + weigh(value)).sum()
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn every_simpler_document_weighs_less() {
        let document = doc! {
            "filter": {"context.a.0": {"$in": [1, "abc", {"b": Bson::Undefined}]}, "$or": [{"x": 7}]}
        };
        let simpler = documents(&document);
        assert!(simpler.len() > 15, "{}", simpler.len());
        assert!(simpler.iter().all(|simpler| weigh_fields(simpler) < weigh_fields(&document)));
        assert!(simpler.contains(&doc! {"filter": {"$or": [{"x": 7}]}}));
    }

    #[test]
    fn the_simplest_document_has_no_simpler_one() {
        assert_eq!(documents(&doc! {}), Vec::<Document>::new());
        assert_eq!(documents(&doc! {"a": Bson::Null}), [doc! {}]);
    }

    #[test]
    fn values_are_the_same_only_to_the_type() {
        let nan = Bson::Double(f64::NAN);
        assert!(is_same(&nan, &nan));
        assert!(!is_same(&Bson::Int32(1), &Bson::Int64(1)));
        assert!(!is_same(&doc! {"a": 1, "b": 1}.into(), &doc! {"b": 1, "a": 1}.into()));
    }
}
