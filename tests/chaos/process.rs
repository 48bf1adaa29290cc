//! Process: what the service takes of the machine, and the signals that it is sent.

use std::process::Command;

/// What one process has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taken {
    pub memory_mib: u64,
    pub descriptors: u64,
    pub threads: u64,
}

/// `None`: it is gone.
pub fn taken(pid: u32) -> Option<Taken> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let number = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| word.parse().ok()).unwrap_or(0)
    };
    Some(Taken {
        memory_mib: number("VmRSS:") / 1024,
        threads: number("Threads:"),
        descriptors: std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64,
    })
}

pub fn signal(pid: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status();
    assert!(
        sent.is_ok_and(|status| status.success()),
        "kill {signal} {pid}"
    );
}
