//! Who is told of the commands that are sent.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use mongodb::event::EventHandler;
use mongodb::event::command::{CommandEvent, CommandStartedEvent};

/// A command that is being sent to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentCommand {
    /// Its name, such as `find` or `commitTransaction`.
    pub name: String,
    /// The collection that it is for, if it is for one.
    pub collection: Option<String>,
    /// Whether it is part of a transaction.
    pub in_transaction: bool,
}

/// Whoever is told of the commands that are sent; see [`MongoDbOptions::command_observer`](super::MongoDbOptions::command_observer).
#[derive(Clone)]
pub struct CommandObserver(Arc<dyn Fn(&SentCommand) + Send + Sync>);

impl CommandObserver {
    pub(super) fn new(observer: impl Fn(&SentCommand) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observer))
    }

    /// What the driver tells.
    pub(super) fn handler(&self) -> EventHandler<CommandEvent> {
        let observer = Arc::clone(&self.0);
        EventHandler::callback(move |event| {
            if let CommandEvent::Started(started) = event {
                let command = SentCommand::of(started);
                // It would end the driver's call, which has nothing to do with it.
                drop(catch_unwind(AssertUnwindSafe(|| observer(&command))));
            }
        })
    }
}

impl SentCommand {
    fn of(started: CommandStartedEvent) -> Self {
        let CommandStartedEvent { command, command_name: name, .. } = started;
        let field = if name == "getMore" { "collection" } else { &*name };
        let collection = command.get_str(field).ok().map(str::to_owned);
        let in_transaction = command.get_bool("autocommit").is_ok_and(|commits| !commits);
        Self { name, collection, in_transaction }
    }
}

impl fmt::Debug for CommandObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommandObserver")
    }
}
