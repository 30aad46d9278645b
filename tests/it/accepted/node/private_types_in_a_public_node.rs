//! A handle is as visible as its field, so that nothing private shows.
#![deny(warnings)]

mod model {
    use jvspatial::prelude::*;

    #[derive(Serialize, Deserialize)]
    struct Secret(u32);

    #[derive(Serialize, Deserialize, Node)]
    pub struct City {
        pub name: String,
        secret: Secret,
    }

    impl City {
        pub fn new() -> Self {
            Self { name: String::new(), secret: Secret(1) }
        }

        pub fn secret(&self) -> u32 {
            self.secret.0
        }
    }
}

use jvspatial::Entity;

#[test]
fn is_accepted() {
    let handles: model::CityFields = model::City::fields();
    assert_eq!(handles.name.path(), "context.name");
    assert_eq!(model::City::new().secret(), 1);
}
