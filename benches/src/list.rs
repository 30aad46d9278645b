//! The list of benches.

use crate::bench::{Bench, Prepare, Task};
#[cfg(feature = "mongodb")]
use crate::mongo;
#[cfg(feature = "peers")]
use crate::peer::{moka, redb, sqlite};
#[cfg(feature = "redis")]
use crate::redis;
use crate::row::{Beside, Unit};
use crate::setup::Setup;
use crate::{Result, floor, ours};

/// Every bench, in the order of the table; those beside a peer only with the feature `peers`.
pub(crate) const BENCHES: &[Bench] = &[
    beside_floor(
        "create_many_10k",
        ours::write::create_many_10k,
        floor::write::create_many_10k,
        2.0,
    ),
    #[cfg(feature = "peers")]
    beside_peer(
        "create_many_10k/sqlite",
        ours::write::create_many_10k,
        (sqlite::FULL, sqlite::create_many_10k),
        1.0 / 2.0,
    ),
    #[cfg(feature = "peers")]
    beside_peer(
        "create_many_random_10k/sqlite",
        ours::write::create_many_random_10k,
        (sqlite::FULL, sqlite::create_many_random_10k),
        1.0 / 2.0,
    ),
    #[cfg(feature = "peers")]
    beside_peer(
        "batches_random_100x100/sqlite",
        ours::write::batches_random_100x100,
        (sqlite::FULL, sqlite::batches_random_100x100),
        1.0 / 2.5,
    ),
    #[cfg(feature = "peers")]
    beside_peer(
        "batches_100x100/sqlite",
        ours::write::batches_100x100,
        (sqlite::FULL, sqlite::batches_100x100),
        1.0 / 2.5,
    ),
    beside_floor(
        "single_creates_2k",
        ours::write::single_creates_2k,
        floor::write::single_creates_2k,
        1.2,
    ),
    beside_floor(
        "group_commit_10k",
        ours::write::group_commit_10k,
        floor::write::group_commit_10k,
        1.5,
    ),
    #[cfg(feature = "peers")]
    beside_peer(
        "group_commit_10k/sqlite",
        ours::write::group_commit_10k,
        (sqlite::FULL, sqlite::group_commit_10k),
        1.0 / 3.0,
    ),
    #[cfg(feature = "peers")]
    beside_peer(
        "mixed_10k_os/sqlite",
        ours::mixed::mixed_10k_os,
        (sqlite::NORMAL, sqlite::mixed_10k),
        1.0 / 3.0,
    ),
    #[cfg(feature = "peers")]
    beside_peer("mixed_10k_os/redb", ours::mixed::mixed_10k_os, (redb::NONE, redb::mixed_10k), 1.0),
    beside_ours(
        "create_many_10k/indexes",
        ours::write::create_many_10k_indexed,
        ours::write::create_many_10k,
        1.6,
    ),
    beside_floor("index_range_10k", ours::indexed::range_10k, floor::indexed::range_10k, 1.5),
    #[cfg(feature = "peers")]
    beside_peer(
        "index_range_10k/sqlite",
        ours::indexed::range_10k,
        (sqlite::NORMAL, sqlite::range_10k),
        1.0 / 1.3,
    ),
    #[cfg(feature = "peers")]
    beside_peer(
        "index_count_10k/sqlite",
        ours::indexed::count_10k,
        (sqlite::NORMAL, sqlite::count_10k),
        1.0 / 1.5,
    ),
    #[cfg(feature = "peers")]
    beside_peer(
        "index_exists_10k/sqlite",
        ours::indexed::exists_10k,
        (sqlite::NORMAL, sqlite::exists_10k),
        1.0 / 1.5,
    ),
    beside_ours(
        "projection_10k/whole",
        ours::indexed::projected_10k,
        ours::indexed::whole_10k,
        1.0 / 1.3,
    ),
    beside_ours("page_1000/page_1", ours::indexed::page_1000, ours::indexed::page_1, 1.3),
    beside_floor("index_range_1m", ours::indexed::range_1m, floor::indexed::range_1m, 1.5),
    beside_floor("scan_10k", ours::indexed::scan_10k, floor::indexed::scan_10k, 1.5),
    #[cfg(feature = "peers")]
    beside_peer(
        "scan_10k/sqlite",
        ours::indexed::scan_10k,
        (sqlite::NORMAL, sqlite::scan_10k),
        1.0 / 2.0,
    ),
    beside_floor("scan_200k", ours::indexed::scan_200k, floor::indexed::scan_200k, 1.5),
    beside_floor("get_hot_10k", ours::read::get_hot_10k, floor::read::get_hot_10k, 2.0),
    beside_floor("get_hot_1m", ours::read::get_hot_1m, floor::read::get_hot_1m, 2.0),
    beside_ours("get_p99_busy", ours::busy::get_p99_busy, ours::busy::get_p99_quiet, 3.0),
    alone("open_10k", Unit::Seconds, ours::open::open_10k, 0.020),
    beside_floor("open_4m", ours::open::open_4m, floor::open::open_4m, 2.5),
    alone("open_4m/memory", Unit::BytesPerDocument, ours::open::memory_4m, 160.0),
    beside_floor("walk_1m", ours::walk::walk_1m, floor::walk::walk_1m, 2.0),
    #[cfg(feature = "peers")]
    beside_peer(
        "walk_1m/sqlite",
        ours::walk::walk_1m,
        (sqlite::NORMAL, sqlite::walk_1m),
        1.0 / 4.0,
    ),
    alone("walk_1m/memory", Unit::Bytes, ours::memory::walk_1m, 200e6),
    alone("walk_hub_1m/memory", Unit::Bytes, ours::memory::walk_hub_1m, 200e6),
    beside_ours("connect_hub_1m/leaf", ours::hub::connect_hub, ours::hub::connect_leaf, 2.0),
    beside_floor("walk_update_1m", ours::walk::walk_update_1m, floor::walk::walk_update_1m, 2.0),
    beside_ours(
        "walk_computing/parallel_2",
        ours::spread::computing_on_two,
        ours::spread::computing,
        1.0 / 1.7,
    ),
    beside_ours(
        "walk_waiting/concurrency_64",
        ours::spread::waiting_by_64,
        ours::spread::waiting,
        1.0 / 40.0,
    ),
    #[cfg(feature = "peers")]
    beside_peer("cache_get/moka", ours::cached::get_kept, (moka::DECODED, moka::get), 1.5),
    #[cfg(feature = "peers")]
    beside_peer(
        "cache_get_2_threads/moka",
        ours::cached::get_kept_by_two,
        (moka::DECODED, moka::get_by_two),
        1.0 / 0.8,
    ),
    alone("cache_query_arc", Unit::Seconds, ours::cached::call_shared, 2e-6),
    beside_floor("cache_query_list", ours::cached::call_list, ours::cached::clone_list, 1.3),
    beside_ours(
        "cache_query_uncached/body",
        ours::cached::call_uncached,
        ours::cached::call_body,
        1.05,
    ),
    #[cfg(feature = "redis")]
    beside_peer("redis/get", redis::ours::get, (redis::GET, redis::bare::get), 1.3),
    #[cfg(feature = "mongodb")]
    beside_ours(
        "mongodb/query_list/body",
        mongo::cached::call_list,
        mongo::cached::call_body,
        1.0 / 20.0,
    ),
    #[cfg(feature = "mongodb")]
    beside_ours(
        "mongodb/query_miss/body",
        mongo::cached::call_unkept,
        mongo::cached::call_body,
        1.05,
    ),
    #[cfg(feature = "mongodb")]
    beside_peer(
        "mongodb/save_many_10k",
        mongo::ours::save_many_10k,
        (mongo::DRIVER, mongo::driver::update_10k),
        1.3,
    ),
    #[cfg(feature = "mongodb")]
    beside_peer(
        "mongodb/mixed_10k",
        mongo::ours::mixed_10k,
        (mongo::DRIVER, mongo::driver::mixed_10k),
        1.15,
    ),
    #[cfg(feature = "mongodb")]
    beside_peer(
        "mongodb/walk_10k",
        mongo::ours::walk_10k,
        (mongo::DRIVER, mongo::driver::walk_10k),
        1.3,
    ),
];

const fn beside_floor(name: &'static str, ours: Prepare, other: Prepare, bar: f64) -> Bench {
    Bench { name, task: Task::Pair { beside: Beside::Floor, ours, other }, bar }
}

/// Ours beside ours, with less to do.
const fn beside_ours(name: &'static str, ours: Prepare, other: Prepare, bar: f64) -> Bench {
    Bench { name, task: Task::Pair { beside: Beside::Quiet, ours, other }, bar }
}

/// The engine is its name with what its durability rests on.
#[cfg(any(feature = "mongodb", feature = "peers", feature = "redis"))]
const fn beside_peer(
    name: &'static str,
    ours: Prepare,
    (engine, other): (&'static str, Prepare),
    bar: f64,
) -> Bench {
    Bench { name, task: Task::Pair { beside: Beside::Peer(engine), ours, other }, bar }
}

const fn alone(name: &'static str, unit: Unit, ours: fn(&Setup) -> Result<f64>, bar: f64) -> Bench {
    Bench { name, task: Task::Alone { unit, ours }, bar }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_rows_have_the_same_name() {
        let mut names: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BENCHES.len());
    }
}
