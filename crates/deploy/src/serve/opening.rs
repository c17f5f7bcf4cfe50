//! A connection from its first byte on, as long as it carries nothing but plain requests.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::io::poll_read_buf;

use super::connection::Connection;
use super::plain::{MAX_BODY, Plain, Read, Scratch};
use super::rewound::Rewound;

/// How an HTTP/2 connection begins; no HTTP/1 method does.
const HTTP2_PREFACE: &[u8] = b"PRI ";
/// How long the rest of a plain request is waited for here, where its time is not limited.
const MOMENT: Duration = Duration::from_millis(20);
/// Room for a request to begin with.
const FIRST_READ: usize = 4 * 1024;
/// Bytes of one request that are kept here.
const MAX_READ: usize = MAX_BODY + 32 * 1024;
/// Answers of requests that came together, written at once up to about this size.
const MAX_UNWRITTEN: usize = 64 * 1024;

/// How a connection goes on.
#[derive(Debug)]
pub(super) enum Next {
    /// Not at all.
    End,
    /// As HTTP/1, which has a request to be read again.
    Http1,
    /// As HTTP/2.
    Http2,
}

/// A connection's beginning.
#[derive(Debug)]
pub(super) struct Opening<'a> {
    connection: &'a Connection,
    stream: TcpStream,
    /// What has come in and is not answered.
    read: BytesMut,
    unwritten: Vec<u8>,
    scratch: Scratch,
    is_one_too_many: bool,
}

/// What happens to a connection that waits.
enum Event {
    /// More bytes came.
    More,
    /// No more will come.
    End,
    /// They did not come in time, or the server finishes.
    Time,
}

/// What became of the bytes that have come in.
enum Found {
    /// There are none.
    Nothing,
    /// Answers have to be written before more are made.
    More,
    /// The rest is yet to come.
    Part,
    /// The rest of HTTP/2's preface is yet to come.
    PartOfPreface,
    /// They are not for here.
    Other(Next),
}

impl<'a> Opening<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        stream: TcpStream,
        is_one_too_many: bool,
    ) -> Self {
        Self {
            connection,
            stream,
            read: BytesMut::with_capacity(FIRST_READ),
            unwritten: Vec::new(),
            scratch: Scratch::default(),
            is_one_too_many,
        }
    }

    /// The stream, with what was read and not answered still to be read.
    pub(super) fn into_stream(self) -> Rewound<TcpStream> {
        Rewound::new(self.read, self.stream)
    }

    /// Answers plain requests until something else comes.
    pub(super) async fn serve(&mut self) -> Next {
        let connection = self.connection;
        let mut finish = pin!(connection.finish.cancelled());
        let mut patience = Patience::new(connection.idle_timeout);
        let mut is_part = false;
        loop {
            let found = self.answer();
            if !self.unwritten.is_empty() {
                is_part = false;
                if self.write().await.is_err() {
                    return Next::End;
                }
            }
            match found {
                Found::Other(next) => return next,
                Found::More => continue,
                Found::Nothing => patience.renew(connection.idle_timeout),
                // Not with every byte of it.
                Found::Part if is_part => {}
                Found::Part => patience.renew(MOMENT),
                Found::PartOfPreface => {}
            }
            is_part = matches!(found, Found::Part);
            let event = poll_fn(|context| {
                // Where there is more, nothing else matters.
                match self.poll_more(context) {
                    Poll::Ready(true) => Poll::Ready(Event::More),
                    Poll::Ready(false) => Poll::Ready(Event::End),
                    Poll::Pending if finish.as_mut().poll(context).is_ready() => {
                        Poll::Ready(Event::Time)
                    }
                    Poll::Pending => patience.poll(context).map(|()| Event::Time),
                }
            });
            match event.await {
                Event::More => {}
                // hyper limits the time of the rest, finishes it, or answers its end.
                Event::Time | Event::End if is_part => return Next::Http1,
                Event::Time | Event::End => return Next::End,
            }
        }
    }

    /// Answers the plain requests that have come in.
    fn answer(&mut self) -> Found {
        while !self.read.is_empty() {
            if HTTP2_PREFACE.starts_with(&self.read[..]) && self.read.len() < HTTP2_PREFACE.len() {
                return Found::PartOfPreface;
            }
            if self.read.starts_with(HTTP2_PREFACE) {
                return Found::Other(Next::Http2);
            }
            if self.is_one_too_many {
                return Found::Other(Next::Http1);
            }
            let Connection { app, peer, .. } = self.connection;
            let plain = match Plain::read(app, &self.read) {
                Read::Plain(plain) => plain,
                Read::Partial if self.read.len() < MAX_READ => return Found::Part,
                Read::Partial | Read::Other => return Found::Other(Next::Http1),
            };
            let length = plain.length;
            if plain
                .answer(app, *peer, &mut self.scratch, &mut self.unwritten)
                .is_none()
            {
                return Found::Other(Next::Http1);
            }
            self.read.advance(length);
            if self.unwritten.len() > MAX_UNWRITTEN {
                return Found::More;
            }
        }
        Found::Nothing
    }

    /// Whether there is more; not at the connection's end.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        if self.read.capacity() - self.read.len() < FIRST_READ / 2 {
            self.read.reserve(FIRST_READ);
        }
        let read = ready!(poll_read_buf(
            Pin::new(&mut self.stream),
            context,
            &mut self.read
        ));
        Poll::Ready(read.is_ok_and(|read| read > 0))
    }

    async fn write(&mut self) -> io::Result<()> {
        // Nearly always the system takes all of it at once.
        let written = self.stream.try_write(&self.unwritten).unwrap_or(0);
        if written < self.unwritten.len() {
            let rest = &self.unwritten[written..];
            tokio::select! {
                done = self.stream.write_all(rest) => done?,
                () = self.connection.cut_off.cancelled() => {
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
            }
        }
        self.unwritten.clear();
        Ok(())
    }
}

/// A deadline that is moved with every request: the timer is set again only when it goes off.
struct Patience {
    timer: Pin<Box<Sleep>>,
    deadline: Instant,
}

impl Patience {
    fn new(wait: Duration) -> Self {
        let timer = Box::pin(sleep(wait));
        let deadline = timer.deadline();
        Self { timer, deadline }
    }

    fn renew(&mut self, wait: Duration) {
        self.deadline = Instant::now() + wait;
        if self.deadline < self.timer.deadline() {
            self.timer.as_mut().reset(self.deadline);
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(context));
            if self.timer.deadline() >= self.deadline {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.deadline);
        }
    }
}
