//! Which values a field has, each once.

use async_trait::async_trait;
use bson::{Bson, Document, doc};
use jvspatial_db::{Collection, Database, FieldPath, Filter};

use super::{Answer, Kind, part};
use crate::generate::filter::Language;
use crate::generate::path::path;
use crate::oracle::{Oracle, Reply, Response, first_batch};
use crate::random::Random;
use crate::world::Scene;

/// `{field, filter}`; answered by the values in order.
///
/// Of values that are equal one is returned, and which one is left open: all are compared as their
/// [`representative`].
#[derive(Debug)]
pub(super) struct Distinct;

#[async_trait]
impl Kind for Distinct {
    fn name(&self) -> &'static str {
        "distinct"
    }

    fn question(&self, random: &mut Random, scene: &Scene, _number: usize) -> Document {
        let (field, _) = path(random, scene);
        let filter =
            if random.one_in(2) { Language.filter(random, scene) } else { Document::new() };
        doc! {"field": field, "filter": filter}
    }

    async fn ours(&self, database: &dyn Database, question: &Document) -> Answer {
        match (question.get_str("field"), part(question, "filter")) {
            (Ok(field), Ok(filter)) => distinct(database, field, filter).await.into(),
            _ => Answer::Refused("the question has no field or no filter".to_owned()),
        }
    }

    async fn theirs(&self, server: &dyn Oracle, question: &Document) -> Reply<Answer> {
        let (Ok(field), Ok(filter)) = (question.get_str("field"), part(question, "filter")) else {
            return Ok(Answer::Refused("the question has no field or no filter".to_owned()));
        };
        let command = doc! {"distinct": server.collection(), "key": field, "query": filter};
        let values = match server.run(command).await? {
            Response::Refused(why) => return Ok(Answer::Refused(why)),
            Response::Given(told) => told.get_array("values")?.clone(),
        };
        // They come as they are met, so the server is asked to sort them.
        let sorted = doc! {"$sortArray": {"input": {"$literal": values}, "sortBy": 1}};
        let pipeline = [doc! {"$limit": 1}, doc! {"$project": {"_id": 0, "values": sorted}}];
        let command = doc! {
            "aggregate": server.collection(), "pipeline": pipeline.to_vec(), "cursor": {},
        };
        Ok(match server.run(command).await? {
            Response::Refused(why) => Answer::Broken(why),
            Response::Given(told) => {
                let sorted = first_batch(&told)?.first().and_then(Bson::as_document);
                let values = sorted.and_then(|sorted| sorted.get_array("values").ok());
                Answer::Given(values.into_iter().flatten().map(representative).collect())
            }
        })
    }
}

async fn distinct(
    database: &dyn Database,
    field: &str,
    filter: &Document,
) -> jvspatial_db::Result<Bson> {
    let (field, filter) = (FieldPath::parse(field)?, Filter::parse(filter)?);
    let values = database.distinct(Collection::Object, &field, &filter).await?;
    Ok(values.iter().map(representative).collect())
}

/// One value for all that are equal to this one: numbers by their digits, symbols as strings.
fn representative(value: &Bson) -> Bson {
    match value {
        Bson::Int32(number) => digits(&number.to_string()),
        Bson::Int64(number) => digits(&number.to_string()),
        // A double has no more digits than these behind the point.
        Bson::Double(number) => digits(&format!("{number:.1074}")),
        Bson::Decimal128(number) => digits(&number.to_string()),
        Bson::Symbol(text) => Bson::String(text.clone()),
        Bson::Array(items) => items.iter().map(representative).collect(),
        Bson::Document(fields) => Bson::Document(
            fields.iter().map(|(name, value)| (name.clone(), representative(value))).collect(),
        ),
        other => other.clone(),
    }
}

/// A number's sign, its digits without zeros at either end, and the power of ten that they are multiplied by.
fn digits(text: &str) -> Bson {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (mantissa, exponent) = text.split_once(['E', 'e']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let kept = all.trim_start_matches('0').trim_end_matches('0');
    if kept.is_empty() {
        return doc! {"number": "0"}.into();
    }
    if !kept.bytes().all(|byte| byte.is_ascii_digit()) {
        let name = if text.contains(['N', 'n']) && !text.to_lowercase().starts_with("inf") {
            "nan"
        } else if negative {
            "-inf"
        } else {
            "inf"
        };
        return doc! {"number": name}.into();
    }
    let cut = all.len() - all.trim_end_matches('0').len();
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let power = exponent - fraction.len() as i64 + cut as i64;
    let sign = if negative { "-" } else { "" };
    doc! {"number": format!("{sign}{kept}e{power}")}.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_representative() {
        let decimal = |text: &str| Bson::Decimal128(text.parse().unwrap());
        let equal = [
            vec![Bson::Int32(0), Bson::Double(-0.0), decimal("0E+3")],
            vec![
                Bson::Int32(10),
                Bson::Int64(10),
                Bson::Double(10.0),
                decimal("1E+1"),
                decimal("10.00"),
            ],
            vec![Bson::Double(-0.5), decimal("-0.5"), decimal("-5E-1")],
            vec![Bson::Double(f64::NAN), decimal("NaN")],
            vec![Bson::Double(f64::INFINITY), decimal("Infinity")],
            vec![Bson::Double(f64::NEG_INFINITY), decimal("-Infinity")],
            vec![Bson::Double(0.1)],
            vec![decimal("0.1")],
            vec!["a".into(), Bson::Symbol("a".to_owned())],
        ];
        for (place, values) in equal.iter().enumerate() {
            let first = representative(&values[0]);
            assert!(values.iter().all(|value| representative(value) == first), "{values:?}");
            assert!(equal[..place].iter().all(|other| representative(&other[0]) != first));
        }
    }
}
