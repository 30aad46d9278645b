//! The newest time that a database handle was told of, behind which none of its reads begins.
//!
//! A primary that was elected a moment ago may not know yet what a majority of the servers has acknowledged to the
//! one before. A read that names the time of what was seen waits until it does.

use std::sync::atomic::{AtomicU64, Ordering};

use bson::{Document as Fields, Timestamp};

/// A time of the servers' log.
#[derive(Default)]
pub(super) struct Seen(AtomicU64);

impl Seen {
    /// Notes a time of which something was told, that a majority of the servers has.
    pub(super) fn note(&self, time: Timestamp) {
        let time = u64::from(time.time) << 32 | u64::from(time.increment);
        self.0.fetch_max(time, Ordering::AcqRel);
    }

    /// Notes the time of a write that a majority of the servers has acknowledged.
    pub(super) fn note_write(&self, reply: &Fields) {
        let own = reply.get_document("opTime").and_then(|time| time.get_timestamp("ts"));
        if let Ok(time) = own.or_else(|_| reply.get_timestamp("operationTime")) {
            self.note(time);
        }
    }

    /// The newest time, if anything was told.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        let time = self.0.load(Ordering::Acquire);
        let (time, increment) = ((time >> 32) as u32, time as u32);
        (time > 0).then_some(Timestamp { time, increment })
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn the_newest_time_is_kept() {
        let seen = Seen::default();
        assert_eq!(seen.newest(), None);
        let time = |time, increment| Timestamp { time, increment };
        for (noted, newest) in
            [((5, 7), (5, 7)), ((5, 6), (5, 7)), ((6, 1), (6, 1)), ((4, 9), (6, 1))]
        {
            seen.note(time(noted.0, noted.1));
            assert_eq!(seen.newest(), Some(time(newest.0, newest.1)));
        }
        seen.note_write(
            &doc! { "opTime": { "ts": time(7, 2), "t": 1 }, "operationTime": time(8, 1) },
        );
        assert_eq!(seen.newest(), Some(time(7, 2)));
        seen.note_write(&doc! { "operationTime": time(8, 1) });
        assert_eq!(seen.newest(), Some(time(8, 1)));
    }
}
