//! Histories of transactions, and a search for what snapshot isolation forbids: dirty and aborted reads, lost updates,
//! reads of two points in time. Each runs once more with single writes in the place of transactions, which the search
//! must notice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bson::doc;
use jvspatial_db::{
    Collection, Database, Filter, Handle, Id, Outcome, Query, Result, Transaction, Version,
    WriteBatch,
};

use super::database_with;
use crate::serializable::Random;

const TASKS: u64 = 8;

fn object(entity: &str, number: u64) -> Id {
    format!("o.{entity}.{number}").parse().unwrap()
}

/// A number, which is stored as short as it can be.
fn number(value: &bson::Bson) -> i64 {
    value.as_i64().or_else(|| value.as_i32().map(i64::from)).unwrap()
}

/// Whether writes go into a transaction, or each into the database by itself.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Transactions,
    SingleWrites,
}

/// One attempt: a transaction, or the database itself.
struct Attempt {
    db: Arc<dyn Database>,
    tx: Option<Arc<dyn Transaction>>,
}

impl Attempt {
    async fn begin(db: &Arc<dyn Database>, mode: Mode) -> Self {
        let tx = match mode {
            Mode::Transactions => Some(db.begin().await.unwrap()),
            Mode::SingleWrites => None,
        };
        Self { db: Arc::clone(db), tx }
    }

    fn db(&self) -> &dyn Database {
        self.tx.as_deref().map_or(&*self.db, |tx| tx as &dyn Database)
    }

    /// The version and a field of a document.
    async fn read(&self, id: &Id) -> Result<(Version, bson::Document)> {
        let found = self.db().get_many(&[Handle::from(id.clone())]).await?.remove(0).unwrap();
        Ok((found.version, found.body.to_bson().unwrap()))
    }

    /// Saves, and says whether that was not in conflict.
    async fn save(&self, id: &Id, version: Version, fields: &bson::Document) -> Result<bool> {
        let mut batch = WriteBatch::new(self.db().capabilities().encoding);
        batch.update(id.clone(), version, fields)?;
        let outcomes = self.db().write(batch).await?.outcomes;
        Ok(matches!(*outcomes, [Outcome::Written(_)]))
    }

    /// Commits, or gives up.
    async fn end(self, is_kept: bool) -> Result<()> {
        match self.tx {
            Some(tx) if is_kept => tx.commit().await,
            Some(tx) => tx.close().await,
            None => Ok(()),
        }
    }
}

async fn filled(
    name: &str,
    entity: &str,
    count: u64,
    fields: &bson::Document,
) -> Arc<dyn Database> {
    let db = database_with(name, &[]).await;
    let mut batch = WriteBatch::new(db.capabilities().encoding);
    for number in 0..count {
        batch.insert(object(entity, number), fields).unwrap();
    }
    assert!(db.write(batch).await.unwrap().is_complete());
    Arc::new(db)
}

/// What came of transfers between accounts.
#[derive(Debug, Default)]
struct Books {
    moved: u64,
    outrun: u64,
    /// Looks at all accounts that did not find the sum.
    unbalanced: u64,
    sum: i64,
}

const ACCOUNTS: u64 = 20;
const BALANCE: i64 = 100;

/// Moves money at random, by `transfers` transfers that succeed, and counts how often the books do not balance.
async fn bank(db: &Arc<dyn Database>, mode: Mode, transfers: u64) -> Books {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let db = Arc::clone(db);
        tasks.spawn(async move {
            let mut random = Random(task);
            let mut books = Books::default();
            while books.moved < transfers / TASKS {
                let attempt = Attempt::begin(&db, mode).await;
                let (from, to) = (random.below(ACCOUNTS), random.below(ACCOUNTS));
                let look = random.below(4) == 0;
                match transfer(attempt, from, to, look, &mut books).await {
                    Ok(true) => books.moved += 1,
                    Ok(false) => {}
                    Err(_) => {
                        books.outrun += 1;
                        tokio::time::sleep(Duration::from_millis(random.below(8))).await;
                    }
                }
            }
            books
        });
    }
    let mut all = Books::default();
    for books in tasks.join_all().await {
        all.moved += books.moved;
        all.outrun += books.outrun;
        all.unbalanced += books.unbalanced;
    }
    all.sum = sum(&**db).await.unwrap();
    all
}

async fn sum(db: &dyn Database) -> Result<i64> {
    let found = db.find(Query::new(Collection::Object, Filter::all())).await?.try_collect().await?;
    let balance =
        |found: &jvspatial_db::Document| number(found.body.to_bson().unwrap().get("n").unwrap());
    Ok(found.iter().map(balance).sum())
}

