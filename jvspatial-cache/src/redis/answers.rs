//! Values that are good for as long as nothing was touched that they were made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::Value;

use super::RedisCache;
use super::batch::KEYS;
use super::bus::{Status, with_message};
use super::keeper::millis;
use super::lease::Lease;
use super::shared::News;
use super::{envelope, scripts};
use crate::error::Result;
use crate::mark::Mark;
use crate::statistics::Event;

const MAGIC: &[u8; 4] = b"jva\x01";
/// What stands before the parts: the magic, the number, the time to live, the age, how many parts there are.
const HEADER: usize = 32;

/// Answers that all processes of a namespace share, each with the parts of the source that were read for it.
///
/// A message says which parts a change has touched, and Redis notes its number for each of them in the step that sends it.
/// An answer is kept with the number of the last message that was known before it was computed, and handed out only while none of its
/// parts has a higher one; both in one step of Redis. So an answer is never older than a change that was told, whether or not
/// anybody has heard of it. A change that could not be told begins a new era, in which no older answer is found.
///
/// Made by [`Bus::answers`](super::bus::Bus::answers).
#[derive(Clone)]
pub struct Answers {
    cache: RedisCache,
    status: Arc<Status>,
    scheme: u8,
}

/// A place in the order of the messages: everything that was told up to it is known here.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    mark: Mark,
    number: u64,
}

/// A value, and what it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The value.
    pub value: Bytes,
    /// The numbers of the parts.
    pub parts: Vec<u32>,
    /// How long ago it was computed.
    pub age: Duration,
}

/// What was found of a key.
#[derive(Debug)]
pub enum Sought {
    /// An answer that is true.
    Found(Answer),
    /// None, and nobody computes it under a lease.
    Missing,
    /// None; the caller now has the lease of it.
    Leased(Lease),
    /// None yet. Another computes it, under a lease that this tells from others.
    Busy([u8; 16]),
}

impl Answers {
    pub(super) const fn new(cache: RedisCache, status: Arc<Status>, scheme: u8) -> Self {
        Self { cache, status, scheme }
    }

    /// The place to take **before** anything is read for an answer, and to hand in with it. `None` while messages are not heard or
    /// Redis is not trusted. It costs no round trip.
    pub fn place(&self) -> Option<Place> {
        if !self.status.is_listening() {
            return None;
        }
        let point = self.cache.trusted()?;
        let (era, number) = self.status.hearing.place()?;
        (era == point.era).then(|| Place { mark: Mark::now(point), number })
    }

    /// Removes `removed` from the cache, and sends a message about a change of `touched`, as
    /// [`Bus::tell`](super::bus::Bus::tell). After it returns no call of any process finds an answer that was computed before
    /// and has one of these parts.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when Redis cannot be reached. No process then finds an older answer once it has
    /// learned of the new era, within [`max_stale`](super::RedisOptions::max_stale).
    pub async fn tell(&self, removed: &[&[u8]], touched: &[u32], payload: Bytes) -> Result<()> {
        let removals = removed.chunks(KEYS).map(|chunk| News {
            removed: chunk.iter().map(|key| key.to_vec()).collect(),
            ..News::default()
        });
        let touched = Some((self.scheme, written(touched)));
        let news = with_message(removals.collect(), payload, touched);
        let state = self.cache.shared.tell(news).await?;
        self.status.hearing.sent(state.era, state.msg);
        Ok(())
    }

    /// The answer of `key`, if there is a true one. Otherwise takes the lease of the key for `lease` at the longest, if that is given
    /// and nobody has it. One round trip.
    ///
    /// Dropping the future may leave a lease behind that ends when its time is up.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when Redis cannot be reached or is not trusted. Go on without.
    pub async fn seek(&self, key: &[u8], lease: Option<Duration>) -> Result<Sought> {
        let shared = &self.cache.shared;
        let Some(point) = self.cache.trusted() else {
            return Err(shared.untrusted(std::iter::once(key)));
        };
        let token = super::shared::random();
        let answer = shared.link.call(|mut connection| async move {
            let mut script = scripts::SEEK.prepare_invoke();
            script.key(&shared.names.state).key(&shared.names.epochs);
            script.arg(&shared.names.prefix).arg(point.era).arg(self.scheme).arg(key);
            match lease {
                Some(time) => script.arg(&token[..]).arg(millis(time)),
                None => script.arg("").arg(0),
            };
            script.invoke_async::<Vec<Value>>(&mut connection).await
        });
        let found = answer.await.inspect_err(|_| self.count(key, Event::Unavailable))?;
        let (foreign, found) = found.split_first().unwrap_or((&Value::Nil, &[]));
        if *foreign == Value::Int(1) {
            self.count(key, Event::Foreign);
        }
        let sought = match found {
            [Value::BulkString(sealed), Value::Int(left)] => {
                match self.opened(key, sealed, *left) {
                    Some(answer) => {
                        self.count(key, Event::Hit);
                        return Ok(Sought::Found(answer));
                    }
                    None => {
                        self.count(key, Event::Foreign);
                        Sought::Missing
                    }
                }
            }
            [Value::Int(1)] => Sought::Leased(Lease::new(shared, shared.names.lease(key), token)),
            [Value::BulkString(other)] => {
                other[..].try_into().map_or(Sought::Missing, Sought::Busy)
            }
            _ => Sought::Missing,
        };
        self.count(key, Event::Miss);
        Ok(sought)
    }

