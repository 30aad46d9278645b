//! Answers are found for as long as nothing was touched that they were made of.

use std::time::{Duration, Instant};

use bytes::Bytes;
use jvspatial_cache::bus::Bus;
use jvspatial_cache::{Answer, Answers, Cache, RedisCache, Sought, Statistics};
use redis::{Commands, Value};

use super::options;
use super::proxy::Proxy;
use super::server::Server;

const KEY: &[u8] = b"answer:1";
const EPOCHS: &str = "jv:default:epochs";
const LEASE: Duration = Duration::from_secs(5);

/// A process that listens.
struct Process {
    cache: RedisCache,
    _bus: Bus,
    answers: Answers,
}

impl Process {
    async fn at(url: &str) -> Self {
        Self::numbering(url, 1).await
    }

    async fn numbering(url: &str, scheme: u8) -> Self {
        let cache = RedisCache::open(options(url)).await.unwrap();
        let bus = Bus::open(&cache, |_| ());
        assert!(bus.ready(Duration::from_secs(5)).await);
        let process = Self { answers: bus.answers(scheme), cache, _bus: bus };
        process.in_step().await;
        process
    }

    async fn in_step(&self) {
        let began = Instant::now();
        while self.answers.place().is_none() {
            assert!(began.elapsed() < Duration::from_secs(10), "it does not come into step");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Keeps an answer that is computed now.
    async fn keep(&self, value: &'static str, parts: &[u32]) -> bool {
        let place = self.answers.place().unwrap();
        let answer = answer(value, parts);
        self.answers.keep(&place, KEY, &answer, None, None).await.unwrap()
    }

    async fn touch(&self, parts: &[u32]) {
        self.answers.tell(&[], parts, Bytes::new()).await.unwrap();
    }

    async fn found(&self) -> Option<Bytes> {
        match self.answers.seek(KEY, None).await.unwrap() {
            Sought::Found(answer) => Some(answer.value),
            Sought::Missing => None,
            other => panic!("{other:?}"),
        }
    }

    fn counted(&self) -> Statistics {
        self.cache.statistics().into_iter().find(|row| row.prefix == b"answer").unwrap()
    }
}

fn answer(value: &'static str, parts: &[u32]) -> Answer {
    Answer { value: value.into(), parts: parts.to_vec(), age: Duration::ZERO }
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn an_answer_is_found_until_one_of_its_parts_is_touched() {
    let server = Server::start(&[]);
    let (a, b) = (Process::at(&server.url()).await, Process::at(&server.url()).await);
    assert_eq!(a.found().await, None);
    assert!(a.keep("one", &[3, 5, 70_000]).await);
    assert_eq!((a.found().await, b.found().await), (Some("one".into()), Some("one".into())));
    b.touch(&[4, 6]).await;
    assert_eq!(a.found().await, Some("one".into()));
    b.touch(&[70_000]).await;
    // Neither need anybody have heard of it, nor is it removed: it is what was touched that tells.
    assert_eq!((a.found().await, b.found().await), (None, None));
    let name = server.key(KEY);
    assert!(!server.connection().get::<_, Vec<u8>>(&name).unwrap().is_empty());
    // The control: without the note in Redis the older answer is handed out.
    server.command(&["HDEL", EPOCHS, "70000"]);
    assert_eq!(a.found().await, Some("one".into()));
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn an_answer_that_a_change_overtook_is_not_kept() {
    let server = Server::start(&[]);
    let (a, b) = (Process::at(&server.url()).await, Process::at(&server.url()).await);
    assert!(a.keep("zero", &[9]).await);
    for touched in [vec![9], (0..200_000).collect(), (0..5_000).collect()] {
        let place = a.answers.place().unwrap();
        b.touch(&touched).await;
        let kept = a.answers.keep(&place, KEY, &answer("one", &[9]), None, None).await;
        assert!(!kept.unwrap(), "{} parts", touched.len());
        assert_eq!(a.found().await, None);
        // What was computed knowing of it is kept.
        let began = Instant::now();
        while !a.keep("two", &[9]).await {
            assert!(began.elapsed() < Duration::from_secs(1), "the change is not heard");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(b.found().await, Some("two".into()));
    }
    // Who made the change need not hear of it.
    a.touch(&[9]).await;
    assert!(a.keep("three", &[9]).await);
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn what_others_wrote_under_the_key_is_missing_and_replaced() {
    let server = Server::start(&[]);
    let a = Process::at(&server.url()).await;
    assert!(a.keep("one", &[1]).await);
    let name = server.key(KEY);
    let mut bare = server.connection();
    let ours: Vec<u8> = bare.get(&name).unwrap();
    let changed = |place: usize| {
        let mut bytes = ours.clone();
        bytes[place] ^= 1;
        bytes
    };
    let last = ours.len() - 1;
    let strange = [
        b"hello".to_vec(),
        changed(3),
        // Another number, another part, another format of the envelope, another value.
        changed(11),
        changed(35),
        changed(39),
        changed(last),
        ours[..last].to_vec(),
        ours[..34].to_vec(),
        ours[..20].to_vec(),
    ];
    for (count, value) in (1..).zip(&strange) {
        let () = bare.set_options(&name, value, minute()).unwrap();
        assert_eq!(a.found().await, None, "{value:?}");
        let unlike = u64::try_from(count).unwrap();
        // One that claims to know of messages that nobody sent is no more than too new.
        assert!(a.counted().foreign >= unlike - 1, "{value:?}");
    }
    let () = bare.del(&name).unwrap();
    let () = bare.lpush(&name, "a list").unwrap();
    assert_eq!(a.found().await, None);
    assert!(a.keep("two", &[1]).await);
    assert_eq!(a.found().await, Some("two".into()));
    // Without an end of its time its age is not known.
    server.command(&["PERSIST", std::str::from_utf8(&name).unwrap()]);
    assert_eq!(a.found().await, None);
}

fn minute() -> redis::SetOptions {
    redis::SetOptions::default().with_expiration(redis::SetExpiry::EX(60))
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn an_answer_is_compressed_has_an_end_and_is_not_kept_over_the_bound() {
    let server = Server::start(&[]);
    let a = Process::at(&server.url()).await;
    let place = a.answers.place().unwrap();
    let mut long = answer("", &[1]);
    long.value = vec![b'x'; 60_000].into();
    let minute = Some(Duration::from_secs(60));
    assert!(a.answers.keep(&place, KEY, &long, minute, None).await.unwrap());
    let name = server.key(KEY);
    let mut bare = server.connection();
    assert!(bare.strlen::<_, usize>(&name).unwrap() < 1_000);
    assert!((1..=60_000).contains(&bare.pttl::<_, i64>(&name).unwrap()));
    assert!(bare.pttl::<_, i64>(EPOCHS).unwrap() > 60_000);
    assert_eq!(a.found().await.unwrap().len(), 60_000);
    long.value = vec![b'x'; 65_537].into();
    assert!(!a.answers.keep(&place, KEY, &long, None, None).await.unwrap());
    assert_eq!(a.counted().oversize, 1);
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn time_to_live_counts_from_the_computation() {
    let server = Server::start(&[]);
    let a = Process::at(&server.url()).await;
    let place = a.answers.place().unwrap();
    let mut old = answer("one", &[1]);
    old.age = Duration::from_millis(59_900);
    let minute = Some(Duration::from_secs(60));
    assert!(a.answers.keep(&place, KEY, &old, minute, None).await.unwrap());
    tokio::time::sleep(Duration::from_millis(20)).await;
    let Sought::Found(found) = a.answers.seek(KEY, None).await.unwrap() else { panic!("none") };
    assert!(found.age >= Duration::from_millis(59_919), "{:?}", found.age);
    assert!(found.age <= Duration::from_secs(60), "{:?}", found.age);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(a.found().await, None);
    old.age = Duration::from_secs(60);
    assert!(!a.answers.keep(&place, KEY, &old, minute, None).await.unwrap());
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn without_its_epochs_no_answer_is_found_also_when_they_are_noted_again() {
    let server = Server::start(&[]);
    let (a, b) = (Process::at(&server.url()).await, Process::at(&server.url()).await);
    assert!(a.keep("one", &[1]).await);
    // As Redis does that has no room.
    server.command(&["DEL", EPOCHS]);
    assert_eq!(a.found().await, None);
    b.touch(&[1]).await;
    let place = b.answers.place().unwrap();
    let other = b.answers.keep(&place, b"answer:2", &answer("two", &[2]), None, None).await;
    assert!(other.unwrap());
    assert_eq!(server.command(&["EXISTS", EPOCHS]), Value::Int(1));
    assert_eq!(a.found().await, None, "the change is older than what is noted");
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn processes_that_number_otherwise_find_nothing_of_each_other_and_hide_no_change() {
    let server = Server::start(&[]);
    let a = Process::numbering(&server.url(), 1).await;
    let b = Process::numbering(&server.url(), 2).await;
    assert!(a.keep("one", &[1]).await);
    assert_eq!(b.found().await, None);
    // The part has another number there.
    b.touch(&[7]).await;
    assert_eq!(a.found().await, None);
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn a_new_era_and_an_emptied_redis_end_all_answers() {
    let server = Server::start(&[]);
    let (a, b) = (Process::at(&server.url()).await, Process::at(&server.url()).await);
    assert!(a.keep("one", &[1]).await);
    b.cache.clear().await.unwrap();
    assert_eq!((a.found().await, b.found().await), (None, None));
    a.in_step().await;
    let place = b.answers.place();
    server.command(&["FLUSHALL"]);
    assert_eq!(a.found().await, None);
    if let Some(place) = place {
        let kept = b.answers.keep(&place, KEY, &answer("two", &[1]), None, None).await;
        assert!(!kept.unwrap(), "it was computed in an era of before");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a Redis server"]
async fn a_change_that_could_not_be_told_ends_all_answers_once_redis_is_back() {
    let server = Server::start(&[]);
    let proxy = Proxy::to(server.socket());
    let (a, b) = (Process::at(&proxy.url()).await, Process::at(&server.url()).await);
    assert!(b.keep("one", &[1]).await);
    proxy.cut();
    a.answers.tell(&[], &[1], Bytes::new()).await.unwrap_err();
    assert!(a.answers.place().is_none());
    assert!(a.answers.seek(KEY, Some(LEASE)).await.is_err());
    proxy.mend();
    a.in_step().await;
    assert_eq!(a.found().await, None);
    b.in_step().await;
    assert_eq!(
        b.answers.seek(KEY, None).await.ok().map(|sought| format!("{sought:?}")),
        Some("Missing".into())
    );
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn what_was_touched_unheard_is_told_part_by_part_and_nothing_of_it_while_redis_is_away() {
    let server = Server::start(&[]);
    let (a, b) = (Process::at(&server.url()).await, Process::at(&server.url()).await);
    assert_eq!(a.answers.are_untouched(&[1, 2, 3]).await.unwrap(), [true; 3]);
    // As if a message had been lost on the way here.
    server.command(&["HINCRBY", "jv:default:state", "msg", "1"]);
    server.command(&["HSET", EPOCHS, "2", "1"]);
    let known = a.answers.are_untouched(&[1, 2, 3]).await.unwrap();
    assert_eq!(known, [true, false, true]);
    server.command(&["DEL", EPOCHS]);
    b.touch(&[1]).await;
    assert_eq!(b.answers.are_untouched(&[]).await.unwrap(), [] as [bool; 0]);
    server.freeze();
    assert!(a.answers.are_untouched(&[1]).await.is_err());
    server.thaw();
}

#[tokio::test]
#[ignore = "needs a Redis server"]
async fn a_missing_answer_is_leased_to_one_until_it_is_kept_or_the_time_is_up() {
    let server = Server::start(&[]);
    let (a, b) = (Process::at(&server.url()).await, Process::at(&server.url()).await);
    let place = a.answers.place().unwrap();
    let Sought::Leased(lease) = a.answers.seek(KEY, Some(LEASE)).await.unwrap() else {
        panic!("nobody has it")
    };
    let Sought::Busy(first) = b.answers.seek(KEY, Some(LEASE)).await.unwrap() else {
        panic!("another has it")
    };
    assert!(a.answers.keep(&place, KEY, &answer("one", &[1]), None, Some(lease)).await.unwrap());
    assert_eq!(b.found().await, Some("one".into()));
    b.touch(&[1]).await;
    let short = Duration::from_millis(50);
    let sought = b.answers.seek(KEY, Some(short)).await.unwrap();
    assert!(matches!(sought, Sought::Leased(_)));
    let Sought::Busy(second) = a.answers.seek(KEY, Some(LEASE)).await.unwrap() else {
        panic!("another has it")
    };
    assert_ne!(first, second);
    tokio::time::sleep(short * 2).await;
    assert!(matches!(a.answers.seek(KEY, Some(LEASE)).await.unwrap(), Sought::Leased(_)));
}
