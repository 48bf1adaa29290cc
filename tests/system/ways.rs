//! Ways: an account's proxies, changed and tried over REST, while it keeps its session and its place.

use std::{process::Command, sync::Arc};

use reqwest::Method;
use serde_json::{Value, json};
use switchboard_simulator::{PersonSpec, world::Media};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};

use crate::support::{
    fleet::Fleet,
    leak_scan::Secrets,
    proxies::{Kind, PASSWORD, Proxy, SECRET, USER},
    wait,
};

async fn patch(fleet: &Fleet, id: &str, body: Value) -> (u16, Value) {
    let path = format!("/accounts/{id}");
    let (status, body) = fleet.api.call(Method::PATCH, &path, Some(body)).await;
    (status.as_u16(), body)
}

/// Until the account is online over this port; `None`: directly.
async fn goes_by(fleet: &Fleet, id: &str, port: Option<u16>) -> Value {
    let host = port.map(|port| format!("127.0.0.1:{port}"));
    let account = wait::until(
        &format!("the account to be online by {host:?}"),
        || fleet.api.account(id),
        |account| {
            account["state"] == "online" && account["proxy"]["host"].as_str() == host.as_deref()
        },
    )
    .await;
    let exit = if port.is_some() { "proxy" } else { "direct" };
    assert_eq!(account["exit"], exit);
    account
}

async fn file(fleet: &Fleet, address: &str) -> Vec<u8> {
    let response = fleet
        .api
        .request(Method::GET, address)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    response.bytes().await.unwrap().to_vec()
}

/// Protects a signed-in account from losing anything by another way out: session, messages and files; across a restart and
/// the end of the first proxy; and its proxies' credentials from being seen anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ways_are_changed_without_losing_the_session() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Amal"));
    let dcs = fleet.telegram.dc_addresses();
    let first = Proxy::start(Kind::Microsocks { login: true }, &dcs).await;
    let second = Proxy::start(Kind::Mtproxy("ee"), &dcs).await;
    let keys = fleet.telegram.keys_of(account.user);
    goes_by(&fleet, &account.id, None).await;

    let refused = patch(
        &fleet,
        &account.id,
        json!({ "proxies": ["socks5://nowhere"] }),
    )
    .await;
    assert_eq!(
        (refused.0, &refused.1["error"]["code"]),
        (422, &json!("proxy_invalid"))
    );
    let both = json!({ "proxies": [first.url, second.url] });
    let (status, changed) = patch(&fleet, &account.id, both).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(changed["account"]["proxies"][1]["kind"], "mtproxy");
    goes_by(&fleet, &account.id, Some(first.port)).await;

    // A file that lies in another data centre goes the same way.
    fleet.telegram.set_files_dc(4);
    let media = Media::Document {
        name: "report.bin".to_owned(),
        mime: "application/octet-stream".to_owned(),
        size: 300_000,
    };
    let id = fleet
        .telegram
        .say_media(person, account.user, media, "take it");
    let conversation = fleet.conversation(&account, person).await;
    let message = fleet
        .wait_for_message(&conversation, "take it", "received")
        .await;
    let bytes = file(&fleet, message["media"]["url"].as_str().unwrap()).await;
    let there = fleet.telegram.file_of(account.user, person, id);
    assert_eq!(Some(bytes), fleet.telegram.file_bytes(there, ""));

    let path = format!("/accounts/{}/proxy/test", account.id);
    let report = fleet.api.post(&path, json!({})).await;
    assert_eq!(report["ways"].as_array().unwrap().len(), 2, "{report}");
    for way in report["ways"].as_array().unwrap() {
        let dcs = way["dcs"].as_array().unwrap();
        assert!(dcs.iter().all(|dc| dc["ms"].is_u64()), "{report}");
    }

    fleet.stop_service();
    fleet.start_service();
    goes_by(&fleet, &account.id, Some(first.port)).await;
    drop(first);
    goes_by(&fleet, &account.id, Some(second.port)).await;
    fleet.telegram.say(person, account.user, "by the second");
    fleet
        .wait_for_message(&conversation, "by the second", "received")
        .await;
    assert_eq!(fleet.telegram.keys_of(account.user), keys);

    let mut secrets = Secrets::default();
    secrets.text("the login's name", USER);
    secrets.text("the password", PASSWORD);
    secrets.text("the secret", SECRET);
    let mut found = secrets.find_in_files(&fleet.data_dir(), &[]);
    found.extend(secrets.find("the log", fleet.service().log().as_bytes()));
    let shown = fleet.api.get("/accounts").await.to_string();
    found.extend(secrets.find("the API", shown.as_bytes()));
    assert_eq!(found, Vec::<String>::new());

    let (status, _) = patch(&fleet, &account.id, json!({ "proxies": null })).await;
    assert_eq!(status, 200);
    let account = goes_by(&fleet, &account.id, None).await;
    assert_eq!(account["proxies"], Value::Null);
}

/// Protects who tries addresses: a body may be left out, but one that can't be read never counts as left out, for then
/// other ways would be tried than those that were asked about.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_may_be_left_out_but_not_be_broken() {
    let fleet = Fleet::builder().accounts(1).start().await;
    let path = format!("/accounts/{}/proxy/test", fleet.accounts[0].id);
    let cases = [
        ("", "", 200, ""),
        ("application/json", "{}", 200, ""),
        ("application/json", "{\"proxies\":", 400, "malformed_json"),
        ("text/plain", "{}", 415, "unsupported_media_type"),
    ];
    for (kind, body, status, code) in cases {
        // With a key, the body is read before the call is.
        for key in [None, Some(format!("{kind} {body}").len().to_string())] {
            let mut request = fleet.api.request(Method::POST, &path).body(body);
            if !kind.is_empty() {
                request = request.header("Content-Type", kind);
            }
            if let Some(key) = key {
                request = request.header("Idempotency-Key", key);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), status, "{kind} {body}");
            let answer: Value = response.json().await.unwrap();
            assert_eq!(answer["error"]["code"].as_str().unwrap_or(""), code);
        }
    }
}

