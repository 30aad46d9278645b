//! A writer of journals and manifests made from `docs/format.md` alone: sound where a bomb has to be.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

const STORE: &str = "00112233445566778899aabb";

/// A segment in the making.
pub(super) struct Journal {
    pub(super) bytes: Vec<u8>,
    sequence: u64,
    previous: u64,
    lines: Vec<u64>,
}

impl Journal {
    pub(super) fn new() -> Self {
        Self::after(1, 0)
    }

    /// The segment `number`, whose first commit comes after `sequence`.
    pub(super) fn after(number: u32, sequence: u64) -> Self {
        let bytes = format!("{{\"_segment\":{number},\"format\":1,\"store\":\"{STORE}\"}}\n");
        let previous = xxh3_64(bytes.as_bytes());
        Self { bytes: bytes.into_bytes(), sequence, previous, lines: Vec::new() }
    }

    fn line(&mut self, line: &str) {
        self.bytes.extend_from_slice(line.as_bytes());
        self.lines.push(xxh3_64(line.as_bytes()));
    }

    pub(super) fn document(&mut self, id: &str, version: u64, fields: &str) {
        let entity = id.split('.').nth(1).unwrap();
        self.line(&format!(
            "{{\"_id\":\"{id}\",\"_version\":{version},\"entity\":\"{entity}\",\"context\":{fields}}}\n"
        ));
    }

    pub(super) fn tombstone(&mut self, id: &str, version: u64) {
        self.line(&format!("{{\"_id\":\"{id}\",\"_version\":{version},\"_deleted\":true}}\n"));
    }

    pub(super) fn commit(&mut self) {
        self.commit_as(self.lines.len() as u64);
    }

    /// Closes the batch and says that it has `count` lines.
    pub(super) fn commit_as(&mut self, count: u64) {
        self.sequence += 1;
        let head = format!(
            "{{\"_commit\":{},\"count\":{count},\"synced\":{},\"previous\":\"{:016x}\",\"checksum\":\"",
            self.sequence,
            self.sequence - 1,
            self.previous,
        );
        let mut input: Vec<u8> = self.lines.drain(..).flat_map(u64::to_le_bytes).collect();
        input.extend_from_slice(head.as_bytes());
        self.previous = xxh3_64(&input);
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(format!("{:016x}\"}}\n", self.previous).as_bytes());
    }

    /// Writes it as the segment `number` of the store in `home`; how a manifest spells its end.
    pub(super) fn plant(&self, home: &Path, number: u32) -> String {
        std::fs::write(home.join(format!("journal/{number:08}.jsonl")), &self.bytes).unwrap();
        let (bytes, sequence, checksum) = (self.bytes.len(), self.sequence, self.previous);
        format!("{{\"bytes\":{bytes},\"sequence\":{sequence},\"checksum\":\"{checksum:016x}\"}}")
    }
}

/// Writes a manifest with a sound checksum.
pub(super) fn plant_manifest(home: &Path, sealed: &str, active: u32, closed: &str) {
    let mut text = format!(
        "{{\"format\":1,\"store\":\"{STORE}\",\"sealed\":[{sealed}],\"active\":{active},\
         \"closed\":{closed},\n  \"checksum\": \""
    );
    let checksum = xxh3_64(text.as_bytes());
    text.push_str(&format!("{checksum:016x}\"\n}}\n"));
    std::fs::write(home.join("MANIFEST.json"), text).unwrap();
}

/// Makes a file, or lets one grow, to `len` bytes that take no room on the disk.
pub(super) fn sparse(path: &Path, len: u64) {
    let file = File::options().append(true).create(true).open(path).unwrap();
    file.set_len(len).unwrap();
}

/// Adds to the end of a file.
pub(super) fn append(path: &Path, bytes: &[u8]) {
    File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}
