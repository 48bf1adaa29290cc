//! The pump: carries bytes between the library and the way out, in both directions, until one side has ended.
//!
//! An idle line holds no buffer: bytes are read into the thread's own scratch space in the moment that they are there, and
//! written on at once. What the other side does not take is kept, and nothing more is read until it is gone.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;

use super::{
    dial::Upstream,
    mtproxy::{Broken, Inward, Outward},
};

/// Of one read. Larger ones bring nothing: the kernel's own buffers lie behind them.
const SCRATCH: usize = 64 * 1024;

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
    static CODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// One side closed it, or broke it; `heard`: something had come from the way before.
    Ended { heard: bool },
    /// The library keeps asking, and nothing has come for as long as is allowed.
    Stalled,
    /// Taken away from here.
    Cut,
}

/// One direction.
#[derive(Default)]
struct Half {
    /// Read, and not taken by the other side.
    kept: Vec<u8>,
    at: usize,
    read_all: bool,
    closed: bool,
}

enum Coder<'a> {
    None,
    Outward(&'a mut Outward),
    Inward(&'a mut Inward),
}

impl Coder<'_> {
    /// What goes on; `None`: the bytes as they are.
    fn pass(&mut self, bytes: &mut [u8], out: &mut Vec<u8>) -> Result<bool, Broken> {
        match self {
            Self::None => return Ok(false),
            Self::Outward(coder) => coder.pass(bytes, out)?,
            Self::Inward(coder) => coder.pass(bytes, out)?,
        }
        Ok(true)
    }
}

/// How long nothing may come from the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    Allowed,
    /// On a line that asks all the time.
    For(Duration),
    /// From a question on.
    AfterAsking(Duration),
}

/// When something last happened on a line, in milliseconds from its beginning on.
struct Clock {
    begun: Instant,
    heard: AtomicU64,
    /// The first question since.
    asked: AtomicU64,
}

const NEVER: u64 = u64::MAX;

impl Clock {
    fn start() -> Self {
        Self {
            begun: Instant::now(),
            heard: AtomicU64::new(NEVER),
            asked: AtomicU64::new(NEVER),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }

    fn hears(&self) {
        self.heard.store(self.now(), Ordering::Relaxed);
        self.asked.store(NEVER, Ordering::Relaxed);
    }

    fn asks(&self) {
        if self.asked.load(Ordering::Relaxed) == NEVER {
            self.asked.store(self.now(), Ordering::Relaxed);
        }
    }

    fn has_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed) != NEVER
    }

    /// When the silence is too long; `None`: not as things stand.
    fn limit(&self, silence: Silence) -> Option<Instant> {
        let at = |moment: u64| self.begun + Duration::from_millis(moment);
        match silence {
            Silence::Allowed => None,
            Silence::For(limit) => {
                let heard = self.heard.load(Ordering::Relaxed);
                Some(at(if heard == NEVER { 0 } else { heard }) + limit)
            }
            Silence::AfterAsking(limit) => {
                let asked = self.asked.load(Ordering::Relaxed);
                (asked != NEVER).then(|| at(asked) + limit)
            }
        }
    }
}

pub(super) async fn carry(
    mut near: TcpStream,
    mut far: Upstream,
    silence: Silence,
    cut: &CancellationToken,
) -> Carried {
    let (mut out, mut back) = (Half::default(), Half::default());
    let clock = Clock::start();
    loop {
        let pumping = std::future::poll_fn(|cx| {
            let (mut outward, mut inward) = match far.coding.as_deref_mut() {
                Some((outward, inward)) => (Coder::Outward(outward), Coder::Inward(inward)),
                None => (Coder::None, Coder::None),
            };
            let asks = || clock.asks();
            let there = out.poll(cx, &mut near, &mut far.wire, &mut outward, &asks);
            let hears = || clock.hears();
            let here = back.poll(cx, &mut far.wire, &mut near, &mut inward, &hears);
            match (there, here) {
                // Telegram's lines are not half closed: with one direction the other has ended, too.
                (Poll::Ready(_), _) | (_, Poll::Ready(_)) => Poll::Ready(()),
                (Poll::Pending, Poll::Pending) => Poll::Pending,
            }
        });
        // Looked at again at least this often: what is asked meanwhile moves the limit.
        let next = match silence {
            Silence::Allowed => None,
            Silence::For(limit) | Silence::AfterAsking(limit) => Some(
                clock
                    .limit(silence)
                    .unwrap_or_else(|| Instant::now() + limit / 4),
            ),
        };
        let looks = async move {
            match next {
                Some(next) => sleep_until(next.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = cut.cancelled() => return Carried::Cut,
            () = pumping => return Carried::Ended { heard: clock.has_heard() },
            () = looks => {}
        }
        if clock
            .limit(silence)
            .is_some_and(|limit| limit <= Instant::now())
        {
            return Carried::Stalled;
        }
    }
}

impl Half {
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut R,
        to: &mut W,
        coder: &mut Coder<'_>,
        passes: &dyn Fn(),
    ) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        loop {
            ready!(self.write_kept(cx, to))?;
            if self.read_all {
                ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                self.closed = true;
                return Poll::Ready(Ok(()));
            }
            let read = READ.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(scratch);
                ready!(Pin::new(&mut *from).poll_read(cx, &mut buffer))?;
                let bytes = buffer.filled_mut();
                if bytes.is_empty() {
                    self.read_all = true;
                    return Poll::Ready(Ok(()));
                }
                passes();
                Poll::Ready(self.pass_on(cx, to, coder, bytes))
            });
            ready!(read)?;
        }
    }

    fn pass_on<W: AsyncWrite + Unpin + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
        coder: &mut Coder<'_>,
        bytes: &mut [u8],
    ) -> io::Result<()> {
        CODED.with_borrow_mut(|coded| {
            coded.clear();
            let is_coded = coder
                .pass(bytes, coded)
                .map_err(|Broken| io::Error::from(io::ErrorKind::InvalidData))?;
            let bytes = if is_coded { &**coded } else { &*bytes };
            self.write(cx, to, bytes)
        })
    }

    /// As much as is taken; the rest is kept.
    fn write<W: AsyncWrite + Unpin + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
        mut bytes: &[u8],
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            match Pin::new(&mut *to).poll_write(cx, bytes) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(taken)) => bytes = bytes.get(taken..).unwrap_or_default(),
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {
                    self.kept.extend(bytes);
                    return Ok(());
                }
            }
        }
        self.unflushed(cx, to)
    }

    fn write_kept<W: AsyncWrite + Unpin + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut W,
    ) -> Poll<io::Result<()>> {
        while let Some(rest) = self.kept.get(self.at..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut *to).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                taken => self.at += taken,
            }
        }
        if self.at > 0 {
            (self.kept, self.at) = (Vec::new(), 0);
            self.unflushed(cx, to)?;
        }
        Poll::Ready(Ok(()))
    }

    /// TLS keeps what it has sealed until it is flushed; what does not go at once goes with the next write.
    fn unflushed<W: AsyncWrite + Unpin + ?Sized>(
        &self,
        cx: &mut Context<'_>,
        to: &mut W,
    ) -> io::Result<()> {
        match Pin::new(to).poll_flush(cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }
}
