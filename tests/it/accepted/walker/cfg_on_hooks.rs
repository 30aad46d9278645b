#![deny(warnings)]

use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

pub struct Reach;

#[walker]
impl Reach {
    /// Documentation and lints stay on the method.
    #[allow(clippy::unused_self)]
    #[must_use]
    #[cfg(test)]
    #[on_visit]
    fn here(&self, _: &Stored<City>) -> Control {
        Control::Continue
    }

    #[on_visit]
    #[cfg(any())]
    async fn gone(&mut self, _: &Stored<NoSuchType>) -> NoSuchType {}

    #[cfg(any())]
    #[on_visit]
    fn also_gone(&mut self, _: &Stored<City>, _: &Walk<NoSuchType>) {}

    #[cfg(any())]
    #[on_visit]
    fn any_gone(&mut self, _: &AnyNode) {}

    #[cfg(any())]
    #[on_exit]
    fn exit_gone(&mut self) -> NoSuchType {}
}

#[cfg(any())]
#[walker]
impl NoSuchType {}

#[walker]
#[cfg(any())]
impl NoSuchType {}
