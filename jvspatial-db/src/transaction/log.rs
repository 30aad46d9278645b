//! What a transaction has called and what it was told, so that it can be made once more.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _};
use std::sync::LazyLock;

use xxhash_rust::xxh3::Xxh3Default;

use crate::document::{Document, Ends};
use crate::error::{Error, ErrorKind, Result};
use crate::expansion::{Adjacent, Expansion};
use crate::id::{Handle, Id};
use crate::limits::MAX_BATCH_OPERATIONS;
use crate::query::Query;
use crate::write::WriteReport;

/// The calls of a transaction in their order, each with its answer; `W` is a batch as the backend keeps it.
#[derive(Debug)]
pub(crate) struct Log<W> {
    told: Vec<Told<W>>,
    operations: usize,
}

/// A call with its answer.
#[derive(Debug)]
pub(crate) struct Told<W> {
    pub(crate) call: Call<W>,
    pub(crate) answer: Answer,
}

/// A call.
#[derive(Debug)]
pub(crate) enum Call<W> {
    Get(Vec<Handle>),
    Find(Query),
    Count(Query),
    Neighbors(Vec<Handle>, Expansion),
    Write(W),
}

/// An answer, as far as it takes to know it again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The digest of what was read.
    Read(u128),
    Counted(u64),
    Written(WriteReport),
    /// Of a failure only the kind counts.
    Failed(ErrorKind),
}

impl<W> Default for Log<W> {
    fn default() -> Self {
        Self { told: Vec::new(), operations: 0 }
    }
}

impl<W> Log<W> {
    /// Makes room for a batch of so many operations.
    ///
    /// # Errors
    /// `Limit` when all batches together have more than one may have.
    pub(crate) fn admit(&mut self, operations: usize) -> Result<()> {
        let operations = self.operations + operations;
        if operations > MAX_BATCH_OPERATIONS {
            return Err(Error::limit("transaction has too many operations")
                .with("operations", operations)
                .with("limit", MAX_BATCH_OPERATIONS));
        }
        self.operations = operations;
        Ok(())
    }

    pub(crate) fn push(&mut self, call: Call<W>, answer: Answer) {
        self.told.push(Told { call, answer });
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Told<W>> {
        self.told.iter()
    }

    /// Whether there is anything to commit.
    pub(crate) fn has_written(&self) -> bool {
        let written = |told: &Told<W>| matches!(&told.answer, Answer::Written(report) if report.written() > 0);
        self.told.iter().any(written)
    }
}

impl Answer {
    pub(crate) fn of_get(got: &Result<Vec<Option<Document>>>) -> Self {
        Self::read(got, |got, digest| got.iter().for_each(|document| digest.optional(document)))
    }

    pub(crate) fn of_find(found: &Result<Vec<Document>>) -> Self {
        Self::read(found, |found, digest| {
            found.iter().for_each(|document| digest.document(document))
        })
    }

    pub(crate) fn of_count(count: &Result<u64>) -> Self {
        count
            .as_ref()
            .map_or_else(|error| Self::Failed(error.kind()), |count| Self::Counted(*count))
    }

    pub(crate) fn of_neighbors(found: &Result<Vec<Adjacent>>) -> Self {
        Self::read(found, |found, digest| {
            found.iter().for_each(|adjacent| digest.adjacent(adjacent))
        })
    }

    pub(crate) fn of_write(report: &Result<WriteReport>) -> Self {
        match report {
            Ok(report) => Self::Written(report.clone()),
            Err(error) => Self::Failed(error.kind()),
        }
    }

    fn read<T>(answer: &Result<T>, add: impl FnOnce(&T, &mut Digest)) -> Self {
        match answer {
            Ok(answer) => {
                let mut digest = Digest::new();
                add(answer, &mut digest);
                Self::Read(digest.finish())
            }
            Err(error) => Self::Failed(error.kind()),
        }
    }
}

/// All that can be seen of an answer, in so few bytes that a transaction may read more than memory holds.
struct Digest {
    bytes: Xxh3Default,
    /// The text of an id, until it is added.
    text: Vec<u8>,
}

impl Digest {
    /// A digest like all others of this process, and like none that could be prepared for it.
    fn new() -> Self {
        static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
        let mut bytes = Xxh3Default::new();
        bytes.write_u64(*SEED);
        Self { bytes, text: Vec::new() }
    }

