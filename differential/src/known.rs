//! Differences that are meant to be, each with its reason. Whatever is not listed here is a mistake.

use bson::{Bson, Document};

use crate::compare::Answers;
use crate::kinds::Answer;
use crate::ours::MONGODB;
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
const KNOWN: [Known; 4] = [
    Known {
        reason: "keys behind `_id` in a sort decide nothing and are not looked at, so documents that \
                 MongoDB refuses for them are not refused",
        is_it: |question, answers| {
            let names = question.get_document("sort").ok();
            let mut names = names.into_iter().flat_map(Document::keys);
            let is_refused = |answer: &Answer| matches!(answer, Answer::Refused(why) if why.contains("Ambiguous field name") || why.contains("parallel arrays"));
            names.any(|name| name == "_id")
                && names.next().is_some()
                && is_refused(&answers.theirs)
                && answers.ours.iter().all(|(_, own)| is_given(own))
        },
    },
    Known {
        reason: "an update that leads to the document that was there modifies nothing: no version is \
             counted up for it",
        is_it: |_, answers| {
            let counted = modified(&answers.theirs);
            answers.ours.iter().all(|(_, answer)| {
                modified(answer) < counted && same_but_for_modified(answer, &answers.theirs)
            })
        },
    },
    Known {
        reason: "the server's planner fails at the negation of a comparison of its index on `_id` with a symbol",
        is_it: |_, answers| {
            let [(_, first), others @ ..] = &*answers.ours else { return false };
            matches!(&answers.theirs, Answer::Refused(why) if why.contains("Cannot invert inexact bounds"))
                && is_given(first)
                && others.iter().all(|(_, other)| other.agrees_with(first))
        },
    },
    Known {
        reason: "an index that only we have refuses a document with two of its fields in different arrays, \
                 as MongoDB does when it has the index",
        is_it: |question, answers| {
            let is_refused = |answer: &Answer| matches!(answer, Answer::Refused(why) if why.contains("fields of an index lie in different arrays"));
            // There are indexes that a server does not make.
            let is_without = |name: &str, answer: &Answer| {
                name == MONGODB && answer.agrees_with(&answers.theirs)
            };
            (question.contains_key("update") || question.contains_key("operations"))
                && answers.ours.iter().all(|(name, own)| is_refused(own) || is_without(name, own))
                && is_given(&answers.theirs)
        },
    },
];

/// The reason why a difference is meant to be, if it is.
pub(crate) fn reason(question: &Document, answers: &Answers) -> Option<&'static str> {
    KNOWN.iter().find(|known| (known.is_it)(question, answers)).map(|known| known.reason)
}

fn is_given(answer: &Answer) -> bool {
    matches!(answer, Answer::Given(_))
}

/// What an answer to an update says is modified.
fn modified(answer: &Answer) -> Option<i32> {
    match answer {
        Answer::Given(Bson::Document(answer)) => answer.get_i32("modified").ok(),
        _ => None,
    }
}

/// Whether two answers to an update agree in everything else.
fn same_but_for_modified(one: &Answer, other: &Answer) -> bool {
    let rest = |answer: &Answer| match answer {
        Answer::Given(Bson::Document(answer)) => {
            let mut rest = answer.clone();
            rest.remove("modified");
            Some(Bson::Document(rest))
        }
        _ => None,
    };
    match (rest(one), rest(other)) {
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

    fn refused(why: &str) -> Answer {
        Answer::Refused(why.to_owned())
    }

    fn given(value: i32) -> Answer {
        Answer::Given(value.into())
    }

    #[test]
    fn a_planner_that_fails_is_told_from_databases_of_ours_that_do_and_from_wrong_answers() {
        let fails = || refused("Cannot invert inexact bounds");
        let told = |memory: Answer, mongodb: Answer, theirs: Answer| {
            let ours = vec![("memory", memory), (MONGODB, mongodb)];
            reason(&Document::new(), &Answers { ours, theirs }).is_some()
        };
        assert!(told(given(1), given(1), fails()));
        assert!(!told(given(1), given(2), fails()));
        assert!(!told(given(1), fails(), given(1)));
        assert!(!told(fails(), given(1), given(1)));
        assert!(!told(given(1), given(1), refused("other")));
    }

    #[test]
    fn an_index_that_a_server_does_not_make_refuses_nothing_there() {
        let refuses = || refused("two fields of an index lie in different arrays");
        let told = |question: &Document, json: Answer, mongodb: Answer| {
            let ours = vec![("json", json), (MONGODB, mongodb)];
            reason(question, &Answers { ours, theirs: given(1) }).is_some()
        };
        let update = doc! {"update": {}};
        assert!(told(&update, refuses(), given(1)));
        assert!(told(&update, refuses(), refuses()));
        assert!(!told(&update, refuses(), given(2)));
        assert!(!told(&update, given(1), refuses()));
        assert!(!told(&doc! {"sort": {}}, refuses(), given(1)));
    }

    #[test]
    fn keys_behind_the_id_are_told_from_those_before_it() {
        let refused = || Answer::Refused("keys that are parallel arrays".to_owned());
        let given = || Answer::Given(Bson::Null);
        let behind = doc! {"sort": {"_id": 1, "context.a": 1}};
        assert!(reason(&behind, &answers(given(), refused())).is_some());
        assert!(reason(&behind, &answers(refused(), given())).is_none());
        let before = doc! {"sort": {"context.a": 1, "_id": 1}};
        assert!(reason(&before, &answers(given(), refused())).is_none());
    }

    #[test]
    fn a_known_difference_is_told_from_others_by_its_answers() {
        let question = doc! {"update": {"$mul": {"context.a": Bson::Int64(1)}}};
        let after = |modified: i32, a: i32| {
            Answer::Given(doc! {"modified": modified, "fields": {"a": a}}.into())
        };
        assert!(reason(&question, &answers(after(0, 0), after(1, 0))).is_some());
        assert!(reason(&question, &answers(after(0, 0), after(1, 1))).is_none());
        assert!(reason(&question, &answers(after(1, 0), after(0, 0))).is_none());
        let refused = Answer::Refused("cannot be multiplied".to_owned());
        assert!(reason(&question, &answers(refused, after(1, 0))).is_none());
    }
}
