//! On PostgreSQL: what the service promises on a file it promises there, and what only a server can do to it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard_simulator::PersonSpec;

use crate::support::{
    cluster::{Cluster, Kept, throw_away, unprivileged_user, wait_for},
    engine,
    fleet::Fleet,
    oracle::{File, until_faithful},
    service::{Server, ServiceProcess, ServiceSettings},
    tokens, wait,
};

/// Protects the two promises that everything is built on, where the rows are on a server: it and the service end in the middle of
/// the talk, again and again, and nothing is lost and no reply is sent twice.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_ends_in_the_middle_nothing_is_lost_and_nothing_doubled() {
    let mut fleet = Fleet::builder()
        .accounts(1)
        .on_its_own_postgres()
        .start()
        .await;
    let database = engine::database_of(&fleet.data_dir()).unwrap();
    let telegram = fleet.telegram.clone();
    let account = fleet.accounts[0].clone();
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    telegram.say(person, account.user, "hello");
    let talk = fleet.conversation(&account, person).await["id"]
        .as_i64()
        .unwrap();
    let path = format!("/conversations/{talk}/reply");
    let mut replied = BTreeMap::new();
    for round in 0..6 {
        for said in 0..40 {
            telegram.say(person, account.user, &format!("message {said} of {round}"));
        }
        let text = format!("reply of round {round}");
        let key = format!("round-{round}");
        // Answered means committed; what is refused meanwhile is asked for again with the same key.
        let ask = json!({ "text": text, "idempotency_key": key });
        if round % 2 == 0 {
            let answer = fleet.api.post(&path, ask).await;
            assert_eq!(answer["message"]["status"], "pending");
            fleet.kill_service();
            fleet.start_service();
        } else {
            engine::crash(&database);
            wait::until(
                "the reply to be taken",
                || async {
                    let (status, _) = fleet.api.call(Method::POST, &path, Some(ask.clone())).await;
                    status
                },
                StatusCode::is_success,
            )
            .await;
        }
        replied.insert(text, 1);
    }
    fleet.wait_for_state(&account.id, "online").await;
    wait::until(
        "the outbox to be empty",
        || async { fleet.api.account(&account.id).await["outbox_pending"].as_i64() },
        |pending| *pending == Some(0),
    )
    .await;
    until_faithful(&fleet, &account, &[person]).await;
    let mut arrived: BTreeMap<String, i32> = BTreeMap::new();
    for text in telegram.texts(account.user, person) {
        if text.starts_with("reply ") {
            *arrived.entry(text).or_default() += 1;
        }
    }
    assert_eq!(arrived, replied, "every reply arrives exactly once");
    let told = File::of(&fleet).number(
        "SELECT count(*) AS n FROM (SELECT message_row FROM event_log WHERE kind = 1 GROUP BY message_row HAVING count(*) > 1) t",
    );
    assert_eq!(told, 0, "no message is told twice");
}

/// Protects a store from services that begin while another one is put in its place: they are refused, and served when that is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_does_not_begin_where_somebody_has_the_database_alone() {
    let mut fleet = Fleet::builder().on_its_own_postgres().start().await;
    let database = engine::database_of(&fleet.data_dir()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let elsewhere = ServiceSettings {
        env: vec![(
            "SWITCHBOARD_DATABASE_URL".to_owned(),
            engine::url_of(&database),
        )],
        ..ServiceSettings::default()
    };
    fleet.stop_service();
    let data = home.path().join("data");
    // The master key goes along: the rows are sealed with it.
    fs::create_dir(&data).unwrap();
    let key = "master.key";
    fs::copy(fleet.data_dir().join(key), data.join(key)).unwrap();
    let name = database.clone();
    let alone = std::thread::spawn(move || {
        engine::sql_of(
            &name,
            "select pg_advisory_lock(8320234785195188847); select pg_sleep(13)",
        );
    });
    wait::until(
        "the database to be somebody's alone",
        || async {
            engine::rows::<Value>(
                &database,
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'",
            )
        },
        |held| !held.is_empty(),
    )
    .await;
    let Err((status, said)) = ServiceProcess::try_start(&data, &elsewhere) else {
        panic!("it serves what is being replaced");
    };
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains("in use"), "{said}");
    alone.join().unwrap();
    ServiceProcess::start(&data, &elsewhere).stop();
}

/// Protects sessions where the server ended the lock's session and somebody else was quicker: the process that had the database ends,
/// and writes nothing more there.
#[test]
fn a_process_whose_database_was_taken_ends() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let service = ServiceProcess::start(
        &data,
        &ServiceSettings {
            postgres: Some(Server::OfAll),
            ..ServiceSettings::default()
        },
    );
    let database = engine::database_of(&data).unwrap();
    let pid = service.pid();
    let taken = std::thread::spawn(move || {
        engine::cluster().sql(
            &database,
            &format!(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{database}' \
                 and application_name like 'switchboard {pid}@%'; \
                 select pg_advisory_lock(8320234785195188847); select pg_sleep(3)"
            ),
        )
    });
    assert_eq!(service.ended().code(), Some(3));
    taken.join().unwrap();
    let log = fs::read_to_string(data.with_extension("log")).unwrap();
    assert!(
        log.contains("another process has taken the database"),
        "{log}"
    );
}

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

