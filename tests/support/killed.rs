//! Killed: part of a test binary in a process of its own, which is killed at a moment that nobody chose, in the middle of
//! what it says it does. A kill before that, or after, shows nothing and is told apart.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

/// What the helper writes when it begins with what may be interrupted, and when it is through.
const BEGINS: &str = "\nhelper begins\n";
const ENDS: &str = "\nhelper ends\n";
/// For a helper to begin, on a machine that does other things.
const LIMIT: Duration = Duration::from_secs(60);

/// Where the kill struck.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Struck {
    Within,
    Afterwards,
}

/// The helper: what is inside may be killed.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tell(BEGINS);
    let done = work.await;
    tell(ENDS);
    done
}

fn tell(line: &str) {
    use std::io::Write;
    // Past the test harness, which would keep it.
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Runs one ignored test of this binary, and kills it so long after it began.
pub fn kill(helper: &str, env: &[(&str, &std::ffi::OsStr)], pause: Duration) -> Struck {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", helper, "--ignored", "--nocapture"])
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (tell, told) = mpsc::channel();
    let reading = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if line == BEGINS.trim() || line == ENDS.trim() {
                let _ = tell.send(line);
            }
        }
    });
    let first = told.recv_timeout(LIMIT);
    if first.is_err() {
        let _ = child.kill();
        let status = child.wait().unwrap();
        panic!("{helper} never began: {status}");
    }
    std::thread::sleep(pause);
    let _ = child.kill();
    child.wait().unwrap();
    reading.join().unwrap();
    match told.try_recv() {
        Ok(_) => Struck::Afterwards,
        Err(_) => Struck::Within,
    }
}
