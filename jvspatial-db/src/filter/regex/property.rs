//! Unicode properties by the names that PCRE gives them.

use regex_syntax::hir::{Class, ClassUnicode, HirKind, Literal};

use super::class;

/// General categories.
const CATEGORIES: [&str; 36] = [
    "C", "Cc", "Cf", "Cn", "Co", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N",
    "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So",
    "Z", "Zl", "Zp", "Zs",
];

/// Scripts: those of Unicode 7, which PCRE knows.
#[rustfmt::skip]
const SCRIPTS: [&str; 125] = [
    "Arabic", "Armenian", "Avestan", "Balinese", "Bamum", "Bassa_Vah", "Batak", "Bengali",
    "Bopomofo", "Brahmi", "Braille", "Buginese", "Buhid", "Canadian_Aboriginal", "Carian",
    "Caucasian_Albanian", "Chakma", "Cham", "Cherokee", "Common", "Coptic", "Cuneiform",
    "Cypriot", "Cyrillic", "Deseret", "Devanagari", "Duployan", "Egyptian_Hieroglyphs",
    "Elbasan", "Ethiopic", "Georgian", "Glagolitic", "Gothic", "Grantha", "Greek", "Gujarati",
    "Gurmukhi", "Han", "Hangul", "Hanunoo", "Hebrew", "Hiragana", "Imperial_Aramaic",
    "Inherited", "Inscriptional_Pahlavi", "Inscriptional_Parthian", "Javanese", "Kaithi",
    "Kannada", "Katakana", "Kayah_Li", "Kharoshthi", "Khmer", "Khojki", "Khudawadi", "Lao",
    "Latin", "Lepcha", "Limbu", "Linear_A", "Linear_B", "Lisu", "Lycian", "Lydian", "Mahajani",
    "Malayalam", "Mandaic", "Manichaean", "Meetei_Mayek", "Mende_Kikakui", "Meroitic_Cursive",
    "Meroitic_Hieroglyphs", "Miao", "Modi", "Mongolian", "Mro", "Myanmar", "Nabataean",
    "New_Tai_Lue", "Nko", "Ogham", "Ol_Chiki", "Old_Italic", "Old_North_Arabian", "Old_Permic",
    "Old_Persian", "Old_South_Arabian", "Old_Turkic", "Oriya", "Osmanya", "Pahawh_Hmong",
    "Palmyrene", "Pau_Cin_Hau", "Phags_Pa", "Phoenician", "Psalter_Pahlavi", "Rejang", "Runic",
    "Samaritan", "Saurashtra", "Sharada", "Shavian", "Siddham", "Sinhala", "Sora_Sompeng",
    "Sundanese", "Syloti_Nagri", "Syriac", "Tagalog", "Tagbanwa", "Tai_Le", "Tai_Tham",
    "Tai_Viet", "Takri", "Tamil", "Telugu", "Thaana", "Thai", "Tibetan", "Tifinagh", "Tirhuta",
    "Ugaritic", "Vai", "Warang_Citi", "Yi",
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
        script if SCRIPTS.contains(&script) => lookup(&format!("\\p{{sc={script}}}")),
        _ => None,
    }
}

fn lookup(pattern: &str) -> Option<ClassUnicode> {
    match regex_syntax::parse(pattern).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(set)) => Some(set),
        // What a set of a single character is made of.
        HirKind::Literal(Literal(bytes)) => {
            let single = std::str::from_utf8(&bytes).ok()?.chars().next()?;
            Some(class::set(&[(single, single)]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_and_category_has_characters() {
        for name in SCRIPTS.iter().chain(&CATEGORIES) {
            assert!(find(name).is_some_and(|set| !set.ranges().is_empty()), "{name}");
        }
    }
}
