//! An application that knows jvspatial by another name: a path in generated code that does not go
//! through `crate = ".."` would not compile here.

use graphs::prelude::*;

/// A node.
#[derive(Debug, Serialize, Deserialize, Node)]
#[node(unique(name, founded, partial = |c| c.mayor.name.exists()))]
#[jvspatial(crate = "::graphs")]
pub struct City {
    /// A field that is a struct.
    pub mayor: Person,
    /// A field with a typed handle.
    pub name: String,
    /// A field whose stored form is not its own type.
    #[serde(serialize_with = "as_text")]
    pub founded: i32,
}

/// A struct in a field.
#[derive(Debug, Serialize, Deserialize, Embedded)]
#[jvspatial(crate = "graphs")]
pub struct Person {
    /// A field with a typed handle.
    pub name: String,
}

/// An edge between nodes of given types.
#[derive(Debug, Serialize, Deserialize, Edge)]
#[edge(from = City, parallel, undirected)]
#[jvspatial(crate = "graphs")]
pub struct Road {
    /// Its length.
    pub km: f64,
}

/// An object.
#[derive(Debug, Serialize, Deserialize, Object)]
#[object(schema = 2)]
#[jvspatial(crate = "::graphs")]
pub struct Settings {}

/// A walker with every kind of hook.
#[derive(Debug, Default)]
pub struct Census {
    people: u64,
}

#[walker(report = u64, meets(Road), crate = "::graphs")]
impl Census {
    #[on_visit]
    async fn city(&mut self, here: &mut Stored<City>, walk: &mut Walk<Self>) -> Result<Control> {
        here.name.push('!');
        walk.report(self.people);
        Ok(Control::Continue)
    }

    #[on_visit]
    fn node(&mut self, _: &AnyNode) {
        self.people += 1;
    }

    #[on_visit(City, Road)]
    fn listed(&mut self, _: &Here) {
        self.people += 1;
    }

    #[on_leave]
    fn leave(&mut self, _: &AnyEdge) {}

    #[on_exit]
    fn total(&self, _: Ended, walk: &mut Walk<Self>) {
        walk.report(self.people);
    }
}

/// A walker that can be shared.
#[derive(Debug, Default)]
pub struct Tour;

#[walker(crate = "graphs")]
impl Tour {
    #[on_visit]
    fn city(&self, _: &Stored<City>) {}
}

#[visited(crate = "graphs")]
impl City {
    #[visited_by(Census)]
    fn count(census: &mut Census) {
        census.people += 1;
    }

    #[visited_by(Tour)]
    async fn show(&self, _: &Tour) -> Result<()> {
        Ok(())
    }

    #[visited_by(any)]
    fn note<W: Walker>(here: &mut Stored<Self>, walk: &mut Walk<W>) {
        walk.save(here);
    }

    #[left_by(Census, Tour)]
    fn wave(&self) {}
}

fn as_text<S: serde::Serializer>(year: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(year)
}
