//! Takes fields out of a body, or leaves them out, byte by byte.

use super::Encoding;
use super::bson::{self, LIST, MAP};
use super::fault::Fault;
use super::pick::{Members, broken, member_of};
use super::raw::{self, Elements};
use super::scan::Scan;
use super::shape::is_map;
use crate::Result;
use crate::limits::MAX_DOCUMENT_DEPTH;
use crate::projection::{Mode, PathTree};

/// Appends what `mode` and `paths` leave of the body `bytes`, in the same encoding.
///
/// # Errors
/// `Corrupt` when the bytes, as far as they are read, are not of the encoding; `Limit` when they are
/// too deep. After an error `out` may hold a part.
pub(crate) fn project(
    encoding: Encoding,
    bytes: &[u8],
    mode: Mode,
    paths: &PathTree,
    out: &mut Vec<u8>,
) -> Result<()> {
    match encoding {
        Encoding::Json => Json { mode, out }.map(bytes, paths, 1),
        Encoding::Bson => {
            raw::check_depth(bytes).map_err(Fault::into_error)?;
            Bson { mode, out }.map(bytes, paths)
        }
    }
}

struct Json<'o> {
    mode: Mode,
    out: &'o mut Vec<u8>,
}

impl Json<'_> {
    fn map(&mut self, map: &[u8], paths: &PathTree, depth: usize) -> Result<()> {
        let mut members = Members::of(map).ok_or_else(broken)?;
        let mut missing = paths.len();
        self.out.push(b'{');
        let start = self.out.len();
        while (self.mode == Mode::Exclude || missing > 0)
            && let Some((spelled, value)) = members.next().ok_or_else(broken)?
        {
            let paths = member_of(paths, spelled)?.map(|(_, paths)| paths);
            missing = missing.saturating_sub(usize::from(paths.is_some()));
            let mark = self.out.len();
            let head = |out: &mut Vec<u8>| {
                if out.len() > start {
                    out.push(b',');
                }
                out.push(b'"');
                out.extend_from_slice(spelled);
                out.extend_from_slice(b"\":");
            };
            match paths {
                None if self.mode == Mode::Include => continue,
                Some(paths) if paths.is_leaf() && self.mode == Mode::Exclude => continue,
                Some(paths) if !paths.is_leaf() => {
                    head(self.out);
                    if !self.within(value, paths, depth + 1)? {
                        self.out.truncate(mark);
                    }
                }
                _ => {
                    head(self.out);
                    self.out.extend_from_slice(value);
                }
            }
        }
        self.out.push(b'}');
        Ok(())
    }

    /// Writes what is left of a value into which paths lead; `false` when that is nothing.
    fn within(&mut self, value: &[u8], paths: &PathTree, depth: usize) -> Result<bool> {
        if depth > MAX_DOCUMENT_DEPTH {
            return Err(too_deep());
        }
        if is_map(value) {
            return self.map(value, paths, depth).map(|()| true);
        }
        if value.first() == Some(&b'[') {
            return self.list(value, paths, depth).map(|()| true);
        }
        if self.mode == Mode::Exclude {
            self.out.extend_from_slice(value);
        }
        Ok(self.mode == Mode::Exclude)
    }

    fn list(&mut self, list: &[u8], paths: &PathTree, depth: usize) -> Result<()> {
        let mut scan = Scan::new(list);
        self.out.push(b'[');
        let start = self.out.len();
        let mut more = scan.take(b'[') && !scan.take(b']');
        while more {
            scan.skip_space();
            let value = scan.value().ok_or_else(broken)?;
            let mark = self.out.len();
            if mark > start {
                self.out.push(b',');
            }
            if !self.within(value, paths, depth + 1)? {
                self.out.truncate(mark);
            }
            more = scan.take(b',');
            if !more && !scan.take(b']') {
                return Err(broken());
            }
        }
        self.out.push(b']');
        Ok(())
    }
}

#[cold]
fn too_deep() -> crate::Error {
    Fault::limit("document is too deep").with("limit", MAX_DOCUMENT_DEPTH).into_error()
}

/// The recursion is bounded by a check before it.
struct Bson<'o> {
    mode: Mode,
    out: &'o mut Vec<u8>,
}

impl Bson<'_> {
    fn map(&mut self, map: &[u8], paths: &PathTree) -> Result<()> {
        let mut elements = Elements::of(map).ok_or_else(broken)?;
        let mut missing = paths.len();
        let mark = self.open();
        while (self.mode == Mode::Exclude || missing > 0)
            && let Some(element) = elements.next().map_err(|()| broken())?
        {
            let paths = paths.get_bytes(element.name);
            missing = missing.saturating_sub(usize::from(paths.is_some()));
            match paths {
                None if self.mode == Mode::Include => continue,
                Some(paths) if paths.is_leaf() && self.mode == Mode::Exclude => continue,
                Some(paths) if !paths.is_leaf() => {
                    self.within(element.kind, element.name, element.value, paths)?;
                }
                _ => self.out.extend_from_slice(element.whole),
            }
        }
        bson::close(self.out, mark);
        Ok(())
    }

    /// Writes what is left of an element into which paths lead; returns whether that is anything.
    fn within(&mut self, kind: u8, name: &[u8], value: &[u8], paths: &PathTree) -> Result<bool> {
        let is_container = matches!(kind, MAP | LIST);
        if !is_container && self.mode == Mode::Include {
            return Ok(false);
        }
        self.out.push(kind);
        self.out.extend_from_slice(name);
        self.out.push(0);
        match kind {
            MAP => self.map(value, paths)?,
            LIST => self.list(value, paths)?,
            _ => self.out.extend_from_slice(value),
        }
        Ok(true)
    }

    /// Writes the elements that are left under new positions.
    fn list(&mut self, list: &[u8], paths: &PathTree) -> Result<()> {
        let mut elements = Elements::of(list).ok_or_else(broken)?;
        let mark = self.open();
        let mut position = itoa::Buffer::new();
        let mut kept = 0_usize;
        while let Some(element) = elements.next().map_err(|()| broken())? {
            let name = position.format(kept).as_bytes();
            kept += usize::from(self.within(element.kind, name, element.value, paths)?);
        }
        bson::close(self.out, mark);
        Ok(())
    }

    fn open(&mut self) -> usize {
        let mark = self.out.len();
        self.out.extend_from_slice(&[0; 4]);
        mark
    }
}
