//! Proxies before the members of a set, which swallow replies and are taken for the members by clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One proxy for each server. Where replies name the servers, they name the proxies instead.
pub(super) struct Proxies {
    hosts: Vec<String>,
    shared: Arc<Shared>,
}

struct Shared {
    /// What a request holds whose reply is sought.
    marks: &'static [&'static str],
    to_swallow: AtomicU32,
    is_silent: AtomicBool,
    swallowed: AtomicU32,
    /// What is replaced in replies, by as many bytes.
    replaced: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Proxies {
    /// Proxies to `hosts`, for requests that hold one of `marks`.
    pub(super) async fn start<'h>(
        hosts: impl IntoIterator<Item = &'h str>,
        marks: &'static [&'static str],
    ) -> Self {
        let mut listeners = Vec::new();
        for host in hosts {
            listeners.push((listener_like(host).await, host.to_owned()));
        }
        let own = |listener: &TcpListener| listener.local_addr().unwrap().to_string();
        let replaced = listeners.iter().map(|(listener, host)| (host.clone(), own(listener)));
        let replaced = replaced.map(|(host, own)| (host.into_bytes(), own.into_bytes()));
        let replaced = replaced.collect();
        Self::serve(listeners, marks, replaced)
    }

    /// A proxy to one host that replaces bytes in its replies by as many others.
    pub(super) async fn replacing(host: &str, from: Vec<u8>, to: Vec<u8>) -> Self {
        let listeners = vec![(listener_like(host).await, host.to_owned())];
        Self::serve(listeners, &[], vec![(from, to)])
    }

    fn serve(
        listeners: Vec<(TcpListener, String)>,
        marks: &'static [&'static str],
        replaced: Vec<(Vec<u8>, Vec<u8>)>,
    ) -> Self {
        let shared = Arc::new(Shared {
            marks,
            to_swallow: AtomicU32::new(0),
            is_silent: AtomicBool::new(false),
            swallowed: AtomicU32::new(0),
            replaced,
        });
        let mut hosts = Vec::new();
        for (listener, host) in listeners {
            hosts.push(listener.local_addr().unwrap().to_string());
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    // A server that is gone is told as one: the connection is closed.
                    if let Ok(server) = TcpStream::connect(&host).await {
                        tokio::spawn(pass(client, server, Arc::clone(&shared)));
                    }
                }
            });
        }
        Self { hosts, shared }
    }

    /// The hosts of a connection string.
    pub(super) fn hosts(&self) -> String {
        self.hosts.join(",")
    }

    /// Swallows the next replies to the requests that are sought.
    pub(super) fn swallow(&self, replies: u32) {
        self.shared.to_swallow.store(replies, Ordering::SeqCst);
    }

    /// Whether to swallow all of them.
    pub(super) fn silence(&self, is_silent: bool) {
        self.shared.is_silent.store(is_silent, Ordering::SeqCst);
    }

    /// How many replies were swallowed.
    pub(super) fn swallowed(&self) -> u32 {
        self.shared.swallowed.load(Ordering::SeqCst)
    }
}

/// A listener whose name is as long as `host`, so that one can stand where the other was.
async fn listener_like(host: &str) -> TcpListener {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if listener.local_addr().unwrap().to_string().len() == host.len() {
            return listener;
        }
    }
}

/// Passes whole messages on, both ways, until one side closes or a reply is swallowed.
async fn pass(mut client: TcpStream, mut server: TcpStream, shared: Arc<Shared>) {
    const MORE_TO_COME: u8 = 2;
    while let Some(request) = message(&mut client).await {
        if server.write_all(&request).await.is_err() {
            return;
        }
        let holds = |mark: &&str| request.windows(mark.len()).any(|part| part == mark.as_bytes());
        let is_sought = shared.marks.iter().any(holds);
        let Some(reply) = message(&mut server).await else { return };
        if is_sought && shared.swallows() {
            return;
        }
        let mut reply = reply;
        loop {
            shared.replace(&mut reply);
            if client.write_all(&reply).await.is_err() {
                return;
            }
            // A monitor is told of changes without asking again.
            if reply.get(16).is_none_or(|flags| flags & MORE_TO_COME == 0) {
                break;
            }
            let Some(next) = message(&mut server).await else { return };
            reply = next;
        }
    }
}

impl Shared {
    /// Whether a reply is swallowed, which is counted.
    fn swallows(&self) -> bool {
        let take = |left: u32| left.checked_sub(1);
        let swallows = self.is_silent.load(Ordering::SeqCst)
            || self.to_swallow.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok();
        self.swallowed.fetch_add(u32::from(swallows), Ordering::SeqCst);
        swallows
    }

    fn replace(&self, reply: &mut [u8]) {
        for (from, to) in &self.replaced {
            let mut rest = &mut *reply;
            while let Some(place) = memchr::memmem::find(rest, from) {
                rest[place..place + to.len()].copy_from_slice(to);
                rest = &mut rest[place + to.len()..];
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
