//! Replicas: a real PostgreSQL that is followed by another one, which takes its place when it dies. What the first has acknowledged the
//! second has, for commits wait for it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tokio::sync::watch;

use super::{
    cluster::{Cluster, throw_away, unprivileged_user, wait_for},
    ground::Ground,
};

pub struct Replicas {
    base: PathBuf,
    made: usize,
    database: String,
    /// A server that ended leaves its socket's directory to the next one on the same data.
    serving: Server,
    /// Follows; `None`: nobody does.
    following: Option<Server>,
    /// Where the one that serves listens.
    place: watch::Sender<PathBuf>,
    /// Called with the server whenever another one serves.
    known_as: Box<dyn Fn(&'static Cluster) + Send>,
    _remover: Remover,
}

struct Server {
    directory: PathBuf,
    /// Its own time of day.
    clock: Ground,
    cluster: &'static Cluster,
}

impl Server {
    fn start(directory: &Path, clock: Ground) -> Self {
        let nothing = directory.join("nothing");
        // A replica whose server came back follows it again soon: commits wait for it.
        let settings = ["synchronous_commit=on", "wal_retrieve_retry_interval=200ms"];
        let settings = settings.map(str::to_owned);
        let place = (directory.to_owned(), nothing.as_path());
        let cluster = Cluster::on(place, &settings, &clock.env());
        Self {
            directory: directory.to_owned(),
            clock,
            cluster: Box::leak(Box::new(cluster)),
        }
    }

