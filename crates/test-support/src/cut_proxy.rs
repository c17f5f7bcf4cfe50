//! A TCP proxy that cuts connections at a byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf};
use tokio::task::JoinHandle;

/// A proxy in front of one server; it ends when dropped.
#[derive(Debug)]
pub struct CutProxy {
    address: SocketAddr,
    budget: Arc<Budget>,
    server: JoinHandle<()>,
}

/// How many bytes may still pass towards the server before the connection is cut.
#[derive(Debug)]
struct Budget {
    bytes: AtomicU64,
    cuts: AtomicUsize,
}

impl CutProxy {
    /// Starts one on a free port of the loopback address; until told otherwise it cuts nothing.
    ///
    /// # Panics
    /// If no port can be had.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port of the loopback address is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let budget = Arc::new(Budget {
            bytes: AtomicU64::new(u64::MAX),
            cuts: AtomicUsize::new(0),
        });
        let server = tokio::spawn(accept(listener, target, Arc::clone(&budget)));
        Self {
            address,
            budget,
            server,
        }
    }

    /// Host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the connection in use once `bytes` more have passed towards the server; just once.
    pub fn cut_after(&self, bytes: u64) {
        self.budget.bytes.store(bytes, Ordering::SeqCst);
    }

    /// How many connections were cut so far.
    pub fn cuts(&self) -> usize {
        self.budget.cuts.load(Ordering::SeqCst)
    }
}

impl Drop for CutProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, budget: Arc<Budget>) {
    while let Ok((client, _)) = listener.accept().await {
        let budget = Arc::clone(&budget);
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(target).await else {
                return;
            };
            let (from_client, mut to_client) = client.into_split();
            let (mut from_server, to_server) = server.into_split();
            // Whichever direction ends first takes the other with it.
            tokio::select! {
                () = forward(from_client, to_server, &budget) => {}
                _ = tokio::io::copy(&mut from_server, &mut to_client) => {}
            }
        });
    }
}

/// Passes bytes on as far as the budget goes.
async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, budget: &Budget) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let left = budget.bytes.load(Ordering::SeqCst);
        let pass = left.min(read as u64);
        if to.write_all(&buffer[..pass as usize]).await.is_err() {
            return;
        }
        if left == u64::MAX {
            continue;
        }
        if pass == left {
            budget.bytes.store(u64::MAX, Ordering::SeqCst);
            budget.cuts.fetch_add(1, Ordering::SeqCst);
            return;
        }
        budget.bytes.store(left - pass, Ordering::SeqCst);
    }
}
