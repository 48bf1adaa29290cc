//! Page: figures on their way into `docs/performance.md`. With `SWITCHBOARD_WRITE_DOCUMENTS=1` a bench writes its block of it anew.

use std::{fmt::Write as _, fs, process::Command};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");

/// What a bench says, printed at once and kept.
#[derive(Default)]
pub struct Page(String);

impl Page {
    pub fn say(&mut self, line: &str) {
        println!("{line}");
        let _ = writeln!(self.0, "{}", line.trim_end());
    }

    /// Puts it where the page has room for it, if that is asked for.
    pub fn write(self, block: &str) {
        if !writes() {
            return;
        }
        let text = fs::read_to_string(PAGE).expect("docs/performance.md");
        let (begin, end) = (format!("<!-- {block} -->\n"), format!("<!-- /{block} -->"));
        let (before, rest) = text.split_once(&begin).expect("a block of this name");
        let (_, after) = rest.split_once(&end).expect("its end");
        let told = format!("{}\n{}", machine(), self.0);
        let new = format!("{before}{begin}```text\n{told}```\n{end}{after}");
        fs::write(PAGE, new).expect("written");
    }
}

pub fn writes() -> bool {
    std::env::var_os("SWITCHBOARD_WRITE_DOCUMENTS").is_some()
}

/// What it was measured on, and what.
fn machine() -> String {
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let cores = cpu
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let model = field(&cpu, "model name").unwrap_or_else(|| "an unnamed processor".to_owned());
    let kib = field(&memory, "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok());
    let gib = kib.map_or(f64::NAN, |kib: f64| kib / 1024.0 / 1024.0);
    let commit = Command::new("git")
        .args([
            "-C",
            env!("CARGO_MANIFEST_DIR"),
            "rev-parse",
            "--short=12",
            "HEAD",
        ])
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!("{cores} cores ({model}), {gib:.0} GiB; commit {commit}; load {load} at the end")
}
