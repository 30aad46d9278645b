use std::fmt::Debug;

use jvspatial::prelude::*;

struct Collect<N, const LIMIT: usize> {
    found: Vec<N>,
}

#[walker(report = N)]
impl<N: Node + Clone + Debug, const LIMIT: usize> Collect<N, LIMIT>
where
    N: PartialEq,
{
    #[on_visit]
    async fn node(&mut self, here: &mut Stored<N>, walk: &mut Walk<Self>) -> Result<Control> {
        walk.report((**here).clone());
        self.found.push((**here).clone());
        Ok(if self.found.len() < LIMIT { Control::Continue } else { Control::Disengage })
    }

    #[on_visit]
    fn root(&mut self, _: &Stored<Root>) {}
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Node)]
struct City {}

#[test]
fn is_accepted() {
    assert_eq!(<Collect<City, 3> as Walker>::NAME, "Collect");
}