    /// Keeps `answer` under `key` for what is left of `time_to_live`, counted from its computation, unless one of its parts was
    /// touched since `place`, and ends `lease`. Returns whether it is kept; one that is too long is not, and counted.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when Redis cannot be reached. What is not kept is computed again.
    pub async fn keep(
        &self,
        place: &Place,
        key: &[u8],
        answer: &Answer,
        time_to_live: Option<Duration>,
        lease: Option<Lease>,
    ) -> Result<bool> {
        let shared = &self.cache.shared;
        if self.cache.is_oversize(key, &answer.value) {
            return Ok(false);
        }
        let bound = shared.options.time_to_live;
        let stays = time_to_live.map_or(bound, |time| time.min(bound));
        let left = stays.saturating_sub(answer.age);
        if left.is_zero() || place.mark.taken().elapsed() > shared.options.longest_load {
            self.count(key, Event::StaleRefused);
            return Ok(false);
        }
        self.cache.shared.recorder.add(key, Event::BytesWritten, answer.value.len() as u64);
        let sealed = seal(key, place.number, answer, stays, shared.options.compress_from);
        let point = place.mark.point();
        let token = lease.as_ref().map(|lease| *lease.token());
        let kept = shared.link.call(|mut connection| async move {
            let mut script = scripts::ANSWER.prepare_invoke();
            script.key(&shared.names.state).key(&shared.names.epochs);
            script.arg(&shared.names.prefix).arg(point.era).arg(point.seq);
            script.arg(self.scheme).arg(key).arg(&sealed[..]);
            script.arg(millis(left)).arg(self.epochs_stay());
            script.arg(token.as_ref().map_or(&[][..], |token| &token[..]));
            script.invoke_async::<bool>(&mut connection).await
        });
        let kept = kept.await.inspect_err(|_| self.count(key, Event::Unavailable))?;
        if let Some(lease) = lease {
            lease.ended();
        }
        if !kept {
            self.count(key, Event::StaleRefused);
        }
        Ok(kept)
    }

    /// For each of `parts`, whether no message has touched it that is not known here, asked of Redis now. One round trip.
    ///
    /// What this process knows of changes is to be looked at **after** it returns: a message may come while it is under way.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when Redis cannot be reached or is not trusted: anything may have been touched.
    pub async fn are_untouched(&self, parts: &[u32]) -> Result<Vec<bool>> {
        let shared = &self.cache.shared;
        let Some(place) = self.place() else {
            return Err(shared.untrusted(std::iter::empty()));
        };
        let numbers = written(parts);
        let touched: Vec<i64> = shared
            .link
            .call(|mut connection| async move {
                let mut script = scripts::UNCHANGED.prepare_invoke();
                script.key(&shared.names.state).key(&shared.names.epochs);
                script.arg(place.mark.point().era).arg(self.scheme).arg(place.number);
                script.arg(&numbers[..]).arg(self.epochs_stay());
                script.invoke_async(&mut connection).await
            })
            .await?;
        let mut untouched = vec![true; parts.len()];
        for place in touched {
            match usize::try_from(place) {
                Ok(place) => untouched.iter_mut().skip(place).take(1).for_each(|is| *is = false),
                Err(_) => untouched.fill(false),
            }
        }
        Ok(untouched)
    }

    /// The cache whose namespace they are in.
    pub const fn cache(&self) -> &RedisCache {
        &self.cache
    }

    /// For how many milliseconds epochs are noted of which nobody makes use: longer than any answer is kept.
    fn epochs_stay(&self) -> u64 {
        millis(
            self.cache.shared.options.time_to_live.saturating_mul(2).max(Duration::from_secs(60)),
        )
    }

    fn opened(&self, key: &[u8], sealed: &[u8], left: i64) -> Option<Answer> {
        open(key, sealed, u64::try_from(left).ok()?, self.cache.shared.options.max_value)
    }

