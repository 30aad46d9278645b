//! The graphs of this process that are on the same database.

use std::sync::{Arc, Weak};

use jvspatial_db::Database;
use parking_lot::Mutex;

use super::coherence::Coherence;

/// A database, and what keeps the graphs on it coherent.
type Known = (Weak<dyn Database>, Weak<Coherence>);

static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// What keeps all graphs on `database` coherent, of which this may be the first.
pub(super) fn coherence_of(database: &Arc<dyn Database>) -> Arc<Coherence> {
    let mut known = KNOWN.lock();
    known.retain(|(database, coherence)| {
        database.strong_count() > 0 && coherence.strong_count() > 0
    });
    let found =
        known.iter().find(|(known, _)| known.as_ptr().addr() == Arc::as_ptr(database).addr());
    if let Some(coherence) = found.and_then(|(_, coherence)| coherence.upgrade()) {
        return coherence;
    }
    let coherence = Arc::new(Coherence::new());
    known.push((Arc::downgrade(database), Arc::downgrade(&coherence)));
    coherence
}

/// Has graphs on `layer`, which is in front of a database, be coherent with those on that.
pub(super) fn also(layer: &Arc<dyn Database>, coherence: &Arc<Coherence>) {
    KNOWN.lock().push((Arc::downgrade(layer), Arc::downgrade(coherence)));
}
