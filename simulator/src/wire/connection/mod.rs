//! One connection's task: reads what comes, writes what is queued, and keeps its deadlines.

mod plain;

use std::{
    io,
    os::fd::AsFd as _,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    net::TcpStream,
    runtime::Handle,
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::{
    counters::count,
    exchange::Exchange,
    fault::WireFault,
    inbound,
    link::{Ending, Link},
    shared::{Alive, Shared},
    transport::{FrameReader, Payload},
};

/// Bytes read before others get their turn.
const READ_TURN: usize = 256 << 10;
/// A write buffer larger than this is given back when it is empty.
const KEPT_ROOM: usize = 16 << 10;
/// How often a trickling connection writes.
const TRICKLE_STEP: Duration = Duration::from_millis(20);
/// Who closes one line and opens the next has not used both at once: the end of the first is read by another task.
const HANG_UP: Duration = Duration::from_millis(50);

/// Why the task ends; the client learns no more than that the line is gone.
#[derive(Debug)]
enum End {
    Closed,
    Io,
    Violation,
    /// It carries files: other threads go on with it.
    Moves(Handle),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

pub struct Connection {
    shared: Arc<Shared>,
    link: Arc<Link>,
    stream: TcpStream,
    reader: FrameReader,
    exchange: Exchange,
    opened: Instant,
    /// A packet came that was made with a known key.
    authenticated: bool,
    packets: u64,
    /// Frames may be waiting in the reader: too many calls were running to take them.
    stalled: bool,
    /// Taken from the link's queue, and how much of it is written.
    writing: Vec<u8>,
    written: usize,
    /// Not to write before this moment: the line trickles.
    next_write: Option<Instant>,
    has_moved: bool,
    _alive: Alive,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.close_link(&self.link);
    }
}

impl Connection {
    pub fn new(shared: Arc<Shared>, link: Arc<Link>, stream: TcpStream) -> Self {
        Self {
            reader: FrameReader::new(shared.ground.config.limits.frame_bytes),
            exchange: Exchange::default(),
            opened: Instant::now(),
            authenticated: false,
            packets: 0,
            stalled: false,
            writing: Vec::new(),
            written: 0,
            next_write: None,
            has_moved: false,
            _alive: shared.alive(),
            shared,
            link,
            stream,
        }
    }

    pub async fn run(mut self) {
        // Without it small answers wait for the client's acknowledgement of earlier ones.
        let _ = self.stream.set_nodelay(true);
        let end = match self.serve().await {
            Err(End::Moves(threads)) => return self.moved(&threads),
            end => end,
        };
        if matches!(end, Err(End::Violation)) {
            count(&self.shared.ground.counts.violations);
        }
        if self.link.ending() == Ending::Reset {
            let _ = self.stream.set_zero_linger();
        }
    }

    fn moved(mut self, threads: &Handle) {
        let there = threads.enter();
        // Which threads are told of what comes is settled when a stream is made.
        let stream = self.stream.as_fd().try_clone_to_owned();
        let Ok(stream) = stream.and_then(|stream| TcpStream::from_std(stream.into())) else {
            return;
        };
        self.stream = stream;
        drop(there);
        threads.spawn(Box::pin(self.run()) as Pin<Box<dyn Future<Output = ()> + Send>>);
    }

    async fn serve(&mut self) -> Result<(), End> {
        let timer = sleep_until(self.opened);
        tokio::pin!(timer);
        loop {
            if !self.has_moved
                && self.link.has_files()
                && let Some(threads) = self.shared.files_on.get()
            {
                self.has_moved = true;
                return Err(End::Moves(threads.clone()));
            }
            self.write()?;
            match self.link.ending() {
                Ending::Now | Ending::Reset => return Err(End::Closed),
                Ending::AfterFlush if !self.has_output() => return Err(End::Closed),
                _ => {}
            }
            let deadline = self.deadline();
            arm(timer.as_mut(), deadline);
            let link = Arc::clone(&self.link);
            let may_read = link.is_open() && !self.is_busy();
            if may_read && std::mem::take(&mut self.stalled) {
                self.take_frames().await?;
                continue;
            }
            let may_write = self.has_output() && self.next_write.is_none();
            tokio::select! {
                () = link.wake.notified() => {}
                ready = self.stream.readable(), if may_read => {
                    ready?;
                    self.read().await?;
                }
                ready = self.stream.writable(), if may_write => ready?,
                () = timer.as_mut(), if deadline.is_some() => self.on_time()?,
            }
        }
    }

    /// As many calls are running as may, or their answers wait for a slow reader: no more are taken in for now.
    fn is_busy(&self) -> bool {
        self.link.running.load(Ordering::Acquire) >= self.shared.ground.config.limits.running_calls
            || self.link.is_full()
    }

    fn has_output(&self) -> bool {
        self.written < self.writing.len()
    }

    /// The next moment at which something has to happen by itself.
    fn deadline(&self) -> Option<Instant> {
        let unauthenticated = (!self.authenticated && !self.link.is_silent())
            .then(|| self.opened + self.shared.ground.config.limits.unauthenticated);
        let cut = self.cut_at();
        [
            unauthenticated,
            cut,
            self.link.disconnect_at(),
            self.next_write,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn cut_at(&self) -> Option<Instant> {
        if !self.shared.ground.faults.any() {
            return None;
        }
        let after = self
            .shared
            .ground
            .faults
            .peek(self.link.victim(), |fault| match fault {
                WireFault::CutEvery { after_ms } => Some(Duration::from_millis(*after_ms)),
                _ => None,
            })?;
        Some(self.opened + after)
    }

    fn on_time(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if self.next_write.is_some_and(|at| at <= now) {
            self.next_write = None;
        }
        let late = !self.authenticated
            && self.opened + self.shared.ground.config.limits.unauthenticated <= now;
        let asked = self.link.disconnect_at().is_some_and(|at| at <= now);
        if (late || asked) && !self.link.is_silent() {
            return Err(End::Closed);
        }
        if self.cut_at().is_some_and(|at| at <= now) {
            self.shared.ground.hit(self.link.victim(), |fault| {
                matches!(fault, WireFault::CutEvery { .. }).then_some(())
            });
            return Err(End::Closed);
        }
        Ok(())
    }

    /// Writes as much as the socket takes.
    fn write(&mut self) -> Result<(), End> {
        if self.link.is_silent() {
            self.writing = Vec::new();
            self.written = 0;
            return Ok(());
        }
        loop {
            if !self.has_output() {
                self.written = 0;
                if self.writing.capacity() > KEPT_ROOM {
                    self.writing = Vec::new();
                }
                self.writing.clear();
                self.link.take_queued(&mut self.writing);
                if self.writing.is_empty() {
                    return Ok(());
                }
            }
            if self.next_write.is_some() {
                return Ok(());
            }
            let mut rest = self.writing.get(self.written..).unwrap_or_default();
            if let Some(portion) = self.trickle() {
                rest = rest.get(..portion).unwrap_or(rest);
                self.next_write = Some(Instant::now() + TRICKLE_STEP);
            }
            match self.stream.try_write(rest) {
                Ok(count) => {
                    self.written += count;
                    self.shared
                        .ground
                        .counts
                        .bytes_out
                        .fetch_add(count as u64, Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// How many bytes may be written in this step, if the line trickles.
    fn trickle(&self) -> Option<usize> {
        if !self.shared.ground.faults.any() {
            return None;
        }
        self.shared
            .ground
            .faults
            .peek(self.link.victim(), |fault| match fault {
                WireFault::Trickle { bytes_per_second } => {
                    Some((*bytes_per_second as usize / 50).max(1))
                }
                _ => None,
            })
    }

    async fn read(&mut self) -> Result<(), End> {
        let mut turn = 0;
        while turn < READ_TURN {
            match self.stream.try_read_buf(self.reader.room()) {
                Ok(0) => return Err(End::Closed),
                Ok(count) => {
                    turn += count;
                    self.shared
                        .ground
                        .counts
                        .bytes_in
                        .fetch_add(count as u64, Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
            if self.link.is_silent() {
                // Read, so that the client's end is noticed, and lost.
                self.reader = FrameReader::new(self.shared.ground.config.limits.frame_bytes);
                continue;
            }
            self.reader.arrived();
            self.take_frames().await?;
            if self.stalled || !self.link.is_open() {
                break;
            }
        }
        Ok(())
    }

    async fn take_frames(&mut self) -> Result<(), End> {
        while self.link.is_open() && !self.link.is_silent() {
            if self.is_busy() {
                self.stalled = true;
                break;
            }
            let Some(payload) = self.reader.next_payload().map_err(|_| End::Violation)? else {
                break;
            };
            if let Some(writer) = self.reader.take_writer() {
                self.link.set_writer(writer);
            }
            self.packets += 1;
            count(&self.shared.ground.counts.frames_in);
            self.take_payload(&payload).await?;
            if self.is_packet_limit() {
                return Err(End::Closed);
            }
        }
        Ok(())
    }

    fn looks_for_doubles(&self) -> bool {
        self.shared.ground.faults.any()
            && self
                .shared
                .ground
                .faults
                .peek(self.link.victim(), |fault| fault.is_rule().then_some(()))
                .is_some()
    }

    fn is_packet_limit(&self) -> bool {
        self.shared.ground.faults.any()
            && self
                .shared
                .ground
                .hit(self.link.victim(), |fault| match fault {
                    WireFault::CutAfterPackets { packets } => {
                        (self.packets >= *packets).then_some(())
                    }
                    _ => None,
                })
                .is_some()
    }

    async fn take_payload(&mut self, payload: &Payload) -> Result<(), End> {
        if !self.authenticated && self.looks_for_doubles() {
            sleep(HANG_UP).await;
        }
        let framing = self.reader.framing();
        let frame = self.reader.bytes(payload);
        self.link.weigh(frame.len());
        match frame.first_chunk::<8>() {
            None => Err(End::Violation),
            Some([0, 0, 0, 0, 0, 0, 0, 0]) => {
                let message = frame.to_vec();
                self.take_plain(message).await
            }
            Some(_) => {
                let quick_ack = framing.filter(|_| payload.quick_ack);
                self.authenticated |= inbound::packet(
                    &self.shared,
                    &self.link,
                    frame,
                    framing,
                    quick_ack.is_some(),
                );
                Ok(())
            }
        }
    }
}

/// Sets the timer, but only when it changes: most turns of the loop leave it alone.
fn arm(timer: std::pin::Pin<&mut Sleep>, deadline: Option<Instant>) {
    if let Some(deadline) = deadline
        && timer.deadline() != deadline
    {
        timer.reset(deadline);
    }
}
