#![allow(clippy::unwrap_used)]
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::disk::{AppendError, Disk as _, SimulatedDisk};
use super::super::line::{push_commit, push_header, push_prefix, push_suffix, push_tombstone};
use super::super::manifest::FORMAT;
use super::super::options::JsonDbOptions;
use super::super::segment::SegmentName;
use super::super::segment_reader::Reader;
use super::*;
use crate::document::Ends;

const STORE: &str = "0123";
const NAME: SegmentName = SegmentName::new(1);

/// A file that counts the bytes that are read, and is another one once all have been.
#[derive(Debug)]
struct Watched {
    first: Arc<dyn DiskFile>,
    then: Arc<dyn DiskFile>,
    read: AtomicU64,
}

impl Watched {
    fn new(first: &[u8], then: &[u8]) -> Self {
        let disk = SimulatedDisk::new();
        disk.set_bytes("first", first).unwrap();
        disk.set_bytes("then", then).unwrap();
        let (first, then) = (disk.open("first").unwrap(), disk.open("then").unwrap());
        Self { first, then, read: AtomicU64::new(0) }
    }
}

impl DiskFile for Watched {
    fn append(&self, bytes: &[u8]) -> Result<(), AppendError> {
        self.first.append(bytes)
    }

    fn reserve(&self, room: Range<u64>) -> io::Result<()> {
        self.first.reserve(room)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let before = self.read.fetch_add(buf.len() as u64, Ordering::Relaxed);
        let file = if before < self.first.size()? { &self.first } else { &self.then };
        file.read_at(buf, offset)
    }

