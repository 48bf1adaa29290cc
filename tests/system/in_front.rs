//! In front: nginx, Caddy and HAProxy as Debian has them, with as little configuration as they take, before a service that has
//! no token yet. Whoever comes through them is not local.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
};

use reqwest::{Client, StatusCode};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::support::{fleet::Fleet, proxies::free_port, tokens, wait};

/// One of them, until it is dropped: in a process group of its own, for nginx's workers outlive a master that is killed.
struct Front {
    name: &'static str,
    port: u16,
    child: Child,
    _dir: TempDir,
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

/// As its package has it, a proxy gives up root for a user of its own.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn start(
    name: &'static str,
    program: &str,
    arguments: &[&str],
    text: impl Fn(u16, &Path) -> String,
) -> Front {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let port = free_port();
    let file = dir.path().join("configuration");
    fs::write(&file, text(port, dir.path())).unwrap();
    let arguments = arguments.iter().map(|argument| match *argument {
        "FILE" => file.to_str().unwrap(),
        "DIR" => dir.path().to_str().unwrap(),
        other => other,
    });
    let child = Command::new(program)
        .args(arguments)
        .process_group(0)
        .env("HOME", dir.path())
        .env("XDG_CONFIG_HOME", dir.path())
        .env("XDG_DATA_HOME", dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    Front {
        name,
        port,
        child,
        _dir: dir,
    }
}

fn nginx(name: &'static str, service: &str, more: &str) -> Front {
    let user = if is_root() { "user www-data;" } else { "" };
    start(
        name,
        "/usr/sbin/nginx",
        &["-p", "DIR", "-c", "FILE"],
        |port, dir| {
            let dir = dir.display();
            let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|kind| format!("{kind}_temp_path {dir}/{kind};"))
                .concat();
            format!(
                "{user} daemon off; pid {dir}/pid; error_log {dir}/log; worker_processes 1; events {{}}\n\
             http {{ access_log off; {temporary} server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{service}; {more} }} }} }}\n"
            )
        },
    )
}

fn haproxy(service: &str) -> Front {
    let user = if is_root() {
        "user haproxy\n group haproxy"
    } else {
        ""
    };
    start(
        "HAProxy",
        "/usr/sbin/haproxy",
        &["-db", "-f", "FILE"],
        |port, _| {
            format!(
                "global\n {user}\ndefaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n\
             frontend all\n bind 127.0.0.1:{port}\n default_backend desk\nbackend desk\n server desk {service}\n"
            )
        },
    )
}

fn caddy(service: &str) -> Front {
    let arguments = ["run", "--adapter", "caddyfile", "--config", "FILE"];
    start("Caddy", "/usr/bin/caddy", &arguments, |port, _| {
        format!(
            "{{\n admin off\n}}\nhttp://:{port} {{\n bind 127.0.0.1\n reverse_proxy {service}\n}}\n"
        )
    })
}

/// Protects a service that nobody has locked yet: whoever puts it behind a proxy, left as it is, does not open it to the
/// world, not even to who claims to ask this machine itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_left_as_it_is_makes_nobody_local() {
    let fleet = Fleet::builder().start().await;
    let service = fleet.address().to_owned();
    let mut fronts = vec![
        nginx("nginx", &service, ""),
        nginx(
            "nginx that passes names on",
            &service,
            "proxy_set_header Host $http_host;",
        ),
        caddy(&service),
    ];
    // These two add nothing: only their user tells them apart.
    if is_root() {
        fronts.push(haproxy(&service));
        fronts.push(nginx(
            "nginx that speaks HTTP/1.1",
            &service,
            "proxy_http_version 1.1;",
        ));
    }
    let http = Client::builder().no_proxy().build().unwrap();
    let ask = async |front: &Front, host: Option<&str>, token: Option<&str>| {
        let mut request = http.get(format!("http://127.0.0.1:{}/accounts", front.port));
        if let Some(host) = host {
            request = request.header("host", host);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.ok().map(|answer| answer.status())
    };
    assert_eq!(
        fleet.api.get("/accounts").await["accounts"]
            .as_array()
            .map(Vec::len),
        Some(0),
        "here it is open"
    );
    for front in &fronts {
        wait::until(front.name, || ask(front, None, None), Option::is_some).await;
        for host in [
            None,
            Some(service.as_str()),
            Some("localhost"),
            Some("desk.example"),
        ] {
            let status = ask(front, host, None).await;
            let refused = [
                Some(StatusCode::UNAUTHORIZED),
                Some(StatusCode::MISDIRECTED_REQUEST),
            ];
            assert!(
                refused.contains(&status),
                "{} as {host:?}: {status:?}",
                front.name
            );
        }
    }
    let token = tokens::create(&fleet.data_dir(), "boss", "admin");
    for front in &fronts {
        let host = Some(service.as_str());
        wait::until(
            front.name,
            || ask(front, host, Some(&token)),
            |status| *status == Some(StatusCode::OK),
        )
        .await;
    }
}