    fn count(&self, key: &[u8], event: Event) {
        self.cache.shared.recorder.count(key, event);
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("cache", &self.cache).finish_non_exhaustive()
    }
}

/// Numbers as the scripts read them.
fn written(parts: &[u32]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.to_be_bytes()).collect()
}

/// An answer as it lies in Redis: `epochs.lua` has what stands before the envelope of the value.
fn seal(
    key: &[u8],
    number: u64,
    answer: &Answer,
    stays: Duration,
    compress_from: usize,
) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(HEADER + 4 * answer.parts.len() + answer.value.len());
    sealed.extend_from_slice(MAGIC);
    let age = u64::try_from(answer.age.as_millis()).unwrap_or(u64::MAX);
    for number in [number, millis(stays), age] {
        sealed.extend_from_slice(&number.to_be_bytes());
    }
    // The bound on values is far below the end of the range.
    let count = u32::try_from(answer.parts.len()).unwrap_or(u32::MAX);
    sealed.extend_from_slice(&count.to_be_bytes());
    sealed.extend_from_slice(&written(&answer.parts));
    // What stands before it is as much a part of the checksum as the key.
    let name = [key, &sealed].concat();
    sealed.extend_from_slice(&envelope::seal(&name, number, &answer.value, compress_from));
    sealed
}

/// The answer under `key` that has `left` milliseconds to live; nothing for one that is not ours or damaged.
fn open(key: &[u8], sealed: &[u8], left: u64, max_value: usize) -> Option<Answer> {
    let (head, _) = sealed.split_at_checked(HEADER)?;
    let (magic, numbers) = head.split_first_chunk::<4>()?;
    let (_, numbers) = numbers.split_first_chunk::<8>()?;
    let (stays, numbers) = numbers.split_first_chunk::<8>()?;
    let (age, count) = numbers.split_first_chunk::<8>()?;
    let count = usize::try_from(u32::from_be_bytes(count.try_into().ok()?)).ok()?;
    let (before, envelope) = sealed.split_at_checked(HEADER.checked_add(count.checked_mul(4)?)?)?;
    if magic != MAGIC {
        return None;
    }
    let name = [key, before].concat();
    let value = envelope::open(&name, envelope.to_vec(), max_value).ok()?.value;
    let (stays, age) = (u64::from_be_bytes(*stays), u64::from_be_bytes(*age));
    // It was kept for what was left of its time then.
    let age = age.checked_add(stays.saturating_sub(age).checked_sub(left)?)?;
    let part = |bytes: &[u8]| Some(u32::from_be_bytes(bytes.try_into().ok()?));
    let parts = before.get(HEADER..)?.chunks_exact(4).map(part).collect::<Option<_>>()?;
    Some(Answer { value, parts, age: Duration::from_millis(age) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 10_000;
    const MINUTE: Duration = Duration::from_secs(60);

    fn answer(parts: &[u32]) -> Answer {
        let age = Duration::from_millis(40);
        Answer { value: Bytes::from_static(b"an answer"), parts: parts.to_vec(), age }
    }

    #[test]
    fn an_answer_comes_back_with_its_parts_and_has_aged_by_the_time_that_it_lay_there() {
        for parts in [&[][..], &[7], &[0, u32::MAX, 7]] {
            let sealed = seal(b"q:1", 5, &answer(parts), MINUTE, 1_024);
            let back = open(b"q:1", &sealed, 59_960, MAX).unwrap();
            assert_eq!(back, answer(parts));
            let later = open(b"q:1", &sealed, 50_000, MAX).unwrap();
            assert_eq!(later.age, Duration::from_secs(10));
            assert_eq!(open(b"q:1", &sealed, 60_001, MAX), None, "one that was given more time");
            assert_eq!(open(b"q:2", &sealed, 50_000, MAX), None, "one of another key");
            assert_eq!(open(b"q:1", &sealed, 50_000, 8), None, "one that is too long");
        }
    }

    #[test]
    fn what_was_cut_or_changed_anywhere_is_no_answer() {
        let sealed = seal(b"q:1", 5, &answer(&[1, 2]), MINUTE, 1_024);
        for len in 0..sealed.len() {
            assert_eq!(open(b"q:1", &sealed[..len], 50_000, MAX), None, "{len} bytes");
            let mut changed = sealed.clone();
            changed[len] ^= 1;
            assert_eq!(open(b"q:1", &changed, 50_000, MAX), None, "byte {len}");
        }
    }

    proptest! {
        #[test]
        fn bytes_of_others_are_no_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [&MAGIC[..], &bytes].concat();
            prop_assert_eq!(open(b"q:1", &bytes, 1, MAX), None);
        }
    }
}
