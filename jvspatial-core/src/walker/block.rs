//! Visits that follow one another, made by one worker apart from the walk.

use std::pin::pin;
use std::sync::Arc;

use jvspatial_db::Document;

use super::Walker;
use super::control::Control;
use super::frontier::Pending;
use super::here::Here;
use super::hook::HookError;
use super::parallel_walker::ParallelWalker;
use super::trail::StepOutcome;
use super::visit::{Bounds, Cut, bounded};
use super::walk::Walk;
use crate::error::Error;

/// Visits to be made.
pub(super) struct Block<W: Walker> {
    /// Which of the chunk's blocks it is.
    pub(super) place: usize,
    pub(super) visits: Vec<(Pending, Document)>,
    /// What its hooks see, with effects of its own.
    pub(super) walk: Walk<W>,
}

/// Visits that were made.
pub(super) struct Done<W: Walker> {
    pub(super) place: usize,
    pub(super) walk: Walk<W>,
    /// The walker that made them, if it was a fork.
    pub(super) fork: Option<W>,
    /// What came of each.
    pub(super) steps: Vec<StepOutcome>,
    /// Why there are no more of them.
    pub(super) stop: Option<Stop>,
}

/// Why a block ended.
#[derive(Debug)]
pub(super) enum Stop {
    /// A hook ended or paused the walk.
    Control(Control),
    /// A hook failed.
    Failed(Error),
    /// Something that only the walk itself can do or tell: hold the queue, or be at a limit.
    Undecided,
}

/// Whoever runs the hooks of a visit.
trait Attend<W: Walker>: Send {
    fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<W>,
    ) -> impl Future<Output = Result<Control, HookError>> + Send;
}

/// A walker that all blocks share.
struct Shared<W>(Arc<W>);

impl<W: ParallelWalker> Attend<W> for Shared<W> {
    fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<W>,
    ) -> impl Future<Output = Result<Control, HookError>> + Send {
        self.0.visit_shared(here, walk)
    }
}

/// A fork.
struct Own<W>(W);

impl<W: Walker> Attend<W> for Own<W> {
    fn visit(
        &mut self,
        here: &mut Here,
        walk: &mut Walk<W>,
    ) -> impl Future<Output = Result<Control, HookError>> + Send {
        self.0.visit(here, walk)
    }
}

/// Makes the visits of a block by the walker that all blocks share.
pub(super) async fn conduct_shared<W: ParallelWalker>(block: Block<W>, walker: Arc<W>) -> Done<W> {
    block.conduct(&mut Shared(walker)).await
}

/// Makes the visits of a block by a fork.
pub(super) async fn conduct_own<W: Walker>(block: Block<W>, fork: W) -> Done<W> {
    let mut own = Own(fork);
    let done = block.conduct(&mut own).await;
    Done { fork: Some(own.0), ..done }
}

impl<W: Walker> Block<W> {
    async fn conduct<A: Attend<W>>(self, attend: &mut A) -> Done<W> {
        let Self { place, visits, mut walk } = self;
        let (mut steps, mut stop) = (Vec::with_capacity(visits.len()), None);
        let asks = Arc::clone(&walk.asks_for_queue);
        walk.expect(visits.len());
        for (pending, mut document) in visits {
            if !walk.writes.overlay(&mut document) {
                stop = Some(Stop::Undecided);
                break;
            }
            walk.count(&document);
            let mut here = walk.arrive(pending, document);
            let bounds = Bounds::of(&walk).asked(&asks);
            let ended = bounded(pin!(attend.visit(&mut here, &mut walk)), bounds).await;
            let outcome = match ended {
                Err(Cut::Cancelled | Cut::Deadline | Cut::Queue) => {
                    stop = Some(Stop::Undecided);
                    break;
                }
                Ok(answer) => walk.judge_hook(answer),
            };
            match outcome {
                Ok(control) => {
                    steps.push(walk.concluded(control));
                    if control == Control::Continue && here.is_edge() {
                        walk.pass();
                    }
                    if matches!(control, Control::Pause | Control::Disengage) {
                        stop = Some(Stop::Control(control));
                        break;
                    }
                }
                Err(error) => {
                    steps.push(StepOutcome::Failed);
                    stop = Some(Stop::Failed(walk.placed(error)));
                    break;
                }
            }
        }
        Done { place, walk, fork: None, steps, stop }
    }
}
