//! Differences that are meant to be, each with its reason. Whatever is not listed here is a mistake.

use bson::{Bson, Document};

use crate::compare::Answers;
use crate::kinds::Answer;
use crate::shrink::is_same;

/// A difference that is meant to be.
#[derive(Debug)]
pub(crate) struct Known {
    /// What differs and why, for the summary of a run.
    pub(crate) reason: &'static str,
    /// Whether a question that was answered differently is such a case.
    is_it: fn(&Document, &Answers) -> bool,
}

/// The list.
const KNOWN: [Known; 2] = [
    Known {
        reason: "a value with plain names first and operators after them is refused, because no \
                 stored document can equal it",
        is_it: |question, answers| {
            let is_refused = |answer: &Answer| matches!(answer, Answer::Refused(why) if why.contains("are mixed"));
            answers.ours.iter().all(|(_, answer)| is_refused(answer))
                && matches!(answers.theirs, Answer::Given(_))
                && is_mixed(&Bson::Document(question.clone()))
        },
    },
    Known {
        reason: "a sum or product that only makes a long of an int modifies nothing, because JSON \
                 has one kind of integers",
        is_it: |question, answers| {
            has_long_operand(question)
                && modified(&answers.theirs) == Some(1)
                && answers.ours.iter().all(|(_, answer)| modified(answer) == Some(0))
                && answers.ours.iter().all(|(_, answer)| same_fields(answer, &answers.theirs))
        },
    },
];

/// The reason why a difference is meant to be, if it is.
pub(crate) fn reason(question: &Document, answers: &Answers) -> Option<&'static str> {
    KNOWN.iter().find(|known| (known.is_it)(question, answers)).map(|known| known.reason)
}

/// Whether a document somewhere inside begins with a plain name and goes on with an operator.
fn is_mixed(value: &Bson) -> bool {
    match value {
        Bson::Document(fields) => {
            let mut names = fields.keys();
            let is_plain_first = names.next().is_some_and(|name| !name.starts_with('$'));
            (is_plain_first && names.any(|name| name.starts_with('$')))
                || fields.values().any(is_mixed)
        }
        Bson::Array(items) => items.iter().any(is_mixed),
        _ => false,
    }
}

/// Whether a number that an update adds or multiplies by is a long.
fn has_long_operand(question: &Document) -> bool {
    let is_long = |operator| {
        let fields =
            question.get_document("update").and_then(|update| update.get_document(operator));
        fields.is_ok_and(|fields| fields.values().any(|value| matches!(value, Bson::Int64(_))))
    };
    is_long("$inc") || is_long("$mul")
}

/// What an answer to an update says is modified.
fn modified(answer: &Answer) -> Option<i32> {
    match answer {
        Answer::Given(Bson::Document(answer)) => answer.get_i32("modified").ok(),
        _ => None,
    }
}

/// Whether a document is the same after an update on both sides.
fn same_fields(one: &Answer, other: &Answer) -> bool {
    let fields = |answer: &Answer| match answer {
        Answer::Given(Bson::Document(answer)) => answer.get("fields").cloned(),
        _ => None,
    };
    match (fields(one), fields(other)) {
        (Some(one), Some(other)) => is_same(&one, &other),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    fn answers(ours: Answer, theirs: Answer) -> Answers {
        Answers { ours: vec![("memory", ours)], theirs }
    }

    #[test]
    fn a_known_difference_is_told_from_others_by_question_and_answers() {
        let mixed = doc! {"filter": {"context.a": {"b": 1, "$gt": 1}}};
        let refused = || Answer::Refused("operators and plain names are mixed".to_owned());
        let given = || Answer::Given(Bson::Null);
        assert!(reason(&mixed, &answers(refused(), given())).is_some());
        assert!(reason(&mixed, &answers(given(), refused())).is_none());
        assert!(reason(&mixed, &answers(given(), given())).is_none());
        let product = |long: Bson| doc! {"update": {"$mul": {"context.a": long}}};
        let after =
            |modified: i32| Answer::Given(doc! {"modified": modified, "fields": {"a": 0}}.into());
        let long = product(Bson::Int64(1));
        assert!(reason(&long, &answers(after(0), after(1))).is_some());
        assert!(reason(&long, &answers(after(1), after(0))).is_none());
        assert!(reason(&product(1.into()), &answers(after(0), after(1))).is_none());
        let other = doc! {"filter": {"context.a": {"$gt": 1, "$lt": 2}}};
        assert!(reason(&other, &answers(refused(), given())).is_none());
    }
}
