//! What every [`Cache`] promises, as tests of any of them. Outside semantic versioning.
//!
//! Make the tests of one by [`conformance!`](crate::conformance!).

#![allow(clippy::expect_used, clippy::panic, missing_docs, reason = "tests fail by panics")]

mod fences;
mod values;

pub use fences::*;
pub use values::*;

use bytes::Bytes;

use crate::{Cache, Entry};

/// Makes a module of tests, one for each promise.
///
/// Takes attributes for each test, the name of the module, and an async function that makes an empty cache
/// whose values may be 64 KiB long and no longer, and beside it whatever has to live as long as the cache.
#[macro_export]
macro_rules! conformance {
    ($(#[$attribute:meta])* $module:ident, $make:path) => {
        $crate::conformance_cases!($(#[$attribute])* $module, $make, [
            a_missing_key_has_no_value
            values_come_back_in_the_order_of_the_keys
            keys_and_values_are_any_bytes
            values_of_every_length_come_back
            nothing_is_a_batch_too
            the_last_value_without_a_version_stays
            a_value_is_gone_when_its_time_is_up
            a_value_over_the_bound_is_not_kept_and_takes_the_old_one_with_it
            reads_are_counted_by_prefix
            an_older_version_never_replaces_a_newer_one
            an_older_version_never_replaces_a_newer_one_under_any_interleaving
            versions_are_compared_exactly
            what_is_forgotten_is_gone_and_stays_refused
            forgetting_leaves_what_is_newer
            a_load_that_began_before_a_key_was_forgotten_is_refused
            a_load_that_began_before_a_key_was_removed_is_refused
            a_load_that_began_before_all_was_cleared_is_refused
            a_write_is_kept_and_refuses_what_was_loaded_before_it
            versions_may_begin_anew_after_a_removal
            a_race_of_loads_and_writes_leaves_nothing_stale
        ]);
    };
}

/// Part of [`conformance!`](crate::conformance!).
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($(#[$attribute:meta])* $module:ident, $make:path, [$($case:ident)*]) => {
        $crate::conformance_cases!(@ ($(#[$attribute])*) $module, $make, [$($case)*]);
    };
    (@ $attributes:tt $module:ident, $make:path, [$($case:ident)*]) => {
        mod $module {
            $($crate::conformance_cases!(@case $attributes $make, $case);)*
        }
    };
    (@case ($(#[$attribute:meta])*) $make:path, $case:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        $(#[$attribute])*
        async fn $case() {
            let (cache, _keep) = $make().await;
            $crate::conformance::$case(cache).await;
        }
    };
}

async fn read(cache: &dyn Cache, key: &[u8]) -> Option<Entry> {
    cache.get(key).await.expect("the cache is there")
}

async fn keep(cache: &dyn Cache, key: &[u8], version: u64, value: &'static str) {
    let mark = cache.mark();
    let value = Bytes::from_static(value.as_bytes());
    cache.set_newer(&mark, key, version, value, None).await.expect("the cache is there");
}

fn entry(version: u64, value: &'static str) -> Option<Entry> {
    Some(Entry { version, value: Bytes::from_static(value.as_bytes()) })
}

/// Numbers without a pattern, the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // The steps of splitmix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
