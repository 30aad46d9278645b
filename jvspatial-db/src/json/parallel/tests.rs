#![allow(clippy::unwrap_used)]
mod watched;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::disk::SimulatedDisk;
use super::super::index::{Change, Hop, Index, KeyChanges, Side, State, Usage};
use super::super::line::{
    line_checksum, push_commit, push_header, push_prefix, push_suffix, push_tombstone,
};
use super::super::manifest::FORMAT;
use super::super::segment::JOURNAL;
use super::*;
use crate::document::Ends;
use crate::id::{Collection, Id};

const STORE: &str = "0123";

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((u128::from(mixed ^ (mixed >> 31)) * u128::from(bound)) >> 64) as u64
    }
}

/// A line to be written.
enum Write {
    Document(Id, Option<Ends>),
    Tombstone(Id),
}

/// What a document's last line says.
#[derive(Clone, Debug, PartialEq)]
struct Expected {
    version: u64,
    sequence: u64,
    slot: u32,
    offset: u32,
    len: u32,
    check: u32,
    ends: Option<Ends>,
}

/// A journal on a disk, and what it means line by line.
struct Journaled {
    disk: SimulatedDisk,
    planned: Vec<Planned>,
    documents: BTreeMap<Id, Expected>,
    seen: BTreeSet<Id>,
    usages: Vec<Usage>,
    sequence: u64,
    /// Whether it is known how the last segment ends.
    closed: bool,
}

impl Journaled {
    fn new() -> Self {
        let disk = SimulatedDisk::new();
        disk.create_dir(JOURNAL).unwrap();
        Self {
            disk,
            planned: Vec::new(),
            documents: BTreeMap::new(),
            seen: BTreeSet::new(),
            usages: Vec::new(),
            sequence: 0,
            closed: false,
        }
    }

    /// Appends a segment; a compacted one has all its commits under its last number.
    fn segment(&mut self, compacted: bool, is_last: bool, batches: Vec<Vec<Write>>) {
        let slot = self.planned.len() as u32;
        let name = SegmentName { number: slot + 1, generation: u32::from(compacted) };
        let commits = if compacted {
            self.sequence += 5;
            Commits::UpTo(self.sequence)
        } else {
            Commits::After(self.sequence)
        };
        let mut bytes = Vec::new();
        let mut previous = push_header(&mut bytes, name, FORMAT, STORE);
        let mut usage = Usage::default();
        for batch in batches {
            self.sequence += u64::from(!compacted);
            let mut checksums = Vec::new();
            for write in batch {
                let start = bytes.len();
                let (id, ends) = match write {
                    Write::Document(id, ends) => (id, Some(ends)),
                    Write::Tombstone(id) => (id, None),
                };
                let version = self.documents.get(&id).map_or(1, |before| before.version + 1);
                match &ends {
                    Some(ends) => {
                        push_prefix(&mut bytes, &id, version, 1);
                        bytes.extend_from_slice(b"{\"a\":1}");
                        push_suffix(&mut bytes, ends.as_ref());
                    }
                    None => push_tombstone(&mut bytes, &id, version),
                }
                let len = bytes.len() - start;
                let checksum = line_checksum(&bytes[start..]);
                checksums.push(checksum);
                self.seen.insert(id.clone());
                let expected = ends.map(|ends| Expected {
                    version,
                    sequence: self.sequence,
                    slot,
                    offset: start as u32,
                    len: len as u32,
                    check: checksum as u32,
                    ends,
                });
                match expected {
                    Some(expected) => {
                        usage.documents += 1;
                        self.documents.insert(id, expected);
                    }
                    None => {
                        usage.tombstone_bytes += len as u64;
                        self.documents.remove(&id);
                    }
                }
            }
            previous = push_commit(&mut bytes, self.sequence, 0, previous, &checksums);
        }
        usage.bytes = bytes.len() as u64;
        self.usages.push(usage);
        let end = End { bytes: usage.bytes, sequence: self.sequence, checksum: previous };
        self.disk.set_bytes(&name.path(), bytes).unwrap();
        self.planned.push(Planned {
            name,
            commits,
            end: (!is_last || self.closed).then_some(end),
            most: end.bytes,
        });
    }

