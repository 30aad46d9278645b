//! Sessions in which a write is numbered, so that a server answers it from its record when it comes again.

use std::time::Duration;

use bson::Document as Fields;
use bson::raw::{RawDocumentBuf, cstr};
use mongodb::ClientSession;
use mongodb::error::{Error as DriverError, ErrorKind as DriverErrorKind};
use parking_lot::Mutex;
use tokio::time::sleep;

use super::client::Task;
use super::error::{is_transient, of_read};
use crate::error::Result;

/// The first number given to a write. It is above those of the driver, which takes them from 1 on in sessions that
/// were used before.
const FIRST: i64 = 1 << 40;

/// How long a server is left alone that could not take a write.
const PAUSE: Duration = Duration::from_millis(20);

/// Sessions that carry numbers of ours. They never go back to the driver, whose own numbers would be too old there.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Vec<Numbered>>);

struct Numbered {
    session: ClientSession,
    next: i64,
}

/// What became of a numbered write.
pub(super) enum Sent {
    /// The server's reply.
    Reply(Fields),
    /// Nothing happened.
    Refused(DriverError),
    /// It may have happened.
    Lost,
}

impl Sessions {
    /// Lets go of all sessions.
    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }

    async fn take(&self, task: &Task) -> Result<Numbered> {
        let idle = self.0.lock().pop();
        if let Some(numbered) = idle {
            return Ok(numbered);
        }
        let session = task.database.client().start_session().await;
        Ok(Numbered { session: session.map_err(|error| of_read(&error))?, next: FIRST })
    }
}

/// Sends a write until a server answers it or the time is over, under one number, so that no statement of it is
/// applied twice and the answer is that of the first time.
///
/// # Errors
/// Those of `of_read`, when no session can be had.
pub(super) async fn send(task: &Task, mut command: RawDocumentBuf) -> Result<Sent> {
    let mut numbered = task.sessions.take(task).await?;
    command.append(cstr!("txnNumber"), numbered.next);
    numbered.next += 1;
    append_concern(&mut command, task);
    let sent = send_numbered(task, &mut numbered.session, &command).await;
    task.sessions.0.lock().push(numbered);
    Ok(sent)
}

/// Asks for an acknowledgement that outlives the loss of a server.
pub(super) fn append_concern(command: &mut RawDocumentBuf, task: &Task) {
    command.append(cstr!("writeConcern"), task.concern_document());
    command.append(cstr!("maxTimeMS"), task.max_time());
}

async fn send_numbered(task: &Task, session: &mut ClientSession, command: &RawDocumentBuf) -> Sent {
    let mut may_have_happened = false;
    loop {
        let sent = task.database.run_raw_command(command.clone()).session(&mut *session).await;
        match sent {
            Ok(reply) if is_settled(&reply) => {
                task.seen.note_write(&reply);
                return Sent::Reply(reply);
            }
            Ok(_) => may_have_happened = true,
            Err(error) => match fate(&error) {
                Fate::NotSent => {}
                Fate::Open => may_have_happened = true,
                Fate::Refused if may_have_happened => return Sent::Lost,
                Fate::Refused => return Sent::Refused(error),
            },
        }
        if !task.has_time() {
            return if may_have_happened { Sent::Lost } else { Sent::Refused(late()) };
        }
        sleep(PAUSE).await;
    }
}

fn late() -> DriverError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// Whether a reply says of every statement what became of it, for good.
fn is_settled(reply: &Fields) -> bool {
    let is_interrupted = |error: &bson::Bson| {
        let code = error.as_document().and_then(|error| error.get_i32("code").ok());
        code.is_some_and(is_transient)
    };
    !reply.contains_key("writeConcernError")
        && !reply.get_array("writeErrors").is_ok_and(|errors| errors.iter().any(is_interrupted))
}

/// What follows for a write from an error of the driver.
enum Fate {
    NotSent,
    Open,
    Refused,
}

fn fate(error: &DriverError) -> Fate {
    match &*error.kind {
        DriverErrorKind::ServerSelection { .. } => Fate::NotSent,
        // So a driver also calls a connection that it gives up while it waits for the reply of a frozen server.
        DriverErrorKind::ConnectionPoolCleared { .. }
        | DriverErrorKind::Io(_)
        | DriverErrorKind::InvalidResponse { .. } => Fate::Open,
        DriverErrorKind::Command(refusal) if is_transient(refusal.code) => Fate::Open,
        _ => Fate::Refused,
    }
}
