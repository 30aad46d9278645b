//! One load for all who want the same.

use std::fmt;
use std::future::poll_fn;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;

mod error;
// The concept that gives the module its name, in a file like any other.
#[allow(clippy::module_inception)]
mod flight;
mod table;

pub use error::LoadError;

use flight::Landing;
use table::{Lead, Role, Table};

/// Enough that keys rarely share a lock, few enough that to forget everything is quick.
const SHARDS: usize = 64;

/// How a call came by its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// It was stored meanwhile.
    Found,
    /// This call loaded it.
    Loaded,
    /// It waited for the load of another call.
    Joined,
}

/// Lets callers who want the same value share one load of it, and keeps a load that an invalidation overtook
/// from being stored.
///
/// The load runs inside one of the calls that want it, so it may borrow, and no task is spawned. When that
/// call is dropped, one that waits loads in its place. Errors and panics are not kept.
///
/// A write calls [`invalidate`](Self::invalidate) after it has committed and before it removes the value from
/// where loads store it. A load that began before is then not stored, and no later call waits for it.
pub struct SingleFlight<K, V, E> {
    table: Table<K, V, E>,
}

impl<K, V, E> SingleFlight<K, V, E>
where
    K: Hash + Eq + Clone,
    V: Clone,
{
    /// With nothing under way.
    pub fn new() -> Self {
        Self::with_shards(SHARDS)
    }

    pub(crate) fn with_shards(shards: usize) -> Self {
        Self { table: Table::new(shards) }
    }

    /// Overtakes the load of `key`: it is not stored, and who asks from now on does not wait for it.
    pub fn invalidate(&self, key: &K) {
        self.table.invalidate(key);
    }

    /// Overtakes every load.
    pub fn invalidate_all(&self) {
        self.table.invalidate_all();
    }

    /// How many loads are under way that nothing overtook.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no load is under way but overtaken ones.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of `key`: what `lookup` finds, or what the load of another call brings that is under way, or
    /// what `load` brings, which `store` then keeps.
    ///
    /// `lookup` and `store` are called under a lock: they must be quick and must not come back to this
    /// object. `store` is called unless the key was invalidated since `load` began.
    ///
    /// Dropping the future leaves the load to a call that waits.
    ///
    /// # Errors
    /// [`LoadError::Failed`] with the error of the load that was waited for;
    /// [`LoadError::Panicked`] when that load panicked.
    ///
    /// # Panics
    /// As `load` does, when it is this call that runs it.
    pub async fn run<F>(
        &self,
        key: &K,
        lookup: impl Fn(&K) -> Option<V>,
        load: impl FnOnce() -> F,
        store: impl Fn(&K, &V),
    ) -> Result<(V, How), LoadError<E>>
    where
        F: Future<Output = Result<V, E>>,
    {
        let lead = loop {
            match self.table.enter(key, &lookup) {
                Role::Found(value) => return Ok((value, How::Found)),
                Role::Leads(lead) => break lead,
                Role::Waits(flight) => match flight.landed().await {
                    Landing::Loaded(value) => return Ok((value, How::Joined)),
                    Landing::Failed(error) => return Err(LoadError::Failed(error)),
                    Landing::Panicked => return Err(LoadError::Panicked),
                    Landing::Dropped => {}
                },
            }
        };
        match caught(async { load().await }).await {
            Ok(Ok(value)) => {
                lead.loaded(&value, store);
                Ok((value, How::Loaded))
            }
            Ok(Err(error)) => {
                let error = Arc::new(error);
                lead.failed(Arc::clone(&error));
                Err(LoadError::Failed(error))
            }
            Err(panic) => {
                lead.panicked();
                resume_unwind(panic)
            }
        }
    }

    /// The values of `keys` in order, as [`run`](Self::run) for each, with one load for all that neither are
    /// found nor under way.
    ///
    /// `load` is given keys and brings one value for each, in order. It is called again only for keys whose
    /// load another call began and was dropped in.
    ///
    /// Dropping the future leaves its loads to calls that wait.
    ///
    /// # Errors
    /// Those of [`run`](Self::run), of the first key that has one; [`LoadError::Miscounted`] when `load`
    /// brought another number of values than it was given keys.
    ///
    /// # Panics
    /// As `load` does.
    pub async fn run_many<F>(
        &self,
        keys: &[K],
        lookup: impl Fn(&K) -> Option<V>,
        mut load: impl FnMut(Vec<K>) -> F,
        store: impl Fn(&K, &V),
    ) -> Result<Vec<(V, How)>, LoadError<E>>
    where
        F: Future<Output = Result<Vec<V>, E>>,
    {
        let mut values: Vec<Option<(V, How)>> = keys.iter().map(|_| None).collect();
        let mut open: Vec<usize> = (0..keys.len()).collect();
        while !open.is_empty() {
            let mut waits = Vec::new();
            let mut leads = Vec::new();
            for place in open.drain(..) {
                match self.table.enter(&keys[place], &lookup) {
                    Role::Found(value) => values[place] = Some((value, How::Found)),
                    Role::Waits(flight) => waits.push((place, flight)),
                    Role::Leads(lead) => leads.push((place, lead)),
                }
            }
            // Before any wait: two calls that each wait for a key of the other's would wait for ever.
            if !leads.is_empty() {
                let (places, leads): (Vec<_>, Vec<_>) = leads.into_iter().unzip();
                let wanted = leads.iter().map(|lead| lead.key().clone()).collect();
                let loaded = caught(async { load(wanted).await }).await;
                for (place, value) in places.into_iter().zip(land(leads, loaded, &store)?) {
                    values[place] = Some((value, How::Loaded));
                }
            }
            for (place, flight) in waits {
                match flight.landed().await {
                    Landing::Loaded(value) => values[place] = Some((value, How::Joined)),
                    Landing::Failed(error) => return Err(LoadError::Failed(error)),
                    Landing::Panicked => return Err(LoadError::Panicked),
                    Landing::Dropped => open.push(place),
                }
            }
        }
        Ok(values.into_iter().flatten().collect())
    }
}

/// Ends the flights of one load of many keys.
fn land<K, V, E>(
    leads: Vec<Lead<'_, K, V, E>>,
    loaded: std::thread::Result<Result<Vec<V>, E>>,
    store: impl Fn(&K, &V),
) -> Result<Vec<V>, LoadError<E>>
where
    K: Hash + Eq,
    V: Clone,
{
    match loaded {
        Ok(Ok(values)) if values.len() == leads.len() => {
            for (lead, value) in leads.into_iter().zip(&values) {
                lead.loaded(value, &store);
            }
            Ok(values)
        }
        // Those who wait load for themselves, with a loader that may count better.
        Ok(Ok(values)) => Err(LoadError::Miscounted { keys: leads.len(), values: values.len() }),
        Ok(Err(error)) => {
            let error = Arc::new(error);
            for lead in leads {
                lead.failed(Arc::clone(&error));
            }
            Err(LoadError::Failed(error))
        }
        Err(panic) => {
            for lead in leads {
                lead.panicked();
            }
            resume_unwind(panic)
        }
    }
}

/// Runs `future` and catches its panic, which its caller resumes once others have been told.
async fn caught<F: Future>(future: F) -> std::thread::Result<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => std::task::Poll::Ready(Err(panic)),
    })
    .await
}

impl<K, V, E> Default for SingleFlight<K, V, E>
where
    K: Hash + Eq + Clone,
    V: Clone,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V, E> fmt::Debug for SingleFlight<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleFlight").finish_non_exhaustive()
    }
}