    /// A journal of everything that can befall documents.
    fn random(seed: u64) -> Self {
        for name in ["LoadCity", "LoadTown", "LoadRoad"] {
            crate::EntityName::new(name).unwrap();
        }
        let mut random = Random(seed);
        let mut journal = Self::new();
        journal.closed = random.below(2) == 0;
        let mut next = 1_u64 << 20;
        let segments = 1 + random.below(5);
        for segment in 0..segments {
            let compacted = segment + 1 < segments && random.below(3) == 0;
            let batches = (0..random.below(8)).map(|_| batch(&mut random, &mut next)).collect();
            journal.segment(compacted, segment + 1 == segments, batches);
        }
        journal
    }

    fn read(&self, threads: usize, chunk_lines: usize) -> Result<Index> {
        let threads = NonZeroUsize::new(threads).unwrap();
        let options = JsonDbOptions::new();
        let plan = Plan {
            disk: &self.disk,
            store: STORE,
            options: &options,
            segments: &self.planned,
            chunk_lines,
            piece_bytes: 1 + 40 * chunk_lines as u64,
        };
        let Journal { filling, segments, read, .. } = plan.read(threads)?;
        assert!(read.damage.is_none());
        filling.finish(segments, threads)
    }

    /// Checks that the index is what the lines mean, one after the other.
    fn check(&self, index: &Index) {
        assert_eq!(index.sequence, self.sequence);
        let mut usages = self.usages.clone();
        for (id, expected) in &self.documents {
            let usage = &mut usages[expected.slot as usize];
            usage.live_documents += 1;
            usage.live_bytes += u64::from(expected.len);
            let (ordinal, record) = index.table(id.collection()).existing(id).unwrap();
            let State { version, sequence, place, check, .. } = record.state;
            let ends = (id.collection() == Collection::Edge).then(|| index.ends(ordinal).unwrap());
            let found = Expected {
                version,
                sequence,
                slot: place.slot,
                offset: place.offset,
                len: place.len,
                check,
                ends,
            };
            assert_eq!(found, *expected, "{id}");
        }
        for (slot, usage) in (0..).zip(usages) {
            assert_eq!(index.usages.get(slot), usage, "slot {slot}");
        }
        for collection in Collection::ALL {
            let live = self.documents.keys().filter(|id| id.collection() == collection).count();
            let table = index.table(collection);
            assert_eq!(table.live(), live as u64);
            assert_eq!(
                (0..).map_while(|at| table.row(at)).filter(|row| row.state.exists()).count(),
                live
            );
        }
        self.check_edges(index);
    }

    fn check_edges(&self, index: &Index) {
        let mut lists: BTreeMap<(Id, bool), Vec<(Id, Id)>> = BTreeMap::new();
        let mut edges: Vec<_> = self.documents.iter().collect();
        edges.sort_by(|(a, _), (b, _)| a.cmp_creation(b));
        for (id, Expected { ends, .. }) in edges {
            let Some(Ends { source, target, bidirectional }) = ends else { continue };
            let mut add = |node: &Id, into: bool, other: &Id| {
                lists.entry((node.clone(), into)).or_default().push((id.clone(), other.clone()));
            };
            add(source, false, target);
            add(target, true, source);
            if *bidirectional && source != target {
                add(target, false, source);
                add(source, true, target);
            }
        }
        let ends: BTreeSet<&Id> = lists.keys().map(|(node, _)| node).collect();
        for id in &self.seen {
            let known = self.documents.contains_key(id) || ends.contains(id);
            assert_eq!(index.table(id.collection()).ordinal(id).is_some(), known, "{id}");
        }
        let mut hops = 0;
        for ((node, into), expected) in &lists {
            let side = if *into { Side::In } else { Side::Out };
            let ordinal = index.nodes().ordinal(node).unwrap();
            let show = |hop: &Hop| {
                let edge = index.table(Collection::Edge).id(hop.edge).unwrap();
                assert_eq!(hop.kind.entity(), edge.entity_name().map(|name| name.number()));
                (edge, index.nodes().id(hop.node).unwrap())
            };
            let found: Vec<_> = index.adjacency.hops(ordinal, side).iter().map(show).collect();
            assert_eq!(found, *expected, "{node} {side:?}");
            hops += found.len();
        }
        let nodes = 0..index.nodes().len() as u32;
        let both = |node| [Side::Out, Side::In].map(|side| index.adjacency.hops(node, side).len());
        assert_eq!(nodes.flat_map(both).sum::<usize>(), hops);
    }

