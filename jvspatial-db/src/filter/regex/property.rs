//! Unicode properties by the names that PCRE gives them.

use regex_syntax::hir::{Class, ClassUnicode, HirKind};

use super::class;

/// General categories.
const CATEGORIES: [&str; 36] = [
    "C", "Cc", "Cf", "Cn", "Co", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N",
    "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So",
    "Z", "Zl", "Zp", "Zs",
];

/// The characters with the property `name`: a general category or a script.
pub(super) fn find(name: &str) -> Option<ClassUnicode> {
    match name {
        "Any" => Some(class::all()),
        // Half of a surrogate pair is no character.
        "Cs" => Some(class::set(&[])),
        "L&" => {
            let mut set = find("Ll")?;
            set.union(&find("Lu")?);
            set.union(&find("Lt")?);
            Some(set)
        }
        category if CATEGORIES.contains(&category) => lookup(&format!("\\p{{gc={category}}}")),
        script if is_script(script) => lookup(&format!("\\p{{sc={script}}}")),
        _ => None,
    }
}

/// Whether `name` is written like `Old_Italic`. The lookup is more lenient than PCRE.
fn is_script(name: &str) -> bool {
    name.len() < 64
        && name.split('_').all(|word| {
            word.starts_with(|c: char| c.is_ascii_uppercase())
                && word.len() > 1
                && word.chars().all(|c| c.is_ascii_alphabetic())
        })
}

fn lookup(pattern: &str) -> Option<ClassUnicode> {
    match regex_syntax::parse(pattern).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(set)) => Some(set),
        _ => None,
    }
}
