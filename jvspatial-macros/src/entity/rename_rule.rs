//! The cases of serde's `rename_all`, applied to field names exactly as serde does.

/// A case of `#[serde(rename_all = "..")]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RenameRule {
    /// The name as it is: also what `lowercase` and `snake_case` leave of a field's name.
    #[default]
    Keep,
    Upper,
    Pascal,
    Camel,
    Kebab,
    ScreamingKebab,
}

impl RenameRule {
    /// The rule that serde calls `name`; serde itself reports a name that it does not know.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "lowercase" | "snake_case" => Self::Keep,
            "UPPERCASE" | "SCREAMING_SNAKE_CASE" => Self::Upper,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => return None,
        })
    }

    /// What the field `field` is called under this rule.
    pub(crate) fn apply(self, field: &str) -> String {
        match self {
            Self::Keep => field.to_owned(),
            Self::Upper => field.to_ascii_uppercase(),
            Self::Pascal => pascal(field),
            Self::Camel => {
                let mut name = pascal(field);
                // Serde lowers the first byte; it is one letter, or the compiler has stopped inside serde.
                if let Some(first) = name.get_mut(..1) {
                    first.make_ascii_lowercase();
                }
                name
            }
            Self::Kebab => field.replace('_', "-"),
            Self::ScreamingKebab => field.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn pascal(field: &str) -> String {
    let mut name = String::with_capacity(field.len());
    let mut capitalize = true;
    for letter in field.chars() {
        if letter == '_' {
            capitalize = true;
        } else if capitalize {
            name.push(letter.to_ascii_uppercase());
            capitalize = false;
        } else {
            name.push(letter);
        }
    }
    name
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn renamed(rule: &str, field: &str) -> String {
        RenameRule::named(rule).unwrap().apply(field)
    }

    #[test]
    fn every_case_of_serde_is_applied_as_serde_does() {
        // The table of serde_derive's own test.
        for (field, upper, pascal, camel, kebab, screaming_kebab) in [
            ("outcome", "OUTCOME", "Outcome", "outcome", "outcome", "OUTCOME"),
            ("very_tasty", "VERY_TASTY", "VeryTasty", "veryTasty", "very-tasty", "VERY-TASTY"),
            ("a", "A", "A", "a", "a", "A"),
            ("z42", "Z42", "Z42", "z42", "z42", "Z42"),
        ] {
            assert_eq!(renamed("lowercase", field), field);
            assert_eq!(renamed("snake_case", field), field);
            assert_eq!(renamed("UPPERCASE", field), upper);
            assert_eq!(renamed("SCREAMING_SNAKE_CASE", field), upper);
            assert_eq!(renamed("PascalCase", field), pascal);
            assert_eq!(renamed("camelCase", field), camel);
            assert_eq!(renamed("kebab-case", field), kebab);
            assert_eq!(renamed("SCREAMING-KEBAB-CASE", field), screaming_kebab);
        }
    }

    #[test]
    fn names_on_which_serde_gives_up_do_not_panic() {
        assert_eq!(renamed("camelCase", "__"), "");
        assert_eq!(renamed("camelCase", "été"), "été");
    }

    #[test]
    fn other_words_are_no_rule() {
        assert_eq!(RenameRule::named("Camel"), None);
    }
}
