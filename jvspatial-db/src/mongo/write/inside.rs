//! Writes in a transaction that is not over: judged before the server sees them, since one that it refuses would end
//! the transaction.

use bson::Document as Fields;

use super::commands::Commands;
use super::reply::{Reason, Refusal, refusals};
use super::transaction::skipped;
use super::unique::Keys;
use super::{Work, locks, state};
use crate::error::{Error, ErrorKind};
use crate::limits::MAX_BATCH_OPERATIONS;
use crate::mongo::error::of_code;
use crate::mongo::live::{Failure, Open, is_met, met};
use crate::write::WriteReport;

/// Tries the operations in order, and has the server apply those that succeed.
pub(super) async fn write(work: &Work, open: &mut Open) -> Result<WriteReport, Failure> {
    let count = open.operations + work.batch.len();
    if count > MAX_BATCH_OPERATIONS {
        return Err(Failure::Ours(
            Error::limit("transaction has too many operations")
                .with("operations", count)
                .with("limit", MAX_BATCH_OPERATIONS),
        ));
    }
    open.operations = count;
    open.finish_searches().await?;
    let operations = work.batch.operations();
    let session = &mut open.session;
    let places = locks::places(operations);
    if !places.is_empty() {
        let reply = work.run(session, locks::command(&places)).await?;
        check(work, &reply).await?;
    }
    let mut model = state::read(work, operations, session).await?;
    let mut keys = Keys::read(work, &model, session).await?;
    let mut report = WriteReport::default();
    let mut commands = Commands::default();
    for (place, operation) in operations.iter().enumerate() {
        let (outcome, effect) = model.apply(operation, || keys.refuse(place));
        report.outcomes.push(outcome);
        if let Some(effect) = effect {
            keys.settle(place, operation, &effect);
            report.detached += commands.add(work, place, operation, effect)?;
        }
    }
    if work.batch.is_atomic() && !report.is_complete() {
        return Ok(skipped(report));
    }
    for command in commands {
        let reply = work.run(session, command.spell()).await?;
        check(work, &reply).await?;
    }
    Ok(report)
}

/// Refuses a reply with a statement that the server refused, after which it has given the transaction up.
async fn check(work: &Work, reply: &Fields) -> Result<(), Failure> {
    let Some(Refusal { reason, .. }) = refusals(reply).into_iter().next() else { return Ok(()) };
    let (error, is_outrun) = match reason {
        // The index was not known here, or not at all as the transaction sees it. Another one will know it.
        Reason::KeyTaken { index, .. } => {
            work.catalog.refresh_in(&work.task.database).await?;
            let taken = Error::new(ErrorKind::Duplicate, "unique key is taken");
            (met(taken.with("index", index)), true)
        }
        Reason::Refused { code, name, message } => {
            let error = of_code(code, &name, &message);
            if is_met(code) { (met(error), true) } else { (error, false) }
        }
        Reason::Found(_) | Reason::Absent | Reason::Other | Reason::IdTaken => {
            (met(Error::new(ErrorKind::Duplicate, "id is taken")), true)
        }
    };
    Err(Failure::Over { error, is_outrun })
}
