//! What waits for the writer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::compaction::Replacement;
use super::draft::Draft;
use super::indexing::Built;
use super::view::{Purpose, View};
use crate::error::{Error, ErrorKind, Result};
use crate::indexes::Definition;
use crate::write::WriteReport;

/// A batch and where its report goes.
#[derive(Debug)]
pub(super) struct Request {
    pub draft: Draft,
    /// The commit that must be the last one when the batch is judged, if that matters: else it is a `Conflict`.
    pub after: Option<u64>,
    pub reply: oneshot::Sender<Result<WriteReport>>,
}

/// What is done in the order in which it was handed over.
#[derive(Debug)]
pub(super) enum Work {
    Write(Request),
    /// Write nothing until this is dropped or has handed over a batch, which is then the next.
    Hold(oneshot::Sender<mpsc::Sender<Request>>),
}

/// What the writer is to do between two commits, and where its answer goes.
#[derive(Debug)]
pub(super) enum Job {
    /// Begin the next segment, unless the one that is being written holds nothing yet.
    Seal(oneshot::Sender<Result<()>>),
    /// Hold the journal open as it is now.
    View(Purpose, oneshot::Sender<Result<View>>),
    /// Put a compacted segment in the place of those it was made of; the answer is its slot.
    Replace(Replacement, oneshot::Sender<Result<u32>>),
    /// Make an index part of the store.
    AddIndex(Box<Built>, oneshot::Sender<Result<()>>),
    /// Take an index out of it; the answer is whether it was there.
    DropIndex(Arc<Definition>, oneshot::Sender<Result<bool>>),
}

/// Batches on their way to the one writer.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    /// Whether there is something to do, to look at without the lock.
    is_filled: AtomicBool,
    /// Whether calls are refused, likewise.
    is_closed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    works: Vec<Work>,
    jobs: Vec<Job>,
    closers: Vec<oneshot::Sender<Result<()>>>,
    mode: Mode,
}

/// Whether the store takes writes.
#[derive(Clone, Debug, Default)]
enum Mode {
    #[default]
    Open,
    /// A sync failed; the text says which.
    Poisoned(String),
    Closing,
    Closed,
}

/// Why the writer woke up.
#[derive(Debug)]
pub(super) enum Wake {
    Works(Vec<Work>),
    Jobs(Vec<Job>),
    /// The time given is up.
    Due,
    /// The store is to be closed, and nothing waits any more.
    Close,
}

impl Queue {
    /// Hands a batch over.
    ///
    /// # Errors
    /// `Closed` or `Poisoned` when the store takes no more.
    pub(super) fn submit(&self, request: Request) -> Result<()> {
        self.hand_over(|state| state.works.push(Work::Write(request)))
    }

    /// Asks the writer to stand still for as long as what comes is not dropped, and no longer than for half the
    /// deadline of the store.
    ///
    /// # Errors
    /// `Closed` or `Poisoned`, as for a batch.
    pub(super) fn hold(&self) -> Result<oneshot::Receiver<mpsc::Sender<Request>>> {
        let (reply, receiver) = oneshot::channel();
        self.hand_over(|state| state.works.push(Work::Hold(reply)))?;
        Ok(receiver)
    }

    /// Hands a job over.
    ///
    /// # Errors
    /// `Closed` or `Poisoned`, as for a batch.
    pub(super) fn order(&self, job: Job) -> Result<()> {
        self.hand_over(|state| state.jobs.push(job))
    }

    fn hand_over(&self, push: impl FnOnce(&mut State)) -> Result<()> {
        let mut state = self.state.lock();
        match &state.mode {
            Mode::Open => push(&mut state),
            Mode::Poisoned(why) => return Err(poisoned(why)),
            Mode::Closing | Mode::Closed => return Err(closed()),
        }
        self.is_filled.store(true, Ordering::Release);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// The jobs that wait, or none after `pause`.
    pub(super) fn wait_for_jobs(&self, pause: Duration) -> Vec<Job> {
        let mut state = self.state.lock();
        if state.jobs.is_empty() {
            self.filled.wait_for(&mut state, pause);
        }
        std::mem::take(&mut state.jobs)
    }

    /// Fails as a call made now would.
    pub(super) fn check_readable(&self) -> Result<()> {
        if self.is_closed.load(Ordering::Acquire) { Err(closed()) } else { Ok(()) }
    }

    /// Whether writes are refused because one could not be made durable.
    pub(super) fn is_poisoned(&self) -> bool {
        matches!(self.state.lock().mode, Mode::Poisoned(_))
    }

    /// Asks the writer to finish; `None` when it already has.
    pub(super) fn close(&self) -> Option<oneshot::Receiver<Result<()>>> {
        let mut state = self.state.lock();
        if matches!(state.mode, Mode::Closed) {
            return None;
        }
        if !matches!(state.mode, Mode::Poisoned(_)) {
            state.mode = Mode::Closing;
            self.is_closed.store(true, Ordering::Release);
        }
        self.is_filled.store(true, Ordering::Release);
        let (reply, receiver) = oneshot::channel();
        state.closers.push(reply);
        drop(state);
        self.filled.notify_one();
        Some(receiver)
    }

    /// Looks for something to do for so long without going to sleep: waking up takes longer than a write.
    pub(super) fn watch(&self, time: Duration) {
        let start = Instant::now();
        while !self.is_filled.load(Ordering::Acquire) && start.elapsed() < time {
            for _ in 0..16 {
                std::hint::spin_loop();
            }
        }
    }

    /// Waits for something to do, until `due` at the longest.
    pub(super) fn wait(&self, due: Option<Instant>) -> Wake {
        let mut state = self.state.lock();
        loop {
            // Jobs are rare and short, and would otherwise wait for a lull in the writing.
            if !state.jobs.is_empty() {
                return Wake::Jobs(std::mem::take(&mut state.jobs));
            }
            self.is_filled.store(false, Ordering::Relaxed);
            if !state.works.is_empty() {
                return Wake::Works(std::mem::take(&mut state.works));
            }
            if !state.closers.is_empty() || matches!(state.mode, Mode::Closing) {
                return Wake::Close;
            }
            match due {
                None => self.filled.wait(&mut state),
                Some(due) => {
                    if self.filled.wait_until(&mut state, due).timed_out() {
                        return Wake::Due;
                    }
                }
            }
        }
    }

    /// How many batches wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().works.len()
    }

