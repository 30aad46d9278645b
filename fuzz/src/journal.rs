//! Lines of the journal: their checksums repaired, and their meaning by the shortest way.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

/// The store that all journals here belong to.
pub const STORE: &str = "00112233445566778899aabb";

/// The first line of a segment.
pub fn header(segment: u32) -> Vec<u8> {
    format!("{{\"_segment\":{segment},\"format\":1,\"store\":\"{STORE}\"}}\n").into_bytes()
}

/// How a segment ends, as the manifest says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub bytes: u64,
    pub sequence: u64,
    pub checksum: u64,
}

/// A segment in the making.
pub struct Segment {
    pub bytes: Vec<u8>,
    sequence: u64,
    previous: u64,
    lines: Vec<u64>,
}

impl Segment {
    /// A segment with its first line, whose first commit comes after `sequence`.
    pub fn new(number: u32, sequence: u64) -> Self {
        let bytes = header(number);
        let previous = xxh3_64(&bytes);
        Self { bytes, sequence, previous, lines: Vec::new() }
    }

    /// Appends a line, without its end, to the batch that is open.
    pub fn line(&mut self, line: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(line);
        self.bytes.push(b'\n');
        self.lines.push(xxh3_64(&self.bytes[start..]));
    }

    /// Closes the batch; the commit line says that the `lag`th before it was synced.
    pub fn commit(&mut self, lag: u64) {
        self.sequence += 1;
        let head = format!(
            "{{\"_commit\":{},\"count\":{},\"synced\":{},\"previous\":\"{:016x}\",\"checksum\":\"",
            self.sequence,
            self.lines.len(),
            self.sequence.saturating_sub(lag.max(1)),
            self.previous,
        );
        let mut input: Vec<u8> = self.lines.drain(..).flat_map(u64::to_le_bytes).collect();
        input.extend_from_slice(head.as_bytes());
        self.previous = xxh3_64(&input);
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(format!("{:016x}\"}}\n", self.previous).as_bytes());
    }

    /// Appends `text` line by line, with a sound commit line for each line that begins like one.
    pub fn repair(&mut self, text: &[u8]) {
        for line in text.split(|byte| *byte == b'\n') {
            match line.strip_prefix(b"{\"_commit\":") {
                Some(rest) => self.commit(rest.len() as u64 % 3),
                None if line.is_empty() => {}
                None => self.line(line),
            }
        }
    }

    /// How the segment ends.
    pub fn end(&self) -> End {
        let bytes = self.bytes.len() as u64;
        End { bytes, sequence: self.sequence, checksum: self.previous }
    }
}

/// A document as its line says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub version: u64,
    pub body: Vec<u8>,
    /// Source, target and whether both ways, as text.
    pub ends: Option<(String, String, bool)>,
}

/// Documents by id.
pub type State = BTreeMap<String, Stored>;

/// What the first `commits` batches of a segment leave, and where the last of them ends.
///
/// Only for segments whose lines the library has accepted: a line of another form panics.
pub fn state(segment: &[u8], commits: u64) -> (State, usize) {
    let (mut state, mut pending) = (State::new(), Vec::new());
    let mut end = 0;
    let mut seen = 0;
    for (number, line) in segment.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if number > 0 && seen == commits {
            break;
        }
        let start = end;
        end += line.len();
        if number == 0 {
            continue;
        }
        if line.starts_with(b"{\"_commit\":") {
            seen += 1;
            for line in pending.drain(..) {
                apply(&mut state, line);
            }
        } else {
            pending.push(&segment[start..end - 1]);
        }
    }
    assert_eq!(seen, commits, "fewer commit lines than commits");
    (state, end)
}

fn apply(state: &mut State, line: &[u8]) {
    let rest = line.strip_prefix(b"{\"_id\":\"").expect("an id");
    let quote = find(rest, b"\"").expect("the end of an id");
    let id = String::from_utf8(rest[..quote].to_vec()).expect("an id in UTF-8");
    let rest = rest[quote..].strip_prefix(b"\",\"_version\":").expect("a version");
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let version = std::str::from_utf8(&rest[..digits]).unwrap().parse().expect("a number");
    let rest = &rest[digits..];
    if rest == b",\"_deleted\":true}" {
        state.remove(&id);
        return;
    }
    let context = find(rest, b",\"context\":").expect("fields") + b",\"context\":".len();
    let fields = rest[context..].strip_suffix(b"}").expect("the end of a document");
    let (body, ends) = match id.starts_with('e') {
        true => ends(fields),
        false => (fields, None),
    };
    state.insert(id, Stored { version, body: body.to_vec(), ends });
}

/// Splits an edge's fields from its ends.
fn ends(text: &[u8]) -> (&[u8], Option<(String, String, bool)>) {
    let start = (0..text.len())
        .rev()
        .find(|start| text[*start..].starts_with(b",\"source\":\""))
        .expect("a source");
    let tail = std::str::from_utf8(&text[start..]).expect("ids in UTF-8");
    let parts: Vec<&str> = tail.split('"').collect();
    let [_, "source", ":", source, ",", "target", ":", target, ",", "bidirectional", both] =
        parts[..]
    else {
        panic!("ends spelled otherwise: {tail}");
    };
    let both = both == ":true";
    (&text[..start], Some((source.to_owned(), target.to_owned(), both)))
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
