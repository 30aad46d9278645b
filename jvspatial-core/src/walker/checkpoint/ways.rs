//! Ways from starts, which share their beginnings when they are stored as in memory.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use jvspatial_db::Id;

use super::part::Parts;
use crate::error::{Error, ErrorKind, Result};
use crate::walker::visited::Way;

/// The numbers of ways that are stored, by where they are in memory.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<usize, u64, RandomState>);

impl Numbers {
    /// The number of `way`, which is stored, and those that it continues, unless they are already.
    pub(super) fn of(&mut self, way: &Arc<Way>, parts: &mut Parts) -> u64 {
        let mut new = Vec::new();
        let mut step = Some(way);
        let mut before = None;
        while let Some(way) = step {
            if let Some(number) = self.0.get(&place(way)) {
                before = Some(*number);
                break;
            }
            new.push(way);
            step = way.before();
        }
        for way in new.into_iter().rev() {
            let number = self.0.len() as u64;
            self.0.insert(place(way), number);
            parts.for_entry([way.id()], 0).ways.push((way.id().clone(), before));
            before = Some(number);
        }
        before.unwrap_or_default()
    }
}

fn place(way: &Arc<Way>) -> usize {
    Arc::as_ptr(way).addr()
}

/// Ways that were stored, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Ways(Vec<Arc<Way>>);

impl Ways {
    /// Takes up the next.
    pub(super) fn push(&mut self, (id, before): (Id, Option<u64>)) -> Result<()> {
        let before = self.get(before)?;
        self.0.push(Way::to(id, before));
        Ok(())
    }

    /// The way with the number.
    pub(super) fn get(&self, number: Option<u64>) -> Result<Option<Arc<Way>>> {
        let Some(number) = number else { return Ok(None) };
        let way = usize::try_from(number).ok().and_then(|number| self.0.get(number));
        way.cloned().map(Some).ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "checkpoint names a way that it does not have")
                .with("way", number)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jvspatial_db::{Collection, EntityName};

    use super::*;

    fn id(key: u32) -> Id {
        let entity = EntityName::new("Way").unwrap();
        Id::with_key(Collection::Node, entity, &key.to_string()).unwrap()
    }

    #[test]
    fn ways_with_one_beginning_are_stored_with_it_once_and_come_back_as_they_were() {
        let mut start = Way::to(id(0), None);
        for step in 1..100_000 {
            start = Way::to(id(step), Some(start));
        }
        let fork = |key| Way::to(id(key), Some(Arc::clone(&start)));
        let (left, right) = (fork(7), fork(8));
        let (mut numbers, mut parts) = (Numbers::default(), Parts::default());
        let stored = [&left, &right, &left].map(|way| numbers.of(way, &mut parts));
        assert_eq!(stored[0], stored[2]);
        let entries: Vec<_> = parts.full.into_iter().flat_map(|part| part.ways).collect();
        assert_eq!(entries.len(), 100_002);
        let mut ways = Ways::default();
        entries.into_iter().for_each(|entry| ways.push(entry).unwrap());
        for (number, way) in stored.iter().zip([&left, &right]) {
            assert_eq!(ways.get(Some(*number)).unwrap().unwrap().ids(), way.ids());
        }
        assert_eq!(ways.get(Some(100_002)).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
