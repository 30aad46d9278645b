//! What is on the simulated medium, what only in its cache, and what lies between the two.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use rustix::io::Errno;

use super::super::{Entry, EntryKind, ROOT};

/// A file or directory, apart from its names.
pub(super) type Inode = usize;

/// The directory that is the disk.
pub(super) const ROOT_INODE: Inode = 0;

/// A name in a directory.
pub(super) type Place = (Inode, Arc<str>);

/// All files and directories, live and durable.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) nodes: Vec<Node>,
    /// Changes of names that no sync has covered, oldest first.
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Dir(Dir),
    File(FileNode),
}

/// A directory: its names as seen by the process, and as a power cut would leave them.
#[derive(Clone, Debug, Default)]
pub(super) struct Dir {
    pub(super) live: BTreeMap<Arc<str>, Inode>,
    pub(super) durable: BTreeMap<Arc<str>, Inode>,
}

/// One change of names: a creation sets one, a removal clears one, a rename does both.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) set: Option<(Place, Inode)>,
    pub(super) clear: Option<Place>,
    /// A failed sync has covered it: no later sync makes it durable.
    pub(super) lost: bool,
}

impl Step {
    fn places(&self) -> impl Iterator<Item = &Place> {
        self.set.iter().map(|(place, _)| place).chain(&self.clear)
    }

    /// Two changes of one name keep their order on the medium.
    pub(super) fn shares_a_name_with(&self, other: &Self) -> bool {
        self.places().any(|place| other.places().any(|theirs| theirs == place))
    }

    fn touches(&self, dir: Inode) -> bool {
        self.places().any(|place| place.0 == dir)
    }
}

/// A file: its bytes as seen by the process, those on the medium, and the changes in between.
#[derive(Clone, Debug, Default)]
pub(super) struct FileNode {
    pub(super) live: Arc<Vec<u8>>,
    pub(super) durable: Arc<Vec<u8>>,
    pub(super) changes: Vec<Change>,
}

/// One change of a file's bytes that no sync has covered.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write {
        offset: usize,
        bytes: Arc<[u8]>,
        /// A failed sync has covered it: the cache calls it clean, so no later sync writes it.
        lost: bool,
    },
    Truncate(usize),
}

impl FileNode {
    pub(super) fn with_bytes(bytes: Vec<u8>) -> Self {
        let bytes = Arc::new(bytes);
        Self { live: Arc::clone(&bytes), durable: bytes, changes: Vec::new() }
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        if !bytes.is_empty() {
            write(Arc::make_mut(&mut self.live), offset, bytes);
            self.changes.push(Change::Write { offset, bytes: bytes.into(), lost: false });
        }
    }

    pub(super) fn truncate(&mut self, len: usize) {
        Arc::make_mut(&mut self.live).resize(len, 0);
        self.changes.push(Change::Truncate(len));
    }

    pub(super) fn sync(&mut self) {
        let durable = Arc::make_mut(&mut self.durable);
        let mut lost = Vec::new();
        for change in self.changes.drain(..) {
            match change {
                Change::Write { lost: true, .. } => lost.push(change),
                Change::Write { offset, bytes, .. } => write(durable, offset, &bytes),
                Change::Truncate(len) => {
                    durable.resize(len, 0);
                    // What was lost behind the new end has no place to come back to.
                    lost.retain_mut(|change| cut(change, len));
                }
            }
        }
        self.changes = lost;
    }

    pub(super) fn fail_sync(&mut self) {
        for change in &mut self.changes {
            if let Change::Write { lost, .. } = change {
                *lost = true;
            }
        }
    }

    fn drop_caches(&mut self) {
        self.changes.retain(|change| !matches!(change, Change::Write { lost: true, .. }));
        let mut live = Vec::clone(&self.durable);
        for change in &self.changes {
            match change {
                Change::Write { offset, bytes, .. } => write(&mut live, *offset, bytes),
                Change::Truncate(len) => live.resize(*len, 0),
            }
        }
        self.live = Arc::new(live);
    }
}

