//! A way to Redis on which the messages of others can be lost while everything else arrives.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Passes everything on, but no message while it is deaf, and nothing back while it is silent.
#[derive(Debug)]
pub(super) struct Proxy {
    port: u16,
    switches: Arc<Switches>,
}

#[derive(Debug, Default)]
struct Switches {
    is_deaf: AtomicBool,
    is_silent: AtomicBool,
    asked: AtomicU64,
}

impl Proxy {
    /// One to the server at `redis://<host>:<port>/`.
    pub(super) async fn to(url: &str) -> Self {
        let server = url.trim_start_matches("redis://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let switches = Arc::new(Switches::default());
        let told = Arc::clone(&switches);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { continue };
                tokio::spawn(pass(client, server, Arc::clone(&told)));
            }
        });
        Self { port, switches }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(super) fn set_deaf(&self, is: bool) {
        self.switches.is_deaf.store(is, Ordering::SeqCst);
    }

    pub(super) fn set_silent(&self, is: bool) {
        self.switches.is_silent.store(is, Ordering::SeqCst);
    }

    /// How many scripts it has passed on.
    pub(super) fn asked(&self) -> u64 {
        self.switches.asked.load(Ordering::SeqCst)
    }
}

async fn pass(client: TcpStream, server: TcpStream, switches: Arc<Switches>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    // A connection that has subscribed is answered nothing else but messages.
    let listens = Arc::new(AtomicBool::new(false));
    let (subscribes, counts) = (Arc::clone(&listens), Arc::clone(&switches));
    let up = async move {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(len @ 1..) = from_client.read(&mut bytes).await {
            if bytes[..len].windows(9).any(|word| word == b"SUBSCRIBE") {
                subscribes.store(true, Ordering::SeqCst);
            }
            let scripts = bytes[..len].windows(7).filter(|word| word == b"EVALSHA").count();
            counts.asked.fetch_add(scripts as u64, Ordering::SeqCst);
            if to_server.write_all(&bytes[..len]).await.is_err() {
                return;
            }
        }
    };
    let down = async move {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(len @ 1..) = from_server.read(&mut bytes).await {
            let is_message = bytes[..len].windows(7).any(|word| word == b"message");
            let is_lost = is_message
                && listens.load(Ordering::SeqCst)
                && switches.is_deaf.load(Ordering::SeqCst);
            if is_lost || switches.is_silent.load(Ordering::SeqCst) {
                continue;
            }
            if to_client.write_all(&bytes[..len]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => (),
        () = down => (),
    }
}
