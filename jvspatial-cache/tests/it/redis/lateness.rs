//! How late a machine is that others use too: what a bound on real time does not speak of.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A thread that sleeps for a millisecond again and again, and notes by how much it woke up too late.
#[derive(Debug)]
pub(super) struct Lateness {
    is_over: Arc<AtomicBool>,
    longest: JoinHandle<Duration>,
}

impl Lateness {
    pub(super) fn watch() -> Self {
        const NAP: Duration = Duration::from_millis(1);
        let is_over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_over);
        let longest = std::thread::spawn(move || {
            let mut longest = Duration::ZERO;
            while !seen.load(Ordering::Relaxed) {
                let began = Instant::now();
                std::thread::sleep(NAP);
                longest = longest.max(began.elapsed().saturating_sub(NAP));
            }
            longest
        });
        Self { is_over, longest }
    }

    /// The longest that a thread had to wait for a processor since the watch began.
    pub(super) fn end(self) -> Duration {
        self.is_over.store(true, Ordering::Relaxed);
        self.longest.join().unwrap()
    }
}
