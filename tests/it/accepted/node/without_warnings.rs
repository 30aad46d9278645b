//! Generated code brings no warning into an application that allows none.
#![deny(warnings, missing_docs, missing_debug_implementations)]
#![deny(unreachable_pub, unsafe_code, unused_qualifications, unused_results)]

use jvspatial::prelude::*;

/// A node with a field that nobody reads.
#[derive(Debug, Serialize, Deserialize, Node)]
pub(crate) struct City {
    /// Its name.
    pub name: String,
    #[deprecated]
    old: u32,
}

#[derive(Serialize, Deserialize, Object)]
struct Settings {
    language: String,
}

/// A walker that needs nothing of what it could have.
#[derive(Debug)]
pub(crate) struct Reach;

#[walker]
impl Reach {}

/// A walker that only reads.
#[derive(Debug)]
pub(crate) struct Look;

#[walker]
impl Look {
    #[on_visit]
    async fn city(&self, _: &Stored<City>) {}

    #[on_visit]
    async fn node(&self, _: &mut AnyNode) {}

    #[on_exit]
    fn end(&self) {}
}

#[test]
fn is_accepted() {
    let settings = Settings { language: String::new() };
    let _ = (&settings.language, Settings::fields());
}
