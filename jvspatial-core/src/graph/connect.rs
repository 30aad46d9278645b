//! Joining nodes by edges.

use std::ops::Range;

use foldhash::{HashMap, HashMapExt};
use jvspatial_db::{Collection, Duplicate, Ends, Id, Link, Outcome, WriteReport};

use super::Graph;
use super::batch::{failed, no_outcome};
use super::connections::{Connection, Connections};
use crate::entity::{Connects, Edge, Node, Stored};
use crate::error::{Error, ErrorKind, Result};

/// How often a connection is tried when each time the edge in its way is deleted before it is read.
const MAX_TRIES: usize = 16;

impl Graph {
    /// Joins two nodes by an edge from `source` to `target`.
    ///
    /// Two nodes are joined by at most one edge of a type: when there is one already, it is returned
    /// as it is and `edge` is dropped. An edge type declared `parallel` is created each time. An
    /// undirected edge joins its nodes whichever is named first.
    ///
    /// # Errors
    /// `NotFound` when a node does not exist, its id being the fact `end`; `Duplicate` when a key of a unique
    /// index is taken, as for [`create`](Self::create); `Invalid` or `Limit` when the value cannot be stored.
    ///
    /// # Cancellation
    /// The edge may have been created.
    pub async fn connect<A: Node, B: Node, E: Connects<A, B>>(
        &self,
        source: &Stored<A>,
        target: &Stored<B>,
        edge: E,
    ) -> Result<Stored<E>> {
        self.link_one(ends::<E>(source.id(), target.id()), edge).await
    }

    /// Joins two nodes of which only the ids are known, otherwise as [`connect`](Self::connect).
    ///
    /// # Errors
    /// `Invalid` when the edge type does not lead from such a node to such a node, and those of
    /// [`connect`](Self::connect).
    ///
    /// # Cancellation
    /// The edge may have been created.
    pub async fn connect_ids<E: Edge>(
        &self,
        source: impl AsRef<Id>,
        target: impl AsRef<Id>,
        edge: E,
    ) -> Result<Stored<E>> {
        let ends = ends::<E>(source.as_ref(), target.as_ref());
        check_ends::<E>(&ends)?;
        self.link_one(ends, edge).await
    }

    /// Joins many pairs of nodes, each as [`connect`](Self::connect) does.
    ///
    /// The answer has one place for each connection, in order: one that fails hides none of the
    /// others, and [`into_result`](Connections::into_result) makes all or an error of them. A pair given twice yields the same edge twice, unless the type is `parallel`. Batches
    /// are as for [`create_many`](Self::create_many), but never all or nothing; the edges that were
    /// there already are read in one more round trip.
    ///
    /// # Errors
    /// `Invalid` or `Limit` when a value cannot be stored; otherwise what the backend reports for a
    /// whole batch. The fact `written` says how many edges earlier batches created.
    ///
    /// # Cancellation
    /// Some edges may have been created.
    pub async fn connect_many<'a, A: Node, B: Node, E: Connects<A, B>>(
        &self,
        connections: impl IntoIterator<Item = (&'a Stored<A>, &'a Stored<B>, E)>,
    ) -> Result<Connections<E>> {
        let wishes = connections
            .into_iter()
            .map(|(source, target, edge)| Wish::new(ends::<E>(source.id(), target.id()), edge))
            .collect();
        self.link_many(wishes).await
    }

    /// Joins many pairs of nodes of which only the ids are known, otherwise as
    /// [`connect_many`](Self::connect_many).
    ///
    /// # Errors
    /// `Invalid` when the edge type does not lead from such a node to such a node, before anything is
    /// written; and those of [`connect_many`](Self::connect_many).
    ///
    /// # Cancellation
    /// Some edges may have been created.
    pub async fn connect_many_ids<E: Edge>(
        &self,
        connections: impl IntoIterator<Item = (impl AsRef<Id>, impl AsRef<Id>, E)>,
    ) -> Result<Connections<E>> {
        let mut wishes = Vec::new();
        for (source, target, edge) in connections {
            let ends = ends::<E>(source.as_ref(), target.as_ref());
            check_ends::<E>(&ends)?;
            wishes.push(Wish::new(ends, edge));
        }
        self.link_many(wishes).await
    }

    async fn link_one<E: Edge>(&self, ends: Ends, edge: E) -> Result<Stored<E>> {
        let connections = self.link_many(vec![Wish::new(ends, edge)]).await?;
        connections.into_iter().next().ok_or_else(no_outcome)?.into_result()
    }

    async fn link_many<E: Edge>(&self, mut wishes: Vec<Wish<E>>) -> Result<Connections<E>> {
        let mut pending: Vec<usize> = (0..wishes.len()).collect();
        let mut written = 0;
        for _ in 0..MAX_TRIES {
            self.write_links(&mut wishes, &pending, &mut written).await?;
            pending = self.read_existing(&mut wishes, &pending).await?;
            if pending.is_empty() {
                break;
            }
        }
        let connections = wishes.into_iter().map(|wish| match wish.state {
            State::Done(connection) => connection,
            State::Open(_) | State::Taken(..) => Connection::Failed(contended(&wish.ends)),
        });
        Ok(Connections::new(connections.collect()))
    }

    /// Tries to create the edges of the wishes at `pending`.
    async fn write_links<E: Edge>(
        &self,
        wishes: &mut [Wish<E>],
        pending: &[usize],
        written: &mut usize,
    ) -> Result<()> {
        let mut batch = self.batch();
        let mut ids = Vec::with_capacity(pending.len());
        let mut reported: Range<usize> = 0..0;
        for (&index, key) in pending.iter().zip(self.0.ids.reserve(pending.len())) {
            let id = Id::generated(E::COLLECTION, E::entity_name(), key);
            if let Some(wish) = wishes.get(index)
                && let State::Open(edge) = &wish.state
            {
                let link = Link { ends: wish.ends.clone(), unique: !E::PARALLEL };
                batch.insert_with(id.clone(), edge, E::SCHEMA, Some(link)).map_err(|error| {
                    match wishes.len() {
                        1 => error.into(),
                        _ => failed(error.into(), index, *written),
                    }
                })?;
            }
            ids.push(id);
            reported.end += 1;
            if self.0.limits.filled_by(&batch) || reported.end == pending.len() {
                let full = std::mem::replace(&mut batch, self.batch());
                let report = self
                    .0
                    .database
                    .write(full)
                    .await
                    .map_err(|error| Error::from(error).with("written", *written))?;
                *written += report.written();
                let places = pending.get(reported.clone()).unwrap_or_default();
                let ids = ids.get(reported.clone()).unwrap_or_default();
                note_outcomes(wishes, places, ids, report);
                reported.start = reported.end;
            }
        }
        Ok(())
    }

    /// Reads the edges that stood in the way, and returns the places of those that are gone.
    async fn read_existing<E: Edge>(
        &self,
        wishes: &mut [Wish<E>],
        pending: &[usize],
    ) -> Result<Vec<usize>> {
        let mut distinct: Vec<Id> = Vec::new();
        let mut places: HashMap<Id, usize> = HashMap::new();
        let mut taken = Vec::new();
        for &index in pending {
            if let Some(State::Taken(_, id)) = wishes.get(index).map(|wish| &wish.state) {
                let place = *places.entry(id.clone()).or_insert_with(|| {
                    distinct.push(id.clone());
                    distinct.len() - 1
                });
                taken.push((index, place));
            }
        }
        if taken.is_empty() {
            return Ok(Vec::new());
        }
        let handles: Vec<_> = distinct.iter().map(Into::into).collect();
        let documents = self.0.database.get_many(&handles).await?;
        let mut vanished = Vec::new();
        for (index, place) in taken {
            let Some(wish) = wishes.get_mut(index) else {
                continue;
            };
            match documents.get(place).cloned().flatten() {
                Some(document) => {
                    let existing = Stored::from_document(super::detached(document));
                    wish.state = State::Done(match existing {
                        Ok(edge) => Connection::Existing(edge),
                        Err(error) => Connection::Failed(error),
                    });
                }
                None => {
                    wish.reopen();
                    vanished.push(index);
                }
            }
        }
        Ok(vanished)
    }
}

