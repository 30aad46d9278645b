//! A proxy before the server of the tests that swallows replies.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Swallows the replies to requests that hold certain bytes, and closes their connections.
pub(super) struct Proxy {
    port: u16,
    to_swallow: Arc<AtomicU32>,
    swallowed: Arc<AtomicU32>,
}

impl Proxy {
    /// A proxy to the first host that `uri` names, for requests that hold `mark`.
    pub(super) async fn start(uri: &str, mark: &'static str) -> Self {
        let (_, rest) = uri.split_once("://").unwrap();
        let server = rest.split(['/', ',']).next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (to_swallow, swallowed) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
        let counts = (Arc::clone(&to_swallow), Arc::clone(&swallowed));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(pass(client, server, mark, counts.clone()));
            }
        });
        Self { port, to_swallow, swallowed }
    }

    /// The connection string of `database` behind the proxy.
    pub(super) fn url(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}?directConnection=true", self.port)
    }

    /// Swallows the next replies to the requests that it looks for.
    pub(super) fn swallow(&self, replies: u32) {
        self.to_swallow.store(replies, Ordering::SeqCst);
    }

    /// How many replies were swallowed.
    pub(super) fn swallowed(&self) -> u32 {
        self.swallowed.load(Ordering::SeqCst)
    }
}

type Counts = (Arc<AtomicU32>, Arc<AtomicU32>);

/// Passes whole messages on, both ways, until one side closes or a reply is swallowed.
async fn pass(mut client: TcpStream, mut server: TcpStream, mark: &str, counts: Counts) {
    let (to_swallow, swallowed) = counts;
    while let Some(request) = message(&mut client).await {
        if server.write_all(&request).await.is_err() {
            return;
        }
        let is_sought = request.windows(mark.len()).any(|bytes| bytes == mark.as_bytes());
        // A request that asks for no reply, or for several, is one of the monitors, which no test looks for.
        let Some(reply) = message(&mut server).await else { return };
        let take = |left: u32| left.checked_sub(1);
        if is_sought && to_swallow.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
            swallowed.fetch_add(1, Ordering::SeqCst);
            return;
        }
        if client.write_all(&reply).await.is_err() {
            return;
        }
        // A monitor is told of changes without asking again.
        while reply.get(16).is_some_and(|flags| flags & 2 != 0) {
            let Some(reply) = message(&mut server).await else { return };
            if client.write_all(&reply).await.is_err() {
                return;
            }
        }
    }
}

/// One message, with the length that it begins with.
async fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let length = stream.read_u32_le().await.ok()?;
    let mut message = vec![0; usize::try_from(length).ok()?];
    message.get_mut(..4)?.copy_from_slice(&length.to_le_bytes());
    stream.read_exact(message.get_mut(4..)?).await.ok()?;
    Some(message)
}
