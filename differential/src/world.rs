//! What our databases hold when questions are put to them, and how it came to be.

use bson::{Bson, Document};

/// The steps by which our databases come to hold their documents and indexes.
///
/// A step is a document, so that it is printed and shrunk as questions are; one that says nothing does
/// nothing, and one that is refused has no effect. The server is given what is there in the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) steps: Vec<Document>,
}

/// What a step does. Documents are numbered in the order of the steps that insert them.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// `{insert: fields}`
    Insert(&'a Document),
    /// `{replace: fields, number}`: deletes the document and inserts it with other fields.
    Replace(usize, &'a Document),
    /// `{delete: number}`
    Delete(usize),
    /// `{update, filter}`, of all documents that match.
    Update { filter: &'a Document, update: &'a Document },
    /// `{index: declaration, typed}`: typed ones hold the documents of their entity.
    Index { declaration: &'a Document, is_typed: bool },
    /// `{drop: place}` of the indexes that there are.
    Drop(usize),
    /// Anything else.
    Nothing,
}

/// What is there to be asked about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scene {
    /// The documents as they are stored.
    pub(crate) documents: Vec<Document>,
    /// The declarations of the indexes.
    pub(crate) indexes: Vec<Document>,
}

impl World {
    /// Documents with these fields, and no index.
    #[cfg(test)]
    pub(crate) fn of(contexts: &[Document]) -> Self {
        Self { steps: contexts.iter().map(|fields| bson::doc! {"insert": fields}).collect() }
    }

    /// The same indexes with no other document than that of a number.
    pub(crate) fn alone(&self, number: usize) -> Self {
        let mut inserted = 0;
        let mut is_kept = |step: &Document| match Step::of(step) {
            Step::Insert(_) => {
                inserted += 1;
                inserted == number + 1
            }
            Step::Index { .. } => true,
            _ => false,
        };
        Self { steps: self.steps.iter().filter(|step| is_kept(step)).cloned().collect() }
    }
}

impl<'a> Step<'a> {
    pub(crate) fn of(step: &'a Document) -> Self {
        let part = |name| step.get_document(name).ok();
        let number = |name| step.get_i32(name).ok().and_then(|number| usize::try_from(number).ok());
        if let Some(fields) = part("insert") {
            return Self::Insert(fields);
        }
        if let (Some(fields), Some(number)) = (part("replace"), number("number")) {
            return Self::Replace(number, fields);
        }
        if let (Some(update), Some(filter)) = (part("update"), part("filter")) {
            return Self::Update { filter, update };
        }
        if let Some(declaration) = part("index") {
            let is_typed = step.get("typed") == Some(&Bson::Boolean(true));
            return Self::Index { declaration, is_typed };
        }
        match (number("delete"), number("drop")) {
            (Some(number), _) => Self::Delete(number),
            (_, Some(place)) => Self::Drop(place),
            _ => Self::Nothing,
        }
    }
}

impl Scene {
    /// A scene with one of the documents.
    pub(crate) fn of_one(&self, number: usize) -> Self {
        let documents = self.documents.get(number).cloned().into_iter().collect();
        Self { documents, indexes: self.indexes.clone() }
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn a_document_alone_keeps_the_indexes_and_its_fields() {
        let index = doc! {"index": {"key": {"context.a": 1}}};
        let mut world = World::of(&[doc! {"a": 1}, doc! {"a": 2}]);
        world.steps.insert(1, index.clone());
        world.steps.push(doc! {"delete": 1});
        assert_eq!(world.alone(1).steps, [index, doc! {"insert": {"a": 2}}]);
    }

    #[test]
    fn a_step_that_says_nothing_does_nothing() {
        for step in [doc! {}, doc! {"insert": 1}, doc! {"replace": {}}, doc! {"delete": -1}] {
            assert!(matches!(Step::of(&step), Step::Nothing), "{step}");
        }
    }
}
