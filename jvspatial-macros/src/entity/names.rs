//! The rules for names that the databases keep, checked while compiling.
//!
//! They are those of `jvspatial_db::EntityName` and `jvspatial_db::limits`.

const MAX_ENTITY_NAME_BYTES: usize = 64;
const MAX_FIELD_NAME_BYTES: usize = 1024;

/// Why `name` cannot be the name of an entity type.
pub(crate) fn check_entity(name: &str) -> Result<(), String> {
    if name.len() > MAX_ENTITY_NAME_BYTES {
        return Err(format!(
            "the entity name has {} bytes, at most {MAX_ENTITY_NAME_BYTES} are kept",
            name.len()
        ));
    }
    let mut letters = name.chars();
    let first = letters.next().is_some_and(|letter| letter.is_alphabetic() || letter == '_');
    if !first || !letters.all(|letter| letter.is_alphanumeric() || letter == '_') {
        return Err(format!(
            "{name:?} cannot be an entity name: it must be a letter or underscore followed by letters, digits, underscores"
        ));
    }
    Ok(())
}

/// Why `name` cannot be the stored name of a field.
pub(crate) fn check_field(name: &str) -> Result<(), String> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.starts_with('$') {
        "it begins with `$`"
    } else if name.contains('.') {
        "it contains `.`"
    } else if name.contains('\0') {
        "it contains NUL"
    } else if name.len() > MAX_FIELD_NAME_BYTES {
        return Err(format!(
            "the field name has {} bytes, at most {MAX_FIELD_NAME_BYTES} are kept",
            name.len()
        ));
    } else {
        return Ok(());
    };
    Err(format!("{name:?} cannot be the stored name of a field: {reason}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn entity_names_follow_the_rule_of_the_database() {
        for name in ["City", "Straße", "都市", "_Hidden", "V2"] {
            assert_eq!(check_entity(name), Ok(()), "{name}");
        }
        for name in ["", "a.b", "a/b", "a\\b", "a\0b", "..", "a b", "a\nb", "1a", "a-b"] {
            assert!(check_entity(name).is_err(), "{name:?}");
        }
        assert_eq!(check_entity(&"x".repeat(64)), Ok(()));
        assert!(check_entity(&"x".repeat(65)).unwrap_err().contains("65 bytes"));
    }

    #[test]
    fn field_names_that_no_database_keeps_are_refused() {
        for name in ["type", "_id", "a$", "größe", "a b", "0"] {
            assert_eq!(check_field(name), Ok(()), "{name}");
        }
        for name in ["", "$set", "a.b", ".", "a\0"] {
            assert!(check_field(name).is_err(), "{name:?}");
        }
        assert_eq!(check_field(&"x".repeat(1024)), Ok(()));
        assert!(check_field(&"x".repeat(1025)).unwrap_err().contains("1025 bytes"));
    }
}
