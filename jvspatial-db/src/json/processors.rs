//! How many processors there are.

use std::num::NonZeroUsize;
use std::sync::LazyLock;

/// As many threads compute at once. Asked of the system once, because it reads several files to tell, and every store that is
/// opened wants to know.
pub(super) fn processors() -> NonZeroUsize {
    static COUNT: LazyLock<NonZeroUsize> =
        LazyLock::new(|| std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN));
    *COUNT
}
