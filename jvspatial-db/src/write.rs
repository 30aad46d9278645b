//! Writes: a batch of operations, and what became of each.

mod room;
#[cfg(feature = "json")]
pub(crate) mod spare;

use std::borrow::Cow;
use std::ops::Range;

use serde::Serialize;

use crate::codec::envelope::{line_checksum, push_prefix, push_suffix};
use crate::codec::{self, Encoding};
use crate::document::Ends;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Collection, Id};
use crate::limits::{MAX_BATCH_OPERATIONS, MAX_DOCUMENT_BYTES};
use crate::version::Version;

/// The documents to write in one call.
///
/// The fields of all of them are encoded into one buffer as they are added, so a batch of ten
/// thousand documents costs two allocations that grow, not ten thousand. Operations apply in the
/// order in which they were added, and each sees the ones before it.
#[derive(Debug)]
pub struct WriteBatch {
    encoding: Encoding,
    operations: Vec<Operation>,
    bytes: Vec<u8>,
    atomic: bool,
}

/// One write of a [`WriteBatch`].
#[derive(Clone, Debug)]
pub struct Operation {
    /// The document to write.
    pub id: Id,
    /// What to do with it.
    pub action: Action,
}

/// What a write does.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Creates the document; `Duplicate` when the id is taken.
    Insert {
        /// The user's fields in the batch's buffer.
        body: BodyRange,
        /// The version it begins with.
        version: Version,
        /// The schema version.
        schema: u32,
        /// What an edge joins: `Missing` names the end that does not exist.
        link: Option<Box<Link>>,
    },
    /// Makes the document what is given, be there one or not: fields, version, schema and, of an edge, ends.
    /// `Replaced` when there was one.
    Put {
        /// The user's fields in the batch's buffer.
        body: BodyRange,
        /// The version it has from then on, whichever it had before.
        version: Version,
        /// The schema version.
        schema: u32,
        /// What an edge joins: `Missing` names the end that does not exist.
        link: Option<Box<Link>>,
    },
    /// Replaces the fields when the document still has the version `expected`, and counts it up by
    /// one. Nothing else of the document changes. `Conflict` or `Missing` otherwise.
    Update {
        /// The version that the fields were derived from.
        expected: Version,
        /// The user's fields in the batch's buffer.
        body: BodyRange,
        /// The schema version.
        schema: u32,
    },
    /// Removes the document; `Missing` when there is none, `Conflict` when it has another version.
    Delete {
        /// The version it must have, or any.
        expected: Option<Version>,
        /// Whether the edges of a node go with it, in the same step. An edge whose end is removed
        /// without this stays and leads nowhere.
        detach: bool,
    },
}

/// Where in a batch's buffer the fields of one document are.
#[derive(Clone, Copy, Debug)]
pub struct BodyRange {
    start: usize,
    end: usize,
    /// Bytes spelled before the fields, and after them without the end of the line; see
    /// [`WriteBatch::into_lines`].
    prefix: u16,
    suffix: u16,
    /// The checksum of the line, taken while it is in the cache; 0 when it has no end yet.
    #[cfg_attr(not(feature = "json"), expect(dead_code, reason = "the JSON database reads it"))]
    checksum: u64,
}

#[cfg(feature = "json")]
impl BodyRange {
    /// Bytes of the line before the fields.
    pub(crate) const fn prefix(self) -> u16 {
        self.prefix
    }

    /// Bytes of the line after the fields, without its end; 0 when the line has no end yet.
    pub(crate) const fn suffix(self) -> u16 {
        self.suffix
    }

    /// The checksum of the line; meaningless when it has no end yet.
    pub(crate) const fn checksum(self) -> u64 {
        self.checksum
    }

    /// The line in the buffer, its end included if it has one.
    pub(crate) fn line(self) -> Range<usize> {
        let end = if self.suffix == 0 { self.end } else { self.end + usize::from(self.suffix) + 1 };
        self.start - usize::from(self.prefix)..end
    }
}

/// How a new edge joins its nodes.
#[derive(Clone, Debug)]
pub struct Link {
    /// The nodes.
    pub ends: Ends,
    /// Whether a second edge of the same entity between them is a `Duplicate`. For an edge that can
    /// be followed from either end, the order of the ends makes no difference.
    pub unique: bool,
}

/// What the envelope of a document says, where a write is to set it and not to count it up.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The version, [`Version::NONE`] for a document that carries none.
    pub version: Version,
    /// The schema version.
    pub schema: u32,
    /// What an edge joins.
    pub link: Option<Link>,
}

/// The largest version that a document can be given, so that every change after it still counts.
const MAX_GIVEN_VERSION: u64 = 1 << 62;

