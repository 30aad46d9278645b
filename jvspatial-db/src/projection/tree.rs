//! Paths joined at their common beginnings.

use crate::filter::FieldPath;

/// A set of paths; a tree without branches stands for everything at its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PathTree(Vec<(Box<str>, PathTree)>);

impl PathTree {
    /// Whether a path ends here.
    pub(crate) const fn is_leaf(&self) -> bool {
        self.0.is_empty()
    }

    /// How many names branch off.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The first names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// The paths that go on with `name`.
    #[inline]
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.get_bytes(name.as_bytes())
    }

    /// As [`get`](Self::get), for a name that nobody checked.
    #[inline]
    pub(crate) fn get_bytes(&self, name: &[u8]) -> Option<&Self> {
        self.0.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, tree)| tree)
    }

    /// Adds a path; `false` when it is, leads into or lies on the way to one that is there.
    pub(crate) fn insert(&mut self, path: &FieldPath) -> bool {
        let mut tree = self;
        let mut is_new = false;
        for (at, name) in path.segments().enumerate() {
            if at > 0 && tree.is_leaf() && !is_new {
                return false;
            }
            let known = tree.0.iter().position(|(known, _)| **known == *name);
            is_new = known.is_none();
            let at = known.unwrap_or_else(|| {
                tree.0.push((name.into(), Self::default()));
                tree.0.len() - 1
            });
            tree = &mut tree.0[at].1;
        }
        is_new
    }

    /// Adds a path; the shorter of two paths stands for both.
    pub(crate) fn keep(&mut self, path: &FieldPath) {
        let mut tree = self;
        for (at, name) in path.segments().enumerate() {
            let known = tree.0.iter().position(|(known, _)| **known == *name);
            let Some(known) = known else {
                if at > 0 && tree.is_leaf() {
                    return;
                }
                let mut rest = Self::default();
                for later in (at + 1..path.len()).rev() {
                    rest = Self(vec![(path.segment(later).into(), rest)]);
                }
                tree.0.push((name.into(), rest));
                return;
            };
            tree = &mut tree.0[known].1;
        }
        tree.0.clear();
    }

    /// Whether everything at `path` is in the set.
    pub(crate) fn leads_to(&self, path: &FieldPath) -> bool {
        let mut tree = self;
        for name in path.segments() {
            match tree.get(name) {
                Some(inner) if inner.is_leaf() => return true,
                Some(inner) => tree = inner,
                None => return false,
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn path(text: &str) -> FieldPath {
        FieldPath::parse(text).unwrap()
    }

    #[test]
    fn a_path_that_is_or_leads_into_another_one_is_not_inserted() {
        for (paths, fits) in [
            (["a.b", "a.c"], true),
            (["a", "b"], true),
            (["a", "a"], false),
            (["a.b", "a.b"], false),
            (["a", "a.b"], false),
            (["a.b", "a"], false),
            (["a.b.c", "a.b"], false),
            (["a.b", "a.b.c.d"], false),
        ] {
            let mut tree = PathTree::default();
            assert!(tree.insert(&path(paths[0])));
            assert_eq!(tree.insert(&path(paths[1])), fits, "{paths:?}");
        }
    }

    #[test]
    fn the_shorter_of_two_kept_paths_stands_for_both() {
        for paths in [["a.b", "a.b.c"], ["a.b.c", "a.b"], ["a.b", "a.b"]] {
            let mut tree = PathTree::default();
            paths.iter().for_each(|text| tree.keep(&path(text)));
            assert!(tree.get("a").unwrap().get("b").unwrap().is_leaf(), "{paths:?}");
            assert!(tree.leads_to(&path("a.b.d")) && !tree.leads_to(&path("a.c")));
        }
    }
}