/// Puts `bytes` at `offset`, with zeros in any gap before them.
pub(super) fn write(target: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if target.len() < end {
        target.resize(end, 0);
    }
    if let Some(range) = target.get_mut(offset..end) {
        range.copy_from_slice(bytes);
    }
}

/// Cuts a lost write at the end of its file; false when nothing of it is left.
fn cut(change: &mut Change, len: usize) -> bool {
    if let Change::Write { offset, bytes, .. } = change {
        let left = len.saturating_sub(*offset);
        if let Some(kept) = bytes.get(..left) {
            *bytes = kept.into();
        }
        return !bytes.is_empty();
    }
    true
}

impl Model {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::Dir(Dir::default())], steps: Vec::new() }
    }

    pub(super) fn dir(&self, inode: Inode) -> Result<&Dir, Errno> {
        match self.nodes.get(inode) {
            Some(Node::Dir(dir)) => Ok(dir),
            _ => Err(Errno::NOTDIR),
        }
    }

    fn dir_mut(&mut self, inode: Inode) -> Result<&mut Dir, Errno> {
        match self.nodes.get_mut(inode) {
            Some(Node::Dir(dir)) => Ok(dir),
            _ => Err(Errno::NOTDIR),
        }
    }

    pub(super) fn file(&self, inode: Inode) -> Result<&FileNode, Errno> {
        match self.nodes.get(inode) {
            Some(Node::File(file)) => Ok(file),
            _ => Err(Errno::ISDIR),
        }
    }

    pub(super) fn file_mut(&mut self, inode: Inode) -> Result<&mut FileNode, Errno> {
        match self.nodes.get_mut(inode) {
            Some(Node::File(file)) => Ok(file),
            _ => Err(Errno::ISDIR),
        }
    }

    /// The directory and name that a path stands for.
    pub(super) fn place(&self, path: &str) -> Result<Place, Errno> {
        let (parent, name) = super::super::path::split(path);
        let parent = self.find(parent)?;
        self.dir(parent)?;
        Ok((parent, name.into()))
    }

    pub(super) fn find(&self, path: &str) -> Result<Inode, Errno> {
        if path == ROOT {
            return Ok(ROOT_INODE);
        }
        path.split('/').try_fold(ROOT_INODE, |dir, name| {
            self.dir(dir)?.live.get(name).copied().ok_or(Errno::NOENT)
        })
    }

    pub(super) fn create(&mut self, path: &str, node: Node) -> Result<Inode, Errno> {
        let place = self.place(path)?;
        if self.dir(place.0)?.live.contains_key(&place.1) {
            return Err(Errno::EXIST);
        }
        let inode = self.nodes.len();
        self.nodes.push(node);
        self.dir_mut(place.0)?.live.insert(Arc::clone(&place.1), inode);
        self.steps.push(Step { set: Some((place, inode)), clear: None, lost: false });
        Ok(inode)
    }

    pub(super) fn remove(&mut self, path: &str) -> Result<(), Errno> {
        self.file(self.find(path)?)?;
        let place = self.place(path)?;
        self.dir_mut(place.0)?.live.remove(&place.1);
        self.steps.push(Step { set: None, clear: Some(place), lost: false });
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        let inode = self.find(from)?;
        self.file(inode)?;
        let (from, to) = (self.place(from)?, self.place(to)?);
        if let Some(&old) = self.dir(to.0)?.live.get(&to.1) {
            self.file(old)?;
            if old == inode {
                return Ok(());
            }
        }
        self.dir_mut(from.0)?.live.remove(&from.1);
        self.dir_mut(to.0)?.live.insert(Arc::clone(&to.1), inode);
        self.steps.push(Step { set: Some((to, inode)), clear: Some(from), lost: false });
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, dir: Inode) -> Result<(), Errno> {
        self.dir(dir)?;
        // What is made durable takes along every older change of the same names.
        let mut covered = BTreeSet::new();
        for (index, step) in self.steps.iter().enumerate().rev() {
            let newer = covered.iter().filter_map(|newer: &usize| self.steps.get(*newer));
            if step.touches(dir) || newer.into_iter().any(|newer| newer.shares_a_name_with(step)) {
                covered.insert(index);
            }
        }
        let mut kept: Vec<Step> = Vec::new();
        for (index, mut step) in std::mem::take(&mut self.steps).into_iter().enumerate() {
            let covered = covered.contains(&index);
            let after_lost = kept.iter().any(|k| k.lost && k.shares_a_name_with(&step));
            step.lost |= covered && after_lost;
            if !covered || step.lost {
                kept.push(step);
                continue;
            }
            if let Some((place, inode)) = &step.set {
                self.dir_mut(place.0)?.durable.insert(Arc::clone(&place.1), *inode);
            }
            if let Some(place) = step.clear.take() {
                let ends_here = place.0 == dir || step.set.as_ref().is_none_or(|s| s.0.0 != dir);
                if ends_here {
                    self.dir_mut(place.0)?.durable.remove(&place.1);
                } else {
                    // Moved here from another directory, which has yet to be synced.
                    kept.push(Step { set: None, clear: Some(place), lost: false });
                }
            }
        }
        self.steps = kept;
        Ok(())
    }

    pub(super) fn fail_sync_dir(&mut self, dir: Inode) {
        for step in self.steps.iter_mut().filter(|step| step.touches(dir)) {
            step.lost = true;
        }
    }

    pub(super) fn drop_caches(&mut self) {
        for node in &mut self.nodes {
            if let Node::File(file) = node {
                file.drop_caches();
            }
        }
    }

    pub(super) fn entry(&self, name: &str, inode: Inode) -> Entry {
        match self.nodes.get(inode) {
            Some(Node::File(file)) => {
                Entry { name: name.to_owned(), kind: EntryKind::File, len: file.live.len() as u64 }
            }
            _ => Entry { name: name.to_owned(), kind: EntryKind::Directory, len: 0 },
        }
    }

    /// The path of every file, in order.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![(String::new(), ROOT_INODE)];
        while let Some((prefix, inode)) = open.pop() {
            let Ok(dir) = self.dir(inode) else { continue };
            for (name, &inode) in &dir.live {
                match self.nodes.get(inode) {
                    Some(Node::Dir(_)) => open.push((format!("{prefix}{name}/"), inode)),
                    _ => found.push(format!("{prefix}{name}")),
                }
            }
        }
        found.sort();
        found
    }

    /// Puts a file on the medium, directories above it included, as if it had always been there.
    pub(super) fn plant(&mut self, path: &str, bytes: Vec<u8>) -> io::Result<()> {
        for (end, _) in path.match_indices('/') {
            let above = path.get(..end).unwrap_or_default();
            if self.find(above).is_err() {
                self.create(above, Node::Dir(Dir::default()))?;
                self.settle(above)?;
            }
        }
        match self.find(path) {
            Ok(inode) => *self.file_mut(inode)? = FileNode::with_bytes(bytes),
            Err(_) => {
                self.create(path, Node::File(FileNode::with_bytes(bytes)))?;
            }
        }
        Ok(self.settle(path)?)
    }

    /// Makes the present state of one name durable and forgets how it came about.
    pub(super) fn settle(&mut self, path: &str) -> Result<(), Errno> {
        let place = self.place(path)?;
        let dir = self.dir_mut(place.0)?;
        match dir.live.get(&place.1).copied() {
            Some(inode) => dir.durable.insert(Arc::clone(&place.1), inode),
            None => dir.durable.remove(&place.1),
        };
        for step in &mut self.steps {
            step.set.take_if(|(set, _)| *set == place);
            step.clear.take_if(|clear| *clear == place);
        }
        self.steps.retain(|step| step.set.is_some() || step.clear.is_some());
        Ok(())
    }

    /// The bytes of all files that have a name.
    pub(super) fn used_space(&self) -> u64 {
        let dirs = self.nodes.iter().filter_map(|node| match node {
            Node::Dir(dir) => Some(dir),
            Node::File(_) => None,
        });
        let files =
            dirs.flat_map(|dir| dir.live.values()).filter_map(|inode| self.file(*inode).ok());
        files.map(|file| file.live.len() as u64).sum()
    }
}
