//! SQLite through rusqlite: one table of JSON, found by a primary key of text.
//!
//! Tables without a rowid are faster, because a row is found in one tree instead of two. The cache and
//! the memory-mapped part are large enough for everything. Longer intervals between checkpoints were
//! tried and gain nothing.

mod indexed;
mod mixed;
mod walk;
mod write;

use std::path::Path;

use rusqlite::{CachedStatement, Connection, params};

pub(crate) use indexed::{count_10k, exists_10k, range_10k, scan_10k};
pub(crate) use mixed::mixed_10k;
pub(crate) use walk::walk_1m;
pub(crate) use write::{
    batches_100x100, batches_random_100x100, create_many_10k, create_many_random_10k,
    group_commit_10k,
};

use crate::Result;
use crate::data::City;

/// The engine as a row names it: each transaction is synced.
pub(crate) const FULL: &str = "sqlite WAL FULL";

/// The engine as a row names it: only checkpoints are synced.
pub(crate) const NORMAL: &str = "sqlite WAL NORMAL";

const NODES: &str = "CREATE TABLE node (id TEXT PRIMARY KEY, version INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID";

const INSERT: &str = "INSERT INTO node (id, version, body) VALUES (?1, 1, ?2)";

/// A new database with a table of nodes; `synchronous` is the pragma's value.
fn create(path: &Path, synchronous: &str) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    // Kibibytes when negative.
    connection.pragma_update(None, "cache_size", -1024 * 1024)?;
    connection.pragma_update(None, "mmap_size", 4_i64 << 30)?;
    connection.execute_batch(NODES)?;
    Ok(connection)
}

/// Inserts one city by [`INSERT`]; `body` is a buffer to be used again.
fn insert(
    statement: &mut CachedStatement<'_>,
    id: &str,
    city: &City,
    body: &mut Vec<u8>,
) -> Result<()> {
    statement.execute(params![id, json(city, body)?])?;
    Ok(())
}

/// The JSON of a city, in a buffer that is used again.
fn json<'a>(city: &City, body: &'a mut Vec<u8>) -> Result<&'a str> {
    body.clear();
    serde_json::to_writer(&mut *body, city)?;
    Ok(std::str::from_utf8(body)?)
}
