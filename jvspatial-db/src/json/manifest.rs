//! `MANIFEST.json`: which segments make up the store, and what the sealed ones must look like.

use std::io;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::disk::{Disk, OpenMode, ROOT};
use super::line::{parse_checksum, push_checksum};
use super::segment::SegmentName;
use crate::entity_name::EntityName;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Collection;
use crate::indexes::{Definition, IndexSpec};

/// The version of the journal that this code writes, and of a manifest without indexes.
pub(super) const FORMAT: u32 = 1;

/// The version of a manifest with indexes: a reader that does not know them must not write to the store.
const INDEXED: u32 = 2;

/// The file.
pub(super) const PATH: &str = "MANIFEST.json";
/// Where a new one is made before it takes the name of the old.
pub(super) const STAGED: &str = "MANIFEST.json.new";

/// The most bytes of a manifest: room for some 80,000 segments, which are 5 TiB of the default size.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Which segments make up the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Follows from the rest; see [`Manifest::format`].
    pub format: u32,
    /// What tells this store's segments from those of another.
    pub store: String,
    /// Segments that are never written again, in order.
    pub sealed: Vec<Sealed>,
    /// The segment that is written.
    pub active: u32,
    /// How the active segment ended when the store was closed; absent while it is open.
    pub closed: Option<End>,
    /// The indexes that are kept; their keys are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Declared>,
}

/// An index as the manifest names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Declared {
    pub collection: String,
    /// The only type of documents in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    pub index: bson::Document,
}

impl Declared {
    /// # Errors
    /// `Unsupported` when JSON cannot carry the filter of the index.
    pub(super) fn of(definition: &Definition) -> Result<Self> {
        let declared = Self {
            collection: definition.collection.name().to_owned(),
            entity: definition.entity.map(|name| name.as_str().to_owned()),
            index: definition.spec.to_document(),
        };
        // As it is read again: the same number may come back in another type.
        let read = serde_json::to_string(&declared).and_then(|text| serde_json::from_str(&text));
        let read: Self = read.map_err(|error| unfit(definition, &error))?;
        let again = read.to_definition().map_err(|error| unfit(definition, &error))?;
        if again == *definition { Ok(read) } else { Err(unfit(definition, &"a value is changed")) }
    }

    /// # Errors
    /// `Corrupt` when it is none.
    pub(super) fn to_definition(&self) -> Result<Definition> {
        let broken = |why: String| {
            Error::corrupt("manifest declares an index that is none")
                .with("file", PATH)
                .with("reason", why)
        };
        let collection = Collection::ALL.into_iter().find(|known| known.name() == self.collection);
        let collection =
            collection.ok_or_else(|| broken(format!("no collection {:?}", self.collection)))?;
        let entity = self.entity.as_deref().map(EntityName::new).transpose();
        let entity = entity.map_err(|error| broken(error.to_string()))?;
        let spec = IndexSpec::parse(&self.index).map_err(|error| broken(error.to_string()))?;
        Ok(Definition::new(collection, entity, spec))
    }
}

fn unfit(definition: &Definition, reason: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Unsupported, "index cannot be kept in the manifest")
        .with("index", &definition.name)
        .with("reason", reason)
}

/// A segment that is never written again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    pub segment: u32,
    /// What compaction made of it; absent while it is as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compacted: Option<Compacted>,
    pub end: End,
}

/// A segment without the lines that had been replaced when it was compacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compacted {
    /// Counts the compactions; part of the file's name.
    pub generation: u32,
    /// The first of the segments that were put together in this one, itself if it was alone.
    pub first: u32,
    /// It holds no line that was replaced in this commit or an earlier one.
    pub as_of: u64,
}

impl Sealed {
    /// A segment as it was written.
    pub(super) const fn new(segment: u32, end: End) -> Self {
        Self { segment, compacted: None, end }
    }

    pub(super) fn name(&self) -> SegmentName {
        let generation = self.compacted.map_or(0, |compacted| compacted.generation);
        SegmentName { number: self.segment, generation }
    }

    /// The first number that it stands for.
    pub(super) fn first(&self) -> u32 {
        self.compacted.map_or(self.segment, |compacted| compacted.first)
    }
}

/// How a segment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    /// Its length.
    pub bytes: u64,
    /// Its last commit, or the one before the segment when it holds none.
    pub sequence: u64,
    /// The checksum of that commit, or of the header line.
    #[serde(with = "hex")]
    pub checksum: u64,
}

impl Manifest {
    /// Whether a segment is part of the store.
    pub(super) fn lists(&self, name: SegmentName) -> bool {
        name == SegmentName::new(self.active)
            || self.sealed.iter().any(|sealed| sealed.name() == name)
    }

