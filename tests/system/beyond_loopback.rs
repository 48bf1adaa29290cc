//! Beyond loopback: what others on the network can reach is encrypted and somebody can end it.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use reqwest::{Certificate, Client, Method, StatusCode, redirect::Policy};
use tempfile::TempDir;

use crate::support::{
    fleet::Fleet,
    service::{ServiceProcess, ServiceSettings},
    tokens, wait,
};

struct Home {
    dir: TempDir,
}

impl Home {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// A new pair in the place of the one before.
    fn certify(&self) -> CertifiedKey<KeyPair> {
        let made = pair();
        std::fs::write(self.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(self.path("cert.pem"), made.cert.pem()).unwrap();
        made
    }

    fn settings(&self, args: &[&str]) -> ServiceSettings {
        ServiceSettings {
            listen: Some("0.0.0.0:0".to_owned()),
            args: args.iter().map(ToString::to_string).collect(),
            ..ServiceSettings::default()
        }
    }

    fn with_tls(&self) -> ServiceSettings {
        let (cert, key) = (self.path("cert.pem"), self.path("key.pem"));
        self.settings(&["--tls-cert", &cert, "--tls-key", &key])
    }

    fn refused(&self, settings: &ServiceSettings) -> String {
        let Err((status, log)) = ServiceProcess::try_start(&self.data(), settings) else {
            panic!("it serves");
        };
        assert_eq!(status.code(), Some(2), "{log}");
        log
    }
}

fn pair() -> CertifiedKey<KeyPair> {
    let names = ["127.0.0.1", "127.0.0.5", "localhost"];
    generate_simple_self_signed(names.map(str::to_owned)).unwrap()
}

fn port(service: &ServiceProcess) -> &str {
    service.address.rsplit_once(':').unwrap().1
}

/// Trusts this certificate and no other.
fn trusting(made: &CertifiedKey<KeyPair>) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root = Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .tls_certs_only([root])
        .build()
        .unwrap()
}

/// Protects a network: nothing is served there in the clear by oversight, nor without somebody who may end it; all that is
/// wrong is said before anything is served.
#[test]
fn serving_others_needs_encryption_and_an_admin() {
    let home = Home::new();
    for args in [vec![], vec!["--allowed-host", "desk.example"]] {
        let log = home.refused(&home.settings(&args));
        for word in [
            "SWITCHBOARD_TLS_CERT",
            "SWITCHBOARD_BEHIND_PROXY",
            "encrypted",
        ] {
            assert!(log.contains(word), "{log}");
        }
    }
    home.certify();
    let half = home.settings(&["--tls-cert", &home.path("cert.pem")]);
    assert!(home.refused(&half).contains("SWITCHBOARD_TLS_KEY"));
    std::fs::write(home.path("other.pem"), pair().signing_key.serialize_pem()).unwrap();
    let (cert, other) = (home.path("cert.pem"), home.path("other.pem"));
    let unfit = home.settings(&["--tls-cert", &cert, "--tls-key", &other]);
    assert!(home.refused(&unfit).contains("does not fit"));
    for scope in ["read", "licence"] {
        tokens::create(&home.data(), scope, scope);
        for settings in [home.with_tls(), home.settings(&["--behind-proxy"])] {
            let log = home.refused(&settings);
            assert!(log.contains("token of scope admin"), "{log}");
        }
    }
    tokens::create(&home.data(), "boss", "admin");
    ServiceProcess::start(&home.data(), &home.with_tls()).stop();
    ServiceProcess::start(&home.data(), &home.settings(&["--behind-proxy"])).stop();
}

async fn status(client: &Client, url: &str, token: &str) -> Option<StatusCode> {
    let answer = client.get(url).bearer_auth(token).send().await;
    answer.ok().map(|answer| answer.status())
}