    fn read_at_cached(&self, buf: &mut [u8], offset: u64) -> io::Result<bool> {
        self.first.read_at_cached(buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.first.size()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.first.truncate(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.first.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.first.sync_all()
    }
}

/// The bytes of a segment.
struct Written {
    bytes: Vec<u8>,
    lines: Vec<u64>,
    sequence: u64,
    previous: u64,
}

impl Written {
    fn new() -> Self {
        let mut bytes = Vec::new();
        let previous = push_header(&mut bytes, NAME, FORMAT, STORE);
        Self { bytes, lines: Vec::new(), sequence: 0, previous }
    }

    fn document(&mut self, id: &str) {
        let (start, id): (_, Id) = (self.bytes.len(), id.parse().unwrap());
        let node = || "n.LoaderCity.1".parse().unwrap();
        let ends = (id.collection() == Collection::Edge).then(|| Ends {
            source: node(),
            target: node(),
            bidirectional: false,
        });
        push_prefix(&mut self.bytes, &id, 1, 1);
        self.bytes.extend_from_slice(b"{}");
        push_suffix(&mut self.bytes, ends.as_ref());
        self.lines.push(line_checksum(&self.bytes[start..]));
    }

    fn tombstones(&mut self, id: &str, count: usize) {
        let mut line = Vec::new();
        push_tombstone(&mut line, &id.parse().unwrap(), 2);
        let checksum = line_checksum(&line);
        for _ in 0..count {
            self.bytes.extend_from_slice(&line);
            self.lines.push(checksum);
        }
    }

    fn commit(&mut self) {
        self.sequence += 1;
        let lines = std::mem::take(&mut self.lines);
        self.previous = push_commit(&mut self.bytes, self.sequence, 0, self.previous, &lines);
    }
}

fn load(file: &dyn DiskFile, chunk_lines: usize) -> Result<Vec<Chunk>> {
    let commits = Commits::After(0);
    let mut chunks = Vec::new();
    let reader = Reader::begin(file, NAME, STORE, commits, &JsonDbOptions::new())?;
    let mut loader = Loader::new(file, 0, commits, chunk_lines, |chunk| {
        chunks.push(chunk);
        Ok(Chunk::default())
    });
    reader.read_all(&mut loader)?;
    loader.finish()?;
    Ok(chunks)
}

/// The commits of the records of nodes.
fn sequences(chunk: &Chunk) -> Vec<u64> {
    let nodes = &chunk.columns[Collection::Node as usize];
    nodes.rows.iter().map(|row| row.state.sequence).collect()
}

/// The states of the records of a collection, to be compared.
fn column(chunk: &Chunk, collection: Collection) -> Vec<String> {
    chunk.columns[collection as usize].rows.iter().map(|row| show(&row.state)).collect()
}

fn show(state: &State) -> String {
    format!("{state:?}")
}

/// A batch of a node, an edge and more lines than are kept, between two of one node.
fn with_a_large_batch() -> Written {
    let mut written = Written::new();
    written.document("n.LoaderCity.1");
    written.commit();
    written.document("n.LoaderCity.2");
    written.document("e.LoaderRoad.1");
    written.tombstones("o.LoaderNote.1", MOST_KEPT - 1);
    written.commit();
    written.document("n.LoaderCity.3");
    written.commit();
    written
}

#[test]
fn lines_that_no_commit_closed_are_forgotten_whatever_they_are() {
    let mut written = Written::new();
    written.document("n.LoaderCity.1");
    written.document("e.LoaderRoad.1");
    written.tombstones("o.LoaderNote.1", 1);
    written.commit();
    let closed = load(&Watched::new(&written.bytes, b""), 100).unwrap();
    written.document("n.LoaderCity.2");
    written.document("e.LoaderRoad.2");
    written.tombstones("e.LoaderRoad.1", 1);
    let [chunk] = &load(&Watched::new(&written.bytes, b""), 100).unwrap()[..] else { panic!() };
    assert_eq!(chunk.columns.each_ref().map(|column| column.rows.len()).iter().sum::<usize>(), 3);
    assert_eq!((chunk.edges.iter().count(), chunk.documents), (1, 2));
    assert_eq!(chunk.tombstone_bytes, closed[0].tombstone_bytes);
}

#[test]
fn a_chunk_is_handed_over_at_the_end_of_the_batch_that_fills_it() {
    let mut written = Written::new();
    for batch in 0..5 {
        written.document(&format!("n.LoaderCity.{batch}"));
        written.document(&format!("n.LoaderTown.{batch}"));
        written.commit();
    }
    let by_lines = |lines| load(&Watched::new(&written.bytes, b""), lines).unwrap();
    let by = |lines| by_lines(lines).iter().map(sequences).collect::<Vec<_>>();
    let (one, two) = (|n| vec![n, n], |n| vec![n, n, n + 1, n + 1]);
    assert_eq!(by(2), [one(1), one(2), one(3), one(4), one(5), vec![]]);
    assert_eq!(by(3), [two(1), two(3), one(5)]);
    assert_eq!(by(100).concat(), [two(1), two(3), one(5)].concat());
}

#[test]
fn batches_of_the_usual_size_are_read_once() {
    let mut written = Written::new();
    for _ in 0..3 {
        written.document("n.LoaderCity.1");
        written.tombstones("n.LoaderCity.1", 2_000);
        written.commit();
    }
    let file = Watched::new(&written.bytes, b"");
    load(&file, 100).unwrap();
    assert_eq!(file.read.load(Ordering::Relaxed), written.bytes.len() as u64);
}

#[test]
fn a_commit_of_another_number_gives_it_to_the_lines_that_it_closes_and_to_no_others() {
    let mut written = Written::new();
    written.document("n.LoaderCity.1");
    let file = Watched::new(&written.bytes, b"");
    let header = Written::new().bytes.len();
    let Some(Line::Document(line)) = Line::parse(&written.bytes[header..]) else { panic!() };
    let bytes = &written.bytes[header..];
    let at = At { bytes, offset: header as u32, checksum: line_checksum(bytes) };
    let mut chunks = Vec::new();
    let mut loader = Loader::new(&file, 0, Commits::After(4), 100, |chunk| {
        chunks.push(chunk);
        Ok(Chunk::default())
    });
    for sequence in [5, 9, 10] {
        loader.document(&line, &at).unwrap();
        loader.commit(sequence).unwrap();
    }
    loader.finish().unwrap();
    assert_eq!(chunks.iter().map(sequences).collect::<Vec<_>>(), [[5, 9, 10]]);
}

#[test]
fn a_batch_of_more_lines_than_are_kept_is_read_again_once_it_is_closed() {
    let written = with_a_large_batch();
    let file = Watched::new(&written.bytes, &written.bytes);
    let chunks = load(&file, 1_000).unwrap();
    assert!(file.read.load(Ordering::Relaxed) > written.bytes.len() as u64);
    assert!(chunks.iter().all(|chunk| chunk.len() <= 1_000));
    assert_eq!(chunks.iter().flat_map(sequences).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(chunks.iter().map(|chunk| chunk.len()).sum::<usize>(), MOST_KEPT + 3);
    assert_eq!(chunks.iter().map(|chunk| chunk.documents).sum::<u64>(), 4);
}

#[test]
fn a_large_batch_that_is_another_when_it_is_read_again_is_refused() {
    let written = with_a_large_batch();
    let mut changed = written.bytes.clone();
    // The version of the last tombstone.
    let before = b"\"_version\":2,\"_deleted\"";
    let at = changed.windows(before.len()).rposition(|found| found == before).unwrap();
    changed[at + b"\"_version\":".len()] = b'3';
    let error = load(&Watched::new(&written.bytes, &changed), 1_000).unwrap_err();
    assert_eq!(error.message(), "segment has changed while it was read");
    let first = Written::new().bytes.len() as u64;
    assert!(error.context("offset").unwrap().parse::<u64>().unwrap() > first);
}

#[test]
fn all_that_a_line_of_a_document_says_is_noted() {
    let mut bytes = Vec::new();
    let id: Id = "o.LoaderNote.1".parse().unwrap();
    let prefix = push_prefix(&mut bytes, &id, 6, 7);
    bytes.extend_from_slice(b"{}");
    let suffix = push_suffix(&mut bytes, None);
    let Some(Line::Document(line)) = Line::parse(&bytes) else { panic!() };
    let at = At { bytes: &bytes, offset: 99, checksum: 0x1_0000_0008 };
    let file = Watched::new(b"", b"");
    let mut chunks = Vec::new();
    let mut loader = Loader::new(&file, 5, Commits::After(3), 1, |chunk| {
        chunks.push(chunk);
        Ok(Chunk::default())
    });
    loader.document(&line, &at).unwrap();
    loader.commit(4).unwrap();
    drop(loader);
    let place = Place { slot: 5, offset: 99, len: bytes.len() as u32, prefix, suffix };
    let expected =
        State { version: 6, sequence: 4, schema: 7, place, check: 8, ..State::default() };
    assert_eq!(column(&chunks[0], Collection::Object), [show(&expected)]);
}

#[test]
fn a_tombstone_is_a_record_without_a_place_and_one_of_an_edge_has_no_ends() {
    let mut written = Written::new();
    let before = written.bytes.len();
    written.tombstones("o.LoaderNote.1", 1);
    written.tombstones("e.LoaderRoad.1", 2);
    let bytes = written.bytes.len() - before;
    written.commit();
    let [chunk] = &load(&Watched::new(&written.bytes, b""), 100).unwrap()[..] else { panic!() };
    let gone = show(&State { version: 2, sequence: 1, ..State::default() });
    assert_eq!(column(chunk, Collection::Object), [gone.as_str()]);
    assert_eq!(column(chunk, Collection::Edge), [gone.as_str(), gone.as_str()]);
    assert!(chunk.edges.iter().map(|edge| chunk.edges.ends(edge)).eq([None, None]));
    assert_eq!((chunk.documents, chunk.tombstone_bytes), (0, bytes as u64));
}
