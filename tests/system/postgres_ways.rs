//! The way to a PostgreSQL: certificates, poolers, secrets, and what its page says.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use reqwest::{Method, StatusCode};

use super::on_postgres::refused;
use crate::support::{
    cluster::{Cluster, Kept, throw_away, unprivileged_user, wait_for},
    engine,
    service::{ServiceProcess, ServiceSettings},
};

/// Protects the password of the database: no log, answer, figure or help has it, also when the server refuses it.
#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_the_database_is_kept_secret() {
    const PASSWORD: &str = "pa55word-of-the-tests";
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let database = engine::database_for(&data);
    let url = format!("{}&password={PASSWORD}", engine::url_of(&database));
    let file = home.path().join("address");
    fs::write(&file, &url).unwrap();
    let settings = |name: &str, value: &str| ServiceSettings {
        env: vec![(name.to_owned(), value.to_owned())],
        ..ServiceSettings::default()
    };
    let by_file = settings("SWITCHBOARD_DATABASE_URL_FILE", file.to_str().unwrap());
    let service = ServiceProcess::start(&data, &by_file);
    let api = crate::support::api::Api::new(&service.address);
    let mut said = service.log();
    for path in ["/health/ready", "/metrics", "/accounts"] {
        let answer = api.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        said.push_str(&answer.text().await.unwrap());
    }
    service.stop();
    let nobody = url.replace("user=postgres", "user=nobody-here");
    let Err((_, refused)) =
        ServiceProcess::try_start(&data, &settings("SWITCHBOARD_DATABASE_URL", &nobody))
    else {
        panic!("a user that is not there");
    };
    assert!(refused.contains("nobody-here"), "{refused}");
    let help = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .arg("--help")
        .env("SWITCHBOARD_DATABASE_URL", &url)
        .output()
        .unwrap();
    said.push_str(&String::from_utf8_lossy(&help.stdout));
    said.push_str(&refused);
    assert!(said.contains("--database-url") && !said.contains(PASSWORD));
}

/// Protects rows and locks from a pooler that lends a session for one transaction: it is named, and what to take instead.
#[test]
fn a_pooler_in_transaction_mode_is_refused_by_name() {
    let database = engine::database_for(Path::new("pooled"));
    let server = engine::cluster().directory.display().to_string();
    let home = tempfile::tempdir().unwrap();
    for (mode, good) in [("transaction", false), ("session", true)] {
        let directory = throw_away("switchboard-pooler-");
        let user = unprivileged_user();
        let shown = directory.display();
        let settings = directory.join("pgbouncer.ini");
        fs::write(
            &settings,
            format!(
                "[databases]\n{database} = host={server} user=postgres\n[pgbouncer]\nlisten_addr =\nunix_socket_dir = {shown}\n\
                 listen_port = 5432\nauth_type = any\npool_mode = {mode}\nlogfile = {shown}/log\nmin_pool_size = 4\n\
                 ignore_startup_parameters = extra_float_digits\n"
            ),
        )
        .unwrap();
        if let Some((uid, gid)) = user {
            chown(&directory, Some(uid), Some(gid)).unwrap();
            chown(&settings, Some(uid), Some(gid)).unwrap();
        }
        let mut pooler = Command::new("/usr/sbin/pgbouncer");
        pooler.arg("-q").arg(&settings);
        let _kept = Kept::start(&pooler, &directory, user);
        wait_for("the pooler", || directory.join(".s.PGSQL.5432").exists());
        let url = format!("postgres:///{database}?host={shown}&user=postgres");
        let (code, said) = refused(home.path(), &url, &[]);
        match good {
            true => assert_eq!(code, Some(0), "{said}"),
            false => {
                assert_eq!(code, Some(2), "{said}");
                assert!(
                    said.contains("transaction mode") && said.contains("5432"),
                    "{said}"
                );
            }
        }
    }
}

struct Authority {
    certificate: PathBuf,
    server: (String, String),
}

