//! Derives and attributes of jvspatial.
//!
//! Applications use them through the `jvspatial` crate, whose paths the generated code names.

mod cached_query;
mod embedded;
mod entity;
mod projection;
mod support;
mod walker;

use proc_macro::TokenStream;

use entity::Kind;
use walker::HookKind;

/// Makes a serde struct a node: something that edges join and walkers visit.
///
/// ```
/// use jvspatial::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize, Node)]
/// #[node(name = "Airport", schema = 2)]
/// struct Airfield {
///     iata: String,
///     #[serde(rename = "lat")]
///     latitude: f64,
/// }
///
/// assert_eq!(Airfield::NAME, "Airport");
/// let handles: AirfieldFields = Airfield::fields();
/// assert_eq!(handles.latitude.path(), "context.lat");
/// ```
///
/// # Keys of `#[node(..)]`
/// - `name = ".."`: the name stored with every document and part of its id. Default: the name of
///   the struct. At most 64 bytes of letters, digits and underscores, not beginning with a digit,
///   and not `Root`.
/// - `schema = 1`: the schema version stored with every document, 1 or more. Default: 1.
/// - `index(..)`, `unique(..)`: an index; several may be declared.
///
/// `#[jvspatial(crate = "..")]` says where the `jvspatial` crate is when it has another name.
///
/// # Indexes
/// ```
/// use jvspatial::prelude::*;
///
/// #[derive(Debug, Serialize, Deserialize, Node)]
/// #[node(index(state, -latitude))]
/// #[node(index("address.city"), unique(gate, partial = |a| a.closed.eq(false)))]
/// struct Airport {
///     #[node(unique)]
///     iata: String,
///     #[node(index(sparse))]
///     nickname: Option<String>,
///     state: String,
///     latitude: f64,
///     address: Address,
///     gate: u32,
///     closed: bool,
/// }
///
/// #[derive(Debug, Serialize, Deserialize, Embedded)]
/// struct Address {
///     city: String,
/// }
///
/// let declared = Airport::indexes();
/// assert_eq!(declared.len(), 5);
/// assert_eq!(declared[0].keys()[1].path, "context.latitude");
/// assert!(declared[0].keys()[1].descending && declared[3].is_unique());
/// ```
///
/// On the struct `index(..)` takes fields, with `-` before those that are to be descending. In quotes
/// stands a path as it is stored, which may lead through structs and lists. On a field `index` declares
/// one of that field alone. `unique` in place of `index` lets no two documents of the type have the
/// same key.
///
/// - `sparse` leaves out documents that have none of the fields.
/// - `partial = |a| ..` leaves out documents that do not satisfy a predicate.
///
/// A field called `sparse` is written in quotes. At most 32 fields, none twice; two indexes on the same
/// fields in the same directions are refused.
///
/// # Fields
/// The struct `Airfield` gets a struct `AirfieldFields` beside it, with one typed handle for each
/// field, as visible as the field itself. The handle's path is the name under which serde writes
/// the field, so `rename` and `rename_all` are honoured. `skip` and `flatten` fields have no
/// handle. A field written by `with` or `serialize_with` has a handle of `Bson`, since what is
/// stored is not the field's own type.
///
/// A name in `alias` is an old name of the field: a document that has it is still read, and the
/// next save moves the value to the present name.
///
/// # Errors
/// Refused are enums, tuple structs, generics, and what would lose data: names that differ between
/// reading and writing, fields that are only read or only written, two fields with one name, and
/// names that a database cannot keep (empty, beginning with `$`, with `.` or NUL inside, over 1,024
/// bytes).
#[proc_macro_derive(Node, attributes(node, jvspatial))]
pub fn derive_node(input: TokenStream) -> TokenStream {
    entity::derive(Kind::Node, input.into()).into()
}

/// Makes a serde struct an edge: something that joins two nodes.
///
/// ```
/// use jvspatial::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize, Node)]
/// struct Airport {
///     iata: String,
/// }
///
/// #[derive(Debug, Serialize, Deserialize, Edge)]
/// #[edge(from = Airport, to = Airport, parallel)]
/// struct Flight {
///     count: u32,
/// }
///
/// assert!(Flight::PARALLEL);
/// assert!(!Flight::UNDIRECTED);
/// assert_eq!(Flight::fields().count.path(), "context.count");
/// ```
///
/// # Keys of `#[edge(..)]`
/// - `name`, `schema`, `index`, `unique`: as for [`Node`](macro@Node).
/// - `from = Type`, `to = Type`: the node type that the edge leaves and the one that it reaches,
///   checked by the compiler wherever an edge is made. Default: nodes of any type.
/// - `parallel`: two nodes may be joined by several edges of this type. Default: by one.
/// - `undirected`: the edge can be followed from either end. Default: from source to target.
///
/// Fields, handles and errors are those of [`Node`](macro@Node).
#[proc_macro_derive(Edge, attributes(edge, jvspatial))]
pub fn derive_edge(input: TokenStream) -> TokenStream {
    entity::derive(Kind::Edge, input.into()).into()
}

