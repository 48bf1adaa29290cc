//! Watched: what systemd, Prometheus and a load balancer see of the service.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use reqwest::Method;
use serde_json::json;
use switchboard_simulator::Fault;
use tokio::net::UnixDatagram;

use crate::support::{fleet::Fleet, wait};

/// What the service said to systemd, in order.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn listen(path: &Path) -> Self {
        let heard = Self::default();
        let socket = UnixDatagram::bind(path).unwrap();
        let words = Arc::clone(&heard.0);
        tokio::spawn(async move {
            let mut bytes = [0; 256];
            while let Ok(length) = socket.recv(&mut bytes).await {
                let word = String::from_utf8_lossy(&bytes[..length]).into_owned();
                words.lock().unwrap().push(word);
            }
        });
        heard
    }

    async fn until(&self, word: &str) -> Vec<String> {
        let look = || async { self.0.lock().unwrap().clone() };
        let said = |words: &Vec<String>| words.iter().any(|said| said == word);
        wait::until(word, look, said).await
    }
}

async fn metrics(fleet: &Fleet) -> String {
    let page = fleet.api.request(Method::GET, "/metrics").send().await;
    page.unwrap().text().await.unwrap()
}

/// Names and labels without what was counted.
fn series(page: &str) -> BTreeSet<String> {
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let series = samples.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()));
    series.collect()
}

/// As rules name them.
fn names(page: &str) -> BTreeSet<String> {
    let name = |series: String| series.split('{').next().unwrap_or_default().to_owned();
    series(page).into_iter().map(name).collect()
}

/// Every word of a text that looks like one of ours.
fn named_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_'));
    let ours = words.filter(|word| word.starts_with("switchboard_"));
    ours.map(str::to_owned).collect()
}

