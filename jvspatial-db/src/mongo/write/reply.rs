//! What a server says of the statements of a write.

use bson::{Bson, Document as Fields};

use super::statement::{ABSENT, MARK};
use crate::version::Version;

/// The code of a server for a unique key that is taken.
const DUPLICATE_KEY: i32 = 11000;
/// The code for a value that cannot be converted, which is how our statements fail.
const CONVERSION_FAILURE: i32 = 241;

/// A statement that was refused.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// Its place among the statements.
    pub(super) place: usize,
    pub(super) reason: Reason,
}

/// Why a statement was refused.
#[derive(Clone, Debug)]
pub(super) enum Reason {
    /// There is a document, of this version.
    Found(Version),
    /// There is no document.
    Absent,
    /// There is another document or none; the server did not repeat which.
    Other,
    /// The id is taken.
    IdTaken,
    /// A key of a unique index is taken.
    KeyTaken {
        /// What the server calls the index; empty when it spared its words because there were too many.
        index: String,
        /// The paths of the index.
        pattern: Fields,
        /// The key by the paths of the index.
        key: Fields,
    },
    /// Anything else.
    Refused { code: i32, name: String, message: String },
}

/// The refused statements of a reply.
pub(super) fn refusals(reply: &Fields) -> Vec<Refusal> {
    let errors = reply.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
    errors.iter().filter_map(Bson::as_document).filter_map(refusal).collect()
}

fn refusal(error: &Fields) -> Option<Refusal> {
    let place = match error.get("index")? {
        Bson::Int32(place) => usize::try_from(*place).ok()?,
        Bson::Int64(place) => usize::try_from(*place).ok()?,
        _ => return None,
    };
    let code = error.get_i32("code").unwrap_or_default();
    let message = error.get_str("errmsg").unwrap_or_default();
    let reason = match code {
        DUPLICATE_KEY => taken(error, message),
        CONVERSION_FAILURE => found(message),
        code => {
            let name = error.get_str("codeName").unwrap_or_default().to_owned();
            Reason::Refused { code, name, message: message.to_owned() }
        }
    };
    Some(Refusal { place, reason })
}

/// What a statement of ours has found, from the text that it could not make a number of.
fn found(message: &str) -> Reason {
    let Some((_, rest)) = message.split_once(MARK) else { return Reason::Other };
    let Some((text, _)) = rest.split_once('\'') else { return Reason::Other };
    if text == ABSENT {
        return Reason::Absent;
    }
    // A version that was stored as a double is spelled as one; what is no number stands for none.
    let number = text.split('.').next().and_then(|digits| digits.parse().ok());
    Reason::Found(number.map_or(Version::NONE, Version::new))
}

fn taken(error: &Fields, message: &str) -> Reason {
    let pattern = error.get_document("keyPattern").ok();
    if pattern.is_some_and(|pattern| pattern.len() == 1 && pattern.contains_key("_id")) {
        return Reason::IdTaken;
    }
    let index = message.split_once(" index: ").and_then(|(_, rest)| rest.split_once(" dup key"));
    let index = index.map(|(name, _)| name.to_owned()).unwrap_or_default();
    let key = error.get_document("keyValue").cloned().unwrap_or_default();
    Reason::KeyTaken { index, pattern: pattern.cloned().unwrap_or_default(), key }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn what_a_statement_found_is_read_from_its_refusal() {
        let failed = |text: &str| {
            format!("Failed to parse number '{text}' in $convert with no onError value: why")
        };
        for (text, expected) in [
            ("jv:7", "Found(Version(7))"),
            ("jv:5.0", "Found(Version(5))"),
            ("jv:City", "Found(Version(0))"),
            ("jv:?", "Absent"),
            ("jv:-1", "Found(Version(0))"),
            ("something", "Other"),
        ] {
            let reply =
                doc! { "writeErrors": [{ "index": 3, "code": 241, "errmsg": failed(text) }] };
            let refusals = refusals(&reply);
            assert_eq!(refusals.len(), 1);
            assert_eq!(
                (refusals[0].place, format!("{:?}", refusals[0].reason)),
                (3, expected.into())
            );
        }
    }

    #[test]
    fn a_taken_key_is_told_with_its_index() {
        let reply = doc! { "writeErrors": [
            { "index": 0, "code": 11000, "keyPattern": { "_id": 1 }, "keyValue": { "_id": "a" } },
            {
                "index": 1, "code": 11000, "keyPattern": { "context.v": 1 }, "keyValue": { "context.v": 2 },
                "errmsg": "E11000 duplicate key error collection: db.node index: City:context.v_1 dup key: { .. }",
            },
        ] };
        let refusals = refusals(&reply);
        assert!(matches!(refusals[0].reason, Reason::IdTaken));
        let told = format!("{:?}", refusals[1].reason);
        assert!(told.starts_with(r#"KeyTaken { index: "City:context.v_1""#), "{told}");
    }
}