/// Makes a serde struct an object: something stored that stands outside the graph.
///
/// ```
/// use jvspatial::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize, Object)]
/// #[object(schema = 2)]
/// #[serde(rename_all = "camelCase")]
/// struct Settings {
///     #[serde(alias = "lang")]
///     display_language: String,
/// }
///
/// assert_eq!(Settings::SCHEMA, 2);
/// assert_eq!(Settings::fields().display_language.path(), "context.displayLanguage");
/// ```
///
/// # Keys of `#[object(..)]`
/// - `name`, `schema`, `index`, `unique`: as for [`Node`](macro@Node).
///
/// Fields, handles and errors are those of [`Node`](macro@Node).
#[proc_macro_derive(Object, attributes(object, jvspatial))]
pub fn derive_object(input: TokenStream) -> TokenStream {
    entity::derive(Kind::Object, input.into()).into()
}

/// Makes a serde struct one whose fields are named in filters wherever an entity holds it.
///
/// ```
/// use jvspatial::prelude::*;
///
/// #[derive(Debug, Serialize, Deserialize, Node)]
/// struct Airport {
///     address: Address,
///     runways: Vec<Runway>,
/// }
///
/// #[derive(Debug, Serialize, Deserialize, Embedded)]
/// struct Address {
///     city: String,
/// }
///
/// #[derive(Debug, Serialize, Deserialize, Embedded)]
/// struct Runway {
///     #[serde(rename = "len")]
///     length: u32,
///     lit: bool,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jvspatial::Result<()> {
/// let graph = Graph::open("memory:").await?;
/// let address = Address { city: "Gardermoen".into() };
/// let runways = vec![Runway { length: 3_600, lit: true }, Runway { length: 2_950, lit: true }];
/// graph.create(Airport { address, runways }).await?;
///
/// let found = graph
///     .nodes::<Airport>()
///     .filter(|a| a.address.city.eq("Gardermoen"))
///     .filter(|a| a.runways.any(|r| r.length.gte(3_000).and(r.lit.eq(true))));
/// assert_eq!(found.count().await?, 1);
/// # Ok(())
/// # }
/// ```
///
/// A struct in a field, also in an `Option` or `Box`, is followed by a dot; one in a list is asked
/// within `any`. The derive has no keys of its own.
///
/// Fields, handles and errors are those of [`Node`](macro@Node).
#[proc_macro_derive(Embedded, attributes(jvspatial))]
pub fn derive_embedded(input: TokenStream) -> TokenStream {
    embedded::derive(input.into()).into()
}