    fn finish(self) -> u128 {
        self.bytes.digest128()
    }

    /// By its text, since the hash of an id leaves out its type.
    fn id(&mut self, id: &Id) {
        self.text.clear();
        id.write_to(&mut self.text);
        self.text.hash(&mut self.bytes);
    }

    fn optional(&mut self, document: &Option<Document>) {
        document.is_some().hash(&mut self.bytes);
        document.iter().for_each(|document| self.document(document));
    }

    /// With its version, since a document that was made again has the one of the document that it follows.
    fn document(&mut self, Document { id, version, schema, ends, body }: &Document) {
        self.id(id);
        (version.get(), schema, ends.is_some()).hash(&mut self.bytes);
        if let Some(Ends { source, target, bidirectional }) = ends {
            self.id(source);
            self.id(target);
            bidirectional.hash(&mut self.bytes);
        }
        body.as_bytes().hash(&mut self.bytes);
    }

    fn adjacent(&mut self, adjacent: &Adjacent) {
        (adjacent.origin, adjacent.edge.is_some()).hash(&mut self.bytes);
        adjacent.edge.iter().for_each(|edge| self.id(edge.id()));
        self.id(adjacent.node.id());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bytes::Bytes;

    use super::*;
    use crate::codec::Encoding;
    use crate::document::Body;
    use crate::version::Version;

    fn edge() -> Document {
        let node = |key: &str| format!("n.City.{key}").parse().unwrap();
        Document {
            id: "e.Road.1".parse().unwrap(),
            version: Version::FIRST,
            schema: 1,
            ends: Some(Ends { source: node("a"), target: node("b"), bidirectional: false }),
            body: Body::new(Encoding::Json, Bytes::from_static(b"{\"n\":1}")),
        }
    }

    fn answer(document: Document) -> Answer {
        Answer::of_find(&Ok(vec![document]))
    }

    #[test]
    fn an_answer_is_known_again_by_all_that_can_be_seen_of_a_document() {
        assert_eq!(answer(edge()), answer(edge()));
        let mut others = vec![edge(); 6];
        others[0].id = "e.Road.2".parse().unwrap();
        others[1].version = Version::new(2);
        others[2].schema = 2;
        others[3].ends.as_mut().unwrap().bidirectional = true;
        others[4].ends = None;
        others[5].body = Body::new(Encoding::Json, Bytes::from_static(b"{\"n\":2}"));
        for other in others {
            assert_ne!(answer(other.clone()), answer(edge()), "{other:?}");
        }
    }

    #[test]
    fn answers_that_hold_the_same_in_other_places_differ() {
        let get = |found: [bool; 2]| {
            Answer::of_get(&Ok(found.into_iter().map(|found| found.then(edge)).collect()))
        };
        assert_ne!(get([true, false]), get([false, true]));
        assert_ne!(Answer::of_find(&Ok(Vec::new())), Answer::of_find(&Ok(vec![edge()])));
        let reached = |origin, edge: Option<&str>| {
            let edge = edge.map(|edge| Handle::new(edge.parse().unwrap()));
            let node = Handle::new("n.City.b".parse().unwrap());
            Answer::of_neighbors(&Ok(vec![Adjacent::new(origin, edge, node)]))
        };
        assert_eq!(reached(0, Some("e.Road.1")), reached(0, Some("e.Road.1")));
        assert_ne!(reached(0, Some("e.Road.1")), reached(1, Some("e.Road.1")));
        assert_ne!(reached(0, Some("e.Road.1")), reached(0, Some("e.Road.2")));
        assert_ne!(reached(0, Some("e.Road.1")), reached(0, None));
    }

    #[test]
    fn all_batches_of_a_log_have_the_room_of_one() {
        let mut log = Log::<()>::default();
        log.admit(MAX_BATCH_OPERATIONS - 1).unwrap();
        assert_eq!(log.admit(2).unwrap_err().kind(), ErrorKind::Limit);
        log.admit(1).unwrap();
    }
}
