//! Reading the id of every line of a journal, on both cores.
#![expect(clippy::disallowed_methods, reason = "a floor is bare file access")]

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use memchr::{memchr, memchr_iter};

use crate::Result;
use crate::measure::{Contender, timed};
use crate::setup::Setup;

/// The threads that scan.
const THREADS: usize = 2;

/// How many bytes are read with one call: they stay in the second-level cache until they are scanned.
const BLOCK: u64 = 512 * 1024;

/// How far into a line its id ends at most.
const HEAD: u64 = 256;

/// What every line of a document begins with.
const PREFIX: &[u8] = br#"{"_id":""#;

/// The hex digits at the end of an id.
const KEY_DIGITS: usize = 24;

/// An id in sixteen bytes: collection and entity as a number, then the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PackedId {
    kind: u32,
    key: [u8; 12],
}

/// What was seen: enough that no id can be passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    documents: u64,
    sum: u64,
}

/// Scans the files of the [network store](Setup::network_store); the answer is the number of ids.
pub(crate) fn open_4m(setup: &Setup) -> Result<Contender> {
    let store = setup.network_store()?;
    Ok(Box::new(move || {
        timed(|| {
            let files = store
                .segments()?
                .iter()
                .map(|path| Ok(File::open(path)?))
                .collect::<Result<Vec<File>>>()?;
            let seen = scan(&files, BLOCK)?;
            std::hint::black_box(seen.sum);
            Ok(seen.documents)
        })
    }))
}

/// Reads each id of the files once; `block` bytes at a time go to whichever thread is free.
fn scan(files: &[File], block: u64) -> Result<Seen> {
    let blocks = blocks(files, block)?;
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..THREADS).map(|_| scope.spawn(|| scan_blocks(files, &blocks, &next))).collect();
        let mut seen = Seen::default();
        for thread in threads {
            let part = thread.join().map_err(|_| "a scan panicked")??;
            seen.documents += part.documents;
            seen.sum = seen.sum.wrapping_add(part.sum);
        }
        Ok(seen)
    })
}

/// A part of a file.
#[derive(Debug)]
struct Block {
    file: usize,
    bytes: Range<u64>,
    file_size: u64,
}

fn blocks(files: &[File], block: u64) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    for (file, handle) in files.iter().enumerate() {
        let file_size = handle.metadata()?.len();
        for start in (0..file_size).step_by(usize::try_from(block)?) {
            blocks.push(Block { file, bytes: start..file_size.min(start + block), file_size });
        }
    }
    Ok(blocks)
}

fn scan_blocks(files: &[File], blocks: &[Block], next: &AtomicUsize) -> Result<Seen> {
    let mut entities = Entities::default();
    let mut buffer = Vec::new();
    let mut seen = Seen::default();
    while let Some(block) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
        // From the byte before, which says whether a line begins with the block, to the end of an id
        // that begins with its last byte.
        let start = block.bytes.start.saturating_sub(1);
        let end = block.file_size.min(block.bytes.end + HEAD);
        let length = usize::try_from(end - start)?;
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        let bytes = &mut buffer[..length];
        files[block.file].read_exact_at(bytes, start)?;
        let lines_before = usize::try_from(block.bytes.end - start)?;
        scan_block(bytes, lines_before, block.bytes.start == 0, &mut entities, &mut seen)?;
    }
    Ok(seen)
}

/// Reads the ids of the lines that begin before `end`; one begins after each line feed.
fn scan_block(
    bytes: &[u8],
    end: usize,
    begins_file: bool,
    entities: &mut Entities,
    seen: &mut Seen,
) -> Result<()> {
    let first = begins_file.then_some(0);
    // A line feed in the last place begins a line that belongs to the next block.
    let after = memchr_iter(b'\n', &bytes[..end - 1]).map(|line_feed| line_feed + 1);
    for line in first.into_iter().chain(after) {
        let line = &bytes[line..];
        // Headers and commit lines have other keys.
        if line.starts_with(PREFIX) {
            let id = read_id(&line[PREFIX.len()..], entities).ok_or("a line has no such id")?;
            seen.documents += 1;
            seen.sum = seen.sum.wrapping_add(id.check());
        }
    }
    Ok(())
}

/// The id at the beginning of `text`, up to the quotation mark.
fn read_id(text: &[u8], entities: &mut Entities) -> Option<PackedId> {
    let end = memchr(b'"', &text[..text.len().min(HEAD as usize)])?;
    let (kind, digits) = text[..end].split_at_checked(end.checked_sub(KEY_DIGITS)?)?;
    let mut key = [0; 12];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (HEX[pair[0] as usize], HEX[pair[1] as usize]);
        if high | low > 0x0f {
            return None;
        }
        *byte = high << 4 | low;
    }
    Some(PackedId { kind: entities.number(kind)?, key })
}

impl PackedId {
    /// A number that depends on every byte.
    fn check(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = self.key;
        let time = u64::from(u32::from_le_bytes([a, b, c, d]) ^ self.kind);
        time.wrapping_add(u64::from_le_bytes([e, f, g, h, i, j, k, l]))
    }
}

/// The collections and entities met so far, each with its dot; the last one found is tried first.
#[derive(Debug, Default)]
struct Entities {
    names: Vec<Vec<u8>>,
    last: usize,
}

impl Entities {
    fn number(&mut self, name: &[u8]) -> Option<u32> {
        if self.names.get(self.last).is_none_or(|last| last != name) {
            self.last = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
                self.names.push(name.to_vec());
                self.names.len() - 1
            });
        }
        u32::try_from(self.last).ok()
    }
}

/// The value of each hex digit; 0xff for every other byte.
const HEX: [u8; 256] = {
    let mut table = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Lines, id};

    #[test]
    fn an_id_is_packed_from_its_parts() {
        let mut entities = Entities::default();
        let mut read = |text: &str| read_id(text.as_bytes(), &mut entities);
        let city = read(r#"n.City.67400000000000000000a0ff","_version":1"#).unwrap();
        assert_eq!(city.kind, 0);
        assert_eq!(city.key, [0x67, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0xa0, 0xff]);
        assert_eq!(read(r#"e.Road.674000000000000000000001""#).unwrap().kind, 1);
        assert_eq!(read(r#"n.City.674000000000000000000001""#).unwrap().kind, 0);
        assert_eq!(read(r#"n.City.67400000000000000000000g""#), None);
        assert_eq!(read(r#"short""#), None);
        assert_eq!(read("n.City.674000000000000000000001"), None);
    }

    #[test]
    fn every_id_is_read_once_wherever_blocks_are_cut() {
        let directory = tempfile::TempDir::new().unwrap();
        let lines = Lines::new(50).unwrap();
        let journal = [&b"{\"_segment\":1}\n"[..], &lines.bytes, b"{\"_commit\":1}\n"].concat();
        let path = directory.path().join("00000001.jsonl");
        std::fs::write(&path, &journal).unwrap();
        let files = [File::open(&path).unwrap(), File::open(&path).unwrap()];
        let mut entities = Entities::default();
        let sum = (0..50).fold(0, |sum: u64, number| {
            let text = format!("{}\"", id(number));
            sum.wrapping_add(read_id(text.as_bytes(), &mut entities).unwrap().check())
        });
        let twice = Seen { documents: 100, sum: sum.wrapping_mul(2) };
        for block in [1, 7, 200, 201, 4_096, 1 << 20] {
            assert_eq!(scan(&files, block).unwrap(), twice, "{block}");
        }
    }
}
