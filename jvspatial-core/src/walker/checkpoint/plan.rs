//! A walk that is asked for with checkpoints.

use std::fmt;

use jvspatial_db::{Database, Handle, Version};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::head::{Bound, Course};
use super::load::Loaded;
use super::name::head_id;
use super::restore;
use super::saver::{AddHead, Saver, add_head};
use crate::error::{Error, ErrorKind, Result};
use crate::walker::Walker;
use crate::walker::builder::{WalkBuilder, check_size};
use crate::walker::limits::Limit;
use crate::walker::policy::WriteMode;
use crate::walker::run::Run;

/// The checkpoints of a walk about to begin.
pub(in crate::walker) struct Plan<W: Walker> {
    name: String,
    every: usize,
    add_head: AddHead<W>,
    /// The one from which it goes on.
    loaded: Option<Box<Loaded>>,
}

impl<W: Walker + Serialize + DeserializeOwned> WalkBuilder<W> {
    /// Keeps a checkpoint called `name`, any text of 1 to 60 bytes, from which [`resume`](crate::Graph::resume) goes on after a
    /// crash. It is written at the end of every `every`th chunk, from 1 on, and sooner when a batch of writes is full or old, or
    /// something is created, joined or removed.
    ///
    /// It holds what waits, what was met, the walker, the trail and all counts, and is written together with what hooks have
    /// asked to write since the one before, all or nothing; a walk with checkpoints writes at no other time. So every write of
    /// every hook is made exactly once, however often the walk is interrupted. What hooks do besides, such as a write by
    /// [`Walk::graph`](crate::Walk::graph), is done again for the visits since the last checkpoint, and so is what they report:
    /// reports are not part of it.
    ///
    /// The checkpoint is removed when the walk has ended, together with what the `on_exit` hooks wrote. A pause, a cancellation
    /// and an error are no such end: the checkpoint stays, what was asked for since is not written, and `on_exit` hooks wait.
    ///
    /// A checkpoint costs as much as is stored of what waits, of the trail, and of the visits to be
    /// [left](crate::Walker::leave); of what was met it stores only what is new.
    ///
    /// Differences in a walk with checkpoints: hooks cannot make walks [of their own](crate::Walk::spawn), and
    /// [`queue`](crate::Walk::queue) does not write before it looks up what was asked for, so it does not follow edges made in
    /// the same chunk.
    ///
    /// ```
    /// use jvspatial_core::{
    ///     AnyEdge, Control, ErrorKind, Graph, Here, HookError, Result, Walk, Walker, out,
    /// };
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Default, Serialize, Deserialize)]
    /// struct Count {
    ///     nodes: u64,
    /// }
    /// # impl Walker for Count {
    /// #     type Report = ();
    /// #     const NAME: &'static str = "Count";
    /// #     async fn visit(&mut self, _: &mut Here, walk: &mut Walk<Self>) -> Result<Control, HookError> {
    /// #         self.nodes += 1;
    /// #         walk.follow(out::<AnyEdge>());
    /// #         Ok(Control::Continue)
    /// #     }
    /// # }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result {
    /// # let graph = Graph::open("memory:").await?;
    /// let walk = match graph.resume::<Count>("count").await {
    ///     Err(error) if error.kind() == ErrorKind::NotFound => {
    ///         graph.walk(Count::default()).checkpoint("count", 10)
    ///     }
    ///     resumed => resumed?,
    /// };
    /// assert_eq!(walk.run().await?.walker.nodes, 1);
    /// assert!(graph.checkpoints().await?.is_empty(), "the walk has ended");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The walk fails before it begins with `Duplicate` when there is a checkpoint of that name; `Unsupported` on a backend
    /// without atomic batches, in another [`WriteMode`](crate::WriteMode) than `Batched` and in a dry run; `Invalid` or `Limit`
    /// for a name or a number out of its range. It fails later with `Conflict` when another walk uses the checkpoint, and with
    /// `Limit` when a chunk has more writes than an atomic batch can hold: then make it smaller. What of the walker cannot be
    /// stored fails as it does in an entity.
    pub fn checkpoint(mut self, name: impl Into<String>, every: usize) -> Self {
        let loaded = self.checkpoint.take().and_then(|plan| plan.loaded);
        self.checkpoint = Some(Plan { name: name.into(), every, add_head: add_head::<W>, loaded });
        self
    }

    /// The walk that goes on from what was loaded.
    pub(crate) fn resumed(self, loaded: Box<Loaded>) -> Self {
        let course = loaded.head.course.clone();
        let name = loaded.head.name.clone();
        let mut walk = self.directed(&course).checkpoint(name, course.every);
        if let Some(plan) = &mut walk.checkpoint {
            plan.loaded = Some(loaded);
        }
        walk
    }
}

impl<W: Walker> WalkBuilder<W> {
    /// How it is asked to go.
    pub(in crate::walker) fn course(&self, every: usize) -> Course {
        let limits = &self.limits;
        let bounds = [
            limits.steps.map(Limit::Steps),
            limits.visits.map(Limit::Visits),
            limits.depth.map(Limit::Depth),
            limits.time.map(Limit::Time),
            limits.queries.map(Limit::Queries),
            limits.bytes.map(Limit::Bytes),
            self.settings.max_reports.map(Limit::Reports),
            self.max_writes.map(Limit::Writes),
        ];
        Course {
            order: self.order,
            uniqueness: self.uniqueness,
            start: None,
            every,
            chunk_size: self.chunk_size,
            batch_size: self.batch_size,
            batch_age: self.batch_age,
            trail: self.trail,
            on_error: self.settings.on_error,
            on_conflict: self.settings.on_conflict,
            on_full: self.on_full,
            hook_timeout: self.settings.hook_timeout,
            max_frontier: limits.frontier,
            max_errors: self.settings.max_errors,
            limits: bounds.into_iter().flatten().map(Bound).collect(),
        }
    }

