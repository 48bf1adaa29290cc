//! Driver: chromedriver with its browsers, one for each desk.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::super::place;

/// chromedriver with its browsers, in a process group of its own: all of it ends together.
pub(super) struct Driver {
    child: Child,
    pub port: u16,
    /// Holds its log, which is looked at where a browser does not start.
    folder: TempDir,
}

impl Driver {
    pub fn start() -> Self {
        // With port 0 it takes a free one for IPv4 and then wants the same for IPv6, which another program may hold:
        // "IPv6 port not available. Exiting…". The next one is free for both, most likely.
        const TRIES: usize = 5;
        let mut said = Vec::new();
        for _ in 0..TRIES {
            match Self::begin() {
                Ok(driver) => return driver,
                Err(lines) => said = lines,
            }
            if !said.iter().any(|line| line.contains("port not available")) {
                break;
            }
        }
        panic!("chromedriver named no port:\n{}", said.join("\n"));
    }

    /// One try; what it said instead of a port.
    fn begin() -> Result<Self, Vec<String>> {
        let folder = place::off_the_disk();
        let mut child = Command::new("chromedriver")
            .args(["--port=0", "--verbose"])
            .arg(format!("--log-path={}", Self::log_in(&folder).display()))
            .process_group(0)
            .env("NO_PROXY", "127.0.0.1,localhost")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is not installed (Debian: chromium-driver)");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = Vec::new();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let port = line.split_once("started successfully on port ");
            let port = port.and_then(|(_, tail)| tail.trim_end_matches('.').parse().ok());
            said.push(line);
            port
        });
        let Some(port) = port else {
            let _ = child.wait();
            return Err(said);
        };
        // Its later output has to go somewhere, or it stops at a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(Self {
            child,
            port,
            folder,
        })
    }

    fn log_in(folder: &TempDir) -> PathBuf {
        folder.path().join("chromedriver.log")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(Self::log_in(&self.folder)).unwrap_or_default()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}
