//! What a save stores: the fields of the value, and the stored fields that its type does not know.

use std::collections::HashMap;

use ::bson::{Bson, Document};
use foldhash::fast::RandomState;

use super::layout::{BsonLayout, JsonLayout, Layout, Member};
use super::{Encoding, same_shape, to_bson_document};
use crate::limits::{MAX_DOCUMENT_BYTES, MAX_DOCUMENT_DEPTH};
use crate::{Error, Result};

/// Appends `after`, the encoding of the value to save, joined by what the type of the value does
/// not know of `base`, the stored body that the value was loaded from.
///
/// At every level of maps the keys of `after` win, in the order of `after`. A key of `base` that is
/// neither in `after` nor in the encoding of what `base` decodes to is unknown to the type: it
/// stays, byte for byte, behind the known key that it stood behind. A key that the type knows and
/// `after` lacks was cleared, and goes. Lists, scalars and Extended JSON wrappers are replaced
/// whole.
///
/// `reencode` decodes a body into the type and encodes the value again. It is called only when
/// `base` has keys that `after` lacks: once for `base`, and once for each attempt to find out which
/// of the keys that look unknown are read by the type all the same, under an alias or by code of
/// its own. Such a key would change the value, or make the body unreadable, so it goes.
///
/// # Errors
/// `Corrupt` when `base` or `after` are not of this encoding, `Limit` when the result is larger
/// than a document may be, and the error of `reencode` for `base`. After an error `out` is as it
/// was.
pub fn merge(
    encoding: Encoding,
    base: &[u8],
    after: &[u8],
    reencode: impl FnMut(&[u8]) -> Result<Vec<u8>>,
    out: &mut Vec<u8>,
) -> Result<()> {
    if same_shape(encoding, base, after) {
        out.extend_from_slice(after);
        return Ok(());
    }
    match encoding {
        Encoding::Json => Merge::<JsonLayout, _>::run(encoding, base, after, reencode, out),
        Encoding::Bson => Merge::<BsonLayout, _>::run(encoding, base, after, reencode, out),
    }
}

/// One merge of two bodies that differ in their keys.
struct Merge<'a, L, R> {
    encoding: Encoding,
    base: &'a [u8],
    before: Vec<u8>,
    after: &'a [u8],
    reencode: R,
    /// Whether the type, given `after`, encodes the same again. Types that do not (a set in random
    /// order) can be asked only whether they read a body at all.
    is_stable: bool,
    layout: std::marker::PhantomData<L>,
}

impl<'a, L: Layout, R: FnMut(&[u8]) -> Result<Vec<u8>>> Merge<'a, L, R> {
    fn run(
        encoding: Encoding,
        base: &'a [u8],
        after: &'a [u8],
        mut reencode: R,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let start = out.len();
        if join::<L>(base, L::EMPTY, after, &mut Choice::all(), &mut Vec::new())? == 0 {
            // Nothing is missing from `after`, so that nothing can be unknown.
            out.extend_from_slice(after);
            return Ok(());
        }
        let before = reencode(base)?;
        let unknown = join::<L>(base, &before, after, &mut Choice::all(), out)?;
        if unknown > 0 {
            let layout = std::marker::PhantomData;
            let mut merge =
                Self { encoding, base, before, after, reencode, is_stable: true, layout };
            if !merge.is_kept(&out[start..]) {
                let chosen = merge.choose(unknown);
                out.truncate(start);
                join::<L>(base, &merge.before, after, &mut Choice::of(&chosen), out)?;
            }
        }
        let bytes = out.len() - start;
        if bytes > MAX_DOCUMENT_BYTES {
            out.truncate(start);
            return Err(Error::limit("document is too large with the stored fields it keeps")
                .with("bytes", bytes)
                .with("limit", MAX_DOCUMENT_BYTES));
        }
        Ok(())
    }

    /// Whether a merged body still holds the value.
    fn is_kept(&mut self, merged: &[u8]) -> bool {
        match (self.reencode)(merged) {
            Ok(again) => !self.is_stable || same_value(self.encoding, &again, self.after),
            Err(_) => false,
        }
    }

    /// Which of the fields that look unknown can stay. Halves the fields until those that the type
    /// reads stand alone.
    fn choose(&mut self, unknown: usize) -> Vec<bool> {
        let after = self.after;
        self.is_stable = self.is_kept(after);
        let mut chosen = vec![false; unknown];
        let mut open = Vec::from([(0, unknown)]);
        let mut merged = Vec::new();
        while let Some((from, to)) = open.pop() {
            chosen[from..to].fill(true);
            merged.clear();
            let mut choice = Choice::of(&chosen);
            let joined =
                join::<L>(self.base, &self.before, after, &mut choice, &mut merged).is_ok();
            if joined && self.is_kept(&merged) {
                continue;
            }
            chosen[from..to].fill(false);
            if to - from > 1 {
                let middle = from.midpoint(to);
                open.push((middle, to));
                open.push((from, middle));
            }
        }
        chosen
    }
}