    /// The walk that goes as `course` says.
    fn directed(mut self, course: &Course) -> Self {
        self.order = course.order;
        self.uniqueness = course.uniqueness;
        self.chunk_size = course.chunk_size;
        self.batch_size = course.batch_size;
        self.batch_age = course.batch_age;
        self.trail = course.trail;
        self.settings.hook_timeout = course.hook_timeout;
        let walk = self
            .on_error(course.on_error)
            .on_conflict(course.on_conflict)
            .on_full(course.on_full)
            .max_frontier(course.max_frontier)
            .max_errors(course.max_errors);
        course.limits.iter().fold(walk, |walk, Bound(limit)| match *limit {
            Limit::Steps(steps) => walk.max_steps(steps),
            Limit::Visits(visits) => walk.max_visits(visits),
            Limit::Depth(depth) => walk.max_depth(depth),
            Limit::Time(time) => walk.max_time(time),
            Limit::Queries(queries) => walk.max_queries(queries),
            Limit::Bytes(bytes) => walk.max_bytes(bytes),
            Limit::Reports(reports) => walk.max_reports(reports),
            Limit::Writes(writes) => walk.max_writes(writes),
            Limit::Deadline | Limit::Frontier(_) | Limit::Errors(_) => walk,
        })
    }
}

impl<W: Walker> Plan<W> {
    pub(in crate::walker) const fn every(&self) -> usize {
        self.every
    }

    /// Whether the walk goes on from a checkpoint, and so needs no start.
    pub(in crate::walker) const fn is_resumed(&self) -> bool {
        self.loaded.is_some()
    }

    /// Refuses what a walk with checkpoints cannot be asked for.
    pub(in crate::walker) fn check(&self, walk: &WalkBuilder<W>) -> Result<()> {
        head_id(&self.name)?;
        check_size("chunks between checkpoints", self.every, usize::MAX)?;
        let unsupported = |what| Err(Error::new(ErrorKind::Unsupported, what));
        if walk.settings.write_mode != WriteMode::Batched {
            return unsupported("a walk with checkpoints writes in batches, together with them");
        }
        if walk.recorder.is_some() {
            return unsupported("a dry run has no checkpoints");
        }
        let Some(loaded) = &self.loaded else { return Ok(()) };
        let course = &loaded.head.course;
        if walk.starts.is_some()
            || (walk.order, walk.uniqueness) != (course.order, course.uniqueness)
            || self.name != loaded.head.name
        {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a walk that goes on from a checkpoint keeps its start, order, uniqueness and name",
            )
            .with("checkpoint", format_args!("{:?}", loaded.head.name)));
        }
        Ok(())
    }

    /// Has `run` keep checkpoints, and go on from the one that was loaded.
    pub(in crate::walker) async fn join(
        self,
        run: &mut Run<W>,
        mut course: Box<Course>,
    ) -> Result<()> {
        let id = head_id(&self.name)?;
        let database = &run.walk.engine.database;
        if !database.capabilities().atomic_batches {
            return Err(Error::new(ErrorKind::Unsupported, "checkpoints need atomic batches")
                .with("database", database.capabilities().name));
        }
        course.start.clone_from(&run.walk.engine.start);
        let key = run.walk.graph.reserve_keys(1).next().unwrap_or_default();
        let mut saver = Saver {
            name: self.name,
            id,
            course: *course,
            chunks: 0,
            token: key.iter().map(|byte| format!("{byte:02x}")).collect(),
            first: first_version(key),
            stored: None,
            tail: Vec::new(),
            add_head: self.add_head,
        };
        match self.loaded {
            Some(loaded) => restore::restore(run, &mut saver, *loaded)?,
            None => refuse_another(&**database, &saver).await?,
        }
        run.company.saver = Some(Box::new(saver));
        Ok(())
    }
}

/// A version that checkpoints of other walks do not come to: it begins with the time at which the key was made, and has
/// something of its process.
fn first_version([s0, s1, s2, s3, p0, p1, p2, _, _, c0, c1, c2]: [u8; 12]) -> Version {
    Version::new(u64::from_be_bytes([0, s0, s1, s2, s3, p0 ^ c0, p1 ^ c1, p2 ^ c2]))
}

async fn refuse_another<W: Walker>(database: &dyn Database, saver: &Saver<W>) -> Result<()> {
    let found = database.get_many(&[Handle::new(saver.id.clone())]).await?;
    if found.iter().all(Option::is_none) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Duplicate,
        "there is a checkpoint of that name: resume or discard it",
    )
    .with("checkpoint", format_args!("{:?}", saver.name)))
}

impl<W: Walker> fmt::Debug for Plan<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("name", &self.name)
            .field("every", &self.every)
            .field("is_resumed", &self.is_resumed())
            .finish_non_exhaustive()
    }
}