/// Protects whoever works beside the service: the commands do on a server what they do on a file, and a copy that was put back gives
/// no number out twice and sends nothing twice.
#[tokio::test(flavor = "multi_thread")]
async fn the_commands_work_on_a_server() {
    let mut fleet = Fleet::builder().accounts(1).on_postgres().start().await;
    let data = fleet.data_dir();
    let telegram = fleet.telegram.clone();
    let account = fleet.accounts[0].clone();
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    telegram.say(person, account.user, "before");
    fleet.conversation(&account, person).await;

    let checked = tokens::command("check", &data, &[]);
    assert!(
        checked.stdout.contains("PostgreSQL") && checked.stdout.contains("serves it"),
        "{checked:?}"
    );
    let token = tokens::create(&data, "reporting", "read");
    assert!(token.starts_with("swb_"), "{token}");
    let (status, _) = fleet.api.call(Method::GET, "/accounts", None).await;
    wait::until(
        "the service to be locked",
        || async { fleet.api.call(Method::GET, "/accounts", None).await.0 },
        |status| *status == StatusCode::UNAUTHORIZED,
    )
    .await;
    assert!(status.is_success() || status == StatusCode::UNAUTHORIZED);
    tokens::revoke(&data, "reporting");
    tokens::unlock(&data);
    wait::until(
        "the service to be open",
        || async { fleet.api.call(Method::GET, "/accounts", None).await.0 },
        StatusCode::is_success,
    )
    .await;

    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("copy");
    let copy_name = copy.to_str().unwrap();
    let said = tokens::command("backup", &data, &["--sealed", copy_name]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("1 accounts"), "{said:?}");
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    telegram.say(person, account.user, "after");
    wait::until(
        "the second message",
        || async { File::of(&fleet).chat(&account.id, person).len() },
        |rows| *rows == 2,
    )
    .await;
    let told = File::of(&fleet).last_event();
    let running = tokens::command("restore", &data, &[copy_name]);
    assert_eq!(running.code, Some(3), "{running:?}");
    fleet.stop_service();
    let said = tokens::command("restore", &data, &[copy_name]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("switchboard_before_"), "{said:?}");
    assert_eq!(File::of(&fleet).chat(&account.id, person).len(), 1);
    let rekeyed = tokens::command("rekey", &data, &[]);
    assert_eq!(rekeyed.code, Some(0), "{rekeyed:?}");
    fleet.start_service();
    until_faithful(&fleet, &account, &[person]).await;
    assert!(
        File::of(&fleet).last_event() > told,
        "no number comes twice"
    );
    fleet.stop_service();
    let checked = tokens::command("check", &data, &["--json"]);
    assert!(checked.stdout.contains("it answers within"), "{checked:?}");
}

fn refused(home: &Path, url: &str, more: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut env = vec![("SWITCHBOARD_DATABASE_URL".to_owned(), url.to_owned())];
    env.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    let settings = ServiceSettings {
        env,
        ..ServiceSettings::default()
    };
    match ServiceProcess::try_start(&home.join("data"), &settings) {
        Ok(service) => {
            service.stop();
            (Some(0), String::new())
        }
        Err((status, said)) => (status.code(), said),
    }
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

/// Protects everybody else from a question that never ends, and the writer from a lock that is never given: both end, and the
/// service goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_never_given_does_not_stop_the_service() {
    let fleet = Fleet::builder().accounts(1).on_postgres().start().await;
    let database = engine::database_of(&fleet.data_dir()).unwrap();
    let telegram = fleet.telegram.clone();
    let account = fleet.accounts[0].clone();
    let person = telegram.add_person(PersonSpec::new("Contact one"));
    telegram.say(person, account.user, "before");
    fleet.conversation(&account, person).await;
    let held = std::thread::spawn(move || {
        engine::cluster().sql(
            &database,
            "begin; lock table switchboard.messages in access exclusive mode; select pg_sleep(13); commit;",
        );
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    telegram.say(person, account.user, "meanwhile");
    let told = wait::until(
        "the trouble to be told",
        || async { fleet.api.call(Method::GET, "/health/ready", None).await },
        |(status, _)| *status == StatusCode::SERVICE_UNAVAILABLE,
    )
    .await;
    assert_eq!(told.1["store"]["ok"], false, "{told:?}");
    held.join().unwrap();
    until_faithful(&fleet, &account, &[person]).await;
    let (status, _) = fleet.api.call(Method::GET, "/health/ready", None).await;
    assert_eq!(status, StatusCode::OK);
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
