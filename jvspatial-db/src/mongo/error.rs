//! What the errors of the driver and of the server mean to a caller.

use mongodb::error::{CommandError, Error as DriverError, ErrorKind as DriverErrorKind};
use tokio::task::JoinError;

use crate::error::{Error, ErrorKind};

/// The server has no view of the data at that time yet, or no longer.
const SNAPSHOT_UNAVAILABLE: i32 = 246;

/// Codes of a server that cannot answer now: no primary, shutting down, interrupted, out of time, the data of
/// the read's point in time gone.
const TRANSIENT: [i32; 20] = [
    6,
    7,
    24,
    43,
    50,
    64,
    89,
    91,
    112,
    134,
    189,
    202,
    237,
    239,
    SNAPSHOT_UNAVAILABLE,
    262,
    10107,
    11600,
    11602,
    13435,
];

/// Codes of a document that a change makes too large, and of a transaction that the server has no room for.
const DOCUMENT_TOO_LARGE: [i32; 2] = [17419, 17420];
const TRANSACTION_TOO_LARGE: i32 = 388;

/// Codes of a user who may not do this.
const FORBIDDEN: [i32; 3] = [11, 13, 18];

/// Codes of a search that needs more memory than the server gives it.
const TOO_LARGE: [i32; 3] = [146, 292, 10334];

/// Codes of a server that does not know the command or cannot run it here.
const UNSUPPORTED: [i32; 5] = [20, 59, 72, 115, 123];

/// The error of a read, which changed nothing whatever became of it.
pub(super) fn of_read(error: &DriverError) -> Error {
    let (kind, message) = match &*error.kind {
        DriverErrorKind::Command(refusal) => return of_command(refusal),
        DriverErrorKind::Authentication { .. } => (ErrorKind::Invalid, LOGIN_REFUSED),
        // A server so old that the driver does not speak with it is told in words alone.
        DriverErrorKind::ServerSelection { message, .. } if message.contains(OLD) => {
            return too_old().with_source(error.kind.to_string());
        }
        DriverErrorKind::ServerSelection { .. } | DriverErrorKind::DnsResolve { .. } => {
            (ErrorKind::Unavailable, "no server can be reached")
        }
        DriverErrorKind::Shutdown => (ErrorKind::Closed, "database was closed"),
        DriverErrorKind::InvalidTlsConfig { .. } | DriverErrorKind::InvalidArgument { .. } => {
            (ErrorKind::Invalid, "options of the connection do not suit")
        }
        DriverErrorKind::IncompatibleServer { .. } | DriverErrorKind::SessionsNotSupported => {
            (ErrorKind::Unsupported, "server cannot do what is needed")
        }
        DriverErrorKind::InvalidResponse { .. } | DriverErrorKind::Bson(_) => {
            (ErrorKind::Corrupt, "reply of the server cannot be read")
        }
        _ => (ErrorKind::Unavailable, "connection to the server failed"),
    };
    Error::new(kind, message).with_source(error.kind.to_string())
}

const OLD: &str = "reports wire version";

/// The error of a server that is too old.
pub(super) fn too_old() -> Error {
    Error::new(ErrorKind::Unsupported, "server is too old").with("expected", LEAST_VERSION)
}

/// The oldest server with reads at one point in time outside transactions.
const LEAST_VERSION: &str = "5.0 or later";

const LOGIN_REFUSED: &str = "server refused the user or the password";

fn of_command(refusal: &CommandError) -> Error {
    of_code(refusal.code, &refusal.code_name, &refusal.message)
}

fn class_of(code: i32) -> (ErrorKind, &'static str) {
    if TRANSIENT.contains(&code) {
        (ErrorKind::Unavailable, "server cannot answer now")
    } else if FORBIDDEN.contains(&code) {
        (ErrorKind::Invalid, if code == 18 { LOGIN_REFUSED } else { "user may not do this" })
    } else if TOO_LARGE.contains(&code) {
        (ErrorKind::Limit, "server would need too much memory; give the query a limit or an index")
    } else if DOCUMENT_TOO_LARGE.contains(&code) {
        (ErrorKind::Limit, "document is too large")
    } else if code == TRANSACTION_TOO_LARGE {
        (ErrorKind::Limit, "server has no room for so large a transaction")
    } else if UNSUPPORTED.contains(&code) {
        (ErrorKind::Unsupported, "server cannot do what is needed")
    } else {
        (ErrorKind::Invalid, "server refused the command")
    }
}

/// Whether a server with this code could not answer then, and may later.
pub(super) fn is_transient(code: i32) -> bool {
    TRANSIENT.contains(&code)
}

/// The error of a server that refused a statement, or of a command that changed nothing.
pub(super) fn of_code(code: i32, name: &str, message: &str) -> Error {
    let (kind, text) = class_of(code);
    Error::new(kind, text).with("code", code).with("name", name).with_source(message.to_owned())
}

/// Whether the same request, if it changed nothing, may succeed soon: the server's view has not caught up with a
/// change of a collection, another one has become the primary, the connection was lost.
pub(super) fn is_worth_another(error: &DriverError) -> bool {
    match &*error.kind {
        DriverErrorKind::Command(refusal) => is_transient(refusal.code) && !is_late(refusal.code),
        DriverErrorKind::Io(_) | DriverErrorKind::ConnectionPoolCleared { .. } => true,
        _ => false,
    }
}

/// Whether a server has worked on a command for as long as it might.
const fn is_late(code: i32) -> bool {
    code == 50 || code == 262
}

/// The error of a call of the driver that came to no end of its own.
pub(super) fn driver_failed(error: JoinError) -> Error {
    Error::new(ErrorKind::Unavailable, "driver failed").with_source(error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refusal(code: i32) -> CommandError {
        let reply = bson::doc! { "code": code, "codeName": "Name", "errmsg": "why" };
        bson::deserialize_from_document(reply).unwrap()
    }

    #[test]
    fn the_kind_of_a_refusal_follows_from_its_code() {
        for (code, kind) in [
            (10107, ErrorKind::Unavailable),
            (11602, ErrorKind::Unavailable),
            (50, ErrorKind::Unavailable),
            (43, ErrorKind::Unavailable),
            (13, ErrorKind::Invalid),
            (18, ErrorKind::Invalid),
            (2, ErrorKind::Invalid),
            (292, ErrorKind::Limit),
            (59, ErrorKind::Unsupported),
        ] {
            assert_eq!(of_command(&refusal(code)).kind(), kind, "{code}");
        }
    }

    #[test]
    fn a_refusal_is_told_with_its_code_and_the_words_of_the_server() {
        let error = of_command(&refusal(2));
        assert_eq!(error.to_string(), "server refused the command (code: 2, name: Name): why");
    }

    #[test]
    fn a_failed_connection_is_worth_another_try() {
        let io = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(of_read(&DriverError::from(io)).is_retryable());
    }
}
