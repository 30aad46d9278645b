//! Every state that a power cut may leave behind.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::SimulatedDisk;
use super::model::{Change, Dir, FileNode, Inode, Model, Node, write};

/// What a medium writes whole or not at all, if it keeps to its promises.
const BLOCK: usize = 512;

/// The states in which a power cut may leave a disk, each a disk of its own.
///
/// What a sync covered is there in every one of them. Of the rest, independently of each other:
///
/// - a write is there, absent, cut after any byte (with the file ending there, or grown to its full
///   length with zeros), all zeros, or there in any selection of its 512-byte blocks;
/// - a truncation is there or not;
/// - a created, renamed or removed name is new or old. A rename is never half there within a
///   directory, and between two the file may have both names but never neither. Changes of one
///   name keep their order.
///
/// If there are at most `limit` combinations all are given, in a fixed order; otherwise `limit`
/// samples, the same for the same seed.
pub struct CrashStates {
    model: Model,
    slots: Vec<Slot>,
    mode: Mode,
}

enum Mode {
    All { next: Option<Vec<u64>>, total: u64 },
    Sampled { random: Random, given: u64, limit: u64 },
}

/// One thing that is there, absent or torn.
#[derive(Clone, Copy)]
enum Slot {
    Step { index: usize, fates: u64 },
    Change { inode: Inode, index: usize, fates: Option<u64> },
}

/// What a power cut makes of one unsynced change.
#[derive(Clone)]
enum Fate {
    Absent,
    Whole,
    /// The file has grown, its bytes are zeros.
    Zeros,
    /// The first bytes alone.
    Prefix(usize),
    /// The first bytes, then zeros.
    PrefixThenZeros(usize),
    /// The blocks whose bit is set in the repeated mask, zeros for the others.
    Blocks(u64),
    /// A file moved between directories, found in both.
    Both,
}

impl CrashStates {
    pub(super) fn new(model: Model, seed: u64, limit: u64) -> Self {
        let slots = slots(&model);
        let total = slots.iter().try_fold(1_u64, |total, slot| total.checked_mul(slot.fates()?));
        let mode = match total.filter(|total| *total <= limit) {
            Some(total) => Mode::All { next: Some(vec![0; slots.len()]), total },
            None => Mode::Sampled { random: Random(seed), given: 0, limit },
        };
        Self { model, slots, mode }
    }

    /// Whether every legal state is among them.
    pub fn is_exhaustive(&self) -> bool {
        matches!(self.mode, Mode::All { .. })
    }
}

impl fmt::Debug for CrashStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states = match &self.mode {
            Mode::All { total, .. } => *total,
            Mode::Sampled { limit, .. } => *limit,
        };
        f.debug_struct("CrashStates")
            .field("unsynced", &self.slots.len())
            .field("states", &states)
            .field("exhaustive", &self.is_exhaustive())
            .finish()
    }
}

impl Iterator for CrashStates {
    type Item = SimulatedDisk;

    fn next(&mut self) -> Option<SimulatedDisk> {
        let fates = match &mut self.mode {
            Mode::All { next, .. } => {
                let numbers = next.take()?;
                let fates = fates(&self.model, &self.slots, &numbers);
                *next = successor(&self.slots, numbers);
                fates
            }
            Mode::Sampled { random, given, limit } => {
                if given >= limit {
                    return None;
                }
                *given += 1;
                sample(&self.model, &self.slots, *given, random)
            }
        };
        Some(SimulatedDisk::with_model(after_power_cut(&self.model, &self.slots, &fates)))
    }
}

impl Slot {
    /// How many fates it may meet, unless they are beyond counting.
    fn fates(&self) -> Option<u64> {
        match self {
            Self::Step { fates, .. } => Some(*fates),
            Self::Change { fates, .. } => *fates,
        }
    }
}

