//! What a server tells of a change.

use bson::raw::{RawBsonRef, RawDocument};
use bytes::Bytes;

use crate::document::Document;
use crate::error::{Error, Result};
use crate::id::{Collection, Id};
use crate::mongo::stored;
use crate::version::Version;
use crate::watch::{ChangeKind, DocumentChange, ResumeToken, WatchOptions};

/// An event, unread.
pub(super) struct RawEvent<'a> {
    event: &'a RawDocument,
    /// The place behind it.
    pub(super) place: &'a RawDocument,
}

/// What an event means.
pub(super) enum Event {
    Told(Box<DocumentChange>),
    /// Of a document that is not ours.
    Foreign(ResumeToken),
    /// Documents are gone that nothing is told of one by one.
    Gone(ResumeToken),
}

/// The events in a reply, and the place behind all that the server has looked at.
///
/// # Errors
/// `Corrupt` when it is none.
pub(super) fn read_reply(reply: &Bytes) -> Result<(Vec<RawEvent<'_>>, Option<&RawDocument>)> {
    let reply = RawDocument::from_bytes(reply).map_err(broken)?;
    let cursor = reply.get_document("cursor").map_err(broken)?;
    let batch = cursor.get_array("firstBatch").or_else(|_| cursor.get_array("nextBatch"));
    let mut events = Vec::new();
    for event in batch.map_err(broken)? {
        if let Some(event) = event.map_err(broken)?.as_document() {
            events.push(RawEvent { event, place: event.get_document("_id").map_err(broken)? });
        }
    }
    Ok((events, cursor.get_document("postBatchResumeToken").ok()))
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::corrupt("change that the server tells of cannot be read").with_source(error)
}

impl RawEvent<'_> {
    /// Reads the event; documents are copied out of `reply`.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be read, or its document is not ours though its id is.
    pub(super) fn read(
        &self,
        options: &WatchOptions,
        reply: &Bytes,
        token: ResumeToken,
    ) -> Result<Event> {
        let operation = self.event.get_str("operationType").map_err(broken)?;
        if !["insert", "replace", "update", "delete"].contains(&operation) {
            return Ok(Event::Gone(token));
        }
        let id =
            self.event.get_document("documentKey").ok().and_then(|key| key.get_str("_id").ok());
        let id = id.and_then(|id| Id::parse_stored(id).ok());
        let Some(id) = id.filter(|id| options.wants(id) && self.is_in(id.collection())) else {
            return Ok(Event::Foreign(token));
        };
        let document = self.event.get_document("fullDocument").ok();
        let version = match operation {
            "delete" => None,
            "update" => {
                let update = self.event.get_document("updateDescription").map_err(broken)?;
                let fields = update.get_document("updatedFields").map_err(broken)?;
                version_in(fields)
            }
            _ => Some(document.and_then(version_in).unwrap_or(Version::NONE)),
        };
        let kind = match (operation, version) {
            ("delete", _) => ChangeKind::Deleted,
            (_, Some(version)) => ChangeKind::of(version),
            (_, None) => ChangeKind::Updated,
        };
        let document = document.filter(|_| options.documents && kind != ChangeKind::Deleted);
        let document = document.map(|raw| -> Result<Document> {
            let mut document = stored::read(id.collection(), reply, raw)?;
            // Apart from its neighbours, since whoever gets it may keep it.
            document.body = document.body.detach();
            Ok(document)
        });
        let document = document.transpose()?;
        let time = self.event.get_timestamp("clusterTime").map_err(broken)?;
        let commit = u64::from(time.time) << 32 | u64::from(time.increment);
        Ok(Event::Told(Box::new(DocumentChange { kind, id, version, commit, document, token })))
    }

    fn is_in(&self, collection: Collection) -> bool {
        let namespace = self.event.get_document("ns").ok();
        namespace.and_then(|ns| ns.get_str("coll").ok()) == Some(collection.name())
    }
}

/// The version among these fields, of whichever type of number.
fn version_in(fields: &RawDocument) -> Option<Version> {
    let number = match fields.get("_version").ok()?? {
        RawBsonRef::Int32(number) => u64::try_from(number).ok(),
        RawBsonRef::Int64(number) => u64::try_from(number).ok(),
        RawBsonRef::Double(number) if number >= 0.0 && number.fract() == 0.0 => Some(number as u64),
        _ => None,
    };
    number.map(Version::new)
}
