#![deny(warnings)]

use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {}

#[derive(Serialize, Deserialize, Node)]
struct Town {}

#[derive(Serialize, Deserialize, Edge)]
struct Road {
    km: u32,
}

mod sea {
    use jvspatial::prelude::*;

    #[derive(Serialize, Deserialize, Edge)]
    pub struct Ferry {}
}

struct Reach {
    met: u32,
}

#[walker(report = u32)]
impl Reach {
    #[on_visit]
    async fn road(&mut self, here: &mut Stored<Road>, walk: &mut Walk<Self>) -> Result<Control> {
        walk.report(here.km);
        walk.visit(here.target());
        Ok(Control::Skip)
    }

    #[on_visit(City, Town)]
    fn settlement(&mut self, _: &AnyNode) {}

    #[on_visit(Road, sea::Ferry)]
    async fn link(&self, _: &mut AnyEdge) {}

    #[on_visit(City, sea::Ferry)]
    fn mixed(&self, here: &jvspatial::Here, walk: &Walk<Self>) {
        let _ = (here.is_edge(), walk.depth());
    }

    #[on_visit(any)]
    fn any_node(&self, _: &AnyNode) {}

    #[on_visit]
    fn any_edge(&self, _: &AnyEdge) {}

    #[on_visit(any)]
    fn all(&self, _: &Here) {}

    #[on_leave]
    fn leave_city(&mut self, _: &mut Stored<City>) {
        self.met += 1;
    }

    #[on_leave(City, Road)]
    async fn leave_either(&self, _: &Here, _: &mut Walk<Self>) -> Result<()> {
        Ok(())
    }

    #[cfg(any())]
    #[on_leave(NoSuchType)]
    fn leave_gone(&mut self, _: &AnyNode) {}

    #[cfg(any())]
    #[on_visit(NoSuchType, City)]
    fn gone(&mut self, _: &AnyNode) {}

    #[on_exit]
    fn end(&mut self, ended: Ended, walk: &mut Walk<Self>) {
        if ended == Ended::Finished {
            walk.report(self.met);
        }
    }

    #[on_exit]
    async fn very_end(&self, _: &jvspatial::Ended) {}
}

/// Whether visits can share it depends on what is compiled.
struct Sometimes;

#[walker]
impl Sometimes {
    #[cfg(any())]
    #[on_visit]
    fn changes(&mut self, _: &Stored<City>) {}

    #[cfg(not(all()))]
    #[on_visit]
    fn changes_too(&mut self, _: &Stored<City>) {}

    #[on_visit]
    fn looks(&self, _: &Stored<City>) {}

    #[on_exit]
    fn exits_may_change(&mut self) {}
}

/// Its parameter decides whether it can be shared, and what it meets is found as far as it is known here.
struct Finder<N, T> {
    found: T,
    node: std::marker::PhantomData<fn() -> N>,
}

#[walker]
impl<N: Node, T: Send + 'static> Finder<N, T> {
    #[on_visit]
    fn node(&self, _: &Stored<N>) {
        let _ = &self.found;
    }

    #[on_leave(N, Root)]
    fn left(&self, _: &AnyNode) {}
}

fn shared<W: jvspatial::ParallelWalker>() {}

#[test]
fn is_accepted() {
    shared::<Sometimes>();
    shared::<Finder<City, u32>>();
    assert!(<Reach as Walker>::LEAVES);
    assert!(<Finder<City, std::cell::Cell<u32>> as Walker>::LEAVES);
    assert!(!<Sometimes as Walker>::LEAVES);
    let _ = (City {}, Town {}, Road { km: 1 }, sea::Ferry {}, Sometimes, Reach { met: 0 });
}
