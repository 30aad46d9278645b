//! What is kept, and what is changed, shared with other processes through Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use jvspatial_cache::bus::{Bus, Event};
use jvspatial_cache::{Answers, Cache as _, RedisCache, RedisOptions};

use super::coherence::{Coherence, Peers};
use super::far::key;
use super::slot::{SCHEME, Slot};
use super::touched::Touched;
use crate::error::{Error, ErrorKind, Result};

/// The first byte of a message; another is of another version, whose slots mean something else.
const FORMAT: u8 = SCHEME;

/// The processes that share a namespace in Redis.
#[derive(Debug)]
pub(super) struct RedisPeers {
    redis: RedisCache,
    bus: Bus,
    answers: Answers,
    /// Whether documents are kept in Redis.
    keeps_documents: bool,
    has_left: AtomicBool,
}

impl RedisPeers {
    /// Enters the namespace and listens.
    pub(super) async fn open(
        options: RedisOptions,
        coherence: &Arc<Coherence>,
    ) -> Result<(RedisCache, Bus)> {
        let redis = RedisCache::open(options).await.map_err(refused)?;
        let coherence = Arc::downgrade(coherence);
        let bus = Bus::open(&redis, move |event| {
            let Some(coherence) = coherence.upgrade() else { return };
            match event {
                // It has ended here when it was told.
                Event::Message { own: true, .. } => {}
                Event::Message { payload, .. } => match read(&payload) {
                    Some(slots) => coherence.heard(&slots),
                    None => coherence.epochs().advance_all(),
                },
                _ => coherence.epochs().advance_all(),
            }
        });
        Ok((redis, bus))
    }

    pub(super) fn new(redis: RedisCache, bus: Bus, keeps_documents: bool) -> Self {
        let answers = bus.answers(SCHEME);
        Self { redis, bus, answers, keeps_documents, has_left: AtomicBool::new(false) }
    }
}

/// The error of a Redis that cannot be used.
pub(crate) fn refused(error: jvspatial_cache::Error) -> Error {
    let kind = match error.kind() {
        jvspatial_cache::ErrorKind::Invalid => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, "cache cannot be opened").with("cause", error)
}

#[async_trait]
impl Peers for RedisPeers {
    async fn tell(&self, touched: &Touched) {
        let keys: Vec<Vec<u8>> = match self.keeps_documents {
            true => touched.ids().iter().map(key).collect(),
            false => Vec::new(),
        };
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let slots = distinct(touched.slots());
        // What cannot be told makes a gap, after which nobody trusts what was kept before.
        let _ = self.answers.tell(&keys, &numbers(&slots), written(&slots)).await;
    }

    async fn tell_of_all(&self) {
        // What cannot be told makes a gap, which comes to the same.
        let _ = self.redis.clear().await;
    }

    fn is_heard(&self) -> bool {
        self.bus.is_trustworthy()
    }

    async fn confirm(&self, slots: &[Slot]) -> Vec<bool> {
        let told = self.answers.are_untouched(&numbers(slots)).await;
        // Redis is away: anything may have changed.
        told.unwrap_or_else(|_| vec![false; slots.len()])
    }

    fn answers(&self) -> Option<&Answers> {
        (!self.has_left.load(Ordering::SeqCst)).then_some(&self.answers)
    }

    async fn leave(&self) {
        self.has_left.store(true, Ordering::SeqCst);
        // Who cannot say goodbye is found missing, and others forget what it may have changed.
        let _ = self.redis.close().await;
    }
}

fn distinct(slots: &[Slot]) -> Vec<Slot> {
    let mut slots = slots.to_vec();
    slots.sort_unstable();
    slots.dedup();
    slots
}

pub(super) fn numbers(slots: &[Slot]) -> Vec<u32> {
    slots.iter().map(|slot| slot.number()).collect()
}

fn written(slots: &[Slot]) -> Bytes {
    let numbers = slots.iter().flat_map(|slot| slot.number().to_le_bytes());
    std::iter::once(FORMAT).chain(numbers).collect()
}

/// The slots of a message; nothing for one that is not ours.
fn read(payload: &[u8]) -> Option<Vec<Slot>> {
    let (format, numbers) = payload.split_first()?;
    if *format != FORMAT || numbers.len() % size_of::<u32>() != 0 {
        return None;
    }
    let number = |bytes: &[u8]| Some(u32::from_le_bytes(bytes.try_into().ok()?));
    numbers.chunks_exact(size_of::<u32>()).map(|bytes| Slot::numbered(number(bytes)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jvspatial_db::{Collection, Id};

    #[test]
    fn a_message_tells_each_slot_once() {
        let slots = [Slot::document(&Id::root()), Slot::collection(Collection::Edge)];
        let mut told =
            read(&written(&distinct(&[slots[0], slots[1], slots[0]]))).unwrap_or_default();
        told.sort_unstable();
        let mut expected = slots.to_vec();
        expected.sort_unstable();
        assert_eq!(told, expected);
        assert_eq!(read(&written(&[])), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_message_of_this_version_is_not_read() {
        for payload in [&[][..], &[FORMAT - 1], &[FORMAT, 0, 0, 0], &[FORMAT, 255, 255, 255, 255]] {
            assert_eq!(read(payload), None, "{payload:?}");
        }
    }
}
