//! Proxies: real ones that nobody here wrote, each in a process of its own; and one that misbehaves on purpose.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tempfile::TempDir;

use super::{python, wait};

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/proxies");
pub const USER: &str = "relay-guest";
pub const PASSWORD: &str = "open:se@me/please";
/// Tinyproxy's own files hold no other signs.
const PLAIN_PASSWORD: &str = "opensesame";
pub const SECRET: &str = "5e0f1a2b3c4d5e6f708192a3b4c5d6e7";
pub const DOMAIN: &str = "front.example";

/// One that serves; its process ends with it.
pub struct Proxy {
    child: Child,
    pub port: u16,
    /// As the service is told of it.
    pub url: String,
    dir: TempDir,
}

/// Which program, with a login or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Microsocks {
        login: bool,
    },
    Dante,
    Tinyproxy {
        login: bool,
    },
    /// Plain, `dd`, `ee`.
    Mtproxy(&'static str),
}

impl Proxy {
    /// Before these data centres, of which only an MTProxy has to know.
    pub async fn start(kind: Kind, dcs: &[(i32, SocketAddr)]) -> Self {
        Self::start_at(kind, dcs, free_port(), Ipv4Addr::LOCALHOST).await
    }

    pub async fn start_at(
        kind: Kind,
        dcs: &[(i32, SocketAddr)],
        port: u16,
        listen: Ipv4Addr,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = command(kind, dcs, port, listen, dir.path()).await;
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{kind:?} is not installed (see tests/run): {error}"));
        let mut proxy = Self {
            child,
            port,
            url: url(kind, SocketAddr::from((listen, port))),
            dir,
        };
        proxy.serves(SocketAddr::from((listen, port))).await;
        proxy
    }

    async fn serves(&mut self, at: SocketAddr) {
        let look = || {
            let ended = self.child.try_wait().unwrap();
            assert_eq!(ended, None, "the proxy ended:\n{}", self.log());
            std::future::ready(TcpStream::connect(at).is_ok())
        };
        wait::until("the proxy to serve", look, |serves| *serves).await;
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// It takes lines and bytes, and says nothing any more.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn url(kind: Kind, at: SocketAddr) -> String {
    let login = "relay-guest:open%3Ase%40me%2Fplease@";
    match kind {
        Kind::Microsocks { login: false } | Kind::Dante => format!("socks5://{at}"),
        Kind::Microsocks { login: true } => format!("socks5://{login}{at}"),
        Kind::Tinyproxy { login: false } => format!("http://{at}"),
        Kind::Tinyproxy { login: true } => format!("http://{USER}:{PLAIN_PASSWORD}@{at}"),
        Kind::Mtproxy("ee") => {
            let domain: String = DOMAIN.bytes().map(|byte| format!("{byte:02x}")).collect();
            let (host, port) = (at.ip(), at.port());
            format!("https://t.me/proxy?server={host}&port={port}&secret=ee{SECRET}{domain}")
        }
        Kind::Mtproxy(look) => format!("mtproxy://{at}?secret={look}{SECRET}"),
    }
}

const DANTE: &str = "/usr/sbin/danted";

/// Debian 13 has no package of it.
pub fn dante_is_there() -> bool {
    Path::new(DANTE).exists()
}

async fn command(
    kind: Kind,
    dcs: &[(i32, SocketAddr)],
    port: u16,
    listen: Ipv4Addr,
    dir: &Path,
) -> Command {
    let port_text = port.to_string();
    match kind {
        Kind::Microsocks { login } => {
            let mut command = Command::new("microsocks");
            command.args(["-i", &listen.to_string(), "-p", &port_text]);
            if login {
                command.args(["-u", USER, "-P", PASSWORD]);
            }
            command
        }
        Kind::Dante => {
            let config = format!(
                "logoutput: stderr\ninternal: {listen} port = {port}\nexternal: lo\n\
                 socksmethod: none\nclientmethod: none\n\
                 client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n\
                 socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n"
            );
            let file = dir.join("danted.conf");
            std::fs::write(&file, config).unwrap();
            let mut command = Command::new(DANTE);
            command.arg("-f").arg(file).arg("-p").arg(dir.join("pid"));
            command
        }
        Kind::Tinyproxy { login } => {
            let mut config = format!(
                "Port {port}\nListen {listen}\nTimeout 600\nMaxClients 100\nPidFile \"{}\"\n",
                dir.join("pid").display()
            );
            if login {
                config.push_str(&format!("BasicAuth {USER} {PLAIN_PASSWORD}\n"));
            }
            let file = dir.join("tinyproxy.conf");
            std::fs::write(&file, config).unwrap();
            let mut command = Command::new("tinyproxy");
            command.arg("-d").arg("-c").arg(file);
            command
        }
        Kind::Mtproxy(look) => {
            let mut command = Command::new(python::with("proxies").await);
            let domain = if look == "ee" { DOMAIN } else { "" };
            command
                .arg(format!("{HERE}/mtproxy.py"))
                .args([&port_text, SECRET, domain])
                .env("PYTHONDONTWRITEBYTECODE", "1");
            for id in 1..=5 {
                let at = dcs.iter().find(|(dc, _)| *dc == id);
                command.arg(at.map_or(0, |(_, address)| address.port()).to_string());
            }
            command
        }
    }
}

/// Free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// What a misbehaving proxy does with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// Takes the line, and says nothing.
    Silent,
    /// Says that the line stands, and then nothing.
    Promises,
    /// Says that the line stands, and sends nonsense.
    Lies,
    /// Answers in another protocol.
    Nonsense,
    /// Its answer never ends.
    Endless,
    /// Its answer is shorter than it says, and nothing follows.
    Short,
    /// Hangs up at the first word.
    HangsUp,
    /// Lets so many bytes from Telegram through, then closes.
    ClosesAfter(usize),
    /// Wants a login.
    WantsLogin,
}

