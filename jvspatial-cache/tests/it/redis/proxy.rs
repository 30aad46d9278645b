//! A way to Redis that can be cut for one process and not for another.

use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// Passes everything on until it is cut.
#[derive(Debug)]
pub(super) struct Proxy {
    directory: TempDir,
    cut: Arc<watch::Sender<bool>>,
}

impl Proxy {
    pub(super) fn to(server: PathBuf) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("socket")).unwrap();
        let cut = Arc::new(watch::Sender::new(false));
        let switch = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut cut = switch.subscribe();
                let server = server.clone();
                tokio::spawn(async move {
                    if *cut.borrow() {
                        return;
                    }
                    let Ok(mut server) = UnixStream::connect(server).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => (),
                        _ = cut.wait_for(|cut| *cut) => (),
                    }
                });
            }
        });
        Self { directory, cut }
    }

    pub(super) fn url(&self) -> String {
        format!("redis+unix://{}", self.directory.path().join("socket").display())
    }

    /// Closes every connection through it, and each new one at once.
    pub(super) fn cut(&self) {
        self.cut.send_replace(true);
    }

    pub(super) fn mend(&self) {
        self.cut.send_replace(false);
    }
}
