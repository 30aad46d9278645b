//! Writes that rest on other documents or on one another: judged here, applied in a transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::time::Duration;

use mongodb::ClientSession;
use mongodb::error::{
    Error as DriverError, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT,
};
use mongodb::options::ReadConcern;
use tokio::time::sleep;

use super::commands::Commands;
use super::reply::{Reason, Refusal, refusals};
use super::{MAX_BYTES, Work, locks, owner, state};
use crate::codec::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::indexes::{Definition, Source};
use crate::mongo::client::Task;
use crate::mongo::error::{is_worth_another as may_succeed_soon, of_code, of_read};
use crate::version::Version;
use crate::write::{Action, Operation, Outcome, WriteBatch, WriteReport};

/// The longest pause before a transaction is tried again.
const MAX_PAUSE: Duration = Duration::from_millis(64);

/// Operations that a unique index refuses, found out in attempts that were given up.
type Taken = BTreeMap<usize, Outcome>;

/// What became of an attempt.
enum Attempt {
    /// All statements were taken.
    Applied(WriteReport),
    /// A unique index refuses an operation.
    Taken(usize, Refused),
    /// Another transaction has made the same place at the same time.
    Again,
}

/// A key that is taken.
struct Refused {
    index: String,
    key: bson::Document,
    /// What becomes of the operations otherwise.
    outcomes: Vec<Outcome>,
}

/// Why an attempt has failed.
enum Failure {
    Driver(DriverError),
    Ours(Error),
}