async fn transfer(
    attempt: Attempt,
    from: u64,
    to: u64,
    look: bool,
    books: &mut Books,
) -> Result<bool> {
    let (from, to) = (object("Account", from), object("Account", to));
    let (version, fields) = attempt.read(&from).await?;
    if from == to {
        attempt.end(false).await?;
        return Ok(false);
    }
    let balance = number(fields.get("n").unwrap()) - 1;
    if !attempt.save(&from, version, &doc! { "n": balance }).await? {
        return Ok(false);
    }
    let (version, fields) = attempt.read(&to).await?;
    let balance = number(fields.get("n").unwrap()) + 1;
    if !attempt.save(&to, version, &doc! { "n": balance }).await? {
        // A single write is there to stay.
        return Ok(false);
    }
    if look && sum(attempt.db()).await? != BALANCE * ACCOUNTS as i64 {
        books.unbalanced += 1;
    }
    attempt.end(true).await?;
    Ok(true)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn a_thousand_transfers_keep_their_sum_as_seen_by_everybody_and_single_writes_do_not() {
    let fields = doc! { "n": BALANCE };
    let db = filled("history_bank", "Account", ACCOUNTS, &fields).await;
    let start = Instant::now();
    let books = bank(&db, Mode::Transactions, 1_000).await;
    println!("transfers in {:?}: {books:?}", start.elapsed());
    assert_eq!((books.unbalanced, books.sum), (0, BALANCE * ACCOUNTS as i64));
    assert!(books.moved >= 1_000 && books.outrun > 0);

    let db = filled("history_bank_control", "Account", ACCOUNTS, &fields).await;
    let books = bank(&db, Mode::SingleWrites, 1_000).await;
    println!("single writes: {books:?}");
    assert!(books.unbalanced > 0, "{books:?}");
}

/// What an attempt has read and appended, in its order.
#[derive(Debug)]
struct Record {
    reads: Vec<(u64, Vec<i64>)>,
    appends: Vec<(u64, i64)>,
    /// `None` when nobody knows.
    is_committed: Option<bool>,
}

const LISTS: u64 = 6;

/// Transactions that read lists and append to them, some of which are given up on purpose.
async fn lists(db: &Arc<dyn Database>, mode: Mode, count: u64) -> Vec<Record> {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let db = Arc::clone(db);
        tasks.spawn(async move {
            let mut random = Random(100 + task);
            let mut records = Vec::new();
            for number in 0..count / TASKS {
                let attempt = Attempt::begin(&db, mode).await;
                let mut record =
                    Record { reads: Vec::new(), appends: Vec::new(), is_committed: Some(false) };
                let mut done = Ok(true);
                for step in 0..2 + random.below(4) {
                    let token = ((task * count + number) * 10 + step) as i64;
                    let list = random.below(LISTS);
                    let appends = random.below(2) == 0;
                    done = go(&attempt, &mut record, list, appends.then_some(token)).await;
                    if !matches!(done, Ok(true)) {
                        break;
                    }
                }
                let is_kept = matches!(done, Ok(true)) && random.below(8) > 0;
                let ended = attempt.end(is_kept).await;
                record.is_committed = match ended {
                    Ok(()) => Some(is_kept),
                    Err(error) if error.kind() == jvspatial_db::ErrorKind::Unknown => None,
                    Err(_) => Some(false),
                };
                records.push(record);
            }
            records
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

/// Reads a list, and appends to it if there is a token.
async fn go(attempt: &Attempt, record: &mut Record, list: u64, token: Option<i64>) -> Result<bool> {
    let id = object("List", list);
    let (version, fields) = attempt.read(&id).await?;
    let stored = fields.get_array("tokens").unwrap();
    let mut tokens: Vec<i64> = stored.iter().map(number).collect();
    record.reads.push((list, tokens.clone()));
    let Some(token) = token else { return Ok(true) };
    tokens.push(token);
    let is_saved = attempt.save(&id, version, &doc! { "tokens": tokens }).await?;
    if is_saved {
        record.appends.push((list, token));
    }
    Ok(is_saved)
}

/// What a history holds that it must not.
#[derive(Debug, Default)]
struct Anomalies {
    /// Reads of what a transaction that came to nothing has appended.
    aborted: usize,
    /// Reads of what a transaction has appended to before it appended once more.
    intermediate: usize,
    /// Lists that are no continuation of one another: a lost update.
    incompatible: usize,
    /// Cycles of writes (G0), of writes and reads (G1c), and those with one read that a later write contradicts
    /// (G-single).
    cycles: usize,
}

impl Anomalies {
    const fn count(&self) -> usize {
        self.aborted + self.intermediate + self.incompatible + self.cycles
    }

    fn find(records: &[Record]) -> Self {
        let mut anomalies = Self::default();
        let mut writers = BTreeMap::new();
        for (number, record) in records.iter().enumerate() {
            for (list, token) in &record.appends {
                writers.insert((*list, *token), number);
            }
        }
        // The longest list that was read gives the order of what was appended.
        let mut order: BTreeMap<u64, &[i64]> = BTreeMap::new();
        let committed = |number: usize| records[number].is_committed != Some(false);
        let reads = || {
            records.iter().enumerate().flat_map(|(number, record)| {
                record.reads.iter().map(move |(list, tokens)| (number, *list, tokens.as_slice()))
            })
        };
        for (number, list, tokens) in reads() {
            let of_others = tokens.iter().filter_map(|token| {
                writers.get(&(list, *token)).copied().filter(|writer| *writer != number)
            });
            anomalies.aborted += of_others.filter(|writer| !committed(*writer)).count();
            if let Some(last) = tokens.last()
                && let Some(&writer) = writers.get(&(list, *last))
                && writer != number
            {
                let mut own = records[writer].appends.iter().filter(|own| own.0 == list);
                anomalies.intermediate += usize::from(own.next_back() != Some(&(list, *last)));
            }
            if !committed(number) {
                continue;
            }
            let longest = order.entry(list).or_default();
            let (short, long) =
                if tokens.len() > longest.len() { (*longest, tokens) } else { (tokens, *longest) };
            anomalies.incompatible += usize::from(!long.starts_with(short));
            *longest = long;
        }
        anomalies.cycles = cycles(records, &writers, &order);
        anomalies
    }
}

/// How many transactions lie on a cycle with at most one edge from a read to the write that it did not see.
fn cycles(
    records: &[Record],
    writers: &BTreeMap<(u64, i64), usize>,
    order: &BTreeMap<u64, &[i64]>,
) -> usize {
    let writer = |list: u64, token: i64| writers.get(&(list, token)).copied();
    let mut forward: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); records.len()];
    let mut unseen: Vec<(usize, usize)> = Vec::new();
    for (list, tokens) in order {
        for pair in tokens.windows(2) {
            if let (Some(first), Some(second)) = (writer(*list, pair[0]), writer(*list, pair[1])) {
                forward[first].insert(second);
            }
        }
    }
    for (number, record) in records.iter().enumerate() {
        if record.is_committed == Some(false) {
            continue;
        }
        for (list, tokens) in &record.reads {
            if let Some(writer) = tokens.last().and_then(|last| writer(*list, *last)) {
                forward[writer].insert(number);
            }
            let next = order.get(list).and_then(|order| order.get(tokens.len()));
            if let Some(next) = next.and_then(|next| writer(*list, *next)) {
                unseen.push((number, next));
            }
        }
    }
    for (number, next) in forward.iter_mut().enumerate() {
        next.remove(&number);
    }
    let reaches = |from: usize, to: usize| {
        let (mut open, mut seen) = (vec![from], BTreeSet::new());
        while let Some(number) = open.pop() {
            if number == to {
                return true;
            }
            if seen.insert(number) {
                open.extend(&forward[number]);
            }
        }
        false
    };
    let is_in_cycle = |number: usize| forward[number].iter().any(|next| reaches(*next, number));
    let plain = (0..records.len()).filter(|number| is_in_cycle(*number)).count();
    let single = unseen.iter().filter(|(from, to)| from != to && reaches(*to, *from)).count();
    plain + single
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a MongoDB server"]
async fn a_thousand_transactions_hold_nothing_that_a_snapshot_forbids_and_single_writes_do() {
    let fields = doc! { "tokens": [] };
    let db = filled("history_lists", "List", LISTS, &fields).await;
    let start = Instant::now();
    let records = lists(&db, Mode::Transactions, 1_000).await;
    let committed = records.iter().filter(|record| record.is_committed == Some(true)).count();
    let anomalies = Anomalies::find(&records);
    println!("{committed} of {} committed in {:?}: {anomalies:?}", records.len(), start.elapsed());
    assert_eq!(anomalies.count(), 0, "{anomalies:?}");
    assert!(committed > 200, "{committed}");

    let db = filled("history_lists_control", "List", LISTS, &fields).await;
    let records = lists(&db, Mode::SingleWrites, 1_000).await;
    let anomalies = Anomalies::find(&records);
    println!("single writes: {anomalies:?}");
    assert!(anomalies.aborted > 0 && anomalies.intermediate > 0 && anomalies.cycles > 0);
}
