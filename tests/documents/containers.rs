//! Containers and manifests: closed, and in the words that the service knows.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::packages::variables;
use crate::{read, root_folder};

/// The documents of a YAML file, read by Python's reader.
fn yaml(file: &str) -> Vec<Value> {
    const READ: &str =
        "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)";
    let mut child = Command::new("python3")
        .args(["-c", READ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut input = child.stdin.take().unwrap();
    input.write_all(read(file).as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{file} is no YAML");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn walk<'a>(value: &'a Value, visit: &mut impl FnMut(&str, &'a Value)) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                visit(key, inner);
                walk(inner, visit);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| walk(inner, visit)),
        _ => {}
    }
}

const OURS: [&str; 4] = ["SWITCHBOARD_", "TELEGRAM_", "SUPABASE_", "ASSISTANT_"];

/// A file of containers names what is there, and nothing in it may do more than it has to.
fn closed(file: &str, known: &BTreeSet<String>) {
    let compose = &yaml(&format!("packaging/docker/{file}"))[0];
    let services = compose["services"].as_object().unwrap();
    for (name, service) in services {
        assert!(service["privileged"].is_null(), "{name}");
        assert_eq!(
            service["security_opt"][0], "no-new-privileges:true",
            "{name}"
        );
        // The database writes beside its data, and gives up root by itself.
        if name != "database" {
            assert_eq!(
                (&service["read_only"], &service["cap_drop"][0]),
                (&true.into(), &"ALL".into()),
                "{name}"
            );
        }
        let image = service["image"].as_str().unwrap();
        assert!(
            image == "switchboard" || image.contains(':'),
            "{image} may be anything"
        );
        for (variable, _) in service["environment"].as_object().into_iter().flatten() {
            assert!(
                !OURS.iter().any(|prefix| variable.starts_with(prefix)) || known.contains(variable),
                "{name}: {variable}"
            );
        }
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let from = volume.as_str().unwrap().split(':').next().unwrap();
            let known = match from.strip_prefix('.') {
                Some(_) => root_folder().join("packaging/docker").join(from).exists(),
                None => compose["volumes"].as_object().unwrap().contains_key(from),
            };
            assert!(known, "{name}: {from} is not there");
        }
    }
    let ports = services
        .iter()
        .filter(|(_, service)| !service["ports"].is_null());
    assert_eq!(ports.map(|(name, _)| name).collect::<Vec<_>>(), ["gateway"]);
}

/// Protects whoever runs it in containers: no root, nothing written outside the volume, nothing more allowed than is used, and every
/// variable is one that the service knows.
#[test]
fn containers_are_closed_and_say_what_the_service_knows() {
    let known = variables();
    let recipe = read("packaging/docker/Dockerfile").replace("\\\n", " ");
    let lines: Vec<(&str, &str)> = recipe
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .collect();
    let of = |what: &str| {
        lines
            .iter()
            .filter(|(word, _)| *word == what)
            .map(|(_, rest)| *rest)
            .collect::<Vec<_>>()
    };
    for base in of("FROM") {
        assert!(
            base.contains(':') && !base.contains(":latest"),
            "{base} may be anything"
        );
    }
    assert!(
        of("USER")
            .last()
            .is_some_and(|user| user.starts_with("65532")),
        "it runs as root"
    );
    assert!(
        of("ENTRYPOINT")
            .iter()
            .chain(&of("CMD"))
            .all(|words| words.starts_with('['))
    );
    for setting in of("ENV") {
        let name = setting.split('=').next().unwrap();
        assert!(known.contains(name), "{name}");
    }
    // What the build needs is sent to it: everything that a target of the manifest lies in.
    let sent = read(".dockerignore");
    for folder in [
        "src",
        "simulator",
        "stand-ins",
        "migrations",
        "static",
        "tests",
        "benches",
        "build.rs",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        assert!(
            sent.lines().any(|line| line == format!("!{folder}")),
            "{folder} is not sent"
        );
    }

    for file in ["compose.yml", "nodes.yml"] {
        closed(file, &known);
    }

    let mut kinds = BTreeSet::new();
    for file in ["switchboard.yaml", "first-token.yaml"] {
        for object in yaml(&format!("packaging/kubernetes/{file}")) {
            kinds.insert(object["kind"].as_str().unwrap().to_owned());
            walk(&object, &mut |key, value| match key {
                "containers" => {
                    for container in value.as_array().unwrap() {
                        let security = &container["securityContext"];
                        assert_eq!(security["readOnlyRootFilesystem"], true, "{file}");
                        assert_eq!(security["allowPrivilegeEscalation"], false, "{file}");
                        assert_eq!(security["capabilities"]["drop"][0], "ALL", "{file}");
                        for variable in container["env"].as_array().into_iter().flatten() {
                            let name = variable["name"].as_str().unwrap();
                            assert!(
                                known.contains(name) || name == "CREDENTIALS_DIRECTORY",
                                "{name}"
                            );
                        }
                    }
                }
                "runAsNonRoot" => assert_eq!(*value, true, "{file}"),
                "replicas" => assert_eq!(*value, 1, "two of them burn each other's sessions"),
                "httpGet" => {
                    // The only one that needs no token.
                    assert_eq!(value["path"], "/health/live", "{file}");
                    assert!(read("docs/rights.md").contains("| `GET /health/live` | nothing |"));
                }
                _ => {}
            });
        }
    }
    let wanted = [
        "Job",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "Service",
        "StatefulSet",
    ];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), wanted);
}

