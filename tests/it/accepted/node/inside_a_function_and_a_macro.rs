use jvspatial::prelude::*;

macro_rules! node {
    ($name:ident, $ty:ty, $walker:ident) => {
        #[derive(Serialize, Deserialize, Node)]
        struct $name {
            value: $ty,
        }

        #[allow(dead_code)]
        struct $walker;

        #[walker(report = $ty)]
        impl $walker {
            #[on_visit]
            async fn value(
                &mut self,
                here: &mut Stored<$name>,
                walk: &mut Walk<Self>,
            ) -> Result<()> {
                walk.report(here.value.clone());
                Ok(())
            }
        }
    };
}

node!(City, String, Cities);

#[test]
fn is_accepted() {
    node!(Town, u32, Towns);
    assert_eq!(City::NAME, "City");
    assert_eq!(Town::fields().value.path(), "context.value");
    assert_eq!(Towns::NAME, "Towns");
}
