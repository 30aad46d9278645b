use jvspatial::prelude::*;

#[derive(Serialize, Deserialize, Node)]
struct Airport {}

mod other {
    #[derive(serde::Serialize, serde::Deserialize, jvspatial::Node)]
    pub struct Airport {
        pub code: u32,
    }
}

struct Reach;

#[walker(report = (u32, String))]
impl Reach {
    #[on_visit]
    async fn typed(&mut self, here: &mut Stored<Airport>, walk: &mut Walk<Self>) -> Result<()> {
        let _ = (here, walk);
        Ok(())
    }

    #[on_visit]
    fn not_async(&self, here: &Stored<Airport>) -> Control {
        let _ = here;
        Control::Skip
    }

    #[on_visit]
    pub(crate) async fn walk_first(
        self: &mut Self,
        walk: &Walk<Reach>,
        _: &mut Stored<Airport>,
    ) -> Result<Control> {
        let _ = walk;
        Ok(Control::Continue)
    }

    #[jvspatial::on_visit]
    async fn by_path(
        &mut self,
        here: &jvspatial::Stored<other::Airport>,
        walk: &mut jvspatial::Walk<Self>,
    ) where
        Self: Sized,
    {
        walk.report((here.code, String::new()));
    }

    #[on_visit]
    fn with_lifetimes<'a>(
        &'a mut self,
        _: &'a mut AnyNode,
    ) -> std::result::Result<(), std::fmt::Error> {
        Ok(())
    }

    #[on_exit]
    async fn last(&mut self) -> Result<()> {
        self.not_a_hook(1);
        Ok(())
    }

    #[on_exit]
    fn very_last(&self, walk: &mut Walk<Self>) {
        walk.report((Self::ONE, String::new()));
    }

    const ONE: u32 = 1;

    #[on_visit]
    async fn visit(&mut self, here: &mut Stored<Airport>) {
        let _ = here;
    }

    fn not_a_hook(&self, number: u32) -> u32 {
        number
    }
}
