//! The threads that serve connections: one a core, each with its connections and a runtime of its
//! own. A request is read, predicted and answered on one thread; none is woken up, stolen from or
//! locked out for another, which at tens of thousands of requests a second costs more than they do.

use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, available_parallelism};

use tokio::net::TcpStream;
use tokio::runtime;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::Connection;

/// A connection on its way to the thread that serves it.
#[derive(Debug)]
struct Handover {
    stream: std::net::TcpStream,
    connection: Connection,
    /// Its place among the server's connections, given up at its end.
    place: OwnedSemaphorePermit,
}

/// The threads. They end when this is dropped and their connections have ended.
#[derive(Debug)]
pub(super) struct Shards(Vec<Shard>);

#[derive(Debug)]
struct Shard {
    sender: mpsc::UnboundedSender<Handover>,
    /// Connections it serves.
    open: Arc<AtomicUsize>,
    /// As the server's, but of this thread alone: nobody else takes its locks.
    finish: CancellationToken,
}

impl Shards {
    /// Starts a thread for each core; `tracker` follows the connections.
    pub(super) fn start(tracker: &TaskTracker, finish: &CancellationToken) -> io::Result<Self> {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let shards = (0..cores).map(|_| Shard::start(tracker.clone(), finish.child_token()));
        shards.collect::<io::Result<_>>().map(Self)
    }

    /// Gives a connection to the thread with the fewest.
    pub(super) fn serve(
        &self,
        stream: TcpStream,
        place: OwnedSemaphorePermit,
        connection: impl FnOnce(CancellationToken) -> Connection,
    ) -> io::Result<()> {
        let shards = self.0.iter();
        let shard = shards.min_by_key(|shard| shard.open.load(Ordering::Relaxed));
        let shard = shard.expect("there is a thread for each core");
        let handover = Handover {
            stream: stream.into_std()?,
            connection: connection(shard.finish.clone()),
            place,
        };
        shard.open.fetch_add(1, Ordering::Relaxed);
        // A thread takes connections as long as this lives.
        let _ = shard.sender.send(handover);
        Ok(())
    }
}

impl Shard {
    fn start(tracker: TaskTracker, finish: CancellationToken) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (sender, mut receiver) = mpsc::unbounded_channel::<Handover>();
        let open = Arc::new(AtomicUsize::new(0));
        let served = open.clone();
        let serve = async move {
            while let Some(handover) = receiver.recv().await {
                let open = served.clone();
                tracker.spawn(async move {
                    // Where the runtime does not take the socket, it is closed.
                    if let Ok(stream) = TcpStream::from_std(handover.stream) {
                        handover.connection.serve(stream).await;
                    }
                    open.fetch_sub(1, Ordering::Relaxed);
                    drop(handover.place);
                });
            }
            tracker.wait().await;
        };
        let thread = thread::Builder::new().name("serve".to_owned());
        thread.spawn(move || {
            runtime.block_on(serve);
            // Work that nobody waits for any more must not hold the thread.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            sender,
            open,
            finish,
        })
    }
}