fn slots(model: &Model) -> Vec<Slot> {
    let mut slots = Vec::new();
    let mut named = BTreeSet::new();
    for (index, step) in model.steps.iter().enumerate() {
        named.extend(step.set.as_ref().map(|(_, inode)| *inode));
        let moved =
            matches!((&step.set, &step.clear), (Some((to, _)), Some(from)) if to.0 != from.0);
        slots.push(Slot::Step { index, fates: if moved { 3 } else { 2 } });
    }
    for node in &model.nodes {
        if let Node::Dir(dir) = node {
            named.extend(dir.durable.values().copied());
        }
    }
    for inode in named {
        for (index, change) in model.file(inode).map_or(&[][..], |f| &f.changes).iter().enumerate()
        {
            slots.push(Slot::Change { inode, index, fates: count_fates(change) });
        }
    }
    slots
}

fn blocks(offset: usize, len: usize) -> usize {
    (offset + len).div_ceil(BLOCK) - offset / BLOCK
}

fn count_fates(change: &Change) -> Option<u64> {
    let Change::Write { offset, bytes, .. } = change else {
        return Some(2);
    };
    let blocks = u32::try_from(blocks(*offset, bytes.len())).ok()?;
    let selections = if blocks > 1 { 2_u64.checked_pow(blocks)? } else { 0 };
    selections.checked_add(1 + 2 * bytes.len() as u64)
}

/// The fates by number, the extremes first.
fn fate(change: &Change, number: u64) -> Fate {
    let len = match change {
        Change::Write { bytes, .. } => bytes.len(),
        Change::Truncate(_) => 0,
    };
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    match number {
        0 => Fate::Absent,
        1 => Fate::Whole,
        2 => Fate::Zeros,
        _ if number < len + 2 => Fate::Prefix(number - 2),
        _ if number < 2 * len + 1 => Fate::PrefixThenZeros(number - len - 1),
        _ => Fate::Blocks((number - 2 * len - 1) as u64),
    }
}

fn fates(model: &Model, slots: &[Slot], numbers: &[u64]) -> Vec<Fate> {
    let fates = slots.iter().zip(numbers).map(|(slot, &number)| match slot {
        Slot::Step { .. } => match number {
            0 => Fate::Absent,
            1 => Fate::Whole,
            _ => Fate::Both,
        },
        Slot::Change { inode, index, .. } => {
            change(model, *inode, *index).map_or(Fate::Absent, |change| fate(change, number))
        }
    });
    fates.collect()
}

fn change(model: &Model, inode: Inode, index: usize) -> Option<&Change> {
    model.file(inode).ok()?.changes.get(index)
}

fn successor(slots: &[Slot], mut numbers: Vec<u64>) -> Option<Vec<u64>> {
    for (slot, number) in slots.iter().zip(&mut numbers) {
        *number += 1;
        if Some(*number) < slot.fates() {
            return Some(numbers);
        }
        *number = 0;
    }
    None
}

/// The extremes first, then orderly losses (all before a point, little after it) and wild ones.
fn sample(model: &Model, slots: &[Slot], turn: u64, random: &mut Random) -> Vec<Fate> {
    let orderly = turn.is_multiple_of(2);
    let border = random.below(slots.len() as u64 + 1);
    let fates = slots.iter().zip(0..).map(|(slot, index)| match turn {
        1 => Fate::Absent,
        2 => Fate::Whole,
        _ if orderly && index < border => Fate::Whole,
        _ if orderly && index > border => Fate::Absent,
        _ => match slot {
            Slot::Step { fates, .. } => match random.below(*fates) {
                0 => Fate::Absent,
                1 => Fate::Whole,
                _ => Fate::Both,
            },
            Slot::Change { inode, index, .. } => {
                change(model, *inode, *index).map_or(Fate::Absent, |change| wild(change, random))
            }
        },
    });
    fates.collect()
}

