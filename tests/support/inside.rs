//! Inside: a network namespace that holds the loopback and one open port, the proxy's; whatever else is tried there is seen.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use super::proxies::free_port;

pub struct Inside {
    /// Keeps the namespace.
    holder: Child,
    carrier: Child,
    strays: Arc<Mutex<Vec<String>>>,
    /// Where the service listens, inside and outside.
    pub service_port: u16,
    /// Where the proxy is, inside.
    pub proxy_port: u16,
}

/// Why there can be no namespace here.
pub fn impossible() -> Option<String> {
    let tried = Command::new("unshare").args(["--net", "true"]).output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    }
}

impl Inside {
    /// With this proxy outside.
    pub fn before(proxy: u16) -> Self {
        let mut holder = Command::new("unshare")
            .args([
                "--net",
                "sh",
                "-c",
                "ip link set lo up && echo up && exec sleep 3600",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(holder.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "up\n", "the namespace has no loopback");
        let (service_port, proxy_port) = (free_port(), free_port());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/proxies/inside.py");
        let ports = [service_port, proxy_port, proxy].map(|port| port.to_string());
        let mut carrier = Command::new("python3")
            .arg(script)
            .arg(format!("/proc/{}/ns/net", holder.id()))
            .args(ports)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(carrier.stdout.take().unwrap());
        line.clear();
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "nothing carries into the namespace");
        let strays = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&strays);
        std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                seen.lock().unwrap().push(line);
            }
        });
        Self {
            holder,
            carrier,
            strays,
            service_port,
            proxy_port,
        }
    }

    pub fn namespace(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns/net", self.holder.id()))
    }

    /// Packets that went elsewhere than to the proxy, as far as they were seen.
    pub fn strays(&self) -> Vec<String> {
        self.strays.lock().unwrap().clone()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        for child in [&mut self.carrier, &mut self.holder] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
