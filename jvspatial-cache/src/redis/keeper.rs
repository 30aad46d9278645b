//! The task that keeps a process known to Redis, and Redis known to the process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::pulse::State;
use super::scripts;
use super::shared::Shared;
use crate::error::Result;

/// The least time between two beats, however often one is wanted.
const PAUSE: Duration = Duration::from_millis(50);

/// The time between two probes of a Redis that does not answer.
const PROBE: Duration = Duration::from_millis(250);

/// Beats until it is aborted.
pub(super) async fn keep(shared: Arc<Shared>) {
    loop {
        let pause = match beat(&shared).await {
            Ok(()) => shared.options.beat(),
            Err(_) => shared.options.beat().min(PROBE),
        };
        tokio::time::sleep(PAUSE.min(pause)).await;
        let wanted = shared.link.wanted.notified();
        // Which of the two it was makes no difference.
        let _ = tokio::time::timeout(pause.saturating_sub(PAUSE), wanted).await;
    }
}

/// Says that this process lives and learns the state of the namespace. Begins a new era if there was a gap.
pub(super) async fn beat(shared: &Shared) -> Result<()> {
    let sent = Instant::now();
    let gaps = shared.pulse.gaps();
    let gap = u8::from(shared.pulse.has_open(gaps));
    let state: State = shared
        .link
        .probe(|mut connection| async move {
            let mut script = scripts::BEAT.prepare_invoke();
            script.key(&shared.names.state).key(&shared.names.live).arg(&shared.id[..]);
            script.arg(millis(shared.options.given_up())).arg(shared.pulse.era()).arg(gap);
            script.invoke_async(&mut connection).await
        })
        .await?;
    shared.pulse.beaten(state, sent, gaps);
    Ok(())
}

/// Whole milliseconds as Redis takes them: one at the least.
pub(super) fn millis(time: Duration) -> u64 {
    // More than a hundred years is for ever; Redis refuses what overflows its clock.
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).clamp(1, 1 << 42)
}