impl WriteBatch {
    /// An empty batch for a backend that keeps bodies as `encoding`
    /// ([`Capabilities::encoding`](crate::Capabilities)).
    pub const fn new(encoding: Encoding) -> Self {
        Self { encoding, operations: Vec::new(), bytes: Vec::new(), atomic: false }
    }

    /// Chooses all or nothing: when one operation fails, none is applied and the others are reported as
    /// [`Outcome::Skipped`]. Default: each stands for itself.
    #[must_use]
    pub const fn atomic(mut self, atomic: bool) -> Self {
        self.atomic = atomic;
        self
    }

    /// Whether it is all or nothing.
    pub const fn is_atomic(&self) -> bool {
        self.atomic
    }

    /// Adds the creation of a document.
    ///
    /// # Errors
    /// `Invalid` or `Limit` when the fields cannot be stored, naming the field; the batch is then as before.
    pub fn insert<T: Serialize + ?Sized>(&mut self, id: Id, fields: &T) -> Result<()> {
        self.insert_with(id, fields, 1, None)
    }

    /// Adds the creation of an edge.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn insert_edge<T: Serialize + ?Sized>(
        &mut self,
        id: Id,
        fields: &T,
        link: Link,
    ) -> Result<()> {
        self.insert_with(id, fields, 1, Some(link))
    }

    /// Adds the creation of a document with a schema version, and with its ends if it is an edge.
    ///
    /// # Errors
    /// As [`insert`](Self::insert), and `Invalid` when an edge has no ends, something else has some, or an
    /// end is not a node.
    pub fn insert_with<T: Serialize + ?Sized>(
        &mut self,
        id: Id,
        fields: &T,
        schema: u32,
        link: Option<Link>,
    ) -> Result<()> {
        self.insert_as(id, fields, Envelope { version: Version::FIRST, schema, link })
    }

    /// Adds the creation of a document that was a document before, with the version it had then.
    ///
    /// # Errors
    /// As [`insert_with`](Self::insert_with), and `Limit` for a version above 2⁶².
    pub fn insert_as<T: Serialize + ?Sized>(
        &mut self,
        id: Id,
        fields: &T,
        envelope: Envelope,
    ) -> Result<()> {
        envelope.check(&id)?;
        let body = self.encode(&id, fields, &envelope)?;
        let Envelope { version, schema, link } = envelope;
        self.push(id, Action::Insert { body, version, schema, link: link.map(Box::new) })
    }

    /// Adds the writing of a document whether or not its id is taken: whatever is there is replaced as a
    /// whole, an edge's ends too. The edges of a replaced node stay.
    ///
    /// Made for taking over data. It looks at no version, and the new one may be below the old one:
    /// someone who read the document before may then find it at the version that he read.
    ///
    /// # Errors
    /// As [`insert_as`](Self::insert_as).
    pub fn put<T: Serialize + ?Sized>(
        &mut self,
        id: Id,
        fields: &T,
        envelope: Envelope,
    ) -> Result<()> {
        envelope.check(&id)?;
        let body = self.encode(&id, fields, &envelope)?;
        let Envelope { version, schema, link } = envelope;
        self.push(id, Action::Put { body, version, schema, link: link.map(Box::new) })
    }

    /// Adds the replacement of a document's fields, if it still has the version `expected`.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn update<T: Serialize + ?Sized>(
        &mut self,
        id: Id,
        expected: Version,
        fields: &T,
    ) -> Result<()> {
        let envelope = Envelope { version: expected.next(), schema: 1, link: None };
        let body = self.encode(&id, fields, &envelope)?;
        self.push(id, Action::Update { expected, body, schema: 1 })
    }

    /// Adds the replacement of a document's fields by fields already encoded as this batch's encoding.
    ///
    /// # Errors
    /// `Limit` when the document or the batch is too large.
    pub fn update_encoded(
        &mut self,
        id: Id,
        expected: Version,
        fields: &[u8],
        schema: u32,
    ) -> Result<()> {
        let envelope = Envelope { version: expected.next(), schema, link: None };
        let body = self.spell_encoded(&id, fields, &envelope)?;
        self.push(id, Action::Update { expected, body, schema })
    }

    /// Adds the creation of a document whose fields are already encoded as this batch's encoding.
    ///
    /// # Errors
    /// As [`insert_with`](Self::insert_with).
    pub fn insert_encoded(
        &mut self,
        id: Id,
        fields: &[u8],
        schema: u32,
        link: Option<Link>,
    ) -> Result<()> {
        let envelope = Envelope { version: Version::FIRST, schema, link };
        envelope.check(&id)?;
        let body = self.spell_encoded(&id, fields, &envelope)?;
        let Envelope { version, schema, link } = envelope;
        self.push(id, Action::Insert { body, version, schema, link: link.map(Box::new) })
    }

    /// Adds the removal of a document; `detach` takes the edges of a node with it.
    ///
    /// # Errors
    /// `Limit` when the batch is full.
    pub fn delete(&mut self, id: Id, expected: Option<Version>, detach: bool) -> Result<()> {
        self.push(id, Action::Delete { expected, detach })
    }

    /// Adds the operation number `place` of `other` as it stands there, if there is one.
    ///
    /// # Errors
    /// `Invalid` for a batch in another encoding; `Limit` when this one is full. It is then as before.
    pub fn copy(&mut self, other: &Self, place: usize) -> Result<()> {
        other.check_encoding(self.encoding)?;
        let Some(Operation { id, action }) = other.operations.get(place) else { return Ok(()) };
        let (before, mut action) = (self.bytes.len(), action.clone());
        if let Action::Insert { body, .. }
        | Action::Put { body, .. }
        | Action::Update { body, .. } = &mut action
        {
            *body = self.copy_body(other, *body);
        }
        let pushed = self.push(id.clone(), action);
        if pushed.is_err() {
            self.bytes.truncate(before);
        }
        pushed
    }

    /// Appends fields of another batch with what stands around them there.
    fn copy_body(&mut self, other: &Self, range: BodyRange) -> BodyRange {
        let prefix = usize::from(range.prefix);
        // What has no end yet has none here either.
        let behind = if range.suffix == 0 { 0 } else { usize::from(range.suffix) + 1 };
        let start = self.bytes.len() + prefix;
        let line = other.bytes.get(range.start - prefix..range.end + behind);
        self.bytes.extend_from_slice(line.unwrap_or_default());
        BodyRange { start, end: start + (range.end - range.start), ..range }
    }

    fn encode<T: Serialize + ?Sized>(
        &mut self,
        id: &Id,
        fields: &T,
        envelope: &Envelope,
    ) -> Result<BodyRange> {
        let encoding = self.encoding;
        self.spell(id, envelope, |bytes| {
            codec::encode(encoding, fields, bytes).map_err(|error| error.with("id", id))
        })
    }

    fn spell_encoded(&mut self, id: &Id, fields: &[u8], envelope: &Envelope) -> Result<BodyRange> {
        if fields.len() > MAX_DOCUMENT_BYTES {
            return Err(Error::limit("document is too large")
                .with("id", id)
                .with("bytes", fields.len())
                .with("limit", MAX_DOCUMENT_BYTES));
        }
        self.spell(id, envelope, |bytes| {
            bytes.extend_from_slice(fields);
            Ok(())
        })
    }

    /// Appends fields; between what stands around them in a line of JSON, if that is the encoding, so that
    /// they need not be moved for it later.
    fn spell(
        &mut self,
        id: &Id,
        Envelope { version, schema, link }: &Envelope,
        push_fields: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<BodyRange> {
        let bytes = &mut self.bytes;
        let (before, is_json) = (bytes.len(), self.encoding == Encoding::Json);
        let prefix = if is_json { push_prefix(bytes, id, version.get(), *schema) } else { 0 };
        let start = bytes.len();
        push_fields(bytes).inspect_err(|_| bytes.truncate(before))?;
        let end = bytes.len();
        // Who updates an edge does not say what it joins.
        let is_whole = link.is_some() || id.collection() != Collection::Edge;
        let ends = link.as_ref().map(|link| &link.ends);
        let (mut suffix, mut checksum) = (0, 0);
        if is_json && is_whole {
            suffix = push_suffix(bytes, ends);
            checksum = line_checksum(bytes.get(before..).unwrap_or_default());
        }
        Ok(BodyRange { start, end, prefix, suffix, checksum })
    }

    fn push(&mut self, id: Id, action: Action) -> Result<()> {
        if self.operations.len() == MAX_BATCH_OPERATIONS {
            return Err(
                Error::limit("batch has too many operations").with("limit", MAX_BATCH_OPERATIONS)
            );
        }
        self.operations.push(Operation { id, action });
        if self.operations.len() == room::SAMPLE {
            self.reserve_bytes();
        }
        Ok(())
    }

    /// How the bodies are encoded.
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Refuses a batch made for a backend that keeps bodies in another way: every backend's first check.
    pub(crate) fn check_encoding(&self, expected: Encoding) -> Result<()> {
        if self.encoding == expected {
            return Ok(());
        }
        Err(Error::invalid("batch is encoded for another backend")
            .with("expected", format_args!("{expected:?}"))
            .with("found", format_args!("{:?}", self.encoding)))
    }

    /// The operations in order.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The encoded fields at `range`.
    pub fn body(&self, range: BodyRange) -> &[u8] {
        self.bytes.get(Range { start: range.start, end: range.end }).unwrap_or_default()
    }

    /// How many operations there are.
    pub const fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there is nothing to write.
    pub const fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// The operations, and in JSON the lines of what they write, each at the
    /// [`line`](BodyRange::line) of its body.
    #[cfg(feature = "json")]
    pub(crate) fn into_lines(self) -> (Vec<Operation>, Vec<u8>) {
        (self.operations, self.bytes)
    }

    /// How many bytes it holds: the encoded fields, and in JSON what is stored around them.
    pub const fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

impl Envelope {
    fn check(&self, id: &Id) -> Result<()> {
        if (id.collection() == Collection::Edge) != self.link.is_some() {
            return Err(Error::invalid("an edge has a source and a target, and only an edge has")
                .with("id", id));
        }
        if let Some(Link { ends, .. }) = &self.link {
            for end in [&ends.source, &ends.target] {
                if end.collection() != Collection::Node {
                    return Err(Error::invalid("an edge joins nodes")
                        .with("id", id)
                        .with("end", end));
                }
            }
        }
        if self.version.get() > MAX_GIVEN_VERSION {
            return Err(Error::limit("version is too large")
                .with("id", id)
                .with("version", self.version)
                .with("limit", MAX_GIVEN_VERSION));
        }
        Ok(())
    }
}

/// What became of each operation of a batch, in its order.
///
/// One stale document in a thousand never hides the other 999: a report with failures is still `Ok`,
/// and [`failures`](Self::failures) names them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a report may hold conflicts"]
pub struct WriteReport {
    /// One outcome for each operation.
    pub outcomes: Vec<Outcome>,
    /// How many edges went with their nodes.
    pub detached: u64,
}

/// What became of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Done; the document has this version now. For a removal it is the version after the last one.
    Written(Version),
    /// Done by a put in place of another document.
    Replaced {
        /// The version of the document now.
        version: Version,
        /// The version of the document that was there before.
        found: Version,
    },
    /// The document has another version.
    Conflict {
        /// The version the operation asked for.
        expected: Version,
        /// The version that is stored.
        found: Version,
    },
    /// The document, or the node that a new edge should join, does not exist.
    Missing(Id),
    /// A unique key is taken.
    Duplicate(Box<Duplicate>),
    /// It may have happened or not: a lost reply, a failed sync.
    Unknown,
    /// Not tried, because another operation of an atomic batch failed.
    Skipped,
}