    /// Deletes everything and makes it again: the index that was loaded goes on as any other.
    fn remake(&mut self, index: &mut Index) {
        let changes = |gone: bool| {
            let change = |(id, expected): (&Id, &Expected)| {
                let record = index.table(id.collection()).existing(id).unwrap().1.state;
                let link = expected.ends.clone().filter(|_| !gone);
                Change {
                    id: id.clone(),
                    state: if gone { State::default() } else { record },
                    link: link.map(|ends| Box::new(crate::write::Link { ends, unique: false })),
                }
            };
            self.documents.iter().map(change).collect::<Vec<_>>()
        };
        let (gone, again) = (changes(true), changes(false));
        let ordinals = Collection::ALL.map(|collection| index.table(collection).len());
        index.apply(self.sequence + 1, gone, &KeyChanges::default()).unwrap();
        for id in self.documents.keys() {
            assert!(index.table(id.collection()).existing(id).is_none());
        }
        index.apply(self.sequence + 2, again, &KeyChanges::default()).unwrap();
        self.sequence += 2;
        for expected in self.documents.values_mut() {
            expected.sequence = self.sequence;
        }
        self.check(index);
        // Every ordinal that was given back was given out again.
        assert_eq!(Collection::ALL.map(|collection| index.table(collection).len()), ordinals);
    }
}

fn generated(text: &str, key: u64) -> Id {
    format!("{text}.4b60c5d8{key:016x}").parse().unwrap()
}

/// An id that may well occur again.
fn any_node(random: &mut Random, next: u64) -> Id {
    match random.below(6) {
        0 => format!("n.LoadCity.chosen{}", random.below(6)).parse().unwrap(),
        1 => generated("n.LoadTown", random.below(40)),
        _ => generated("n.LoadCity", next - 1 - random.below(600)),
    }
}

fn any_edge(random: &mut Random) -> Id {
    match random.below(5) {
        0 => format!("e.LoadRoad.chosen{}", random.below(5)).parse().unwrap(),
        _ => generated("e.LoadRoad", random.below(60)),
    }
}

fn any_ends(random: &mut Random, next: u64) -> Ends {
    let (source, target) = (any_node(random, next), any_node(random, next));
    Ends { source, target, bidirectional: random.below(4) == 0 }
}

fn batch(random: &mut Random, next: &mut u64) -> Vec<Write> {
    let mut batch = Vec::new();
    for _ in 0..=random.below(12) {
        match random.below(9) {
            0 => {
                let count = 1 + random.below(300);
                let cities = (*next..).map(|key| generated("n.LoadCity", key));
                batch.extend(cities.take(count as usize).map(|id| Write::Document(id, None)));
                *next += count + random.below(2);
            }
            1 => {
                for _ in 0..random.below(40) {
                    let id = generated("e.LoadRoad", *next);
                    batch.push(Write::Document(id, Some(any_ends(random, *next))));
                    *next += 1;
                }
            }
            2 => batch.push(Write::Document(any_node(random, *next), None)),
            3 | 4 => {
                batch.push(Write::Document(any_edge(random), Some(any_ends(random, *next))));
            }
            5 => batch.push(Write::Tombstone(any_node(random, *next))),
            6 => batch.push(Write::Tombstone(any_edge(random))),
            7 => {
                let letter = if random.below(2) == 0 { "o" } else { "j" };
                let id = generated(&format!("{letter}.LoadCity"), random.below(30));
                batch.push(Write::Document(id, None));
            }
            _ => batch.push(Write::Tombstone(generated("o.LoadCity", random.below(30)))),
        }
    }
    batch
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_journal_is_read_in_chunks_as_it_is_line_by_line(
        seed in any::<u64>(),
        chunk_lines in prop::sample::select(vec![1, 7, 100, 100_000]),
    ) {
        let mut journal = Journaled::random(seed);
        for threads in [1, 2, 3] {
            journal.check(&journal.read(threads, chunk_lines).unwrap());
        }
        let mut index = journal.read(2, chunk_lines).unwrap();
        journal.remake(&mut index);
    }

    #[test]
    fn the_first_damage_is_reported_however_many_threads_read(
        seed in any::<u64>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..8), 1..4),
    ) {
        let journal = Journaled::random(seed);
        let sealed = journal.planned.iter().filter(|planned| planned.end.is_some()).count();
        if sealed > 0 {
            for (segment, offset, bit) in places {
                let path = journal.planned[segment.index(sealed)].name.path();
                let bytes = journal.disk.bytes(&path).unwrap();
                journal.disk.flip(&path, offset.index(bytes.len()), bit).unwrap();
            }
        }
        let read = |threads, chunk_lines| {
            let error = journal.read(threads, chunk_lines).err();
            error.map(|error| (error.kind(), error.to_string()))
        };
        let expected = read(1, 100_000);
        for threads in [1, 2, 4] {
            prop_assert_eq!(read(threads, 3), expected.clone());
        }
    }
}