fn wild(change: &Change, random: &mut Random) -> Fate {
    let Change::Write { offset, bytes, .. } = change else {
        return if random.below(2) == 0 { Fate::Absent } else { Fate::Whole };
    };
    let cut = usize::try_from(random.below(bytes.len() as u64)).unwrap_or(0);
    let at_block = ((offset + cut) / BLOCK * BLOCK).saturating_sub(*offset);
    match random.below(7) {
        0 => Fate::Absent,
        1 => Fate::Whole,
        2 => Fate::Zeros,
        3 => Fate::Prefix(cut),
        4 => Fate::PrefixThenZeros(cut),
        5 => Fate::Prefix(at_block),
        _ => Fate::Blocks(random.next()),
    }
}

/// The disk as it comes back up.
fn after_power_cut(model: &Model, slots: &[Slot], fates: &[Fate]) -> Model {
    let mut nodes: Vec<Node> = Vec::with_capacity(model.nodes.len());
    nodes.extend(model.nodes.iter().map(|node| match node {
        Node::Dir(dir) => {
            Node::Dir(Dir { live: dir.durable.clone(), durable: Dir::default().durable })
        }
        Node::File(file) => Node::File(FileNode {
            live: Arc::clone(&file.durable),
            durable: Arc::default(),
            changes: Vec::new(),
        }),
    }));
    let mut booted = Model { nodes, steps: Vec::new() };
    let mut not_there: Vec<usize> = Vec::new();
    for (slot, fate) in slots.iter().zip(fates) {
        match slot {
            Slot::Step { index, .. } => {
                let Some(step) = model.steps.get(*index) else {
                    continue;
                };
                let too_early = not_there
                    .iter()
                    .filter_map(|older| model.steps.get(*older))
                    .any(|older| older.shares_a_name_with(step));
                if !matches!(fate, Fate::Whole) || too_early {
                    not_there.push(*index);
                }
                if too_early || matches!(fate, Fate::Absent) {
                    continue;
                }
                if let Some(((dir, name), inode)) = &step.set
                    && let Some(Node::Dir(dir)) = booted.nodes.get_mut(*dir)
                {
                    dir.live.insert(Arc::clone(name), *inode);
                }
                if let Some((dir, name)) =
                    step.clear.as_ref().filter(|_| !matches!(fate, Fate::Both))
                    && let Some(Node::Dir(dir)) = booted.nodes.get_mut(*dir)
                {
                    dir.live.remove(name);
                }
            }
            Slot::Change { inode, index, .. } => {
                if let (Some(change), Ok(file)) =
                    (change(model, *inode, *index), booted.file_mut(*inode))
                    && !matches!(fate, Fate::Absent)
                {
                    befall(Arc::make_mut(&mut file.live), change, fate);
                }
            }
        }
    }
    for node in &mut booted.nodes {
        match node {
            Node::Dir(dir) => dir.durable.clone_from(&dir.live),
            Node::File(file) => file.durable = Arc::clone(&file.live),
        }
    }
    booted
}

fn befall(target: &mut Vec<u8>, change: &Change, fate: &Fate) {
    let (offset, bytes) = match change {
        Change::Truncate(len) => return target.resize(*len, 0),
        Change::Write { offset, bytes, .. } => (*offset, bytes),
    };
    let torn = match fate {
        Fate::Absent | Fate::Both => return,
        Fate::Whole => return write(target, offset, bytes),
        Fate::Prefix(len) => return write(target, offset, bytes.get(..*len).unwrap_or(bytes)),
        Fate::Zeros => vec![0; bytes.len()],
        Fate::PrefixThenZeros(len) => {
            let mut torn = bytes.to_vec();
            torn.iter_mut().skip(*len).for_each(|byte| *byte = 0);
            torn
        }
        Fate::Blocks(mask) => {
            let block = |index: usize| ((offset + index) / BLOCK - offset / BLOCK) % 64;
            let there = |index| mask >> block(index) & 1 == 1;
            bytes.iter().enumerate().map(|(i, byte)| if there(i) { *byte } else { 0 }).collect()
        }
    };
    write(target, offset, &torn);
}

/// SplitMix64: small, and the same everywhere for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}