/// Which of the fields that look unknown to keep, in the order in which `join` meets them.
struct Choice<'a> {
    chosen: Option<&'a [bool]>,
    met: usize,
}

impl<'a> Choice<'a> {
    fn all() -> Self {
        Self { chosen: None, met: 0 }
    }

    fn of(chosen: &'a [bool]) -> Self {
        Self { chosen: Some(chosen), met: 0 }
    }

    fn next(&mut self) -> bool {
        let keep = self.chosen.is_none_or(|chosen| chosen.get(self.met) == Some(&true));
        self.met += 1;
        keep
    }
}

/// Appends the merged map and returns how many fields looked unknown.
fn join<L: Layout>(
    base: &[u8],
    before: &[u8],
    after: &[u8],
    choice: &mut Choice<'_>,
    out: &mut Vec<u8>,
) -> Result<usize> {
    let start = out.len();
    join_maps::<L>(base, before, after, choice, out, MAX_DOCUMENT_DEPTH)
        .inspect_err(|_| out.truncate(start))?;
    Ok(choice.met)
}

fn join_maps<L: Layout>(
    base: &[u8],
    before: &[u8],
    after: &[u8],
    choice: &mut Choice<'_>,
    out: &mut Vec<u8>,
    levels: usize,
) -> Result<()> {
    let base = members::<L>(base)?;
    let before = members::<L>(before)?;
    let after = members::<L>(after)?;
    let (in_before, in_after) = (Names::of(&before), Names::of(&after));

    // For each known key of `base` the unknown ones behind it, in order.
    let mut partners = vec![None; after.len()];
    let mut unknown: Vec<(Option<usize>, &Member<'_>)> = Vec::new();
    let mut anchor = None;
    for member in &base {
        if let Some(index) = in_after.find(&member.name) {
            anchor = Some(index);
            partners[index] = Some(member);
        } else if in_before.find(&member.name).is_none() && choice.next() {
            unknown.push((anchor, member));
        }
    }
    unknown.sort_by_key(|(anchor, _)| *anchor);
    let mut unknown = unknown.into_iter().peekable();

    let mark = L::open(out);
    while let Some((_, member)) = unknown.next_if(|(anchor, _)| anchor.is_none()) {
        L::copy(out, mark, member);
    }
    for (index, member) in after.iter().enumerate() {
        match partners[index] {
            Some(stored) if stored.is_map && member.is_map && levels > 1 => {
                let known = in_before.find(&member.name).map(|index| &before[index]);
                let known = known.filter(|known| known.is_map).map_or(L::EMPTY, |map| map.value);
                L::head(out, mark, member);
                join_maps::<L>(stored.value, known, member.value, choice, out, levels - 1)?;
            }
            _ => L::copy(out, mark, member),
        }
        while let Some((_, member)) = unknown.next_if(|(anchor, _)| *anchor == Some(index)) {
            L::copy(out, mark, member);
        }
    }
    L::close(out, mark);
    Ok(())
}

fn members<L: Layout>(map: &[u8]) -> Result<Vec<Member<'_>>> {
    L::members(map).ok_or_else(|| Error::corrupt("stored body is not a document"))
}

/// The positions of names; a table only for so many that a search would be slow.
enum Names<'a> {
    Few(&'a [Member<'a>]),
    Many(HashMap<&'a str, usize, RandomState>),
}

impl<'a> Names<'a> {
    const FEW: usize = 16;

    fn of(members: &'a [Member<'a>]) -> Self {
        if members.len() <= Self::FEW {
            return Self::Few(members);
        }
        let names = members.iter().enumerate();
        Self::Many(names.map(|(index, member)| (member.name.as_ref(), index)).collect())
    }

    fn find(&self, name: &str) -> Option<usize> {
        match self {
            Self::Few(members) => members.iter().position(|member| member.name == name),
            Self::Many(names) => names.get(name).copied(),
        }
    }
}

/// Whether two bodies hold the same value: the order of keys, which a `HashMap` does not keep, does
/// not count.
fn same_value(encoding: Encoding, one: &[u8], two: &[u8]) -> bool {
    if one == two {
        return true;
    }
    match (to_bson_document(encoding, one), to_bson_document(encoding, two)) {
        (Ok(one), Ok(two)) => same_document(&one, &two),
        _ => false,
    }
}

fn same_document(one: &Document, two: &Document) -> bool {
    one.len() == two.len()
        && one.iter().all(|(name, value)| two.get(name).is_some_and(|other| same(value, other)))
}

fn same(one: &Bson, two: &Bson) -> bool {
    match (one, two) {
        (Bson::Document(one), Bson::Document(two)) => same_document(one, two),
        (Bson::Array(one), Bson::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same(one, two))
        }
        (Bson::Double(one), Bson::Double(two)) => one.to_bits() == two.to_bits(),
        _ => one == two,
    }
}