/// Protects whoever runs several nodes in containers: they differ in where they listen and in nothing that has to be the same, the gateway
/// asks each of them, and has no other to ask.
#[test]
fn nodes_in_containers_are_one_service() {
    let compose = &yaml("packaging/docker/nodes.yml")[0];
    let services = compose["services"].as_object().unwrap();
    let nodes: Vec<&Value> = services
        .iter()
        .filter(|(name, _)| name.starts_with("node-"))
        .map(|(_, node)| node)
        .collect();
    assert!(nodes.len() > 1);
    let mut listening = BTreeSet::new();
    let mut data = BTreeSet::new();
    let mut same = BTreeSet::new();
    for node in nodes {
        let mut node = node.clone();
        let listen = node["environment"]
            .as_object_mut()
            .unwrap()
            .remove("SWITCHBOARD_LISTEN");
        listening.insert(listen.unwrap().as_str().unwrap().to_owned());
        let volumes = node.as_object_mut().unwrap().remove("volumes").unwrap();
        let all = volumes.as_array().unwrap().clone();
        data.extend(all.iter().map(|one| one.as_str().unwrap().to_owned()));
        assert_eq!(node["network_mode"], "service:gateway");
        same.insert(node.to_string());
    }
    assert_eq!(same.len(), 1, "{same:#?}");
    assert_eq!(
        data.len(),
        listening.len(),
        "each has a directory of its own"
    );
    let gateway = read("packaging/docker/nodes/Caddyfile");
    let asked = gateway
        .lines()
        .find_map(|line| line.trim().strip_prefix("reverse_proxy "));
    let asked = asked.unwrap().trim_end_matches(" {").split_whitespace();
    let asked: BTreeSet<String> = asked.map(str::to_owned).collect();
    assert_eq!(asked, listening);
    // The secrets that the file names are those that the script makes, and none of them is ever committed.
    let script = read("packaging/docker/nodes/secrets.sh");
    let kept_out = read(".gitignore");
    for secret in compose["secrets"].as_object().unwrap().values() {
        let file = secret["file"].as_str().unwrap();
        let name = file.strip_prefix("./nodes/").unwrap();
        assert!(script.contains(&format!(">{name}\n")), "{name} is not made");
        let line = format!("/packaging/docker/nodes/{name}");
        assert!(kept_out.lines().any(|one| one == line), "{line}");
    }
}

/// Protects whoever applies the manifests: Kubernetes' own schemas take them, and would not take them with a word that is none of its.
#[tokio::test]
async fn kubernetes_schemas_take_the_manifests() {
    let python = crate::python::with("documents").await;
    let validate = |file: &Path| {
        let output = Command::new(python.with_file_name("kubernetes-validate"))
            .arg("--strict")
            .arg(file)
            .output()
            .unwrap();
        let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
        (output.status.success(), said.concat())
    };
    let folder = root_folder().join("packaging/kubernetes");
    for file in ["switchboard.yaml", "first-token.yaml"] {
        let (taken, said) = validate(&folder.join(file));
        assert!(taken, "{file}: {said}");
    }
    let wrong = read("packaging/kubernetes/switchboard.yaml").replace("readOnlyRoot", "readOnly");
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("wrong.yaml");
    std::fs::write(&file, wrong).unwrap();
    let (taken, said) = validate(&file);
    assert!(!taken && said.contains("readOnlyFilesystem"), "{said}");
}

/// Protects whoever sets the self-hosted vault up: its key is one that PostgREST and Switchboard take, nobody else can read it, and a
/// second run changes nothing.
#[test]
fn the_vaults_secrets_are_made_once() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("docker/vault");
    std::fs::create_dir_all(&folder).unwrap();
    let script = folder.join("secrets.sh");
    std::fs::copy(
        root_folder().join("packaging/docker/vault/secrets.sh"),
        &script,
    )
    .unwrap();
    let run = || Command::new("sh").arg(&script).output().unwrap();
    let first = run();
    assert!(first.status.success(), "{first:?}");
    let made = |name: &str| std::fs::read_to_string(dir.path().join("docker").join(name)).unwrap();
    let (settings, key) = (made(".env"), made("service-key"));
    let parts: Vec<&str> = key.trim().split('.').collect();
    let [head, body, signature] = parts[..] else {
        panic!("{key}")
    };
    let plain = |part: &str| {
        use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
        BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()
    };
    let body_said: Value = serde_json::from_slice(&plain(body)).unwrap();
    assert_eq!(body_said["role"], "service_role");
    let secret = settings
        .lines()
        .find_map(|line| line.strip_prefix("VAULT_JWT_SECRET="));
    use hmac::{KeyInit as _, Mac as _};
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret.unwrap().as_bytes()).unwrap();
    mac.update(format!("{head}.{body}").as_bytes());
    assert_eq!(plain(signature), mac.finalize().into_bytes().to_vec());
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(dir.path().join("docker/service-key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0);
    assert!(!run().status.success());
    assert_eq!((made(".env"), made("service-key")), (settings, key));
}
