//! The next chunk, visited by workers who have nothing left to do in this one, and while what its hooks asked for is
//! looked up.
//!
//! It is begun only where it is likely to come next and nothing was written that its hooks could see. If the walk takes
//! another turn, or asks for a write before that chunk has its own, what its visits asked for is forgotten.

use jvspatial_db::Document;

use super::Walker;
use super::ahead::{Ahead, ChunkPlace};
use super::parallel::Begun;
use super::run::Run;
use crate::error::Result;

/// A chunk that was handed out before its turn.
pub(super) struct Early<W: Walker> {
    place: ChunkPlace,
    documents: Vec<Option<Document>>,
    begun: Begun<W>,
}

impl<W: Walker> Early<W> {
    /// Stops the workers, wherever they are.
    pub(super) async fn dismiss(self) {
        self.begun.dismiss().await;
    }
}

impl<W: Walker> Run<W> {
    /// Hands out the next chunk, whose visits follow `steps_before` others, if it was loaded meanwhile and nothing was
    /// written that it may lack.
    pub(super) fn begin_early(&mut self, steps_before: u64) -> Option<Early<W>> {
        // A fork is made of the walker as it is when all before it are merged.
        let is_ready = self.walk.engine.chunk.is_empty() || self.seat.is_shared();
        let is_likely = is_ready
            && self.company.is_spread()
            && self.company.saver.is_none()
            && self.walk.engine.leaves.is_none()
            && self.limit().is_none()
            && self.walk.writes.is_untouched()
            && self.walk.partings.is_empty()
            && !self.walk.creates;
        let engine = &mut self.walk.engine;
        let revision = engine.frontier.revision();
        let is_next = |ahead: &&mut Ahead| ahead.place.revision == revision;
        let ahead = engine.ahead.as_mut().filter(|ahead| is_likely && ahead.place.visits > 1);
        let ahead = ahead.filter(is_next)?;
        let place = ahead.place;
        let mut documents = ahead.try_finish()?;
        engine.ahead = None;
        let next = self.walk.engine.frontier.first(place.visits)?;
        // Whoever fails here does so again when the chunk has its turn.
        let begun = self.hand_out(&mut documents, next.cloned(), steps_before).ok().flatten()?;
        Some(Early { place, documents, begun })
    }

    /// The documents of the chunk, and who has begun to visit them.
    pub(super) async fn load(
        &mut self,
        early: Option<Early<W>>,
    ) -> Result<(Vec<Option<Document>>, Option<Begun<W>>)> {
        let engine = &mut self.walk.engine;
        if let Some(Early { place, documents, begun }) = early {
            // What was written since, such as a removal that takes edges with it, its hooks have not seen.
            let is_current = begun.mark() == self.walk.writes.mark();
            if is_current && place == engine.chunk_place() {
                engine.stats.chunks += 1;
                return Ok((documents, Some(begun)));
            }
            begun.dismiss().await;
        }
        Ok((self.walk.engine.load().await?, None))
    }
}