/// An authority, and what it vouches for under this name.
fn authority(at: &Path, name: &str) -> Authority {
    let mut own = CertificateParams::new(Vec::new()).unwrap();
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    own.distinguished_name.push(DnType::CommonName, "tests");
    let issuer = CertifiedIssuer::self_signed(own, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    fs::write(at, issuer.pem()).unwrap();
    Authority {
        certificate: at.to_owned(),
        server: (server.pem(), key.serialize_pem()),
    }
}

/// Protects messages on their way to a server elsewhere: TLS ends at whom the authority knows, under the name that was asked for,
/// unless it was said that this does not matter.
#[test]
fn the_way_to_a_server_is_verified() {
    let home = tempfile::tempdir().unwrap();
    let good = authority(&home.path().join("good.pem"), "localhost");
    let other = authority(&home.path().join("other.pem"), "localhost");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let number = port.local_addr().unwrap().port();
    drop(port);
    let cluster = Cluster::start_with(|directory| {
        let put = |name: &str, text: &str| {
            let path = directory.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            if let Some((uid, gid)) = unprivileged_user() {
                chown(&path, Some(uid), Some(gid)).unwrap();
            }
            path.display().to_string()
        };
        vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={number}"),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", put("server.pem", &good.server.0)),
            format!("ssl_key_file={}", put("server.key", &good.server.1)),
        ]
    });
    let at = |host: &str, mode: &str| {
        format!("postgres://postgres@{host}:{number}/postgres?sslmode={mode}")
    };
    let name = |authority: &Authority| authority.certificate.display().to_string();
    let (ours, others) = (name(&good), name(&other));
    for (url, authority, may) in [
        (at("localhost", "require"), Some(&ours), true),
        (at("localhost", "verify-full"), Some(&ours), true),
        // Whom nobody on this machine knows.
        (at("localhost", "require"), None, false),
        (at("localhost", "require"), Some(&others), false),
        // The certificate is of another name.
        (at("127.0.0.1", "require"), Some(&ours), false),
        (at("127.0.0.1", "verify-ca"), Some(&ours), true),
        (at("127.0.0.1", "verify-ca"), Some(&others), false),
        (at("127.0.0.1", "no-verify"), None, true),
    ] {
        let more: Vec<(&str, &str)> = authority
            .map(|path| ("SWITCHBOARD_DATABASE_CA", path.as_str()))
            .into_iter()
            .collect();
        let (code, said) = refused(home.path(), &url, &more);
        assert_eq!(code == Some(0), may, "{url}: {said}");
        if !may {
            let last = said.trim_end().lines().last().unwrap_or_default();
            assert!(last.contains("certificate"), "{url}: {said}");
        }
    }
    let encrypted = cluster.sql("postgres", "show ssl");
    assert_eq!(encrypted, "on");
}

/// A piece of the page, as a shell runs it who has filled in what stands in angle brackets.
fn run_block(block: &str, home: &Path, server: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_switchboard"));
    let folder = program.parent().unwrap().display();
    let shown = home.display().to_string();
    let block = block
        .replace("<password>", "of-the-tests")
        .replace("@db.internal:5432/switchboard", &format!("@/switchboard?host={server}"))
        .replace("/etc/switchboard", &shown)
        .replace("/var/backups", &shown)
        .replace(
            "switchboard serve",
            "switchboard serve > out & pid=$!; until grep -q 'listening on' out; do kill -0 $pid || exit 1; sleep 0.1; done; \
             kill $pid; wait $pid",
        );
    let output = Command::new("bash")
        .args(["-uc", &block])
        .current_dir(home)
        .env_clear()
        .env(
            "PATH",
            format!("{folder}:{}", std::env::var("PATH").unwrap()),
        )
        .env("PGHOST", server)
        .env("PGUSER", "postgres")
        .env("TELEGRAM_DC", "2@127.0.0.1:9")
        .env("SWITCHBOARD_LISTEN", "127.0.0.1:0")
        .env("SWITCHBOARD_DATA_DIR", home.join("data"))
        .env("SWITCHBOARD_DATABASE_URL_FILE", home.join("database-url"))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{block}\n{said}");
    said
}

/// Protects whoever follows the page: a user who may do nothing but what it says serves, checks, copies and puts back.
#[test]
fn what_the_page_says_can_be_done() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/postgres.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks: Vec<&str> = page
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    let home = tempfile::tempdir().unwrap();
    let server = engine::cluster().directory.display().to_string();
    let [made, served, measured, copied] = blocks[..] else {
        panic!("other blocks: {blocks:?}");
    };
    // They take minutes: what they name is there.
    for line in measured.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, _, _, _, target, _, name, _] = words[..] else {
            panic!("another command: {line}");
        };
        let folder = target.strip_suffix("_postgres").unwrap_or(target);
        let files = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests")
            .join(folder);
        let mut files = fs::read_dir(files).unwrap();
        let named = files.any(|file| {
            let text = fs::read_to_string(file.unwrap().path()).unwrap_or_default();
            text.lines()
                .any(|line| line.contains("async fn ") && line.contains(name))
        });
        assert!(named, "{name} is no test of {target}");
    }
    run_block(made, home.path(), &server);
    let said = run_block(served, home.path(), &server);
    assert!(
        said.contains("PostgreSQL 1") && said.contains("listens on"),
        "{said}"
    );
    let mode = home.path().join("database-url").metadata().unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    let said = run_block(copied, home.path(), &server);
    assert!(said.contains("switchboard_before_"), "{said}");
}
