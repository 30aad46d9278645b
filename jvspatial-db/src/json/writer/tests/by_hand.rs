//! A writer without its thread, which a test drives itself.

use super::*;
use crate::json::draft::Draft;
use crate::json::{manifest, recovery};

pub(super) struct ByHand {
    pub disk: SimulatedDisk,
    pub writer: Writer,
}

impl ByHand {
    /// The writer of a new store; its compactor never gets to anything.
    pub(super) fn new(options: JsonDbOptions) -> Self {
        Self::on(SimulatedDisk::new(), options)
    }

    /// The writer of a store that was killed when it held one commit, so that its segment has no room.
    pub(super) fn of_killed() -> Self {
        let mut by_hand = Self::new(JsonDbOptions::new());
        by_hand.create(1000..1001).unwrap();
        Self::on(by_hand.disk.kill_state(), JsonDbOptions::new())
    }

    /// The writer of the store on `disk`, or of a new one.
    pub(super) fn on(disk: SimulatedDisk, options: JsonDbOptions) -> Self {
        let lock = disk.lock().unwrap();
        let opened = recovery::open(&disk, &options).unwrap();
        let (shared, files, _) = opened.split(options.deadline);
        let compactor = std::thread::spawn(|| {});
        let writer =
            Writer::new(Arc::new(shared), Arc::new(disk.clone()), lock, options, files, compactor);
        Self { disk, writer }
    }

    /// Serves one batch.
    pub(super) fn write(&mut self, batch: WriteBatch) -> Result<WriteReport> {
        let (reply, mut report) = oneshot::channel();
        self.writer.serve(vec![Work::Write(Request {
            draft: Draft::new(batch).unwrap(),
            after: None,
            reply,
        })]);
        report.try_recv().unwrap()
    }

    /// Writes the documents of these numbers in one batch.
    pub(super) fn create(&mut self, numbers: std::ops::Range<usize>) -> Result<()> {
        let mut batch = WriteBatch::new(Encoding::Json);
        for number in numbers {
            batch.insert(format!("o.Note.{number}").parse().unwrap(), &json!({})).unwrap();
        }
        self.write(batch).map(|report| assert!(report.is_complete()))
    }

    pub(super) fn manifest(&self) -> Vec<u8> {
        self.disk.bytes(manifest::PATH).unwrap()
    }

    /// The bytes of the journal's segment `number`.
    pub(super) fn segment(&self, number: u32) -> Vec<u8> {
        self.disk.bytes(&format!("journal/{number:08}.jsonl")).unwrap()
    }
}
