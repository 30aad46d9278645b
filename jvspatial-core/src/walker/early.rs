//! The next chunk, visited by workers while what the hooks of this one asked for is looked up.
//!
//! It is begun only where it is certain to come next and nothing of this chunk can change what its hooks see. If the walk
//! takes another turn all the same, what its visits asked for is forgotten.

use std::sync::Arc;

use jvspatial_db::{Document, Handle};

use super::Walker;
use super::ahead::are_same;
use super::parallel::Begun;
use super::run::Run;
use crate::error::Result;

/// A chunk that was handed out before its turn.
pub(super) struct Early<W: Walker> {
    handles: Arc<[Handle]>,
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
    /// Hands out the next chunk, if it was loaded meanwhile and no write can change it.
    pub(super) fn begin_early(&mut self) -> Option<Early<W>> {
        let is_certain = self.company.is_spread()
            && self.company.saver.is_none()
            && self.walk.engine.leaves.is_none()
            && self.walk.engine.chunk.is_empty()
            && self.limit().is_none()
            && self.walk.writes.is_untouched()
            && self.walk.partings.is_empty()
            && !self.walk.creates;
        let engine = &mut self.walk.engine;
        let ahead = engine.ahead.as_mut().filter(|ahead| is_certain && ahead.handles.len() > 1)?;
        let handles = Arc::clone(&ahead.handles);
        let next = engine.frontier.first(handles.len())?;
        let documents = ahead.try_finish(next.map(|pending| &pending.handle))?;
        engine.ahead = None;
        let next = self.walk.engine.frontier.first(handles.len())?;
        // Whoever fails here does so again when the chunk has its turn.
        let begun = self.hand_out(&documents, next.cloned()).ok().flatten()?;
        Some(Early { handles, documents, begun })
    }

    /// The documents of the chunk, and who has begun to visit them.
    pub(super) async fn load(
        &mut self,
        early: Option<Early<W>>,
    ) -> Result<(Vec<Option<Document>>, Option<Begun<W>>)> {
        let engine = &mut self.walk.engine;
        if let Some(Early { handles, documents, begun }) = early {
            if are_same(&handles, engine.chunk.handles().iter()) {
                engine.stats.chunks += 1;
                return Ok((documents, Some(begun)));
            }
            begun.dismiss().await;
        }
        Ok((self.walk.engine.load().await?, None))
    }
}
