//! Writers that move amounts within pairs of accounts: any one commit adds up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jvspatial_db::{Database as _, Encoding, Handle, Id, JsonDb, WriteBatch};
use serde::{Deserialize, Serialize};

const PAIRS: u64 = 4;
const SUM: i64 = 1_000;

#[derive(Serialize, Deserialize)]
struct Account {
    amount: i64,
}

fn pair(number: u64) -> [Handle; 2] {
    ['a', 'b'].map(|side| Handle::new(format!("n.Account.{number}{side}").parse::<Id>().unwrap()))
}

pub(super) async fn make_accounts(db: &JsonDb) {
    let mut batch = WriteBatch::new(Encoding::Json);
    for account in (0..PAIRS).flat_map(pair) {
        batch.insert(account.into_id(), &Account { amount: SUM / 2 }).unwrap();
    }
    assert!(db.write(batch).await.unwrap().is_complete());
}

/// Writers at work until they are stopped.
pub(super) struct Writers {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<u64>>,
}

impl Writers {
    pub(super) fn start(db: &Arc<JsonDb>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..2)
            .map(|first| {
                let (db, stop) = (Arc::clone(db), Arc::clone(&stop));
                tokio::spawn(async move { move_amounts(&db, first, &stop).await })
            })
            .collect();
        Self { stop, tasks }
    }

    /// Stops them; returns how many batches they wrote.
    pub(super) async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let mut moves = 0;
        for task in self.tasks {
            moves += task.await.unwrap();
        }
        moves
    }
}

async fn move_amounts(db: &JsonDb, first: u64, stop: &AtomicBool) -> u64 {
    let mut moves = 0;
    while !stop.load(Ordering::Relaxed) {
        for number in (first..PAIRS).step_by(2) {
            let found = db.get_many(&pair(number)).await.unwrap();
            let mut batch = WriteBatch::new(Encoding::Json);
            for (document, change) in found.into_iter().flatten().zip([7, -7]) {
                let Account { amount } = document.decode().unwrap();
                let account = Account { amount: amount + change };
                batch.update(document.id, document.version, &account).unwrap();
            }
            assert!(db.write(batch).await.unwrap().is_complete());
            moves += 1;
        }
        tokio::task::yield_now().await;
    }
    moves
}

/// The amounts of both sides of each pair.
pub(super) async fn amounts(db: &JsonDb) -> Vec<[i64; 2]> {
    let mut amounts = Vec::new();
    for number in 0..PAIRS {
        let found = db.get_many(&pair(number)).await.unwrap();
        let mut sides =
            found.into_iter().map(|account| account.unwrap().decode::<Account>().unwrap().amount);
        amounts.push([sides.next().unwrap(), sides.next().unwrap()]);
    }
    amounts
}

/// Whether the sides of every pair add up.
pub(super) fn add_up(amounts: &[[i64; 2]]) -> bool {
    amounts.iter().all(|[a, b]| a + b == SUM)
}
