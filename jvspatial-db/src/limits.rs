//! The bounds that every backend shares, so that what one keeps the other keeps too.

/// The largest document, encoded, in bytes: MongoDB's own bound.
pub const MAX_DOCUMENT_BYTES: usize = 16 * 1024 * 1024;

/// How many maps and lists may stand inside one another in a document.
pub const MAX_DOCUMENT_DEPTH: usize = 100;

/// How many levels a filter may have.
pub const MAX_FILTER_DEPTH: usize = 20;

/// The largest filter, in bytes of its values and names.
pub const MAX_FILTER_BYTES: usize = 1024 * 1024;

/// The longest regular expression, in bytes of its text.
pub const MAX_REGEX_BYTES: usize = 16 * 1024;

/// How large a regular expression may become when its repetitions are written out, in characters
/// and ranges of characters; it bounds the time for each byte that is searched.
pub const MAX_REGEX_SIZE: u64 = 20_000;

/// The longest id in bytes of its text, prefix and entity name included.
pub const MAX_ID_BYTES: usize = 200;

/// The longest entity name in bytes.
pub const MAX_ENTITY_NAME_BYTES: usize = 64;

/// The longest field name in bytes.
pub const MAX_FIELD_NAME_BYTES: usize = 1024;

/// The most documents in one batch: MongoDB's own bound.
pub const MAX_BATCH_OPERATIONS: usize = 100_000;

/// How many fields one update may name.
pub const MAX_UPDATE_FIELDS: usize = 10_000;

/// How many missing elements an update may put before the position that it sets in a list:
/// MongoDB's own bound.
pub const MAX_LIST_PADDING: usize = 1_500_000;
/// The most keys of a sort: MongoDB's own bound.
pub const MAX_SORT_KEYS: usize = 32;

/// How much memory the keys and places of one sort may take unless the backend was told otherwise:
/// MongoDB's own bound.
pub const MAX_SORT_BYTES: usize = 100 * 1024 * 1024;

/// How much memory the values of one [`distinct`](crate::Database::distinct) may take: MongoDB's own
/// bound.
pub const MAX_DISTINCT_BYTES: usize = 16 * 1024 * 1024;

/// How many levels a projection may have.
pub const MAX_PROJECTION_DEPTH: usize = MAX_DOCUMENT_DEPTH;

/// How many paths a projection may name.
pub const MAX_PROJECTION_PATHS: usize = 1000;

/// The longest page token, in bytes of its text.
pub const MAX_PAGE_TOKEN_BYTES: usize = 16 * 1024;

/// The longest resume token of a change feed, in bytes of its text.
pub const MAX_RESUME_TOKEN_BYTES: usize = 16 * 1024;