    fn postmaster(&self) -> Option<u32> {
        let file = fs::read_to_string(self.directory.join("data/postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }

    /// All of its processes at once, as when the machine is lost.
    fn kill(&self) {
        let Some(postmaster) = self.postmaster() else {
            return;
        };
        let mut all = children_of(postmaster);
        all.push(postmaster);
        for pid in &all {
            signal(*pid, "-STOP");
        }
        for pid in &all {
            signal(*pid, "-KILL");
        }
        wait_for("PostgreSQL to be dead", || {
            all.iter().all(|pid| is_dead(*pid))
        });
        // The dead are still there for whoever asks for them by number.
        for left in ["data/postmaster.pid", ".s.PGSQL.5432", ".s.PGSQL.5432.lock"] {
            let _ = fs::remove_file(self.directory.join(left));
        }
    }
}

fn children_of(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// It may have ended by itself.
fn signal(pid: u32, signal: &str) {
    let _ = Command::new("kill")
        .args([signal, &pid.to_string()])
        .stderr(Stdio::null())
        .status();
}

fn is_dead(pid: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.is_empty()
        || state
            .rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('Z'))
}

/// Removes everything once this process has ended, however it ends; servers have stopped by then.
struct Remover(Child);

impl Remover {
    fn of(base: &Path) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", "read -r _; sleep 5; rm -rf -- \"$1\"", "remover"])
            .arg(base)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(shell.spawn().expect("a shell"))
    }
}

impl Replicas {
    /// One with an empty database of this name, and another one that follows it.
    pub fn start(database: &str, known_as: impl Fn(&'static Cluster) + Send + 'static) -> Self {
        let base = throw_away("switchboard-replicas-");
        let remover = Remover::of(&base);
        let directory = base.join("1");
        own(&base);
        fs::create_dir(&directory).expect("a directory");
        own(&directory);
        Cluster::prepare(&directory);
        let serving = Server::start(&directory, clock());
        serving
            .cluster
            .sql("postgres", &format!("create database {database}"));
        known_as(serving.cluster);
        let (place, _) = watch::channel(directory);
        let mut replicas = Self {
            base,
            made: 1,
            database: database.to_owned(),
            serving,
            following: None,
            place,
            known_as: Box::new(known_as),
            _remover: remover,
        };
        replicas.follow();
        replicas
    }

    /// Everything that is in it, as text.
    pub fn dump(&self) -> String {
        self.serving.cluster.dump(&self.database)
    }

    /// The directory of the socket of the one that serves, now and later.
    pub fn place(&self) -> watch::Receiver<PathBuf> {
        self.place.subscribe()
    }

    pub fn url(&self) -> String {
        let directory = self.serving.directory.display();
        format!(
            "postgres:///{}?host={directory}&user=postgres",
            self.database
        )
    }

    /// A new server follows the one that serves, and commits wait for it from then on.
    pub fn follow(&mut self) {
        self.made += 1;
        let directory = self.base.join(self.made.to_string());
        fs::create_dir(&directory).expect("a directory");
        own(&directory);
        let copied = self
            .serving
            .cluster
            .program("pg_basebackup")
            .args([
                "-U",
                "postgres",
                "-X",
                "stream",
                "-R",
                "-c",
                "fast",
                "--no-sync",
                "-h",
            ])
            .arg(&self.serving.directory)
            .arg("-D")
            .arg(directory.join("data"))
            .output()
            .expect("pg_basebackup");
        let said = String::from_utf8_lossy(&copied.stderr);
        assert!(copied.status.success(), "pg_basebackup: {said}");
        self.following = Some(Server::start(&directory, clock()));
        wait_for("the replica to follow", || {
            self.asked("select count(*) from pg_stat_replication where state = 'streaming'") == "1"
        });
        self.wait_for_replica(true);
    }

    fn asked(&self, question: &str) -> String {
        let answer = self.serving.cluster.try_sql("postgres", question);
        answer.unwrap_or_default()
    }

    /// Do commits wait for the replica?
    fn wait_for_replica(&self, wait: bool) {
        let names = if wait { "*" } else { "" };
        let cluster = self.serving.cluster;
        // Each by itself: it can't be set within a transaction.
        cluster.sql(
            "postgres",
            &format!("alter system set synchronous_standby_names = '{names}'"),
        );
        cluster.sql("postgres", "select pg_reload_conf()");
        wait_for("PostgreSQL to know it", || {
            self.asked("show synchronous_standby_names") == names
        });
    }

    /// It ends all sessions, and is there again a moment later.
    pub fn restart(&mut self) {
        let postmaster = self.serving.postmaster().expect("it serves");
        signal(postmaster, "-INT");
        wait_for("PostgreSQL to end", || is_dead(postmaster));
        self.up_again();
    }

    /// As when its machine is lost, and comes back.
    pub fn crash(&mut self) {
        self.serving.kill();
        self.up_again();
    }

    /// Nobody serves until it is [`Self::up_again`].
    pub fn kill(&self) {
        self.serving.kill();
    }

    pub fn up_again(&mut self) {
        let clock = std::mem::replace(&mut self.serving.clock, clock());
        self.serving = Server::start(&self.serving.directory.clone(), clock);
        (self.known_as)(self.serving.cluster);
    }

    /// The one that serves is lost, and the one that followed takes its place. Nobody follows that one until [`Self::follow`].
    pub fn fail_over(&mut self) {
        let Some(next) = self.following.take() else {
            return;
        };
        self.serving.kill();
        next.cluster.sql("postgres", "select pg_promote()");
        self.serving = next;
        self.wait_for_replica(false);
        (self.known_as)(self.serving.cluster);
        self.place.send_replace(self.serving.directory.clone());
    }

    /// The time of day of the one that follows is wrong by so many seconds.
    pub fn set_clock_of_follower(&self, seconds: i64) {
        if let Some(server) = &self.following {
            server.clock.set_clock(seconds);
        }
    }

    /// The time of day of the one that serves is wrong by so many seconds.
    pub fn set_clock(&self, seconds: i64) {
        self.serving.clock.set_clock(seconds);
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        self.serving.kill();
        if let Some(server) = &self.following {
            server.kill();
        }
        let _ = fs::remove_dir_all(&self.base);
    }
}

fn clock() -> Ground {
    let clock = Ground::under(Path::new("/nowhere"));
    if let Some((uid, gid)) = unprivileged_user() {
        clock.lend(uid, gid);
    }
    clock
}

fn own(directory: &Path) {
    if let Some((uid, gid)) = unprivileged_user() {
        std::os::unix::fs::chown(directory, Some(uid), Some(gid)).expect("it is root's");
    }
}
