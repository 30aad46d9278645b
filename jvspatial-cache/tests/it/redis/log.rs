//! An outage is told once.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use jvspatial_cache::{Cache, Layered, MemoryCache, RedisCache};
use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::options;
use super::server::Server;

/// The warnings of the cache, with all their fields. Those of other tests are among them.
#[derive(Clone, Debug, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN && metadata.target().starts_with("jvspatial_cache")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn each_outage_is_one_line_in_the_log() {
    let warnings = Warnings::default();
    // For all threads: a subscriber of one thread misses what another was the first to come across.
    tracing::subscriber::set_global_default(warnings.clone()).unwrap();
    let server = Server::start(&[]);
    let socket = server.socket().display().to_string();
    let far = RedisCache::open(options(&server.url())).await.unwrap();
    let cache = Layered::new(Arc::new(MemoryCache::default()), Arc::new(far.clone()));
    for outage in 1..=2 {
        server.freeze();
        for version in 0..100 {
            cache.forget(b"n:1", version).await.unwrap();
            cache.get(b"n:1").await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let lines = warnings.0.lock().iter().filter(|line| line.contains(&socket)).count();
        assert_eq!(lines, outage, "{:?}", warnings.0.lock());
        server.thaw();
        while !far.is_trusted() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert_eq!(far.outages(), 2);
}
