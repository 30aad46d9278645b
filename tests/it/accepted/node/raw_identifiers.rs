use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct r#Where {
    r#type: u32,
    #[serde(rename = "it")]
    r#loop: u32,
}

#[test]
fn is_accepted() {
    assert_eq!(r#Where::NAME, "Where");
    assert_eq!(WhereFields { ..Where::fields() }.r#type.path(), "context.type");
    assert_eq!(Where::fields().r#loop.path(), "context.it");
}
