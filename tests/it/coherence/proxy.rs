//! A way to a server that can be cut or stand still for one process and not for others.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Passes everything on, from the moment it is made to the end of this process.
#[derive(Debug)]
pub(super) struct Proxy {
    port: u16,
    way: Arc<Way>,
}

#[derive(Debug, Default)]
struct Way {
    is_cut: AtomicBool,
    is_frozen: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(super) fn to(server: String) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let way = Arc::new(Way::default());
        let all = Arc::clone(&way);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if all.is_cut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(&server) else { continue };
                for stream in [&client, &server] {
                    all.connections.lock().unwrap().push(stream.try_clone().unwrap());
                }
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let way = Arc::clone(&all);
                    thread::spawn(move || way.pass_on(from, to));
                }
            }
        });
        Self { port, way }
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Closes every connection, and each new one at once.
    pub(super) fn cut(&self) {
        self.way.is_cut.store(true, Ordering::SeqCst);
        for connection in self.way.connections.lock().unwrap().drain(..) {
            // One that its ends have closed is closed.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn mend(&self) {
        self.way.is_cut.store(false, Ordering::SeqCst);
    }

    /// Holds everything that comes in from here on, without a word.
    pub(super) fn freeze(&self) {
        self.way.is_frozen.store(true, Ordering::SeqCst);
    }

    pub(super) fn thaw(&self) {
        self.way.is_frozen.store(false, Ordering::SeqCst);
    }
}

impl Way {
    fn pass_on(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = vec![0; 1 << 16];
        loop {
            let length = from.read(&mut bytes).unwrap_or(0);
            while self.is_frozen.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(2));
            }
            if length == 0 || to.write_all(&bytes[..length]).is_err() {
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}
