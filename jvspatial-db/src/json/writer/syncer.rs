//! A thread that syncs for the writer, so that the writer can do something else meanwhile.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::json::disk::DiskFile;

/// The thread; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Syncer {
    files: SyncSender<Arc<dyn DiskFile>>,
    results: Receiver<io::Result<()>>,
}

impl Syncer {
    /// Starts the thread; `None` when there is none to be had.
    pub(super) fn start() -> Option<Self> {
        let (files, received) = sync_channel::<Arc<dyn DiskFile>>(1);
        let (sender, results) = sync_channel(1);
        let work = move || {
            while let Ok(file) = received.recv() {
                if sender.send(file.sync_data()).is_err() {
                    break;
                }
            }
        };
        std::thread::Builder::new().name("jvspatial-syncer".to_owned()).spawn(work).ok()?;
        Some(Self { files, results })
    }

    /// Begins to sync `file`; `false` when the thread is gone.
    pub(super) fn begin(&self, file: &Arc<dyn DiskFile>) -> bool {
        self.files.send(Arc::clone(file)).is_ok()
    }

    /// Waits for the sync that was begun.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.results
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that syncs panicked")))
    }
}
