//! The pieces of a segment, checked against each other as the lines of one are.

use super::super::line::{OpenBatch, push_header};
use super::super::manifest::{End, FORMAT};
use super::super::segment_reader::{Commits, check_commit};
use super::Planned;
use super::piece::Part;

/// How far a segment has been found sound.
pub(super) struct Chain {
    compacted: bool,
    /// The last commit.
    end: End,
    /// The lines after it.
    batch: OpenBatch,
    /// Where the next piece must begin.
    next: u64,
    /// The first line, as it must be.
    header: Vec<u8>,
}

impl Chain {
    /// At the beginning of a segment.
    pub(super) fn new(planned: &Planned, store: &str) -> Self {
        let (sequence, compacted) = match planned.commits {
            Commits::After(sequence) => (sequence, false),
            Commits::UpTo(sequence) => (sequence, true),
        };
        let mut header = Vec::new();
        let checksum = push_header(&mut header, planned.name, FORMAT, store);
        let end = End { bytes: header.len() as u64, sequence, checksum };
        Self { compacted, end, batch: OpenBatch::default(), next: 0, header }
    }

    /// Takes the next piece and fills in the commits of its lines; `false` when it is not sound.
    ///
    /// The lines after its last commit line are taken on trust until the pieces after have closed them.
    pub(super) fn take(&mut self, part: &mut Part) -> bool {
        let Some((begin, end)) = part.bytes else { return true };
        let header = if begin == 0 { self.header.as_slice() } else { &[] };
        if begin != self.next || part.header != header {
            return false;
        }
        let (mut lines, mut text, mut marks) = (0, 0, [0; 4]);
        for closing in &part.commits {
            self.push(&part.checksums, lines, closing.lines);
            let line = part.texts.get(text..closing.text_end).unwrap_or_default();
            let commit = &closing.commit;
            let last = End { sequence: self.end.sequence - u64::from(self.compacted), ..self.end };
            if check_commit(line, commit, &last, &self.batch).is_err() {
                return false;
            }
            self.batch.clear();
            part.chunk.set_sequence(marks, closing.marks, commit.sequence);
            let (sequence, checksum) = (commit.sequence, commit.checksum);
            self.end = End { bytes: closing.end, sequence, checksum };
            (lines, text, marks) = (closing.lines, closing.text_end, closing.marks);
        }
        self.push(&part.checksums, lines, part.checksums.len());
        let next = self.end.sequence + u64::from(!self.compacted);
        part.chunk.set_sequence(marks, part.chunk.lengths(), next);
        self.next = end;
        true
    }

    fn push(&mut self, checksums: &[u64], from: usize, to: usize) {
        self.batch.extend(checksums.get(from..to).unwrap_or_default());
    }

    /// The last commit, if the segment ends with it.
    pub(super) fn end(&self) -> Option<End> {
        (self.next == self.end.bytes).then_some(self.end)
    }
}