/// The key that is taken and who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The name of the unique index; `_id` for the id itself, `connection` for a second edge of one
    /// entity between the same nodes.
    pub index: Cow<'static, str>,
    /// The document that has the key.
    pub id: Id,
}

impl Outcome {
    /// The outcome of an operation whose key `index` belongs to `id`.
    pub fn duplicate(index: impl Into<Cow<'static, str>>, id: Id) -> Self {
        Self::Duplicate(Box::new(Duplicate { index: index.into(), id }))
    }

    /// Whether the operation was applied.
    pub const fn is_written(&self) -> bool {
        self.version().is_some()
    }

    /// The version after the operation, if it was applied.
    pub const fn version(&self) -> Option<Version> {
        match self {
            Self::Written(version) | Self::Replaced { version, .. } => Some(*version),
            _ => None,
        }
    }

    /// The version after the operation on `id`, or the error that says why there is none.
    ///
    /// # Errors
    /// One of kind `Conflict`, `NotFound`, `Duplicate` or `Unknown` with the facts of the outcome.
    pub fn into_result(self, id: &Id) -> Result<Version> {
        let error = match self {
            Self::Written(version) | Self::Replaced { version, .. } => return Ok(version),
            Self::Conflict { expected, found } => {
                Error::new(ErrorKind::Conflict, "document was changed by someone else")
                    .with("id", id)
                    .with("expected version", expected)
                    .with("found version", found)
            }
            Self::Missing(missing) if missing == *id => {
                Error::new(ErrorKind::NotFound, "document does not exist").with("id", id)
            }
            Self::Missing(missing) => {
                Error::new(ErrorKind::NotFound, "an end of the edge does not exist")
                    .with("id", id)
                    .with("end", missing)
            }
            Self::Duplicate(duplicate) => Error::new(ErrorKind::Duplicate, "unique key is taken")
                .with("id", id)
                .with("index", duplicate.index)
                .with("taken by", duplicate.id),
            Self::Unknown => {
                Error::new(ErrorKind::Unknown, "the write may or may not have happened")
                    .with("id", id)
            }
            Self::Skipped => Error::new(
                ErrorKind::Conflict,
                "not written, because another operation of the atomic batch failed",
            )
            .with("id", id),
        };
        Err(error)
    }
}

impl WriteReport {
    /// Whether every operation was applied.
    pub fn is_complete(&self) -> bool {
        self.outcomes.iter().all(Outcome::is_written)
    }

    /// How many operations were applied.
    pub fn written(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.is_written()).count()
    }

    /// The operations that were not applied, by their place in the batch.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &Outcome)> {
        self.outcomes.iter().enumerate().filter(|(_, outcome)| !outcome.is_written())
    }
}
