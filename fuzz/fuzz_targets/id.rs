//! The text of an id: what is accepted is spelled the same, and can stand in a line of JSON.

#![no_main]

use std::str::FromStr;

use jvspatial_db::Id;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // Two ids on two lines, for no id holds an end of line.
    let text = text.split_once('\n').unwrap_or((text, text));
    let [first, second] = [text.0, text.1].map(Id::from_str);
    for (text, id) in [(text.0, &first), (text.1, &second)] {
        let Ok(id) = id else { continue };
        assert_eq!(id.to_string(), text);
        let mut bytes = Vec::new();
        id.write_to(&mut bytes);
        assert_eq!(bytes, text.as_bytes());
        assert_eq!(id.text_len(), text.len());
        assert!(text.len() <= 200 && !text.contains(['/', '\\', '"']));
        assert!(!text.chars().any(char::is_control));
        let (entity, key) = text[2..].split_once('.').expect("a key");
        assert_eq!(entity, id.entity());
        assert!(!key.is_empty() && !key.contains(".."));
        assert_eq!(Id::from_str(text).ok().as_ref(), Some(id));
    }
    if let (Ok(a), Ok(b)) = (&first, &second) {
        assert_eq!(a == b, text.0 == text.1);
        assert_eq!(a.cmp(b), text.0.cmp(text.1));
        assert_eq!(a.cmp_creation(b), b.cmp_creation(a).reverse());
    }
});
