//! What befalls the primary.

use std::time::Duration;

use super::set::Set;

/// A fault of the primary, by which another member takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nemesis {
    /// It is asked to step down.
    StepDown,
    /// It is killed in the midst of whatever it does, and started again.
    Kill,
    /// It stops where it is, its connections open, and goes on later.
    Freeze,
    /// It is cut off from the others, but not from clients.
    CutOff,
}

impl Nemesis {
    /// Those that need nothing but processes.
    pub(super) const OF_PROCESSES: [Self; 3] = [Self::StepDown, Self::Kill, Self::Freeze];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::StepDown => "stepdown",
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::CutOff => "partition",
        }
    }

    /// How long no write may be acknowledged where an election takes a second. One that is cut off has to notice by itself,
    /// before it lets go of what it was asked to write.
    pub(super) const fn longest_gap(self) -> Duration {
        match self {
            Self::StepDown | Self::Kill | Self::Freeze => Duration::from_secs(3),
            Self::CutOff => Duration::from_secs(5),
        }
    }

    /// Strikes the primary, waits for another one and lets the struck one come back.
    pub(super) async fn strike(self, set: &Set) {
        let struck = set.primary().await;
        match self {
            Self::StepDown => {
                let struck = set.step_down().await;
                set.other_primary(struck).await;
            }
            Self::Kill => {
                set.kill(struck);
                set.other_primary(struck).await;
                set.restart(struck);
            }
            Self::Freeze => {
                set.freeze(struck);
                set.other_primary(struck).await;
                set.thaw(struck);
            }
            Self::CutOff => {
                set.cut_off(struck);
                set.other_primary(struck).await;
                set.join_up();
            }
        }
    }
}
