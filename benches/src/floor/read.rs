//! Reads of one document by id from a file in the page cache.
#![expect(clippy::disallowed_methods, reason = "a floor is bare file access")]

use std::collections::HashMap;
use std::fs;
use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;

use foldhash::fast::FixedState;
use tempfile::TempDir;

use crate::Result;
use crate::data::{Lines, drawn, id, read_line};
use crate::measure::{Contender, timed};
use crate::setup::Setup;

/// The reads of one round.
pub(crate) const READS: usize = 100_000;

/// The last part of an id in half its length.
type Key = [u8; 12];

/// Where a line stands: offset and length.
type Index = HashMap<Key, (u32, u32), FixedState>;

/// 100,000 random reads of 10,000 documents.
pub(crate) fn get_hot_10k(setup: &Setup) -> Result<Contender> {
    get_hot(setup, 10_000)
}

/// 100,000 random reads of 1,000,000 documents.
pub(crate) fn get_hot_1m(setup: &Setup) -> Result<Contender> {
    get_hot(setup, 1_000_000)
}

/// Looks the id up in a hash map, reads the line with one call into a buffer kept, decodes it.
fn get_hot(setup: &Setup, documents: usize) -> Result<Contender> {
    let documents = setup.size(documents);
    let directory = setup.temporary_directory()?;
    let (file, index) = store(&directory, documents)?;
    let keys = drawn(documents).take(setup.size(READS)).map(key).collect::<Result<Vec<Key>>>()?;
    Ok(Box::new(move || {
        // The directory lives as long as the file in it is read.
        let _directory = &directory;
        timed(|| read_all(&file, &index, &keys))
    }))
}

fn store(directory: &TempDir, documents: usize) -> Result<(File, Index)> {
    let path = directory.path().join("journal.jsonl");
    let lines = Lines::new(documents)?;
    fs::write(&path, &lines.bytes)?;
    let mut index = Index::with_capacity_and_hasher(documents, FixedState::default());
    for number in 0..documents {
        let range = lines.range(number);
        index.insert(key(number)?, (u32::try_from(range.start)?, u32::try_from(range.len())?));
    }
    Ok((File::open(&path)?, index))
}

fn read_all(file: &File, index: &Index, keys: &[Key]) -> Result<u64> {
    let mut line = Vec::new();
    let mut sum = 0_u64;
    for key in keys {
        let &(offset, length) = index.get(key).ok_or("an id is not in the index")?;
        line.resize(length as usize, 0);
        file.read_exact_at(&mut line, u64::from(offset))?;
        let city = black_box(read_line(&line)?);
        sum = sum.wrapping_add(city.check());
    }
    Ok(sum)
}

fn key(number: usize) -> Result<Key> {
    let id = id(number);
    let digits = id.rsplit('.').next().unwrap_or_default();
    let mut key = Key::default();
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16)?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::cities;

    #[test]
    fn what_is_read_is_what_was_stored() {
        let directory = TempDir::new().unwrap();
        let (file, index) = store(&directory, 100).unwrap();
        let keys: Vec<Key> = (0..100).map(|number| key(number).unwrap()).collect();
        let expected = cities().take(100).fold(0, |sum: u64, city| sum.wrapping_add(city.check()));
        assert_eq!(read_all(&file, &index, &keys).unwrap(), expected);
        assert!(read_all(&file, &index, &[key(100).unwrap()]).is_err());
    }

    #[test]
    fn a_key_is_the_last_part_of_an_id() {
        assert_eq!(key(0x0a0b).unwrap(), [0x67, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0x0a, 0x0b]);
    }
}