/// What it is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    Socks,
    Http,
    /// With this look: plain, `dd`, `ee`.
    Mtproxy(&'static str),
}

/// A proxy with bad manners. Counts the lines that it took.
pub struct Rude {
    pub url: String,
    lines: Arc<AtomicUsize>,
}

impl Rude {
    pub fn start(manners: Manners) -> Self {
        Self::speaking(Speaks::Socks, manners)
    }

    pub fn speaking(speaks: Speaks, manners: Manners) -> Self {
        let kind = match speaks {
            Speaks::Socks => Kind::Microsocks { login: false },
            Speaks::Http => Kind::Tinyproxy { login: false },
            Speaks::Mtproxy(look) => Kind::Mtproxy(look),
        };
        Self::over(kind, move |line| serve(line, speaks, manners))
    }

    /// In front of a good one: lets so many bytes from it through on each line, then closes.
    pub fn before(proxy: &Proxy, kind: Kind, bytes: usize) -> Self {
        let port = proxy.port;
        Self::over(kind, move |line| pass(line, port, bytes))
    }

    fn over(kind: Kind, serve: impl Fn(TcpStream) -> Option<()> + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let lines = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&lines);
        // Ends with the process: it waits for lines.
        std::thread::spawn(move || {
            for line in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::Relaxed);
                let serve = serve.clone();
                std::thread::spawn(move || serve(line));
            }
        });
        let url = url(kind, at);
        Self { url, lines }
    }

    /// A fault that did not strike proves nothing.
    pub fn lines(&self) -> usize {
        self.lines.load(Ordering::Relaxed)
    }
}

/// Whatever goes wrong here is what the other side has to bear.
fn serve(mut line: TcpStream, speaks: Speaks, manners: Manners) -> Option<()> {
    match manners {
        Manners::Silent => return rest(line),
        Manners::HangsUp => {
            let _ = line.read(&mut [0; 16]).ok()?;
            return line.shutdown(std::net::Shutdown::Both).ok();
        }
        Manners::Nonsense if speaks != Speaks::Socks => {
            line.write_all(b"SSH-2.0-gateway\r\n").ok()?;
            return rest(line);
        }
        _ => {}
    }
    match speaks {
        Speaks::Socks => socks(line, manners),
        Speaks::Http => http(line, manners),
        // Such a proxy answers to nothing before Telegram does.
        Speaks::Mtproxy(_) => lie(line),
    }
}

fn socks(mut line: TcpStream, manners: Manners) -> Option<()> {
    let mut head = [0; 2];
    line.read_exact(&mut head).ok()?;
    let mut methods = vec![0; usize::from(head[1])];
    line.read_exact(&mut methods).ok()?;
    match manners {
        Manners::Nonsense => return line.write_all(b"SSH-2.0-gateway\r\n").ok(),
        Manners::WantsLogin => return line.write_all(&[5, 0xff]).ok(),
        _ => line.write_all(&[5, 0]).ok()?,
    }
    let mut request = [0; 10];
    line.read_exact(&mut request).ok()?;
    let port = u16::from_be_bytes([request[8], request[9]]);
    match manners {
        // A name of 255 signs, of which one comes.
        Manners::Short => {
            line.write_all(&[5, 0, 0, 3, 255, b'x']).ok()?;
            return rest(line);
        }
        // An address of no known kind, and no end of it.
        Manners::Endless => {
            line.write_all(&[5, 0, 0, 9]).ok()?;
            return lie(line);
        }
        _ => line.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).ok()?,
    }
    match manners {
        Manners::Lies => lie(line),
        Manners::ClosesAfter(bytes) => pass(line, port, bytes),
        _ => rest(line),
    }
}

fn http(mut line: TcpStream, manners: Manners) -> Option<()> {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        line.read_exact(&mut byte).ok()?;
        asked.push(byte[0]);
    }
    let answer: &[u8] = match manners {
        Manners::WantsLogin => b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        Manners::Short => b"HTTP/1.1 200 Connection est",
        Manners::Endless => b"HTTP/1.1 200 OK\r\nX: ",
        _ => b"HTTP/1.1 200 OK\r\n\r\n",
    };
    line.write_all(answer).ok()?;
    match manners {
        Manners::Lies | Manners::Endless => lie(line),
        _ => rest(line),
    }
}

/// Nonsense until the other side has enough of it.
fn lie(mut line: TcpStream) -> Option<()> {
    for _ in 0..64 {
        line.write_all(&[0x5a; 1_024]).ok()?;
    }
    rest(line)
}

fn rest(mut line: TcpStream) -> Option<()> {
    let mut bytes = [0; 1024];
    while line.read(&mut bytes).ok()? > 0 {}
    Some(())
}

fn pass(mut line: TcpStream, port: u16, mut left: usize) -> Option<()> {
    let mut telegram = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    let (mut from, mut to) = (line.try_clone().ok()?, telegram.try_clone().ok()?);
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
    let mut bytes = [0; 1024];
    while left > 0 {
        let most = left.min(bytes.len());
        let count = telegram
            .read(&mut bytes[..most])
            .ok()
            .filter(|count| *count > 0)?;
        line.write_all(&bytes[..count]).ok()?;
        left -= count;
    }
    let _ = line.shutdown(std::net::Shutdown::Both);
    telegram.shutdown(std::net::Shutdown::Both).ok()
}