/// Protects who sets the service up: `check` says of every way, the service's and the accounts' own, what it reaches; and a
/// way that leads nowhere is a problem.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_what_each_way_reaches() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let dcs = fleet.telegram.dc_addresses();
    let own = Proxy::start(Kind::Tinyproxy { login: true }, &dcs).await;
    let id = fleet.accounts[0].id.clone();
    let (status, _) = patch(&fleet, &id, json!({ "proxies": [own.url] })).await;
    assert_eq!(status, 200);
    goes_by(&fleet, &id, Some(own.port)).await;
    fleet.stop_service();

    let check = |proxies: &str| {
        let telegram: Vec<String> = dcs
            .iter()
            .map(|(dc, address)| format!("{dc}@{address}"))
            .collect();
        let output = Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args(["check", "--data-dir"])
            .arg(fleet.data_dir())
            .env_clear()
            .env("TELEGRAM_DC", telegram.join(","))
            .env("SWITCHBOARD_PROXIES", proxies)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let way = |said: &str, begins: &str| {
        let lines: Vec<&str> = said
            .lines()
            .filter(|line| line.starts_with(begins))
            .collect();
        assert_eq!(lines.len(), 1, "{said}");
        lines[0].to_owned()
    };
    let (code, said) = check("");
    assert_eq!(code, Some(0), "{said}");
    let direct = way(&said, "ok       way direct reaches data centres 2 in ");
    assert!(direct.contains(", 4 in "), "{said}");
    let own = format!("ok       way http://127.0.0.1:{} (1 account) ", own.port);
    way(&said, &own);

    let (code, said) = check("socks5://127.0.0.1:9");
    assert_eq!(code, Some(1), "{said}");
    let dead = way(
        &said,
        "problem  way socks5://127.0.0.1:9 reaches no data centre",
    );
    assert!(dead.contains("can't be reached"), "{said}");
    way(&said, &own);
    // The account never goes out directly then, and nobody asks about it.
    assert!(!said.contains("way direct"), "{said}");
    assert!(!said.contains(PASSWORD), "{said}");
}

/// Protects who adds an account: the service's ways are told without credentials, and any can be tried before an account
/// has it; what is wrong with an address is told as a word as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ways_are_tried_before_there_is_an_account() {
    let fleet = Fleet::builder()
        .env(
            "SWITCHBOARD_PROXIES",
            "http://relay-guest:opensesame@127.0.0.1:9",
        )
        .start()
        .await;
    let told = fleet.api.get("/proxies").await;
    assert_eq!(
        told,
        json!({ "proxies": [{ "kind": "http", "host": "127.0.0.1:9" }] })
    );
    let dead = fleet.api.post("/proxies/test", json!({})).await;
    assert_eq!(dead["ways"][0]["dcs"][0]["code"], "proxy_unreachable");
    let direct = fleet
        .api
        .post("/proxies/test", json!({ "proxies": [] }))
        .await;
    assert_eq!(direct["ways"][0]["proxy"], Value::Null);
    assert!(direct["ways"][0]["dcs"][1]["ms"].is_u64(), "{direct}");
    let body = json!({ "proxies": ["socks5://127.0.0.1"] });
    let (status, refused) = fleet
        .api
        .call(Method::POST, "/proxies/test", Some(body))
        .await;
    assert_eq!(status, 422);
    assert_eq!(refused["error"]["params"]["reason"], "port", "{refused}");
}

/// In front of a proxy that speaks no TLS itself; its certificate is trusted where `SSL_CERT_FILE` names it.
async fn tls_front(to: u16) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut near) = acceptor.accept(stream).await else {
                    return;
                };
                let mut far = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    (port, made.cert.pem())
}

/// Protects who reaches the proxy by TLS: with a certificate that this machine trusts the account goes that way, and with
/// another one it does not, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_behind_tls_carries_an_account() {
    let mut fleet = Fleet::builder().accounts(1).start().await;
    let account = fleet.accounts[0].clone();
    let person = fleet.telegram.add_person(PersonSpec::new("Amal"));
    let dcs = fleet.telegram.dc_addresses();
    let plain = Proxy::start(Kind::Tinyproxy { login: false }, &dcs).await;
    let (port, certificate) = tls_front(plain.port).await;
    let url = format!("https://localhost:{port}");
    let body = json!({ "proxies": [url] });
    let path = format!("/accounts/{}/proxy/test", account.id);
    let report = fleet.api.post(&path, body.clone()).await;
    assert_eq!(report["ways"][0]["dcs"][0]["code"], "proxy_tls", "{report}");

    let trusted = fleet.data_dir().with_extension("pem");
    std::fs::write(&trusted, certificate).unwrap();
    fleet.set_env("SSL_CERT_FILE", &trusted.display().to_string());
    fleet.stop_service();
    fleet.start_service();
    let report = fleet.api.post(&path, body.clone()).await;
    assert!(report["ways"][0]["dcs"][0]["ms"].is_u64(), "{report}");
    let (status, _) = patch(&fleet, &account.id, body).await;
    assert_eq!(status, 200);
    wait::until(
        "the account to be online by TLS",
        || fleet.api.account(&account.id),
        |now| now["state"] == "online" && now["proxy"]["kind"] == "https",
    )
    .await;
    fleet.telegram.say(person, account.user, "by TLS");
    let conversation = fleet.conversation(&account, person).await;
    fleet
        .wait_for_message(&conversation, "by TLS", "received")
        .await;
}