/// A connection on its way.
struct Wish<E> {
    ends: Ends,
    state: State<E>,
}

enum State<E> {
    /// To be created with this value.
    Open(E),
    /// Not created, because the edge with this id joins the nodes already.
    Taken(E, Id),
    Done(Connection<E>),
}

impl<E: Edge> Wish<E> {
    const fn new(ends: Ends, edge: E) -> Self {
        Self { ends, state: State::Open(edge) }
    }

    /// Passes the state through `next`.
    fn advance(&mut self, next: impl FnOnce(State<E>) -> State<E>) {
        let placeholder = State::Done(Connection::Failed(no_outcome()));
        self.state = next(std::mem::replace(&mut self.state, placeholder));
    }

    fn reopen(&mut self) {
        self.advance(|state| match state {
            State::Taken(edge, _) => State::Open(edge),
            other => other,
        });
    }

    fn settle(&mut self, id: &Id, outcome: Outcome) {
        let ends = self.ends.clone();
        self.advance(|state| match (state, outcome) {
            (State::Open(edge), Outcome::Written(_)) => {
                State::Done(Connection::Created(Stored::created(id.clone(), edge, Some(ends))))
            }
            (State::Open(edge), Outcome::Duplicate(duplicate)) if is_connection(&duplicate) => {
                State::Taken(edge, duplicate.id)
            }
            (State::Open(_), outcome) => {
                State::Done(Connection::Failed(match outcome.into_result(id) {
                    Err(error) => error.into(),
                    Ok(_) => no_outcome(),
                }))
            }
            (other, _) => other,
        });
    }
}

fn note_outcomes<E: Edge>(
    wishes: &mut [Wish<E>],
    places: &[usize],
    ids: &[Id],
    report: WriteReport,
) {
    for ((&place, id), outcome) in places.iter().zip(ids).zip(report.outcomes) {
        if let Some(wish) = wishes.get_mut(place) {
            wish.settle(id, outcome);
        }
    }
}

fn is_connection(duplicate: &Duplicate) -> bool {
    duplicate.index == "connection"
}

pub(crate) fn ends<E: Edge>(source: &Id, target: &Id) -> Ends {
    Ends { source: source.clone(), target: target.clone(), bidirectional: E::UNDIRECTED }
}

/// What the compiler checks when the types of the ends are known.
pub(crate) fn check_ends<E: Edge>(ends: &Ends) -> Result<()> {
    for (end, expected) in [(&ends.source, E::FROM), (&ends.target, E::TO)] {
        let fits = expected.is_none_or(|expected| end.entity() == expected);
        if end.collection() != Collection::Node || !fits {
            return Err(Error::new(ErrorKind::Invalid, "edge cannot join this")
                .with("edge", E::NAME)
                .with("end", end)
                .with("expected", expected.unwrap_or("a node")));
        }
    }
    Ok(())
}

fn contended(ends: &Ends) -> Error {
    Error::new(ErrorKind::Conflict, "edge was created and deleted again and again by others")
        .with("source", &ends.source)
        .with("target", &ends.target)
        .with("attempts", MAX_TRIES)
}