#[test]
fn documents_whose_ids_go_on_in_the_next_chunk_are_found_like_those_after_them() {
    // Neither part of the first ids is worth noting as a run; together they are.
    let mut journal = Journaled::new();
    let cities = |keys: std::ops::Range<u64>| {
        keys.map(|key| Write::Document(generated("n.LoadCity", key), None))
    };
    let batches =
        vec![cities(0..200).collect(), cities(200..294).chain(cities(300..900)).collect()];
    journal.segment(false, true, batches);
    journal.check(&journal.read(1, 1).unwrap());
}

#[test]
fn the_last_line_of_an_edge_decides_its_ends() {
    for seed in 0..2 {
        let mut journal = Journaled::new();
        let node = |key| generated("n.LoadCity", key);
        let edge = generated("e.LoadRoad", 9);
        let ends = |source, target| {
            Some(Ends { source: node(source), target: node(target), bidirectional: seed == 1 })
        };
        let nodes = (1..5).map(|key| Write::Document(node(key), None)).collect();
        let dead = vec![Write::Document(edge.clone(), ends(1, 2))];
        journal.segment(true, false, vec![nodes, dead]);
        journal.segment(false, true, vec![vec![Write::Document(edge, ends(3, 4))]]);
        journal.check(&journal.read(1, 1).unwrap());
    }
}

#[test]
fn what_is_kept_grows_with_the_documents_and_not_with_their_lines() {
    let mut journal = Journaled::new();
    let batches = (0..3_000_u64).map(|round| {
        let passing = generated("n.LoadCity", 100 + round);
        let edge = generated("e.LoadRoad", 1_000_000 + round);
        let ends = Ends {
            source: passing.clone(),
            target: generated("n.LoadCity", 1),
            bidirectional: false,
        };
        vec![
            Write::Document(generated("n.LoadCity", 1), None),
            Write::Document(passing.clone(), None),
            Write::Document(edge.clone(), Some(ends)),
            Write::Tombstone(edge),
            Write::Tombstone(passing),
        ]
    });
    journal.segment(false, true, batches.collect());
    for threads in [1, 2] {
        let index = journal.read(threads, 10).unwrap();
        journal.check(&index);
        assert!(index.nodes().len() < 5);
        assert!(index.table(Collection::Edge).len() < 5);
    }
}

/// A journal of three segments with a node each.
fn three_segments() -> Journaled {
    let mut journal = Journaled::new();
    for segment in 0..3 {
        let node = generated("n.LoadCity", segment);
        journal.segment(false, segment == 2, vec![vec![Write::Document(node, None)]]);
    }
    journal
}

#[test]
fn a_segment_that_is_missing_is_damage_and_names_its_file() {
    let journal = three_segments();
    let path = journal.planned[1].name.path();
    journal.disk.erase(&path).unwrap();
    for threads in [1, 2] {
        let error = journal.read(threads, 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_eq!((error.message(), error.context("file")), ("segment is missing", Some(&*path)));
    }
}

#[test]
fn a_segment_that_is_longer_than_it_was_is_damage_where_it_ended() {
    let journal = three_segments();
    let Planned { name, most, .. } = journal.planned[1];
    let mut bytes = journal.disk.bytes(&name.path()).unwrap();
    bytes.extend_from_slice(b"more\n");
    journal.disk.set_bytes(&name.path(), bytes).unwrap();
    for threads in [1, 2] {
        let error = journal.read(threads, 1).unwrap_err();
        assert_eq!(error.message(), "segment is longer than it was when it was written");
        assert_eq!(error.context("offset"), Some(&*most.to_string()));
        assert_eq!(error.context("found"), Some("5 bytes more"));
    }
}
