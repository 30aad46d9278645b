//! What is printed about a difference and at the end of a run.

use std::fmt::Write as _;

use bson::{Bson, Document};

use crate::kinds::Answer;
use crate::shrink::Difference;

/// A difference as a person reads it: canonical Extended JSON, which can be pasted into a shell.
pub(crate) fn difference(kind: &str, found: &Difference) -> String {
    let mut text = format!("difference in {kind}\n");
    for (number, step) in found.world.steps.iter().enumerate() {
        line(&mut text, &format!("step {number}"), &fields_json(step));
    }
    line(&mut text, "question", &fields_json(&found.question));
    for (name, answer) in &found.answers.ours {
        line(&mut text, name, &answer_text(answer));
    }
    line(&mut text, "server", &answer_text(&found.answers.theirs));
    text
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "  {name:<11}{value}");
}

fn answer_text(answer: &Answer) -> String {
    match answer {
        Answer::Given(answer) => json(answer),
        Answer::Refused(why) => format!("refused: {why}"),
        Answer::Broken(why) => format!("broken: {why}"),
    }
}

/// Field by field, because a map of JSON would put the names in another order.
fn fields_json(fields: &Document) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}:{}", json(&Bson::String(name.clone())), json(value)))
        .collect();
    format!("{{{}}}", fields.join(","))
}

fn json(value: &Bson) -> String {
    match value {
        Bson::Document(fields) => fields_json(fields),
        Bson::Array(items) => {
            format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(","))
        }
        scalar => scalar.clone().into_canonical_extjson().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;
    use crate::compare::Answers;
    use crate::world::World;

    #[test]
    fn a_difference_is_shown_with_types_and_everybodys_answer() {
        let found = Difference {
            world: World::of(&[doc! {"a": Bson::Int64(1)}]),
            question: doc! {"filter": {"b": [1.0], "a": {}}},
            answers: Answers {
                ours: vec![("json", Answer::Given(1.into()))],
                theirs: Answer::Refused("BadValue".to_owned()),
            },
        };
        let text = difference("find", &found);
        assert_eq!(
            text,
            "difference in find\n  \
             step 0     {\"insert\":{\"a\":{\"$numberLong\":\"1\"}}}\n  \
             question   {\"filter\":{\"b\":[{\"$numberDouble\":\"1.0\"}],\"a\":{}}}\n  \
             json       {\"$numberInt\":\"1\"}\n  \
             server     refused: BadValue\n"
        );
    }
}
