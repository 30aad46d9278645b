//! Loads that callers share, though none of them is told what was read before it asked.

use std::hash::Hash;
use std::pin::Pin;

use jvspatial_cache::{How, SingleFlight};
use parking_lot::Mutex;

/// How often a load of another is waited for that something overtook, before an own one is made apart.
const WAITS: usize = 2;

/// What `own` comes to, or what is found of `key`, or what the load of another comes to that was under way, where `accept` takes it and `confirm` says
/// that it may be handed out.
///
/// `own` brings the answer and what others have of it, which `keep` keeps. Its error is told to this caller alone; those who
/// waited for it make loads of their own.
pub(super) async fn share<K, V, T, E, C>(
    flights: &SingleFlight<K, V, ()>,
    key: &K,
    lookup: impl Fn(&K) -> Option<V>,
    mut own: Pin<&mut impl Future<Output = Result<(T, V), E>>>,
    keep: impl Fn(&K, &V),
    accept: impl Fn(&V) -> Option<T>,
    confirm: impl Fn(V, How) -> C,
) -> Result<T, E>
where
    K: Hash + Eq + Clone,
    V: Clone,
    C: Future<Output = bool>,
{
    let answer = Mutex::new(None);
    for _ in 0..WAITS {
        let (led, told) = (own.as_mut(), &answer);
        let lead = move || async move {
            let (answer, shared) = match led.await {
                Ok((value, shared)) => (Ok(value), Ok(shared)),
                Err(error) => (Err(error), Err(())),
            };
            *told.lock() = Some(answer);
            shared
        };
        let found = flights.run(key, &lookup, lead, &keep).await;
        if let Some(answer) = answer.lock().take() {
            return answer;
        }
        match found {
            Ok((shared, how)) => {
                if let Some(value) = accept(&shared)
                    && confirm(shared, how).await
                {
                    return Ok(value);
                }
            }
            Err(_) => break,
        }
    }
    let (value, shared) = own.await?;
    keep(key, &shared);
    Ok(value)
}
