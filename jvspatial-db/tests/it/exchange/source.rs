//! Sources and destinations that are endless, slow or broken.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jvspatial_db::exchange::{self, ImportOptions, MAX_LINE_BYTES};
use jvspatial_db::{Collection, ErrorKind};

use super::{databases, export, ids, import};

/// A gibibyte of one line after a good one, made as it is read.
struct Giant {
    begin: io::Cursor<Vec<u8>>,
    left: u64,
    read: Arc<AtomicU64>,
}

const GIANT: u64 = 1 << 30;
const GOOD: &str = "{\"_id\":\"n.City.a\",\"entity\":\"City\",\"context\":{}}\n";

impl Giant {
    fn new() -> (Self, Arc<AtomicU64>) {
        let read = Arc::new(AtomicU64::new(0));
        let begin = io::Cursor::new(format!("{GOOD}{{\"_id\":\"").into_bytes());
        (Self { begin, left: GIANT, read: Arc::clone(&read) }, read)
    }
}

impl Read for Giant {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = self.begin.read(buffer)?;
        if count == 0 {
            count = buffer.len().min(usize::try_from(self.left).unwrap());
            buffer[..count].fill(b'x');
            self.left -= count as u64;
        }
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[tokio::test]
async fn a_giant_line_ends_the_import_as_soon_as_it_is_too_long() {
    for db in databases() {
        let (giant, read) = Giant::new();
        let options = ImportOptions::new();
        let error = exchange::import(&*db, Collection::Node, giant, options).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Limit, "line is too long"));
        assert_eq!((error.context("line"), error.context("imported")), (Some("2"), Some("1")));
        assert!(read.load(Ordering::Relaxed) < MAX_LINE_BYTES as u64 + (1 << 20));
    }
}

#[tokio::test]
async fn a_giant_line_is_passed_over_without_being_kept() {
    let [memory, _] = databases();
    let (giant, read) = Giant::new();
    let before = peak();
    let end = io::Cursor::new(format!("\n{}", GOOD.replace("City.a", "City.b")));
    let options = ImportOptions::new().collect_failures(5);
    let report =
        exchange::import(&*memory, Collection::Node, giant.chain(end), options).await.unwrap();
    assert_eq!((report.written, report.failed), (2, 1));
    assert!(read.load(Ordering::Relaxed) > GIANT);
    assert_eq!(ids(&*memory, Collection::Node).await, ["n.City.a", "n.City.b"]);
    // Other tests run beside this one, hence a bound far above what this one needs and far below the line.
    assert!(peak() - before < GIANT / 2, "{} bytes", peak() - before);
}

#[tokio::test]
async fn a_large_document_is_read_in_pieces_like_a_small_one() {
    let [_, json] = databases();
    let values = "0,".repeat(100_000);
    let line =
        format!(r#"{{"_id":"o.Sum.1","_version":1,"entity":"Sum","context":{{"a":[{values}0]}}}}"#);
    assert_eq!(import(&*json, Collection::Object, &line).await.unwrap().written, 1);
    assert!(export(&*json, Collection::Object).await.trim_end() == line);
    // What is wrong deep inside is named with its path, as in a small document.
    let line = line.replacen("0,", "{\"b\":[1,9223372036854775808]},", 1);
    let error = import(&*json, Collection::Object, &line).await.unwrap_err();
    assert_eq!(error.message(), "integer is outside 64 signed bits");
    assert_eq!(error.context("field"), Some("a.0.b.1"));
    assert_eq!(error.context("value"), Some("9223372036854775808"));
    let line = line.replacen("9223372036854775808", "tru", 1);
    let error = import(&*json, Collection::Object, &line).await.unwrap_err();
    let offset = line.find("tru").unwrap().to_string();
    assert_eq!((error.message(), error.context("offset")), ("line is not JSON", Some(&*offset)));
}

/// The most memory that this process ever had, in bytes; 0 where the system does not say.
#[expect(clippy::disallowed_methods, reason = "it reads what the system says of this process")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Gives a few bytes and then fails.
#[derive(Debug)]
struct Broken(usize);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0 += 1;
        match self.0 {
            1 => Err(io::ErrorKind::Interrupted.into()),
            2 => GOOD.as_bytes().read(buffer),
            _ => Err(io::Error::other("the cable was pulled")),
        }
    }
}

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::other("the cable was pulled"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::Error::other("the cable was pulled"))
    }
}

#[tokio::test]
async fn a_reader_or_writer_that_fails_is_named_as_the_cause() {
    for db in databases() {
        let options = ImportOptions::new();
        let error = exchange::import(&*db, Collection::Node, Broken(0), options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.context("offset"), Some(&*GOOD.len().to_string()));
        assert!(error.to_string().contains("the cable was pulled"), "{error}");
        // Also when there is nothing to write and only the flush fails.
        for written in [0, 1] {
            let error = exchange::export(&*db, Collection::Node, Broken(0)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.to_string().contains("the cable was pulled"), "{error}");
            if written == 0 {
                assert_eq!(import(&*db, Collection::Node, GOOD).await.unwrap().written, 1);
            }
        }
    }
}

/// Takes a while for every call.
struct Slow;

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        std::thread::sleep(Duration::from_millis(100));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Slow {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        std::thread::sleep(Duration::from_millis(300));
        Ok(0)
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_slow_reader_or_writer_holds_up_no_other_task() {
    let [memory, _] = databases();
    assert_eq!(import(&*memory, Collection::Node, GOOD).await.unwrap().written, 1);
    let ticks = async {
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        "ticked"
    };
    let work = async {
        exchange::export(&*memory, Collection::Node, Slow).await.unwrap();
        let options = ImportOptions::new();
        let report = exchange::import(&*memory, Collection::Node, Slow, options).await.unwrap();
        assert_eq!(report.read, 0);
        "written"
    };
    tokio::pin!(ticks, work);
    tokio::select! {
        first = &mut ticks => assert_eq!(first, "ticked"),
        first = &mut work => panic!("{first} before ten ticks of five milliseconds"),
    }
}
