//! What a hook answers.

/// What the walk does after a hook.
///
/// A hook that returns nothing, or `Ok(())`, answers [`Continue`](Control::Continue).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Control {
    /// Go on with the node's next hook, then with the next node.
    #[default]
    Continue,
    /// Leave out the node's remaining hooks and go on with the next node. What the hooks so far asked
    /// for (`follow`, `save`, `report`) stands.
    Skip,
    /// Stop right after this hook and hand back an outcome that can be resumed. The node's remaining
    /// hooks are left out, also after resuming.
    Pause,
    /// End the walk right after this hook. Nothing further is visited; the `on_exit` hooks run.
    Disengage,
}

impl From<()> for Control {
    fn from((): ()) -> Self {
        Self::Continue
    }
}
