//! Time on a machine that others use too, which a bound on real time does not speak of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Measures time, and beside it how late the machine is: by how much a thread that sleeps again and again wakes up too late.
#[derive(Debug)]
pub(super) struct Stopwatch {
    began: Instant,
    is_over: Arc<AtomicBool>,
    latest: JoinHandle<Duration>,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        const NAP: Duration = Duration::from_millis(1);
        let is_over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_over);
        let latest = std::thread::spawn(move || {
            let mut latest = Duration::ZERO;
            while !seen.load(Ordering::Relaxed) {
                let began = Instant::now();
                std::thread::sleep(NAP);
                latest = latest.max(began.elapsed().saturating_sub(NAP));
            }
            latest
        });
        Self { began: Instant::now(), is_over, latest }
    }

    /// The time since the start, less the longest that a thread had to wait for a processor meanwhile.
    pub(super) fn stop(self) -> Duration {
        let elapsed = self.began.elapsed();
        self.is_over.store(true, Ordering::Relaxed);
        elapsed.saturating_sub(self.latest.join().unwrap())
    }
}