impl From<DriverError> for Failure {
    fn from(error: DriverError) -> Self {
        Self::Driver(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

/// Writes the batch; one that is too large for a transaction of the server in several parts, unless it is atomic.
///
/// # Errors
/// `Unavailable` when the deadline passes or no server answers, and `Limit` when a server has no room for it:
/// nothing happened.
pub(super) async fn write(work: &Work) -> Result<WriteReport> {
    let count = work.batch.len();
    let mut report = WriteReport::default();
    let mut parts = parts(&work.batch);
    while let Some(part) = parts.pop() {
        match write_part(work, &part, true).await {
            Ok(own) => {
                let own = own.unwrap_or_default();
                report.outcomes.extend(own.outcomes);
                report.detached += own.detached;
            }
            Err(error) if is_too_large(&error) && !work.batch.is_atomic() && part.len() > 1 => {
                let middle = part.start + part.len() / 2;
                parts.extend([middle..part.end, part.start..middle]);
            }
            // What was written before is written, so the report is worth more than the error.
            Err(_) if report.written() > 0 => break,
            Err(error) => return Err(error),
        }
    }
    report.outcomes.resize(count, Outcome::Unknown);
    Ok(report)
}

/// The parts of a batch that are transactions of their own, the first one last. Servers keep what a transaction has
/// written in memory until its end.
fn parts(batch: &WriteBatch) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (place, operation) in batch.operations().iter().enumerate() {
        let own = match &operation.action {
            Action::Insert { body, .. }
            | Action::Put { body, .. }
            | Action::Update { body, .. } => batch.body(*body).len(),
            Action::Delete { .. } => 0,
        };
        if bytes > 0 && bytes + own > MAX_BYTES && !batch.is_atomic() {
            parts.push(start..place);
            (start, bytes) = (place, 0);
        }
        bytes += own;
    }
    parts.push(start..batch.len());
    parts.reverse();
    parts
}

/// Whether a server had no room for a transaction.
fn is_too_large(error: &Error) -> bool {
    const TOO_LARGE_FOR_CACHE: &str = "388";
    error.context("code") == Some(TOO_LARGE_FOR_CACHE)
}

/// Writes the operations of a part unless others are in their way: then nothing happens, and `None` is the answer.
///
/// # Errors
/// As for [`write`].
pub(super) async fn try_part(work: &Work, part: &Range<usize>) -> Result<Option<WriteReport>> {
    write_part(work, part, false).await
}

/// Writes the operations of a part, if `is_patient` again and again while others are in their way and there is time.
async fn write_part(
    work: &Work,
    part: &Range<usize>,
    is_patient: bool,
) -> Result<Option<WriteReport>> {
    let session = work.task.database.client().start_session().await;
    let mut session = session.map_err(|error| of_read(&error))?;
    let mut taken = Taken::new();
    let mut tries = 0;
    loop {
        let attempt = attempt(work, part, &mut session, &taken).await;
        let failure = match attempt {
            Ok(Attempt::Taken(place, refused)) => {
                abort(&mut session).await;
                match find_owner(work, part, place, &refused).await? {
                    Some(outcome) => {
                        taken.insert(place, outcome);
                        continue;
                    }
                    // Its owner has let go of it meanwhile.
                    None => None,
                }
            }
            Ok(Attempt::Again) => {
                abort(&mut session).await;
                None
            }
            Ok(Attempt::Applied(report)) => {
                if is_refused(work, &report) {
                    abort(&mut session).await;
                    match judge_again(work, part, &mut session, &taken).await {
                        Ok(report) if is_refused(work, &report) => {
                            let is_atomic = work.batch.is_atomic();
                            return Ok(Some(if is_atomic { skipped(report) } else { report }));
                        }
                        Ok(_) => None,
                        Err(error) => {
                            abort(&mut session).await;
                            if !is_worth_another(&error) {
                                return Err(of_read(&error));
                            }
                            Some(error)
                        }
                    }
                } else {
                    match commit(&work.task, &mut session).await {
                        Committed::Done => return Ok(Some(report)),
                        Committed::Unknown(_) => return Ok(Some(unknown(report))),
                        Committed::Not(error) => {
                            if !error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
                                return Err(of_read(&error));
                            }
                            Some(error)
                        }
                    }
                }
            }
            Err(Failure::Ours(error)) => {
                abort(&mut session).await;
                return Err(error);
            }
            Err(Failure::Driver(error)) => {
                abort(&mut session).await;
                if !is_worth_another(&error) {
                    return Err(of_read(&error));
                }
                Some(error)
            }
        };
        if !is_patient {
            return Ok(None);
        }
        if !work.task.has_time() {
            return Err(outrun(failure));
        }
        tries += 1;
        sleep(pause(tries)).await;
    }
}

/// Whether an attempt that failed so may be made again; of one that was to change something, a commit is asked about before.
fn is_worth_another(error: &DriverError) -> bool {
    error.contains_label(TRANSIENT_TRANSACTION_ERROR)
        || error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
        || may_succeed_soon(error)
}

fn outrun(failure: Option<DriverError>) -> Error {
    let error = Error::new(
        ErrorKind::Unavailable,
        "others wrote the same documents until the deadline passed",
    );
    match failure {
        Some(failure) => error.with_source(of_read(&failure)),
        None => error,
    }
}

/// How long to wait before the next try: longer with each, and not the same for all who wait.
fn pause(tries: u32) -> Duration {
    let longest = Duration::from_millis(1 << tries.min(6)).min(MAX_PAUSE);
    let part = RandomState::new().hash_one(tries) % 1_000;
    longest * u32::try_from(part).unwrap_or_default() / 1_000
}

async fn start(work: &Work, session: &mut ClientSession) -> Result<(), DriverError> {
    session
        .start_transaction()
        .read_concern(ReadConcern::snapshot())
        .write_concern(work.task.concern())
        .await
}

/// Whether nothing comes of a batch.
fn is_refused(work: &Work, report: &WriteReport) -> bool {
    report.written() == 0 || work.batch.is_atomic() && !report.is_complete()
}

/// Judges the operations in a transaction that changes nothing. One that was given up may have seen what no majority
/// of the servers has, and what may be lost; the commit of this one tells that a majority has it.
async fn judge_again(
    work: &Work,
    part: &Range<usize>,
    session: &mut ClientSession,
    taken: &Taken,
) -> Result<WriteReport, DriverError> {
    start(work, session).await?;
    let operations = work.operations(part);
    let mut model = state::read(work, operations, session).await?;
    let outcomes = (part.start..).zip(operations).map(|(place, operation)| {
        taken.get(&place).cloned().unwrap_or_else(|| model.apply(operation, || None).0)
    });
    let report = WriteReport { outcomes: outcomes.collect(), detached: 0 };
    session.commit_transaction().await?;
    note_commit(&work.task, session);
    Ok(report)
}

/// What became of a commit.
pub(in crate::mongo) enum Committed {
    Done,
    /// Nothing happened.
    Not(DriverError),
    /// No server told before the time was over.
    Unknown(DriverError),
}

/// Commits, and asks again what became of it as long as nobody knows.
pub(in crate::mongo) async fn commit(task: &Task, session: &mut ClientSession) -> Committed {
    let mut may_have_happened = false;
    loop {
        match session.commit_transaction().await {
            Ok(()) => {
                note_commit(task, session);
                return Committed::Done;
            }
            // The server says this only when it has not happened, nor will.
            Err(error) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => {
                return Committed::Not(error);
            }
            Err(error) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {
                if !task.has_time() {
                    return Committed::Unknown(error);
                }
                may_have_happened = true;
                sleep(pause(5)).await;
            }
            Err(error) if may_have_happened => return Committed::Unknown(error),
            Err(error) => return Committed::Not(error),
        }
    }
}

/// Notes the time of what was committed, for reads that come after.
fn note_commit(task: &Task, session: &ClientSession) {
    if let Some(time) = session.operation_time() {
        task.seen.note(time);
    }
}

/// Gives a transaction up; one that cannot be told is given up by the server in time.
async fn abort(session: &mut ClientSession) {
    let _ = session.abort_transaction().await;
}

/// The report of an atomic batch of which something failed.
pub(super) fn skipped(mut report: WriteReport) -> WriteReport {
    report.detached = 0;
    for outcome in report.outcomes.iter_mut().filter(|outcome| outcome.is_written()) {
        *outcome = Outcome::Skipped;
    }
    report
}

/// The report of a batch whose end nobody knows.
fn unknown(mut report: WriteReport) -> WriteReport {
    for outcome in report.outcomes.iter_mut().filter(|outcome| outcome.is_written()) {
        *outcome = Outcome::Unknown;
    }
    report
}

/// Tries the operations in order, and has the server apply those that succeed.
async fn attempt(
    work: &Work,
    part: &Range<usize>,
    session: &mut ClientSession,
    taken: &Taken,
) -> Result<Attempt, Failure> {
    start(work, session).await?;
    let operations = work.operations(part);
    let places = locks::places(operations);
    if !places.is_empty() {
        let reply = work.run(session, locks::command(&places)).await?;
        if !refusals(&reply).is_empty() {
            return Ok(Attempt::Again);
        }
    }
    let mut model = state::read(work, operations, session).await?;
    let mut report = WriteReport::default();
    let mut commands = Commands::default();
    for (place, operation) in (part.start..).zip(operations) {
        if let Some(outcome) = taken.get(&place) {
            report.outcomes.push(outcome.clone());
            continue;
        }
        let (outcome, effect) = model.apply(operation, || None);
        report.outcomes.push(outcome);
        if let Some(effect) = effect {
            report.detached += commands.add(work, place, operation, effect)?;
        }
    }
    for command in commands {
        let collection = command.collection();
        let reply = work.run(session, command.spell()).await?;
        let Some(Refusal { place, reason }) = refusals(&reply).into_iter().next() else {
            continue;
        };
        let place = command.operation_of(place);
        return match reason {
            Reason::KeyTaken { index, pattern, key } => {
                let refused = work.batch.operations().get(place);
                let index = match refused {
                    Some(operation) => work.catalog.name_of(index, &pattern, &operation.id),
                    None => index,
                };
                Ok(Attempt::Taken(place, Refused { index, key, outcomes: report.outcomes }))
            }
            Reason::Refused { code, name, message } => {
                let error = of_code(code, &name, &message);
                Err(Failure::Ours(error.with("collection", collection)))
            }
            _ => Err(Failure::Ours(Error::new(
                ErrorKind::Unavailable,
                "server refused a statement of a transaction",
            ))),
        };
    }
    Ok(Attempt::Applied(report))
}

/// The outcome of an operation whose key is taken: by a document of the batch as the operations before left it, or
/// by a stored one; `None` when it is by none any more.
async fn find_owner(
    work: &Work,
    part: &Range<usize>,
    place: usize,
    refused: &Refused,
) -> Result<Option<Outcome>> {
    let operations = work.operations(part);
    let place = place.saturating_sub(part.start);
    let Some(operation) = operations.get(place) else { return Ok(None) };
    let collection = operation.id.collection();
    let known = work.catalog.named(collection, &refused.index);
    if let Some(known) = known {
        let wanted = keys(work, &known.definition, operation)?;
        let mut seen: BTreeSet<&Id> = BTreeSet::new();
        for (other, outcome) in operations.iter().zip(&refused.outcomes).take(place).rev() {
            if !outcome.is_written() || other.id == operation.id || !seen.insert(&other.id) {
                continue;
            }
            let own = keys(work, &known.definition, other)?;
            if own.iter().any(|key| wanted.contains(key)) {
                let name = known.definition.name;
                return Ok(Some(Outcome::duplicate(name, other.id.clone())));
            }
        }
    }
    owner::find(work, collection, &operation.id, &refused.index, &refused.key).await
}

/// The keys that a document has after an operation.
fn keys(work: &Work, definition: &Definition, operation: &Operation) -> Result<Vec<Box<[u8]>>> {
    let (body, link) = match &operation.action {
        Action::Insert { body, link, .. } | Action::Put { body, link, .. } => {
            (*body, link.as_ref())
        }
        Action::Update { body, .. } => (*body, None),
        Action::Delete { .. } => return Ok(Vec::new()),
    };
    if !definition.covers(&operation.id) {
        return Ok(Vec::new());
    }
    let source = Source {
        id: &operation.id,
        version: Version::NONE,
        schema: 1,
        ends: link.map(|link| &link.ends),
        encoding: Encoding::Bson,
        body: work.batch.body(body),
    };
    Ok(definition.keys(&source)?.map(|keys| keys.keys).unwrap_or_default())
}