    /// Whether a segment that is not part of the store was replaced by compaction, or was to replace
    /// another when that was cut off.
    pub(super) fn has_done_with(&self, name: SegmentName) -> bool {
        let covers = |sealed: &Sealed| (sealed.first()..=sealed.segment).contains(&name.number);
        !self.lists(name) && self.sealed.iter().any(covers)
    }

    /// The version of its bytes: the first that can say it, so that what has no indexes is read by all.
    fn format(&self) -> u32 {
        if self.indexes.is_empty() { FORMAT } else { INDEXED }
    }

    /// The text of the file; its last value is the checksum of what stands before it.
    fn to_text(&self) -> Result<Vec<u8>> {
        let written = Self { format: self.format(), ..self.clone() };
        let mut text = serde_json::to_vec_pretty(&written)
            .map_err(|error| Error::corrupt("manifest cannot be written").with_source(error))?;
        text.truncate(text.len().saturating_sub("\n}".len()));
        text.extend_from_slice(b",\n  \"checksum\": \"");
        let checksum = xxh3_64(&text);
        push_checksum(&mut text, checksum);
        text.extend_from_slice(b"\"\n}\n");
        Ok(text)
    }

    fn parse(text: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let broken =
            |why: &str| Error::corrupt("manifest is damaged").with("file", PATH).with("found", why);
        // The format comes first: a later one may spell everything else in another way.
        if let Ok(Format { format }) = serde_json::from_slice(text)
            && format > INDEXED
        {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "database was written by a newer version of this library",
            )
            .with("file", PATH)
            .with("expected format", INDEXED)
            .with("found format", format));
        }
        let marker = b",\n  \"checksum\": \"";
        let end = memchr::memmem::rfind(text, marker).ok_or_else(|| broken("no checksum"))?;
        let (body, tail) = text.split_at(end + marker.len());
        let found = tail
            .strip_suffix(b"\"\n}\n")
            .and_then(|tail| std::str::from_utf8(tail).ok())
            .and_then(parse_checksum)
            .ok_or_else(|| broken("no checksum"))?;
        if xxh3_64(body) != found {
            return Err(broken("another checksum"));
        }
        let mut object = text.get(..end).unwrap_or_default().to_vec();
        object.push(b'}');
        let manifest: Self = serde_json::from_slice(&object)
            .map_err(|error| broken("unknown contents").with_source(error))?;
        // What is compared with another must not differ by this alone.
        if manifest.format != manifest.format() {
            return Err(broken("another format than its contents have"));
        }
        Ok(Self { format: FORMAT, ..manifest })
    }

    /// Reads the manifest; `None` when there is none.
    pub(super) fn read(disk: &dyn Disk) -> Result<Option<Self>> {
        let file = match disk.open(PATH) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(unavailable)?,
        };
        let size = file.size().map_err(unavailable)?;
        if size > MAX_BYTES {
            return Err(Error::corrupt("manifest is too large")
                .with("file", PATH)
                .with("bytes", size)
                .with("limit", MAX_BYTES));
        }
        let mut text = vec![0; usize::try_from(size).unwrap_or_default()];
        file.read_at(&mut text, 0).map_err(unavailable)?;
        Self::parse(&text).map(Some)
    }

    /// Why the manifest on `disk` is not this one, if it is not.
    pub(super) fn differs_from(&self, disk: &dyn Disk) -> Option<Error> {
        match Self::read(disk) {
            Ok(Some(manifest)) if manifest == *self => None,
            Ok(Some(_)) => Some(
                Error::corrupt("manifest on disk is not the one of the open store")
                    .with("file", PATH),
            ),
            Ok(None) => Some(Error::corrupt("manifest is missing").with("file", PATH)),
            Err(error) => Some(error),
        }
    }

    /// Puts this manifest in the place of the one before, in one durable step.
    pub(super) fn write(&self, disk: &dyn Disk) -> Result<(), Undone> {
        let text = self.to_text().map_err(io::Error::other)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(
                io::Error::other("the journal has too many segments for its manifest").into()
            );
        }
        if disk.entry(STAGED)?.is_some() {
            disk.remove(STAGED)?;
        }
        let file = disk.open_append(STAGED, OpenMode::CreateNew)?;
        file.append(&text).map_err(super::disk::AppendError::into_source)?;
        file.sync_all().map_err(Undone::Unsynced)?;
        disk.rename(STAGED, PATH).map_err(Undone::Unclear)?;
        disk.sync_dir(ROOT).map_err(Undone::Unsynced)
    }
}

