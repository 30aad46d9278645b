//! The nearest known word to a mistyped one.

use proc_macro2::Ident;
use syn::ext::IdentExt;

/// The message that `word` is no such `thing`, with those that there are.
pub(crate) fn unknown(thing: &str, word: &Ident, known: &[&str]) -> String {
    let word = word.unraw().to_string();
    let known_words = format!("(known: `{}`)", known.join("`, `"));
    match nearest(&word, known) {
        Some(nearest) => {
            format!("unknown {thing} `{word}`, did you mean `{nearest}`? {known_words}")
        }
        None => format!("unknown {thing} `{word}` {known_words}"),
    }
}

/// The word among `known` that `word` was probably meant to be.
///
/// Words that differ in more than a third of their letters are not suggested: a wrong guess
/// misleads.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour to get from
/// `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = a[i - 1] == b[j - 1];
            let mut least = (last[j - 1] + usize::from(!same)).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before_last[j - 2] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["name", "schema", "parallel", "undirected", "from", "to"];

    #[test]
    fn a_slip_of_the_finger_finds_the_word() {
        assert_eq!(nearest("nmae", KNOWN), Some("name"));
        assert_eq!(nearest("shcema", KNOWN), Some("schema"));
        assert_eq!(nearest("paralel", KNOWN), Some("parallel"));
        assert_eq!(nearest("undirectd", KNOWN), Some("undirected"));
        assert_eq!(nearest("form", KNOWN), Some("from"));
    }

    #[test]
    fn another_word_finds_nothing() {
        assert_eq!(nearest("index", KNOWN), None);
        assert_eq!(nearest("collection", KNOWN), None);
        assert_eq!(nearest("", KNOWN), None);
    }
}