    /// Refuses writes from now on, those that wait included.
    pub(super) fn poison(&self, why: &str) {
        let mut state = self.state.lock();
        if matches!(state.mode, Mode::Open | Mode::Closing) {
            state.mode = Mode::Poisoned(why.to_owned());
        }
        state.refuse(|| poisoned(why));
        // Whoever waits for a job learns of it by the end of its channel.
        state.jobs.clear();
    }

    /// Notes that the writer is gone and answers who waits for that.
    pub(super) fn finish(&self, result: impl Fn() -> Result<()>) {
        let mut state = self.state.lock();
        state.mode = Mode::Closed;
        self.is_closed.store(true, Ordering::Release);
        state.jobs.clear();
        state.refuse(closed);
        for reply in std::mem::take(&mut state.closers) {
            let _ = reply.send(result());
        }
    }
}

impl State {
    /// Answers all batches that wait with an error.
    fn refuse(&mut self, why: impl Fn() -> Error) {
        for work in std::mem::take(&mut self.works) {
            if let Work::Write(request) = work {
                let _ = request.reply.send(Err(why()));
            }
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "database was closed")
}

fn poisoned(why: &str) -> Error {
    Error::new(
        ErrorKind::Poisoned,
        "database takes no more writes, because an earlier one could not be made durable; open it again",
    )
    .with("cause", why)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn order(queue: &Queue) -> Result<oneshot::Receiver<Result<()>>> {
        let (reply, receiver) = oneshot::channel();
        queue.order(Job::Seal(reply)).map(|()| receiver)
    }

    fn wait(queue: &Queue) -> Wake {
        queue.wait(Some(Instant::now() + Duration::from_secs(5)))
    }

    #[test]
    fn a_queue_that_is_to_be_closed_takes_no_more_and_is_emptied_first() {
        let queue = Queue::default();
        order(&queue).unwrap();
        let mut closed = queue.close().unwrap();
        assert_eq!(order(&queue).unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(queue.check_readable().unwrap_err().kind(), ErrorKind::Closed);
        assert!(matches!(wait(&queue), Wake::Jobs(jobs) if jobs.len() == 1));
        assert!(matches!(wait(&queue), Wake::Close));
        queue.finish(|| Ok(()));
        closed.try_recv().unwrap().unwrap();
        assert!(queue.close().is_none());
    }

    #[test]
    fn a_poisoned_queue_says_so_until_it_is_closed() {
        let queue = Queue::default();
        assert!(!queue.is_poisoned());
        let mut ordered = order(&queue).unwrap();
        queue.poison("a sync failed");
        assert!(queue.is_poisoned());
        assert!(ordered.try_recv().is_err());
        let mut closed = queue.close().unwrap();
        let error = order(&queue).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Poisoned);
        assert_eq!(error.context("cause"), Some("a sync failed"));
        queue.check_readable().unwrap();
        assert!(matches!(wait(&queue), Wake::Close));
        queue.finish(|| Ok(()));
        closed.try_recv().unwrap().unwrap();
        assert_eq!(order(&queue).unwrap_err().kind(), ErrorKind::Closed);
    }

    #[test]
    fn a_job_is_handed_to_who_waits_for_jobs_alone() {
        let queue = Queue::default();
        let mut ordered = order(&queue).unwrap();
        let jobs = queue.wait_for_jobs(Duration::ZERO);
        assert!(matches!(&*jobs, [Job::Seal(_)]));
        for job in jobs {
            if let Job::Seal(reply) = job {
                reply.send(Ok(())).unwrap();
            }
        }
        ordered.try_recv().unwrap().unwrap();
        assert!(queue.wait_for_jobs(Duration::ZERO).is_empty());
    }

    #[test]
    fn an_empty_queue_is_watched_for_the_time_given_and_a_filled_one_is_not() {
        let watched = |queue: &Queue, time| {
            let start = Instant::now();
            queue.watch(time);
            start.elapsed()
        };
        let queue = Queue::default();
        let short = Duration::from_millis(2);
        assert!(watched(&queue, short) >= short);
        order(&queue).unwrap();
        let long = Duration::from_secs(3);
        assert!(watched(&queue, long) < long / 2);
    }

    #[test]
    fn a_queue_with_nothing_to_do_is_left_when_the_time_is_up() {
        let queue = Queue::default();
        assert!(matches!(queue.wait(Some(Instant::now())), Wake::Due));
        assert!(queue.wait_for_jobs(Duration::ZERO).is_empty());
    }
}