/// Makes a struct a projection: it reads a few fields of stored documents and leaves the rest alone.
///
/// ```
/// use jvspatial::prelude::*;
/// use jvspatial::{Id, Projection};
///
/// #[derive(Debug, Serialize, Deserialize, Node)]
/// struct Airport {
///     name: String,
///     address: Address,
///     elevation: Option<f64>,
///     notes: Vec<String>,
/// }
///
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Address {
///     city: String,
///     zip: String,
/// }
///
/// #[derive(Debug, Projection)]
/// struct AirportName {
///     #[projection(id)]
///     id: Id,
///     name: String,
///     #[projection(path = "address.city")]
///     city: String,
///     elevation: Option<f64>,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jvspatial::Result<()> {
/// let graph = Graph::open("memory:").await?;
/// let address = Address { city: "Gardermoen".into(), zip: "2060".into() };
/// graph.create(Airport { name: "Oslo".into(), address, elevation: None, notes: vec![] }).await?;
/// let names = graph.nodes::<Airport>().project::<AirportName>().all().await?;
/// assert_eq!((names[0].name.as_str(), names[0].city.as_str()), ("Oslo", "Gardermoen"));
/// # Ok(())
/// # }
/// ```
///
/// # Fields
/// A field reads the stored field of its name; serde's `rename` and `rename_all` (as they are for
/// reading) say another name, `#[projection(path = "address.city")]` another place. A path leads
/// through maps; for what is in a list, name the list and give it a type that reads what it needs. A
/// missing field is `None` for an `Option`, serde's `default` for a field that has one, and an error
/// otherwise. `#[projection(id)]` takes the id of the document, `#[projection(version)]` its version.
///
/// The types of the fields implement `Deserialize`; the struct need not.
///
/// # Errors
/// Refused are enums, tuple structs, generics, paths of which one leads into another, names that no
/// database keeps, and serde's `flatten`, `alias`, `skip`, `with` and `deserialize_with`.
#[proc_macro_derive(Projection, attributes(projection, serde, jvspatial))]
pub fn derive_projection(input: TokenStream) -> TokenStream {
    projection::derive(input.into()).into()
}

/// Makes a type a walker: the methods marked as hooks run as a walk moves from node to node.
///
/// ```
/// use jvspatial::prelude::*;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Serialize, Deserialize, Node)]
/// struct Airport {
///     iata: String,
/// }
///
/// #[derive(Debug, Default)]
/// struct Reach {
///     airports: usize,
///     nodes: usize,
/// }
///
/// #[walker(report = String)]
/// impl Reach {
///     #[on_visit]
///     async fn airport(&mut self, here: &mut Stored<Airport>, walk: &mut Walk<Self>) -> Result<()> {
///         self.airports += 1;
///         walk.report(here.iata.clone());
///         Ok(())
///     }
///
///     #[on_visit]
///     fn node(&mut self, _: &AnyNode) {
///         self.nodes += 1;
///     }
///
///     #[on_exit]
///     fn summary(&self, walk: &mut Walk<Self>) {
///         walk.report(format!("{} airports among {} nodes", self.airports, self.nodes));
///     }
/// }
/// ```
///
/// # Keys
/// - `report = Type`: what the walk reports. Default: `()`.
/// - `version = 2`: the version that checkpoints of its walks name; one of another is refused. Default: 1.
/// - `meets(Harbour, Bridge)`: types whose [own hooks](macro@visited) run, besides those that a hook of the walker
///   names.
/// - `sequential`: hooks of nodes and edges may change the walker, see below.
/// - `crate = ".."`: where the `jvspatial` crate is when it has another name.
///
/// # Hooks
/// A hook is a method, `async` or not, that takes `&mut self` or `&self`. Its attribute is imported
/// as any other is.
///
/// - [`#[on_visit]`](macro@on_visit) runs when a node or an edge is visited.
/// - [`#[on_leave]`](macro@on_leave) runs when it is left: it and all that was visited because of it are done.
/// - [`#[on_exit]`](macro@on_exit) runs once, when the walk is over. It takes, as it likes, the walk and, as `Ended`,
///   why it is over.
///
/// The first two take what they run for, and its type selects that:
///
/// | parameter | runs for |
/// |---|---|
/// | `&mut Stored<T>`, `&Stored<T>` | nodes or edges of type `T` |
/// | `&AnyNode` | every node; in `#[on_visit(City, Town)]`, nodes of these types |
/// | `&AnyEdge` | every edge; in `#[on_visit(Road, Ferry)]`, edges of these types |
/// | `&Here` | everything; in `#[on_visit(City, Road)]`, nodes and edges of these types |
///
/// `#[on_visit(any)]` says the same as `#[on_visit]` with one of the last three. Any hook may take the walk as well, as
/// `&mut Walk<Self>` or `&Walk<Self>`.
///
/// A hook returns nothing, `Result<()>` or, from a visit, `Control` or `Result<Control>`. A panic in it is an error.
///
/// # Order
/// For each visit run
/// 1. the walker's hooks that name the type,
/// 2. the walker's other hooks,
/// 3. the [own hooks](macro@visited) of the node or edge for this walker,
/// 4. its own hooks for any walker,
///
/// within each group in the order in which they are declared, until one answers other than
/// `Control::Continue`. When it is left, the groups run from the last to the first, again each in the order of
/// declaration.
///
/// All hooks that take one node or edge as `Stored<T>` are given the same decoded value: what one
/// changes, the next one sees, saved or not. Hooks that take it in another form see what was saved. Write a type alike
/// in all hooks of a walker.
///
/// # In parallel
/// When all `#[on_visit]` hooks take `&self`, the walker is a `ParallelWalker`, if it is `Sync`. Otherwise, or when it
/// says `sequential`, hooks of nodes and edges may take it as `&mut`.
///
/// `#[cfg]` on a hook also holds for the call to it. The walker's type may be generic; it then runs of the hooks that
/// nodes and edges have only those for any walker, and only of types that are not its parameters.
#[proc_macro_attribute]
pub fn walker(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_impl(args.into(), item.into()).into()
}

/// Marks a method of a `#[walker]` impl that runs when a node or an edge is visited.
///
/// [`macro@walker`] says what the method may look like, and in which order hooks run.
///
/// ```
/// use jvspatial::prelude::*;
///
/// #[derive(Debug, Serialize, Deserialize, Node)]
/// struct City {}
///
/// #[derive(Debug, Serialize, Deserialize, Node)]
/// struct Town {}
///
/// #[derive(Debug, Serialize, Deserialize, Edge)]
/// struct Road {
///     km: u32,
/// }
///
/// #[derive(Default)]
/// struct Census {
///     settlements: u32,
///     km: u32,
///     met: u32,
/// }
///
/// #[walker]
/// impl Census {
///     #[on_visit(City, Town)]
///     fn settlement(&mut self, _: &AnyNode, walk: &mut Walk<Self>) {
///         self.settlements += 1;
///         walk.follow_edges(out::<Road>());
///     }
///
///     #[on_visit]
///     fn road(&mut self, here: &Stored<Road>) {
///         self.km += here.km;
///     }
///
///     #[on_visit(any)]
///     fn any(&mut self, _: &Here) {
///         self.met += 1;
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jvspatial::Result<()> {
/// let graph = Graph::open("memory:").await?;
/// let city = graph.create(City {}).await?;
/// let town = graph.create(Town {}).await?;
/// graph.connect(&city, &town, Road { km: 12 }).await?;
///
/// let census = graph.walk(Census::default()).from(&city).run().await?.walker;
/// assert_eq!((census.settlements, census.km, census.met), (2, 12, 3));
/// # Ok(())
/// # }
/// ```
#[proc_macro_attribute]
pub fn on_visit(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_hook(HookKind::Visit, &args.into(), item.into()).into()
}

/// Marks a method of a `#[walker]` impl that runs when a node or an edge is left: it and all that was visited because
/// of it are done.
///
/// [`macro@walker`] says what the method may look like, and in which order hooks run. It returns nothing or
/// `Result<()>`.
///
/// ```
/// use jvspatial::prelude::*;
///
/// #[derive(Debug, Serialize, Deserialize, Node)]
/// struct Folder {
///     name: String,
/// }
///
/// struct List;
///
/// #[walker(report = String)]
/// impl List {
///     #[on_visit]
///     fn open(&mut self, here: &Stored<Folder>, walk: &mut Walk<Self>) {
///         walk.report(format!("<{}>", here.name));
///         walk.follow(out::<AnyEdge>());
///     }
///
///     #[on_leave]
///     fn close(&mut self, here: &Stored<Folder>, walk: &mut Walk<Self>) {
///         walk.report(format!("</{}>", here.name));
///     }
/// }
///
/// # #[derive(Debug, Serialize, Deserialize, Edge)]
/// # struct Holds {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jvspatial::Result<()> {
/// let graph = Graph::open("memory:").await?;
/// let outer = graph.create(Folder { name: "outer".into() }).await?;
/// let inner = graph.create(Folder { name: "inner".into() }).await?;
/// graph.connect(&outer, &inner, Holds {}).await?;
///
/// let list = graph.walk(List).from(&outer).run().await?;
/// assert_eq!(list.reports, ["<outer>", "<inner>", "</inner>", "</outer>"]);
/// # Ok(())
/// # }
/// ```
#[proc_macro_attribute]
pub fn on_leave(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_hook(HookKind::Leave, &args.into(), item.into()).into()
}

/// Marks a method of a `#[walker]` impl that runs once, when the walk is over, however it ended.
///
/// [`macro@walker`] says what the method may look like. It returns nothing or `Result<()>`.
///
/// ```
/// use jvspatial::prelude::*;
///
/// struct Census {
///     nodes: u64,
/// }
///
/// #[walker(report = String)]
/// impl Census {
///     #[on_visit]
///     fn count(&mut self, _: &AnyNode) {
///         self.nodes += 1;
///     }
///
///     #[on_exit]
///     fn total(&self, ended: Ended, walk: &mut Walk<Self>) {
///         walk.report(format!("{} nodes, {ended}", self.nodes));
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jvspatial::Result<()> {
/// let graph = Graph::open("memory:").await?;
/// let outcome = graph.walk(Census { nodes: 0 }).run().await?;
/// assert_eq!(outcome.reports, ["1 nodes, finished"]);
/// # Ok(())
/// # }
/// ```
#[proc_macro_attribute]
pub fn on_exit(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_hook(HookKind::Exit, &args.into(), item.into()).into()
}

/// Gives a node or an edge hooks of its own, which run when walkers visit or leave it.
///
/// ```
/// use jvspatial::prelude::*;
///
/// #[derive(Debug, Serialize, Deserialize, Node)]
/// struct Harbour {
///     ships: u32,
///     calls: u32,
/// }
///
/// #[visited]
/// impl Harbour {
///     #[visited_by(Surveyor)]
///     fn count_ships(&self, surveyor: &mut Surveyor) {
///         surveyor.ships += self.ships;
///     }
///
///     #[visited_by(any)]
///     fn note_call<W: Walker>(here: &mut Stored<Self>, walk: &mut Walk<W>) {
///         here.calls += 1;
///         walk.save(here);
///     }
/// }
///
/// #[derive(Default)]
/// struct Surveyor {
///     ships: u32,
/// }
///
/// #[walker(meets(Harbour), sequential)]
/// impl Surveyor {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> jvspatial::Result<()> {
/// let graph = Graph::open("memory:").await?;
/// let harbour = graph.create(Harbour { ships: 5, calls: 0 }).await?;
///
/// let outcome = graph.walk(Surveyor::default()).from(&harbour).run().await?;
/// assert_eq!(outcome.walker.ships, 5);
/// assert_eq!(graph.get::<Harbour>(&harbour).await?.map(|harbour| harbour.calls), Some(1));
/// # Ok(())
/// # }
/// ```
///
/// # Keys
/// - `crate = ".."`: where the `jvspatial` crate is when it has another name.
///
/// # Hooks
/// A hook is a function of the impl, `async` or not, with one of the attributes
///
/// - [`#[visited_by(..)]`](macro@visited_by), which runs when the node or edge is visited,
/// - [`#[left_by(..)]`](macro@left_by), which runs when it is left.
///
/// In the parentheses stand the types of the walkers that it is for, or `any`. It runs in walks of walkers that meet
/// the node or edge: that have a hook which names its type, or say so, `#[walker(meets(Harbour))]`. It
/// does not compile for a walker that does not.
///
/// It takes, in any order and each as it likes,
///
/// - what is visited: `&self`, `&mut self`, or with id and version `&Stored<Self>`, `&mut Stored<Self>`;
/// - the walker: `&Surveyor`, or `&mut Surveyor` if that is no `ParallelWalker`. A hook for several walkers is generic:
///   `fn greet<W: Greets>(walker: &W)`. A hook for any walker does not take it;
/// - the walk: `&mut Walk<Surveyor>`, or `&mut Walk<W>` in a hook for several or any walkers.
///
/// It returns what a hook of a walker does, and runs in the [order](macro@walker#order) described there, with the
/// value that the walker's hooks were given. Its name in errors is that of the type and its own, `Harbour::count_ships`.
///
/// All hooks of a type for one walker stand in one impl.
#[proc_macro_attribute]
pub fn visited(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_visited(args.into(), item.into()).into()
}

/// Marks a function of a `#[visited]` impl that runs when walkers visit the node or edge.
///
/// [`macro@visited`] says what the function may look like.
///
/// ```
/// use jvspatial::prelude::*;
///
/// #[derive(Debug, Serialize, Deserialize, Node)]
/// struct Gate {
///     is_open: bool,
/// }
///
/// #[visited]
/// impl Gate {
///     #[visited_by(any)]
///     fn admit(&self) -> Control {
///         if self.is_open { Control::Continue } else { Control::Disengage }
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn visited_by(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_hook(HookKind::VisitedBy, &args.into(), item.into()).into()
}

/// Marks a function of a `#[visited]` impl that runs when walkers leave the node or edge.
///
/// [`macro@visited`] says what the function may look like, [`macro@on_leave`] when a node is left. It returns nothing or
/// `Result<()>`.
///
/// ```
/// use jvspatial::prelude::*;
///
/// #[derive(Debug, Serialize, Deserialize, Node)]
/// struct Door {
///     is_open: bool,
/// }
///
/// #[visited]
/// impl Door {
///     #[left_by(any)]
///     fn close<W: Walker>(here: &mut Stored<Self>, walk: &mut Walk<W>) {
///         here.is_open = false;
///         walk.save(here);
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn left_by(args: TokenStream, item: TokenStream) -> TokenStream {
    walker::expand_hook(HookKind::LeftBy, &args.into(), item.into()).into()
}

/// Keeps the answers of an `async fn` for as long as what it read has not changed.
///
/// While the body runs, what it reads of graphs is noted: documents by their ids, types that were searched, nodes whose
/// edges were followed. A later call with equal arguments gets a clone of the answer until something of that is written: by
/// this graph, its clones, walkers and transactions at once, by another process as the graph's cache says. Of calls at the same
/// time one runs the body and all get its answer. An error is never kept, and told to the call whose body it is of.
///
/// Not noted is what a task reads that the body spawns, and what does not come from a graph: for that there are `ttl` and `tags`.
/// Inside of a transaction the body runs for every call.
///
/// The answer must be `Clone + Send + Sync + 'static`, an `Arc` of a large one is cloned at no cost; errors must be
/// `Send + 'static`. Arguments must be `Serialize`: calls are told apart by what serde says of them, which is the
/// same in every process and build.
///
/// # Keys
/// - `cache = expression`: the graph that keeps the answers. Default: `self.graph`. The parameter that it begins with does not
///   count as an argument.
/// - `ttl = "30s"`: for how long an answer is kept at the longest. Default: as long as it is true.
/// - `stale_while_revalidate = "10s"`: for how long after `ttl` it is handed out while it is computed again in the
///   background. `refresh_ahead = "5s"`: a call in that last part of `ttl` has it computed again. Both need `Self: Clone` and
///   parameters of owned types or `&T` with `T: ToOwned`. Neither hands out what is known to have changed.
/// - `tier = all`: answers are kept in Redis too, for all processes whose graphs share there (`CacheOptions::redis`); on other graphs it is
///   as `tier = memory`, the default. The answer must be `Serialize + DeserializeOwned`, and comes back as serde reads it. An answer that no
///   process has is computed by one of them while the others wait for it, for 2 s at the longest; one over `RedisOptions::max_value` is kept in
///   memory alone. It outlives the process: when the function comes to mean something else, give it another name, or time with a `ttl`.
/// - `skip(a, b)`: parameters that do not count. `key = expression`: what counts instead of all of them.
/// - `tags("towns", country)`: texts by which `Graph::invalidate_tags` finds the answers.
/// - `condition = expression`: only when it holds for the parameters is an answer looked for and kept.
///   `unless = |answer| ..`: one for which it holds is not kept. `cache_empty = false`: nor is an empty list, text or `None`.
///
/// # What stands beside it
/// For a function `busy` a module `busy` with `busy::cache(..)`, a `QueryCache` with all that is kept of it, `busy::kept(..)`, a
/// `CachedAnswer` with what is kept for these arguments, and `busy::refresh(..)`, a call whose answer is computed now. All but the
/// first take the function's parameters, that one what `cache` begins with. For a method, methods `busy_cache()`, `busy_kept(..)` and `busy_refresh(..)`. It cannot be a method of a trait.
///
/// ```
/// use jvspatial::prelude::*;
///
/// #[derive(Clone, Debug, Serialize, Deserialize, Node)]
/// struct Town {
///     people: u32,
/// }
///
/// struct Towns {
///     graph: Graph,
/// }
///
/// impl Towns {
///     #[cached_query(ttl = "1m")]
///     async fn large(&self, people: u32) -> Result<u64> {
///         self.graph.nodes::<Town>().filter(|town| town.people.gte(people)).count().await
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result {
/// let towns = Towns { graph: Graph::open("memory:").await? };
/// assert_eq!(towns.large(1_000).await?, 0);
/// assert_eq!(towns.large(1_000).await?, 0);
/// assert_eq!(towns.large_cache().statistics().loads, 1);
///
/// towns.graph.create(Town { people: 40_000 }).await?;
/// assert_eq!(towns.large(1_000).await?, 1);
/// # Ok(())
/// # }
/// ```
#[proc_macro_attribute]
pub fn cached_query(args: TokenStream, item: TokenStream) -> TokenStream {
    cached_query::expand(args.into(), item.into()).into()
}
