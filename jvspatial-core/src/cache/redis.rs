//! What is kept, and what is changed, shared with other processes through Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jvspatial_cache::bus::{Bus, Event};
use jvspatial_cache::{Answers, Cache as _, RedisCache, RedisOptions};

use super::coherence::{Coherence, Peers};
use super::far::key;
use super::message;
use super::slot::{SCHEME, Slot};
use super::told::Told;
use super::touched::Touched;
use super::written::Written;
use crate::error::{Error, ErrorKind, Result};

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
    /// Enters the namespace and listens. What processes tell is told to `told` as well.
    pub(super) async fn open(
        options: RedisOptions,
        coherence: &Arc<Coherence>,
        told: Arc<Told>,
    ) -> Result<(RedisCache, Bus)> {
        let redis = RedisCache::open(options).await.map_err(refused)?;
        let coherence = Arc::downgrade(coherence);
        let bus = Bus::open(&redis, move |event| {
            let Some(coherence) = coherence.upgrade() else { return };
            match event {
                Event::Message { payload, own } => match message::read(&payload) {
                    Some(message) => {
                        // What is of this process has ended here when it was told.
                        if !own {
                            coherence.heard(&message.slots);
                        }
                        told.by_processes(&message.written);
                    }
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

    pub(super) const fn redis(&self) -> &RedisCache {
        &self.redis
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
    async fn tell(&self, touched: &Touched, written: &[Written]) {
        let keys: Vec<Vec<u8>> = match self.keeps_documents {
            true => touched.ids().iter().map(key).collect(),
            false => Vec::new(),
        };
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let slots = message::distinct(touched.slots());
        // What cannot be told makes a gap, after which nobody trusts what was kept before.
        let told = message::bytes(&slots, written);
        let _ = self.answers.tell(&keys, &numbers(&slots), told).await;
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

pub(super) fn numbers(slots: &[Slot]) -> Vec<u32> {
    slots.iter().map(|slot| slot.number()).collect()
}