/// As promtool reads it: there a counter is described by its whole name.
fn older_form(page: &str) -> String {
    let counters: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let line = |line: &str| {
        let mut words = line.splitn(4, ' ');
        let (mark, kind, name) = (words.next(), words.next(), words.next());
        match (mark, kind, name) {
            (Some("#"), Some(kind), Some(name)) if counters.contains(name) => {
                format!(
                    "# {kind} {name}_total {}\n",
                    words.next().unwrap_or_default()
                )
            }
            _ => format!("{line}\n"),
        }
    };
    page.lines().map(line).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whoever does not have it is told; where it is, what it says counts.
fn promtool(arguments: &[&str], input: &str) {
    use std::io::Write as _;
    let child = Command::new("promtool")
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!(
            "promtool is not installed (Debian's package prometheus): {arguments:?} was left out"
        );
        return;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    let said = said.concat();
    assert!(output.status.success(), "promtool {arguments:?}: {said}");
}

/// Protects whoever watches: systemd hears of the start, the life and the end; a rule about something that never happened finds its
/// series; and every rule, picture and document names what there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_there_is_to_see_is_there_from_the_first_second() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let heard = Heard::listen(&path);
    let mut fleet = Fleet::builder()
        .accounts(1)
        .env("NOTIFY_SOCKET", path.to_str().unwrap())
        .env("WATCHDOG_USEC", "1000000")
        // Nobody is there.
        .env("SWITCHBOARD_WEBHOOKS", "http://127.0.0.1:9/events")
        .env("SWITCHBOARD_WEBHOOK_SECRET", "no secret, but long")
        .start()
        .await;
    let words = heard.until("WATCHDOG=1").await;
    assert_eq!(words[0], "READY=1", "it is ready before it is well");
    fleet.stop_service();
    let words = heard.until("STOPPING=1").await;
    assert_eq!(words.last().map(String::as_str), Some("STOPPING=1"));
    fleet.start_service();
    let account = fleet.accounts[0].clone();
    let page = metrics(&fleet).await;
    let first = series(&page);
    let id = &account.id;
    for one in [
        "switchboard_messages_total{direction=\"incoming\",status=\"received\"}".to_owned(),
        "switchboard_messages_total{direction=\"outgoing\",status=\"failed\"}".to_owned(),
        "switchboard_accounts{state=\"banned\"}".to_owned(),
        format!("switchboard_reconnects_total{{account=\"{id}\"}}"),
        format!("switchboard_update_age_seconds{{account=\"{id}\"}}"),
        format!("switchboard_outbox_pending{{account=\"{id}\"}}"),
        format!("switchboard_flood_wait_seconds{{account=\"{id}\"}}"),
        format!("switchboard_history_messages{{account=\"{id}\",part=\"done\"}}"),
        "switchboard_holes_total".to_owned(),
        "switchboard_websockets".to_owned(),
        "switchboard_store_commit_seconds_count".to_owned(),
        "switchboard_store_batch_rows_count".to_owned(),
        "switchboard_delivery_seconds_count".to_owned(),
    ] {
        assert!(first.contains(&one), "{one} is not in {page}");
    }
    let refused = "outcome=\"passed_over\"";
    assert!(first.iter().any(|one| one.contains(refused)), "{page}");
    for usable in ["switchboard_store_usable 1", "switchboard_vault_online 1"] {
        assert!(page.lines().any(|line| line == usable), "{page}");
    }
    promtool(&["check", "metrics"], &older_form(&page));

    let described = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let described: BTreeSet<String> = described
        .filter_map(|line| line.split_once(' '))
        .map(|(name, kind)| match kind {
            "counter" => format!("{name}_total"),
            _ => name.to_owned(),
        })
        .collect();
    let mut known = names(&page);
    known.extend(described.iter().cloned());
    let mut shown = BTreeSet::new();
    for file in ["alerts.yml", "dashboard.json"] {
        let text = std::fs::read_to_string(root().join("packaging/monitoring").join(file)).unwrap();
        let named = named_in(&text);
        let unknown: Vec<_> = named.difference(&known).collect();
        assert_eq!(unknown, [""; 0], "{file} names what there is not");
        shown.extend(named);
    }
    assert!(shown.len() > 15, "only {shown:?} are looked at");
    // Histograms stand in the table by what Prometheus calls the whole of them.
    let table = std::fs::read_to_string(root().join("docs/watching.md")).unwrap();
    let rows = table
        .lines()
        .filter(|line| line.starts_with("| `switchboard_"));
    let rows: BTreeSet<String> = rows
        .flat_map(|row| named_in(&row[..row[3..].find('`').unwrap() + 3]))
        .collect();
    assert_eq!(rows, described, "docs/watching.md has a row for each");
    promtool(&["check", "rules", "packaging/monitoring/alerts.yml"], "");
    promtool(
        &["test", "rules", "packaging/monitoring/alerts.test.yml"],
        "",
    );

    // Now everything happens.
    fleet.wait_for_state(id, "online").await;
    let person = fleet
        .telegram
        .add_person(switchboard_simulator::PersonSpec::new("Contact one"));
    fleet.telegram.say(person, account.user, "hello");
    let conversation = fleet.conversation(&account, person).await;
    let row = conversation["id"].as_i64().unwrap();
    fleet.api.reply(row, "it is well").await;
    fleet
        .wait_for_message(&conversation, "it is well", "sent")
        .await;
    fleet.telegram.set_fault(
        Fault::error(403, "CHAT_WRITE_FORBIDDEN")
            .on("messages.sendMessage")
            .times(1),
    );
    fleet.api.reply(row, "it is not").await;
    fleet
        .wait_for_message(&conversation, "it is not", "failed")
        .await;
    let archive = json!({ "archive": "all" });
    let path = format!("/accounts/{id}");
    fleet.api.call(Method::PATCH, &path, Some(archive)).await;
    fleet.telegram.cut(account.user);
    let lost = format!("switchboard_reconnects_total{{account=\"{id}\"}} 0");
    let page = wait::until(
        "a lost line to be counted",
        || metrics(&fleet),
        |page| !page.lines().any(|line| line == lost),
    )
    .await;
    let later = series(&page);
    let new: Vec<_> = later.difference(&first).collect();
    assert_eq!(new, [""; 0], "these came only now");
    fleet.wait_for_state(id, "online").await;
    let live = fleet.api.get("/health/live").await;
    assert_eq!(live, json!({ "status": "ok" }));
    assert_eq!(fleet.api.get("/health/ready").await["status"], "ok");
}

/// Protects a service that systemd has closed (`ProcSubset=pid`, as the package's unit says): where `/proc/net` is gone, other people of
/// the machine are still told from the service's own user.
#[test]
fn somebody_elses_program_is_told_where_proc_shows_processes_alone() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("only root can be two users: left out");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut service = Command::new("unshare")
        .args(["--mount", "sh", "-c"])
        .arg("mount -t proc -o subset=pid proc /proc && test ! -e /proc/net && exec \"$@\"")
        .args([
            "sh",
            env!("CARGO_BIN_EXE_switchboard"),
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
        ])
        .arg(dir.path().join("data"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(service.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").unwrap();
    let asked = |before: &[&str]| {
        let words = [
            before,
            &["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"],
        ]
        .concat();
        let said = Command::new(words[0])
            .args(&words[1..])
            .args(["--noproxy", "*"])
            .arg(format!("{address}/accounts"))
            .output()
            .unwrap();
        String::from_utf8(said.stdout).unwrap()
    };
    let nobody = [
        "setpriv",
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
    ];
    let answers = (asked(&[]), asked(&nobody));
    service.kill().unwrap();
    service.wait().unwrap();
    assert_eq!(answers, ("200".to_owned(), "401".to_owned()));
}
