#![deny(warnings)]

use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct City {
    visits: u32,
}

#[derive(Serialize, Deserialize, Edge)]
struct Road {}

/// A walker that nothing else of the application sees.
struct Surveyor {
    r#in: u32,
}

#[walker(meets(City, Road), sequential, report = String)]
impl Surveyor {}

mod other {
    use jvspatial::prelude::*;

    pub struct Census {
        pub people: std::sync::atomic::AtomicU32,
    }

    #[walker]
    impl Census {
        #[on_visit(super::City)]
        fn place(&self, _: &Here) {}
    }
}

trait Counts: Walker {}
impl Counts for Surveyor {}
impl Counts for other::Census {}

#[visited]
impl City {
    #[visited_by(Surveyor)]
    async fn everything(
        here: &mut Stored<Self>,
        walker: &mut Surveyor,
        walk: &mut Walk<Surveyor>,
    ) -> Result<Control> {
        here.visits += 1;
        walker.r#in += 1;
        walk.report(String::new());
        Ok(Control::Continue)
    }

    #[jvspatial::visited_by(Surveyor)]
    pub(crate) fn in_another_order<'a>(
        walk: &'a Walk<Surveyor>,
        walker: &Surveyor,
        here: &Stored<City>,
    ) -> Control {
        let _ = (walk, walker, here);
        Control::Skip
    }

    #[visited_by(Surveyor)]
    fn r#try(&mut self) -> std::result::Result<(), std::fmt::Error> {
        self.visits = Self::ONE;
        Ok(())
    }

    #[visited_by(other::Census)]
    fn look(&self, census: &other::Census) {
        census.people.fetch_add(self.visits, std::sync::atomic::Ordering::Relaxed);
    }

    #[visited_by(Surveyor, other::Census)]
    async fn several<W: Counts>(self: &Self, _: &mut Walk<W>) {}

    #[visited_by(any)]
    async fn visited<W>(here: &mut Stored<City>, walk: &mut Walk<W>)
    where
        W: Walker,
    {
        walk.save(here);
    }

    #[visited_by(any)]
    fn nothing() {}

    #[left_by(Surveyor)]
    fn left(_: &mut Surveyor) {}

    #[cfg(any())]
    #[visited_by(NoSuchWalker)]
    fn gone(_: &mut NoSuchWalker) {}

    #[cfg(any())]
    #[visited_by(other::Census)]
    fn changes_when_there(_: &mut other::Census) {}

    #[cfg(test)]
    #[left_by(any)]
    fn left_by_any(&self) {}

    const ONE: u32 = 1;

    fn not_a_hook(&self) {}
}

#[visited]
impl Road {
    #[left_by(Surveyor)]
    async fn behind(here: &Stored<Road>) -> Result<()> {
        let _ = (here.source(), here.target());
        Ok(())
    }
}

#[test]
fn is_accepted() {
    let city = City { visits: 0 };
    city.not_a_hook();
}
