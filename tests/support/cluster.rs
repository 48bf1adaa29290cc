//! Cluster: a real PostgreSQL from Debian's packages, thrown away with the process that started it.
//!
//! Its keeper is a shell that waits on a pipe from this process, so that it ends with it, however it ends.

use std::{
    fs,
    io::Write,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// A throw-away PostgreSQL that listens on a socket in a directory of its own.
pub struct Cluster {
    pub directory: PathBuf,
    programs: PathBuf,
    port: String,
    _keeper: Kept,
}

impl Cluster {
    pub fn start() -> Self {
        Self::start_with(|_| Vec::new())
    }

    /// `more`: further settings, given the directory that it lies in.
    pub fn start_with(more: impl FnOnce(&Path) -> Vec<String>) -> Self {
        Self::start_in(&std::env::temp_dir(), more)
    }

    /// In a directory of its own in this one.
    pub fn start_in(parent: &Path, more: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let directory = throw_away_in(parent, "switchboard-postgres-");
        Self::prepare(&directory);
        let more = more(&directory);
        let gone = directory.clone();
        Self::on((directory, &gone), &more, &[])
    }

    /// Makes the data of a new one in this directory.
    pub fn prepare(directory: &Path) {
        let programs = postgres_programs();
        // PostgreSQL refuses to run as root.
        let user = unprivileged_user();
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(directory, Some(uid), Some(gid)).unwrap();
        }
        let mut initdb = Command::new(programs.join("initdb"));
        initdb
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "--pgdata"])
            .arg(directory.join("data"));
        as_user(&mut initdb, user);
        let made = initdb.current_dir("/").output().unwrap();
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
    }

    /// One whose data lie in a directory, ready to be started; `gone` is removed when it has ended.
    pub fn on(
        (directory, gone): (PathBuf, &Path),
        settings: &[String],
        env: &[(String, String)],
    ) -> Self {
        let programs = postgres_programs();
        let user = unprivileged_user();
        let mut postgres = Command::new(programs.join("postgres"));
        postgres
            .envs(env.iter().cloned())
            .arg("-D")
            .arg(directory.join("data"))
            .arg("-k")
            .arg(&directory)
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .args(["-c", "max_connections=200"]);
        let port = settings.iter().find_map(|one| one.strip_prefix("port="));
        let port = port.unwrap_or("5432").to_owned();
        for setting in settings {
            postgres.args(["-c", setting]);
        }
        as_user(&mut postgres, user);
        let keeper = Kept::start(&postgres, gone, user);
        let cluster = Self {
            directory,
            programs,
            port,
            _keeper: keeper,
        };
        wait_for("PostgreSQL", || {
            cluster.try_sql("postgres", "select 1").is_ok()
        });
        cluster
    }

    /// One of PostgreSQL's programs, to be run as who it runs as.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        as_user(&mut command, unprivileged_user());
        command.current_dir("/");
        command
    }

    pub fn sql(&self, database: &str, text: &str) -> String {
        self.try_sql(database, text)
            .unwrap_or_else(|error| panic!("{error}\nin: {text}"))
    }

    /// Everything that is in a database, as text.
    pub fn dump(&self, database: &str) -> String {
        let output = Command::new(self.programs.join("pg_dump"))
            .args(["-U", "postgres", "-p", &self.port, "-h"])
            .arg(&self.directory)
            .arg(database)
            .output()
            .unwrap();
        assert!(output.status.success(), "pg_dump {database}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn try_sql(&self, database: &str, text: &str) -> Result<String, String> {
        let mut psql = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(["-U", "postgres", "-d", database, "-p", &self.port, "-h"])
            .arg(&self.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that found no server has ended, and says so below.
        let _ = psql.stdin.take().unwrap().write_all(text.as_bytes());
        let output = psql.wait_with_output().unwrap();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned())
    }
}

/// A program that ends when this process does.
pub struct Kept {
    pub child: Child,
    _lifeline: ChildStdin,
}

impl Kept {
    /// `directory` is removed afterwards.
    pub fn start(program: &Command, directory: &Path, user: Option<(u32, u32)>) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell
            .arg("-c")
            .arg(
                "dir=$1; shift; \"$@\" </dev/null & pid=$!; read -r _; kill -INT $pid; wait $pid; \
                 rm -rf -- \"$dir\"",
            )
            .arg("keeper")
            .arg(directory)
            .arg(program.get_program())
            .args(program.get_args())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        for (name, value) in program.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        as_user(&mut shell, user);
        let mut child = shell.spawn().unwrap();
        let lifeline = child.stdin.take().unwrap();
        Self {
            child,
            _lifeline: lifeline,
        }
    }
}

pub fn as_user(command: &mut Command, user: Option<(u32, u32)>) {
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
}

/// Root hands over to `postgres`, or to nobody; anyone else stays who they are.
pub fn unprivileged_user() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.first() == Some(&"postgres"))
            .then(|| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)))?
    });
    Some(found.unwrap_or((65534, 65534)))
}

fn postgres_programs() -> PathBuf {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|path| path.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop().unwrap_or_else(|| {
        panic!("this test needs PostgreSQL: install it with `apt-get install postgresql`")
    })
}

/// Its keeper removes it.
pub fn throw_away(prefix: &str) -> PathBuf {
    throw_away_in(&std::env::temp_dir(), prefix)
}

fn throw_away_in(parent: &Path, prefix: &str) -> PathBuf {
    tempfile::Builder::new()
        .prefix(prefix)
        .tempdir_in(parent)
        .unwrap()
        .keep()
}

pub fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(
            start.elapsed() < PATIENCE,
            "{what} was not ready in {PATIENCE:?}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}
