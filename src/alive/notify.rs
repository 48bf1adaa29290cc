//! Notify: what systemd is told (sd_notify(3)): that the service serves, that it stops, and, where it asks for that, that its loops
//! still turn. Where nobody listens nothing is told.

use std::{
    ffi::OsStr,
    io,
    os::unix::{ffi::OsStrExt, net::UnixDatagram},
    time::Duration,
};

use super::Loops;

/// Of a listener that reads nothing: everything else on this thread waits meanwhile.
const SEND_LIMIT: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub struct Notify {
    socket: Option<UnixDatagram>,
    /// It is ended when it says nothing for so long.
    watchdog: Option<Duration>,
}

impl Notify {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`.
    #[must_use]
    pub fn from_environment() -> Self {
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let whose = number("WATCHDOG_PID");
        let ours = whose.is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|_| ours);
        Self::new(
            std::env::var_os("NOTIFY_SOCKET").as_deref(),
            watchdog.map(Duration::from_micros),
        )
    }

    fn new(address: Option<&OsStr>, watchdog: Option<Duration>) -> Self {
        let socket = address.and_then(|address| match connect(address) {
            Ok(socket) => Some(socket),
            Err(error) => {
                log::warn!(target: "switchboard", "NOTIFY_SOCKET: {address:?} can't be reached, and nobody is told: {error}");
                None
            }
        });
        Self { socket, watchdog }
    }

    pub fn ready(&self) {
        self.tell("READY=1");
    }

    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Says again and again that the loops turn, as long as they do. Does not end.
    pub async fn keep_telling(&self, loops: &Loops) {
        let Some(watchdog) = self.watchdog.filter(|_| self.socket.is_some()) else {
            return std::future::pending().await;
        };
        let pause = watchdog / 4;
        loop {
            let stuck = loops.stuck(pause).await;
            match stuck.as_slice() {
                [] => self.tell("WATCHDOG=1"),
                some => {
                    log::error!(target: "switchboard", "the watchdog is not told that all is well: {some:?} do not come round");
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn tell(&self, what: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(what.as_bytes()) {
            log::warn!(target: "switchboard", "systemd was not told {what}: {error}");
        }
    }
}

/// A path, or with `@` a name in Linux' own space.
fn connect(address: &OsStr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    match address.as_bytes().strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
            socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?;
        }
        _ => socket.connect(address)?,
    }
    socket.set_write_timeout(Some(SEND_LIMIT))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use actix::Arbiter;
    use tokio::{runtime::Handle, time::timeout};

    use super::*;

    const GENEROUS: Duration = Duration::from_secs(60);

    fn heard(listener: &UnixDatagram) -> io::Result<String> {
        let mut bytes = [0; 64];
        let length = listener.recv(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
    }

    /// Protects a service whose loop is held: systemd hears nothing from then on, and of one that turns it hears again and again.
    #[actix::test]
    async fn the_watchdog_hears_nothing_while_a_loop_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        listener.set_read_timeout(Some(GENEROUS)).unwrap();
        let notify = Notify::new(Some(path.as_os_str()), Some(Duration::from_millis(200)));
        let arbiter = Arbiter::new();
        let loops = Loops::new(
            vec![("one".to_owned(), arbiter.handle())],
            Handle::current(),
        );
        let listener = std::sync::Arc::new(listener);
        let hears_twice = {
            let listener = std::sync::Arc::clone(&listener);
            tokio::task::spawn_blocking(move || [heard(&listener), heard(&listener)])
        };
        tokio::select! {
            () = notify.keep_telling(&loops) => unreachable!("it does not end"),
            words = hears_twice => {
                for word in words.unwrap() {
                    assert_eq!(word.unwrap(), "WATCHDOG=1");
                }
            }
        }
        let (go_on, wait) = mpsc::channel::<()>();
        arbiter.spawn_fn(move || {
            let _ = wait.recv();
        });
        listener.set_nonblocking(true).unwrap();
        while heard(&listener).is_ok() {}
        let some_rounds = Duration::from_secs(1);
        let silent = timeout(some_rounds, notify.keep_telling(&loops)).await;
        assert!(silent.is_err());
        assert!(heard(&listener).is_err(), "a held loop was called well");
        drop(go_on);
        arbiter.stop();
    }

    /// Protects the start on systems that listen on a name instead of a path, and where nobody listens.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_without_a_file_is_an_address_too() {
        use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
        let name = format!("switchboard-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        listener.set_read_timeout(Some(GENEROUS)).unwrap();
        let given = format!("@{name}");
        let notify = Notify::new(Some(OsStr::new(&given)), None);
        notify.ready();
        notify.stopping();
        assert_eq!(heard(&listener).unwrap(), "READY=1");
        assert_eq!(heard(&listener).unwrap(), "STOPPING=1");
        Notify::new(None, None).ready();
        Notify::new(Some(OsStr::new("/nowhere/at/all")), None).ready();
    }
}