/// Why a step that ends with a sync was not done.
#[derive(Debug)]
pub(super) enum Undone {
    /// It failed before anything changed; it may be tried again.
    Failed(io::Error),
    /// Its rename failed, which may leave the old or the new.
    Unclear(io::Error),
    /// Its sync failed: no later one can be believed.
    Unsynced(io::Error),
}

impl From<io::Error> for Undone {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Undone> for Error {
    fn from(undone: Undone) -> Self {
        match undone {
            Undone::Failed(error) | Undone::Unclear(error) | Undone::Unsynced(error) => {
                unavailable(error)
            }
        }
    }
}

/// The error of a disk that did not do what it was asked; it names the file.
pub(super) fn unavailable(error: io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "database file cannot be used").with_source(error)
}

mod hex {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use super::{parse_checksum, push_checksum};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(
        checksum: &u64,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut text = Vec::with_capacity(16);
        push_checksum(&mut text, *checksum);
        serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        parse_checksum(&text).ok_or_else(|| de::Error::custom("not sixteen lower-case hex digits"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::disk::{Fault, OpKind, SimulatedDisk};
    use super::*;

    const END: End = End { bytes: 9, sequence: 4, checksum: 77 };

    fn manifest() -> Manifest {
        Manifest {
            format: FORMAT,
            store: "0123".to_owned(),
            sealed: vec![
                Sealed::new(1, END),
                Sealed {
                    segment: 4,
                    compacted: Some(Compacted { generation: 3, first: 2, as_of: 88 }),
                    end: END,
                },
            ],
            active: 6,
            closed: Some(End { bytes: 1, sequence: 5, checksum: u64::MAX }),
            indexes: Vec::new(),
        }
    }

    #[test]
    fn text_survives_a_round_trip() {
        let text = manifest().to_text().unwrap();
        assert_eq!(Manifest::parse(&text).unwrap(), manifest());
        let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(value["sealed"][0]["end"]["checksum"], "000000000000004d");
    }

    #[test]
    fn what_compaction_replaced_or_gave_up_is_done_with_and_nothing_else() {
        let name = |number, generation| SegmentName { number, generation };
        let manifest = manifest();
        for leftover in [name(1, 1), name(2, 9), name(3, 0), name(4, 0), name(4, 4)] {
            assert!(manifest.has_done_with(leftover), "{leftover:?}");
        }
        for other in [name(1, 0), name(4, 3), name(5, 0), name(5, 1)] {
            assert!(!manifest.has_done_with(other), "{other:?}");
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let text = manifest().to_text().unwrap();
        for position in 0..text.len() {
            for bit in 0..8 {
                let mut flipped = text.clone();
                flipped[position] ^= 1 << bit;
                assert!(Manifest::parse(&flipped).is_err(), "bit {bit} at {position}");
            }
            assert!(Manifest::parse(&text[..position]).is_err(), "cut at {position}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_by_its_number_whatever_else_it_holds() {
        let error = Manifest::parse(br#"{"format": 3, "regions": {}}"#).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.context("found format"), Some("3"));
    }

    /// A manifest whose file has so many bytes.
    fn of_length(bytes: usize) -> Manifest {
        let rest = manifest().to_text().unwrap().len() - manifest().store.len();
        Manifest { store: "x".repeat(bytes - rest), ..manifest() }
    }

    #[test]
    fn a_manifest_of_sixteen_mebibytes_is_kept_and_a_longer_one_is_neither_written_nor_read() {
        let disk = SimulatedDisk::new();
        let longest = of_length(16 << 20);
        longest.write(&disk).unwrap();
        assert!(Manifest::read(&disk).unwrap() == Some(longest));
        for more in [1, 2] {
            let longer = of_length((16 << 20) + more);
            assert!(matches!(longer.write(&disk), Err(Undone::Failed(_))));
            assert!(longer.differs_from(&disk).is_some());
            let other = SimulatedDisk::new();
            other.set_bytes(PATH, longer.to_text().unwrap()).unwrap();
            let error = Manifest::read(&other).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert_eq!(error.context("limit"), Some("16777216"));
        }
    }

    #[test]
    fn what_is_read_is_compared_with_what_the_store_knows() {
        let disk = SimulatedDisk::new();
        let why = |disk: &SimulatedDisk| manifest().differs_from(disk).map(|error| error.kind());
        assert_eq!(why(&disk), Some(ErrorKind::Corrupt));
        manifest().write(&disk).unwrap();
        assert_eq!(why(&disk), None);
        disk.fail(Fault::broken(OpKind::Open));
        assert_eq!(why(&disk), Some(ErrorKind::Unavailable));
        Manifest { active: 7, ..manifest() }.write(&disk).unwrap();
        assert_eq!(why(&disk), Some(ErrorKind::Corrupt));
    }
}
