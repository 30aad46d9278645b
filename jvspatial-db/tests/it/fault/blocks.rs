//! A row of documents, each in a batch of its own, for tests that fill real disks.

use jvspatial_db::{
    Collection, Database as _, Encoding, Error, Filter, Handle, Id, JsonDb, WriteBatch,
};
use serde_json::json;

use super::figures::{Figures, say};

/// The lengths of the blocks that were acknowledged.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    lengths: Vec<usize>,
}

fn id(number: usize) -> Id {
    format!("o.Block.{number}").parse().unwrap()
}

/// Unlike that of any other block of the length.
fn text(number: usize, length: usize) -> String {
    let word = format!("{number}-");
    let mut text = word.repeat(length.div_ceil(word.len()));
    text.truncate(length);
    text
}

impl Blocks {
    /// What another process wrote.
    pub(super) fn of_length(length: usize, count: usize) -> Self {
        Self { lengths: vec![length; count] }
    }

    pub(super) fn count(&self) -> u64 {
        self.lengths.len() as u64
    }

    /// Writes the next block.
    pub(super) async fn write(&mut self, db: &JsonDb, length: usize) -> Result<(), Error> {
        let number = self.lengths.len();
        let mut batch = WriteBatch::new(Encoding::Json);
        batch.insert(id(number), &json!({ "text": text(number, length) })).unwrap();
        assert!(db.write(batch).await?.is_complete());
        self.lengths.push(length);
        Ok(())
    }

    /// Counts blocks that cannot be read as lost, and blocks that nobody acknowledged as torn.
    pub(super) async fn check_open(&self, db: &JsonDb, figures: &mut Figures) {
        let (there, wrong) = self.look(db).await;
        figures.lost += wrong;
        figures.torn += u64::from(there > self.count());
    }

    /// As [`check_open`](Self::check_open) after a restart, when the block after the last may be there: what
    /// became of it was not told.
    pub(super) async fn check_reopened(&self, db: &JsonDb, figures: &mut Figures) {
        let (there, wrong) = self.look(db).await;
        figures.lost += wrong;
        figures.torn += u64::from(there > self.count() + 1);
    }

    /// How many blocks there are, and how many of those acknowledged are missing or other than written.
    async fn look(&self, db: &JsonDb) -> (u64, u64) {
        let there = db.count(Collection::Object, &Filter::all()).await.unwrap();
        let mut wrong = 0;
        for (number, length) in self.lengths.iter().enumerate() {
            let expected = format!("{{\"text\":\"{}\"}}", text(number, *length));
            let is_right = match db.get_many(&[Handle::new(id(number))]).await {
                Ok(found) => found[0]
                    .as_ref()
                    .is_some_and(|found| found.body.as_bytes() == expected.as_bytes()),
                Err(error) => {
                    say(format_args!("block {number}: {error}"));
                    false
                }
            };
            wrong += u64::from(!is_right);
        }
        (there, wrong)
    }
}
