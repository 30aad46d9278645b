//! Documents as they lie in Redis.

use bytes::{BufMut as _, Bytes, BytesMut};
use jvspatial_cache::{Cache as _, Entry, Mark, RedisCache};
use jvspatial_db::{Body, Collection, Document, Encoding, Ends, Handle, Id, Version};

/// The first byte; another is of another version.
const FORMAT: u8 = 1;

const JSON: u8 = 0;
const BSON: u8 = 1;

/// The documents that processes share.
#[derive(Clone, Debug)]
pub(super) struct Far {
    redis: RedisCache,
    encoding: Encoding,
}

impl Far {
    pub(super) const fn new(redis: RedisCache, encoding: Encoding) -> Self {
        Self { redis, encoding }
    }

    /// To be taken before documents are read, and handed in with them.
    pub(super) fn mark(&self) -> Mark {
        self.redis.mark()
    }

    /// Those of the documents that are kept; none while Redis is away.
    pub(super) async fn get_many(&self, handles: &[Handle]) -> Vec<Option<Document>> {
        // Edges go with their nodes, and nobody would take them out of Redis.
        if handles.iter().any(|handle| handle.id().collection() == Collection::Edge) {
            return vec![None; handles.len()];
        }
        let keys: Vec<Vec<u8>> = handles.iter().map(|handle| key(handle.id())).collect();
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let Ok(found) = self.redis.get_many(&keys).await else { return vec![None; handles.len()] };
        let read =
            |(handle, entry): (&Handle, Option<Entry>)| read(handle.id(), entry?, self.encoding);
        handles.iter().zip(found).map(read).collect()
    }

    /// Keeps documents that were read after `mark` was taken, where nothing newer is kept.
    pub(super) async fn keep(&self, mark: &Mark, documents: impl Iterator<Item = &Document>) {
        let entries: Vec<_> = documents
            .filter(|document| document.ends.is_none())
            .map(|document| (key(&document.id), document.version.get(), written(document)))
            .collect();
        let entries: Vec<_> = entries
            .iter()
            .map(|(key, version, value)| (key.as_slice(), *version, value.clone()))
            .collect();
        // What is not kept is read again.
        let _ = self.redis.set_newer_many(mark, &entries, None).await;
    }
}

/// The key of the document `id`.
pub(super) fn key(id: &Id) -> Vec<u8> {
    format!("document:{id}").into_bytes()
}

/// A document without its id and version, which stand beside it.
pub(super) fn written(document: &Document) -> Bytes {
    let body = document.body.as_bytes();
    let mut bytes = BytesMut::with_capacity(body.len() + 16);
    bytes.put_u8(FORMAT);
    bytes.put_u8(match document.body.encoding() {
        Encoding::Json => JSON,
        Encoding::Bson => BSON,
    });
    bytes.put_u32_le(document.schema);
    match &document.ends {
        None => bytes.put_u8(0),
        Some(ends) => {
            bytes.put_u8(if ends.bidirectional { 2 } else { 1 });
            for end in [&ends.source, &ends.target] {
                let text = end.to_string();
                // An id has at most 200 bytes.
                bytes.put_u8(u8::try_from(text.len()).unwrap_or(u8::MAX));
                bytes.put_slice(text.as_bytes());
            }
        }
    }
    bytes.put_slice(body);
    bytes.freeze()
}

/// The document `id`; nothing for bytes that are no document in `encoding`.
pub(super) fn read(id: &Id, entry: Entry, encoding: Encoding) -> Option<Document> {
    let Entry { version, value } = entry;
    let (head, mut rest) = value.split_at_checked(7)?;
    let [format, written_in, s0, s1, s2, s3, ends] = *head else { return None };
    let expected = match encoding {
        Encoding::Json => JSON,
        Encoding::Bson => BSON,
    };
    if format != FORMAT || written_in != expected {
        return None;
    }
    let mut end = || {
        let (len, behind) = rest.split_first()?;
        let (text, behind) = behind.split_at_checked(usize::from(*len))?;
        rest = behind;
        std::str::from_utf8(text).ok()?.parse::<Id>().ok()
    };
    let ends = match ends {
        0 => None,
        1 | 2 => Some(Ends { source: end()?, target: end()?, bidirectional: ends == 2 }),
        _ => return None,
    };
    let body = Body::new(encoding, value.slice_ref(rest));
    Some(Document {
        id: id.clone(),
        version: Version::new(version),
        schema: u32::from_le_bytes([s0, s1, s2, s3]),
        ends,
        body,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn document(ends: Option<Ends>) -> Document {
        let id = if ends.is_some() { "e.Road.a" } else { "n.City.a" };
        let body = Body::new(Encoding::Json, Bytes::from_static(br#"{"name":"\u00c5s"}"#));
        let (version, schema) = (Version::new(7), 3);
        Document { id: id.parse().unwrap(), version, schema, ends, body }
    }

    fn entry(document: &Document) -> Entry {
        Entry { version: document.version.get(), value: written(document) }
    }

    #[test]
    fn a_document_comes_back_as_it_was() {
        let ends = |bidirectional| Ends {
            source: Id::root(),
            target: "n.City.b".parse().unwrap(),
            bidirectional,
        };
        for document in [document(None), document(Some(ends(false))), document(Some(ends(true)))] {
            let back = read(&document.id, entry(&document), Encoding::Json).unwrap();
            assert_eq!((&back.id, back.version, back.schema), (&document.id, Version::new(7), 3));
            assert_eq!(back.ends, document.ends);
            assert_eq!(back.body.as_bytes(), document.body.as_bytes());
        }
    }

    #[test]
    fn what_is_no_document_of_this_version_and_encoding_is_none() {
        let document =
            document(Some(Ends { source: Id::root(), target: Id::root(), bidirectional: true }));
        let whole = entry(&document);
        assert!(read(&document.id, whole.clone(), Encoding::Bson).is_none());
        for len in 0..7 + 2 * (1 + Id::ROOT.len()) {
            let cut = Entry { version: 1, value: whole.value.slice(..len) };
            assert!(read(&document.id, cut, Encoding::Json).is_none(), "{len} bytes");
        }
        for place in [0, 1, 6, 7] {
            let mut bytes = whole.value.to_vec();
            bytes[place] = 250;
            let changed = Entry { version: 1, value: bytes.into() };
            assert!(read(&document.id, changed, Encoding::Json).is_none(), "byte {place}");
        }
    }
}
