//! One process of many does something.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::Value;

use super::RedisCache;
use super::keeper::millis;
use super::scripts;
use super::shared::Shared;
use crate::error::Result;

/// The right to do something that no other process of the namespace has at the same time.
///
/// It ends when it is dropped, by a task in the background, and by itself when its time is up: what it guards
/// may then be done twice. It saves work; it guards nothing that must not happen twice.
pub struct Lease {
    shared: Arc<Shared>,
    name: Vec<u8>,
    token: [u8; 16],
    /// Whether somebody else has ended it.
    is_over: bool,
}

impl RedisCache {
    /// Takes the lease of `key` for `time` at the longest; `None` while another has it.
    ///
    /// Dropping the future may leave a lease behind that ends when its time is up.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when Redis cannot be reached. Go on without a lease.
    pub async fn lease(&self, key: &[u8], time: Duration) -> Result<Option<Lease>> {
        let shared = &self.shared;
        let (name, token) = (shared.names.lease(key), super::shared::random());
        let answer = shared.link.call(|mut connection| {
            let mut command = redis::cmd("SET");
            command.arg(&name).arg(&token[..]).arg("NX").arg("PX").arg(millis(time));
            async move { command.query_async::<Value>(&mut connection).await }
        });
        let taken = answer.await? == Value::Okay;
        Ok(taken.then(|| Lease::new(shared, name, token)))
    }
}

impl Lease {
    /// One that was taken.
    pub(super) fn new(shared: &Arc<Shared>, name: Vec<u8>, token: [u8; 16]) -> Self {
        Self { shared: Arc::clone(shared), name, token, is_over: false }
    }

    pub(super) const fn token(&self) -> &[u8; 16] {
        &self.token
    }

    /// A script has ended it, or found that it is not there any more.
    pub(super) fn ended(mut self) {
        self.is_over = true;
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // Without a runtime nobody can be told, and the time ends it.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (shared, name, token) = (Arc::clone(&self.shared), self.name.clone(), self.token);
        runtime.spawn(async move {
            let release = shared.link.call(|mut connection| async move {
                let mut script = scripts::RELEASE.prepare_invoke();
                script.key(&name[..]).arg(&token[..]);
                script.invoke_async::<u64>(&mut connection).await
            });
            // One that could not be told ends by its time.
            let _ = release.await;
        });
    }
}