/// Protects whoever opens the desk from elsewhere: the printed link works, its cookie travels encrypted only, the machine's
/// own addresses are served and no others.
#[tokio::test(flavor = "multi_thread")]
async fn the_service_is_reached_by_https_under_its_own_addresses() {
    let home = Home::new();
    let made = home.certify();
    let admin = tokens::create(&home.data(), "boss", "admin");
    let service = ServiceProcess::start(&home.data(), &home.with_tls());
    assert_eq!(service.scheme, "https");
    let client = trusting(&made);
    let port = port(&service);
    for own in ["127.0.0.1", "127.0.0.5", "localhost"] {
        let url = format!("https://{own}:{port}/accounts");
        assert_eq!(
            status(&client, &url, &admin).await,
            Some(StatusCode::OK),
            "{url}"
        );
    }
    for foreign in ["192.0.2.7", "127.0.0.6", "evil.test"] {
        let answer = client
            .get(format!("https://127.0.0.1:{port}/accounts"))
            .bearer_auth(&admin)
            .header("host", format!("{foreign}:{port}"));
        let status = answer.send().await.unwrap().status();
        assert_eq!(status, StatusCode::MISDIRECTED_REQUEST, "{foreign}");
    }
    // A page under the own address may write and listen, one of a neighbour's may not.
    for (origin, wanted) in [
        (format!("https://127.0.0.5:{port}"), StatusCode::CREATED),
        (format!("https://127.0.0.6:{port}"), StatusCode::FORBIDDEN),
    ] {
        let url = format!("https://127.0.0.5:{port}/ws/ticket");
        let cookie = format!("switchboard_{port}={admin}");
        let call = client
            .post(url)
            .header("origin", origin)
            .header("cookie", cookie);
        assert_eq!(call.send().await.unwrap().status(), wanted);
    }
    assert!(
        Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .get(format!("http://127.0.0.1:{port}/health/live"))
            .send()
            .await
            .is_err()
    );

    let line = service.next_line();
    let link = line
        .split_whitespace()
        .find(|word| word.contains("://"))
        .unwrap();
    let url = reqwest::Url::parse(link).unwrap();
    assert_eq!(url.scheme(), "https");
    let host: IpAddr = url.host_str().unwrap().parse().unwrap();
    assert_ne!(host, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    // What the link names is this machine; the certificate of the test knows it by another address.
    let here = link.replace(&host.to_string(), "127.0.0.1");
    let opened = client.get(here).send().await.unwrap();
    assert_eq!(opened.status(), StatusCode::SEE_OTHER);
    let cookie = opened.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; Secure"), "{cookie}");
    service.stop();
}

async fn until_served(url: &str, token: &str, made: &CertifiedKey<KeyPair>) {
    wait::until(
        "the new certificate",
        // A new client for each look: one keeps its connection.
        || async { status(&trusting(made), url, token).await },
        |status| *status == Some(StatusCode::OK),
    )
    .await;
}

/// Protects a renewal: the new certificate is served without a restart, and one that can't be used takes nothing away.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_certificate_is_served_without_a_restart() {
    let home = Home::new();
    let first = home.certify();
    let admin = tokens::create(&home.data(), "boss", "admin");
    let service = ServiceProcess::start(&home.data(), &home.with_tls());
    let url = format!("https://127.0.0.1:{}/accounts", port(&service));
    until_served(&url, &admin, &first).await;

    let second = home.certify();
    until_served(&url, &admin, &second).await;
    assert_eq!(status(&trusting(&first), &url, &admin).await, None);

    std::fs::write(Path::new(&home.path("cert.pem")), "half of a certificate").unwrap();
    wait::until(
        "the log to tell of it",
        || async { service.log() },
        |log| log.contains("the one before goes on"),
    )
    .await;
    until_served(&url, &admin, &second).await;
    service.stop();
}

/// Protects a service that says that a proxy stands in front: nobody is local, and each client of the proxy counts for
/// itself, whatever it claims of others.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_nobody_is_local_and_clients_are_told_apart() {
    let fleet = Fleet::builder().arg("--behind-proxy").start().await;
    let client = Client::builder().no_proxy().build().unwrap();
    let answer = client.get(fleet.service().url("/accounts")).send().await;
    assert_eq!(answer.unwrap().status(), StatusCode::UNAUTHORIZED);
    tokens::create(&fleet.data_dir(), "boss", "admin");
    let guess = async |forwarded: &str| {
        let api = fleet
            .api
            .with_header("x-forwarded-for", forwarded)
            .with_header("authorization", "Bearer swb_guess");
        api.call(Method::GET, "/accounts", None).await.0
    };
    for round in 0..20 {
        // What a client claims stands before what the proxy adds.
        let forwarded = format!("203.0.113.{round}, 198.51.100.7");
        assert_eq!(guess(&forwarded).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(guess("198.51.100.7").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        guess("198.51.100.7, 198.51.100.8").await,
        StatusCode::UNAUTHORIZED
    );
}
