//! Aside: the threads on which the bytes of files travel. They give way to those on which people wait: a message comes in and a
//! reply goes out as quickly beside ten large files as alone, as far as the processor and the disk are concerned.

mod settled;

use std::{
    mem::size_of,
    sync::OnceLock,
    thread::{self, available_parallelism},
};

use rustix::{process::setpriority_process, thread::gettid};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::mpsc,
    task::{JoinError, LocalSet, spawn_local},
};

pub use settled::Settled;

/// A tenth of the processor's time beside threads that want all of it, all of it beside threads that rest (`man 7 sched`).
const NICENESS: i32 = 10;
/// How long a thread keeps the processor, in nanoseconds: one that wakes takes it at once from one whose turns are longer, and waits for a
/// turn of milliseconds otherwise (EEVDF). A reply passes through half a dozen threads.
const SHORT_TURN: u64 = 100_000;
const LONG_TURN: u64 = 3_000_000;

/// For the whole process: what it is to spare, the processor, is one as well. `None`: the machine gave no more threads.
static THREADS: OnceLock<Option<Runtime>> = OnceLock::new();

/// Where work on files' bytes is spawned; the caller's own runtime where the machine gave no threads.
pub fn handle() -> Handle {
    let threads = THREADS.get_or_init(|| start().ok());
    threads
        .as_ref()
        .map_or_else(Handle::current, |threads| threads.handle().clone())
}

/// Work on files' bytes that keeps a thread: reading, writing, sums.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    handle().spawn_blocking(work).await
}

type Begin = Box<dyn FnOnce() + Send>;

/// The thread of what can't move between threads. `None`: the machine gave none.
static LOCAL: OnceLock<Option<mpsc::UnboundedSender<Begin>>> = OnceLock::new();

/// Work on files' bytes that stays on one thread from its beginning on.
///
/// # Errors
/// Gives it back where the machine gave no thread for it.
pub fn local<W, F>(work: W) -> Result<(), W>
where
    W: FnOnce() -> F + Send + 'static,
    F: Future<Output = ()> + 'static,
{
    let Some(thread) = LOCAL.get_or_init(|| start_local().ok()) else {
        return Err(work);
    };
    let begin = move || drop(spawn_local(work()));
    // It listens for as long as the process lives.
    let _ = thread.send(Box::new(begin));
    Ok(())
}

/// Called before there are threads, which have it from the one that starts them: none of them waits for one that stands back.
pub fn come_first() {
    take_turns(SHORT_TURN);
}

fn stand_back() {
    // On Linux a thread has a niceness of its own. Where it is refused, the files are merely less polite.
    let _ = setpriority_process(Some(gettid()), NICENESS);
    take_turns(LONG_TURN);
}

/// Linux knows it since 6.12 (`sched_setattr`, of a thread that is shared out fairly); before, it takes no notice.
fn take_turns(length: u64) {
    // Whoever started the process may have set the rest.
    let Some(mut sharing) = sharing() else {
        return;
    };
    sharing.sched_runtime = length;
    // SAFETY: the call reads the one struct, whose size stands in it; 0 is the thread that calls.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const sharing, 0) };
}

/// How this thread has its share of the processor; `None`: not fairly, or nobody says it.
fn sharing() -> Option<libc::sched_attr> {
    let mut sharing = libc::sched_attr {
        size: u32::try_from(size_of::<libc::sched_attr>()).unwrap_or_default(),
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    let size = sharing.size;
    // SAFETY: the call writes at most `size` bytes of the one struct; 0 is the thread that calls.
    let told = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut sharing, size, 0) };
    (told == 0 && sharing.sched_policy == libc::SCHED_OTHER as u32).then_some(sharing)
}

fn start() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(available_parallelism().map_or(2, usize::from).clamp(1, 4))
        .thread_name("files")
        .on_thread_start(stand_back)
        .enable_all()
        .build()
}

fn start_local() -> std::io::Result<mpsc::UnboundedSender<Begin>> {
    // One for each call that is being read: as many as there are connections at most.
    let (sender, mut begins) = mpsc::unbounded_channel::<Begin>();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new()
        .name("files-local".to_owned())
        .spawn(move || {
            stand_back();
            let all = async {
                while let Some(begin) = begins.recv().await {
                    begin();
                }
            };
            LocalSet::new().block_on(&runtime, all);
        })?;
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    /// Protects the latency of messages: the threads of files, and only they, stand back.
    #[test]
    fn files_stand_back() {
        let nice = || getpriority_process(Some(gettid())).unwrap();
        let turn = || sharing().map(|sharing| sharing.sched_runtime);
        let before = (nice(), turn());
        let own = Runtime::new().unwrap();
        let (working, waiting) = own.block_on(async {
            let working = handle().spawn(async move { (nice(), turn()) });
            let waiting = blocking(move || (nice(), turn()));
            (working.await.unwrap(), waiting.await.unwrap())
        });
        let (told, staying) = std::sync::mpsc::channel();
        let work = move || async move { told.send((nice(), turn())).unwrap() };
        assert!(local(work).is_ok());
        for (nice, turn) in [working, waiting, staying.recv().unwrap()] {
            assert_eq!(nice, NICENESS);
            // A kernel before 6.12 tells of none.
            assert!(turn.is_none_or(|turn| turn == LONG_TURN || turn == 0));
        }
        assert_eq!((nice(), turn()), before);
    }

    /// Protects the same from the other side: whatever a thread starts takes its short turns, and they are shorter than those of files.
    #[test]
    fn what_comes_first_has_shorter_turns() {
        let turn = || sharing().map(|sharing| sharing.sched_runtime);
        let first = std::thread::spawn(move || {
            come_first();
            std::thread::spawn(turn).join().unwrap()
        });
        let first = first.join().unwrap();
        assert!(
            first.is_none_or(|turn| turn == SHORT_TURN || turn == 0),
            "{first:?}"
        );
    }
}
