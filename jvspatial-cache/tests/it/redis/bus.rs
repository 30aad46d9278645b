//! Messages between processes: each in order, or else it is told that some were lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jvspatial_cache::bus::{Bus, Event};
use jvspatial_cache::{Cache, RedisCache};
use parking_lot::Mutex;

use super::options;
use super::server::Server;

#[derive(Debug)]
struct Listening {
    cache: RedisCache,
    bus: Bus,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Listening {
    async fn to(server: &Server) -> Self {
        let cache = RedisCache::open(options(&server.url())).await.unwrap();
        let events = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&events);
        let bus = Bus::open(&cache, move |event| heard.lock().push(event));
        assert!(bus.ready(Duration::from_secs(5)).await);
        assert_eq!(*events.lock(), [Event::Lost], "what was before is unknown");
        events.lock().clear();
        Self { cache, bus, events }
    }

    /// Waits for `event`, and takes what came until then.
    async fn until(&self, event: &Event) -> Vec<Event> {
        let began = Instant::now();
        loop {
            {
                let mut events = self.events.lock();
                if let Some(place) = events.iter().position(|heard| heard == event) {
                    return events.drain(..=place).collect();
                }
            }
            assert!(began.elapsed() < Duration::from_secs(5), "{event:?} did not come");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn message(payload: &'static str, own: bool) -> Event {
    Event::Message { payload: Bytes::from_static(payload.as_bytes()), own }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn messages_come_to_all_in_one_order_and_say_whose_they_are() {
    let server = Server::start(&[]);
    let (a, b) = (Listening::to(&server).await, Listening::to(&server).await);
    for round in 0..50_u32 {
        let (one, two) = (round.to_be_bytes(), [round.to_be_bytes(), [0; 4]].concat());
        let (one, two) = (Bytes::copy_from_slice(&one), Bytes::from(two));
        let (first, second) = tokio::join!(a.bus.publish(one), b.bus.publish(two));
        first.unwrap();
        second.unwrap();
    }
    a.bus.publish("end".into()).await.unwrap();
    let at_a = a.until(&message("end", true)).await;
    let at_b = b.until(&message("end", false)).await;
    assert_eq!(at_a.len(), 101);
    let payloads = |events: Vec<Event>| -> Vec<(Bytes, bool)> {
        let of = |event| match event {
            Event::Message { payload, own } => (payload, own),
            other => panic!("{other:?}"),
        };
        events.into_iter().map(of).collect()
    };
    let (at_a, at_b) = (payloads(at_a), payloads(at_b));
    for ((one, own_a), (two, own_b)) in at_a.iter().zip(&at_b) {
        assert_eq!(one, two);
        assert_ne!(own_a, own_b);
    }
    assert_eq!((a.bus.heard(), a.bus.lost()), (101, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_message_about_a_change_comes_after_the_value_is_forgotten() {
    let server = Server::start(&[]);
    let (a, b) = (Listening::to(&server).await, Listening::to(&server).await);
    let mut slowest = Duration::ZERO;
    for version in 1..200_u64 {
        let value = version.to_string().into();
        b.cache.set_newer(&b.cache.mark(), b"n:1", version, value, None).await.unwrap();
        let began = Instant::now();
        a.bus.forget_and_publish(&[(b"n:1", version + 1)], "n:1".into()).await.unwrap();
        b.until(&message("n:1", false)).await;
        slowest = slowest.max(began.elapsed());
        assert_eq!(b.cache.get(b"n:1").await.unwrap(), None);
    }
    eprintln!("the slowest of 200 messages took {slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_cut_connection_is_told_and_listened_on_again() {
    let server = Server::start(&[]);
    let (a, b) = (Listening::to(&server).await, Listening::to(&server).await);
    server.command(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    b.until(&Event::Lost).await;
    assert!(b.bus.ready(Duration::from_secs(2)).await);
    a.bus.publish("after".into()).await.unwrap();
    b.until(&message("after", false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_missing_number_is_told_before_the_message_behind_it() {
    let server = Server::start(&[]);
    let b = Listening::to(&server).await;
    server.command(&["HINCRBY", "jv:default:state", "msg", "1"]);
    b.bus.publish("next".into()).await.unwrap();
    let events = b.until(&message("next", true)).await;
    assert_eq!(events, [Event::Lost, message("next", true)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_message_that_does_not_come_is_told_by_the_heartbeat() {
    let server = Server::start(&[]);
    let b = Listening::to(&server).await;
    server.command(&["HINCRBY", "jv:default:state", "msg", "1"]);
    let began = Instant::now();
    b.until(&Event::Lost).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_new_era_is_told() {
    let server = Server::start(&[]);
    let (a, b) = (Listening::to(&server).await, Listening::to(&server).await);
    a.cache.clear().await.unwrap();
    b.until(&Event::Lost).await;
    a.until(&Event::Lost).await;
    server.command(&["FLUSHALL"]);
    b.until(&Event::Lost).await;
    b.bus.publish("after".into()).await.unwrap();
    a.until(&message("after", false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_bus_is_not_trusted_while_redis_is_silent_and_again_afterwards() {
    let server = Server::start(&[]);
    let b = Listening::to(&server).await;
    assert!(b.bus.is_trustworthy());
    server.freeze();
    let began = Instant::now();
    while b.bus.is_trustworthy() {
        assert!(began.elapsed() < Duration::from_secs(2), "it is trusted for too long");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(b.bus.lag().unwrap() >= Duration::from_secs(1));
    server.thaw();
    let began = Instant::now();
    while !b.bus.is_trustworthy() {
        assert!(began.elapsed() < Duration::from_secs(2), "it does not come back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    b.bus.publish("after".into()).await.unwrap();
    b.until(&message("after", true)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn bytes_of_others_on_the_channel_are_passed_over() {
    let server = Server::start(&[]);
    let b = Listening::to(&server).await;
    server.command(&["PUBLISH", "jv:default:bus", "hello"]);
    b.bus.publish("next".into()).await.unwrap();
    assert_eq!(b.until(&message("next", true)).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_message_takes_its_listener_to_the_era_it_was_sent_in() {
    let server = Server::start(&[]);
    let (a, b) = (Listening::to(&server).await, Listening::to(&server).await);
    for version in 1..20_u64 {
        let value = version.to_string().into();
        b.cache.set_newer(&b.cache.mark(), b"n:1", version, value, None).await.unwrap();
        // The other process learns of the era by a heartbeat at first, and so too late.
        a.cache.clear().await.unwrap();
        a.bus.forget_and_publish(&[(b"n:1", version + 1)], "n:1".into()).await.unwrap();
        let events = b.until(&message("n:1", false)).await;
        assert_eq!(events[0], Event::Lost);
        assert_eq!(b.cache.get(b"n:1").await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_message_about_thousands_of_keys_comes_when_all_are_forgotten() {
    let server = Server::start(&[]);
    let (a, b) = (Listening::to(&server).await, Listening::to(&server).await);
    let keys: Vec<String> = (0..5_000).map(|n| format!("n:{n}")).collect();
    let entries: Vec<_> = keys.iter().map(|key| (key.as_bytes(), 1, "one".into())).collect();
    b.cache.set_newer_many(&b.cache.mark(), &entries, None).await.unwrap();
    let forgotten: Vec<_> = keys.iter().skip(2_000).map(|key| (key.as_bytes(), 2)).collect();
    let removed: Vec<_> = keys.iter().take(2_000).map(String::as_bytes).collect();
    a.bus.tell(&forgotten, &removed, "all".into()).await.unwrap();
    assert_eq!(b.until(&message("all", false)).await.len(), 1);
    let keys: Vec<_> = keys.iter().map(String::as_bytes).collect();
    assert!(b.cache.get_many(&keys).await.unwrap().iter().all(Option::is_none));
}
