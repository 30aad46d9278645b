//! Durable appends to one file.
#![expect(clippy::disallowed_methods, reason = "a floor is bare file access")]

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Instant;

use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::Result;
use crate::data::{City, documents, write_line};
use crate::measure::{Contender, Sample, timed};
use crate::setup::Setup;

/// The tasks that write at the same time.
const TASKS: usize = 64;

/// Serializes 10,000 documents into one buffer, writes it to a fresh file at once, syncs once.
pub(crate) fn create_many_10k(setup: &Setup) -> Result<Contender> {
    over_fresh_files(setup, 10_000, |documents, path| {
        let mut bytes = Vec::new();
        for (id, city) in documents {
            write_line(id, 1, city, &mut bytes)?;
        }
        let mut file = File::create_new(path)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        Ok(())
    })
}

/// Serializes, appends and syncs 2,000 documents one after another.
pub(crate) fn single_creates_2k(setup: &Setup) -> Result<Contender> {
    over_fresh_files(setup, 2_000, |documents, path| {
        let mut file = File::create_new(path)?;
        let mut bytes = Vec::new();
        for (id, city) in documents {
            bytes.clear();
            write_line(id, 1, city, &mut bytes)?;
            file.write_all(&bytes)?;
            file.sync_data()?;
        }
        Ok(())
    })
}

/// Times `work` over documents and a file that does not exist yet; removes the file afterwards.
fn over_fresh_files(
    setup: &Setup,
    count: usize,
    work: impl Fn(&[(String, City)], &Path) -> Result<()> + 'static,
) -> Result<Contender> {
    let documents = documents(setup.size(count));
    let directory = setup.temporary_directory()?;
    Ok(Box::new(move || {
        let path = directory.path().join("journal.jsonl");
        let sample = timed(|| {
            work(&documents, &path)?;
            Ok(documents.len() as u64)
        });
        fs::remove_file(&path)?;
        sample
    }))
}

/// A line to be made durable, and the way back to the task that waits for it.
type Request = (Vec<u8>, oneshot::Sender<()>);

/// 10,000 durable documents from 64 tasks; one thread writes and syncs what has gathered.
pub(crate) fn group_commit_10k(setup: &Setup) -> Result<Contender> {
    let directory = setup.temporary_directory()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let count = setup.size(10_000);
    Ok(Box::new(move || {
        let parts = shares(documents(count));
        runtime.block_on(group_commit(&directory, parts, count as u64))
    }))
}

/// The documents of each task; their numbers differ by at most one.
pub(crate) fn shares(documents: Vec<(String, City)>) -> Vec<Vec<(String, City)>> {
    let mut parts: Vec<_> = (0..TASKS).map(|_| Vec::new()).collect();
    for (number, document) in documents.into_iter().enumerate() {
        parts[number % TASKS].push(document);
    }
    parts
}

async fn group_commit(
    directory: &TempDir,
    parts: Vec<Vec<(String, City)>>,
    count: u64,
) -> Result<Sample> {
    let path = directory.path().join("journal.jsonl");
    let file = File::create_new(&path)?;
    let start = Instant::now();
    let (sender, receiver) = mpsc::channel();
    let writer = thread::spawn(move || write_groups(file, &receiver));
    let mut tasks = JoinSet::new();
    for part in parts {
        tasks.spawn(create_each(part, sender.clone()));
    }
    drop(sender);
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    writer.join().map_err(|_| "the writer panicked")??;
    let elapsed = start.elapsed();
    fs::remove_file(&path)?;
    Ok(Sample { elapsed, answer: count })
}

async fn create_each(documents: Vec<(String, City)>, writer: Sender<Request>) -> Result<()> {
    for (id, city) in documents {
        let mut line = Vec::with_capacity(256);
        write_line(&id, 1, &city, &mut line)?;
        let (done, durable) = oneshot::channel();
        writer.send((line, done)).map_err(|_| "the writer is gone")?;
        durable.await.map_err(|_| "the writer is gone")?;
    }
    Ok(())
}

/// Writes all that waits, syncs, answers; ends when no task is left.
fn write_groups(mut file: File, requests: &Receiver<Request>) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut waiting = Vec::new();
    while let Ok(first) = requests.recv() {
        for (line, done) in std::iter::once(first).chain(requests.try_iter()) {
            bytes.extend_from_slice(&line);
            waiting.push(done);
        }
        file.write_all(&bytes)?;
        file.sync_data()?;
        bytes.clear();
        for done in waiting.drain(..) {
            // A task that no longer waits has failed, and reports that itself.
            let _ = done.send(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_floor_writes_its_documents_and_removes_its_file() {
        let setup = Setup::new(true, None, None).unwrap();
        for (prepare, count) in [
            (create_many_10k as crate::bench::Prepare, 1_000),
            (single_creates_2k, 200),
            (group_commit_10k, 1_000),
        ] {
            let mut contender = prepare(&setup).unwrap();
            assert_eq!(contender().unwrap().answer, count);
            assert_eq!(contender().unwrap().answer, count, "a second round starts afresh");
        }
    }

    #[test]
    fn a_group_is_whole_lines_of_every_document() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("journal");
        let (sender, receiver) = mpsc::channel();
        for line in ["one\n", "two\n"] {
            sender.send((line.as_bytes().to_vec(), oneshot::channel().0)).unwrap();
        }
        drop(sender);
        write_groups(File::create_new(&path).unwrap(), &receiver).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }
}
