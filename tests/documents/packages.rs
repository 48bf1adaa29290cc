//! Packages: what can be told of them without installing anything. `packaging/debian/try.sh` installs one.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use clap::CommandFactory as _;
use serde_json::Value;
use switchboard::cli::Cli;

use crate::{read, root_folder};

/// Variables that the service knows.
pub fn variables() -> BTreeSet<String> {
    let cli = Cli::command();
    let known = cli.get_arguments().filter_map(|arg| arg.get_env());
    known
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

/// As systemd's credentials are called: each variable that has a twin for a file.
fn credentials() -> BTreeSet<String> {
    let all = variables();
    let twins = all.iter().filter_map(|name| name.strip_suffix("_FILE"));
    twins
        .map(|name| name.to_lowercase().replace('_', "-"))
        .collect()
}

fn systemd_analyze(arguments: &[&str], unit: &Path) -> Option<(bool, String)> {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .arg(unit)
        .output();
    let Ok(output) = output else {
        eprintln!("systemd-analyze is not installed: {arguments:?} was left out");
        return None;
    };
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    let said = said.concat();
    Some((output.status.success(), said))
}

/// Protects a machine from the service, and the service from a unit that systemd does not take: nothing in it is unknown, little is
/// open, and each secret has its credential.
#[test]
fn the_unit_is_closed_and_understood() {
    let unit = read("packaging/systemd/switchboard.service");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("switchboard.service");
    // Where the package puts it there is nothing here.
    let here = unit.replace("/usr/bin/switchboard serve", "/bin/true");
    std::fs::write(&path, here).unwrap();
    if let Some((well, said)) = systemd_analyze(&["verify", "--man=no"], &path) {
        assert!(well && !said.contains("switchboard.service:"), "{said}");
    }
    let security = ["security", "--offline=true", "--no-pager"];
    if let Some((well, said)) = systemd_analyze(&security, &path) {
        let line = said.lines().find(|line| line.contains("exposure level"));
        let words = line.unwrap_or_default().split_whitespace();
        let exposure = words.filter_map(|word| word.parse::<f32>().ok()).next();
        assert!(well && exposure.is_some_and(|level| level < 2.0), "{said}");
    }
    let loaded = unit
        .lines()
        .filter_map(|line| line.strip_prefix("LoadCredential="));
    let loaded: BTreeSet<String> = loaded.map(str::to_owned).collect();
    assert_eq!(loaded, credentials());
    let page = read("docs/packages.md");
    for name in &loaded {
        assert!(
            page.contains(&format!("`{name}`")),
            "docs/packages.md lacks {name}"
        );
    }
}

/// Protects whoever builds the package: what it takes is there, its scripts are scripts, its settings are known.
#[test]
fn the_debian_package_has_what_it_names() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root_folder())
        .output()
        .unwrap();
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = all["packages"].as_array().unwrap();
    let package = packages
        .iter()
        .find(|package| package["name"] == "switchboard")
        .unwrap();
    let deb = &package["metadata"]["deb"];
    let mut installed = BTreeSet::new();
    for asset in deb["assets"].as_array().unwrap() {
        let (from, to) = (asset[0].as_str().unwrap(), asset[1].as_str().unwrap());
        installed.insert(to.to_owned());
        if from.starts_with("target/release/") {
            continue;
        }
        let there = match from.rsplit_once("/*") {
            Some((folder, ending)) => std::fs::read_dir(root_folder().join(folder))
                .unwrap()
                .any(|entry| entry.unwrap().path().to_string_lossy().ends_with(ending)),
            None => root_folder().join(from).is_file(),
        };
        assert!(there, "{from} is not there");
    }
    assert!(installed.contains("usr/lib/systemd/system/"));
    // The C library that the documents name; that the release needs no newer one is `tests/readme/c_library.rs`'.
    let page = read("docs/packages.md");
    let (_, library) = page.split_once("The program needs glibc ").unwrap();
    let needed = format!("libc6 (>= {})", library.split(' ').next().unwrap());
    assert!(
        deb["depends"].as_str().unwrap().contains(&needed),
        "{needed}"
    );
    let settings = read("packaging/debian/switchboard.env");
    let named = settings
        .lines()
        .filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let named: Vec<&str> = named
        .map(|(name, _)| name)
        .filter(|name| !name.contains(' '))
        .collect();
    assert!(
        named.len() > 2 && named.iter().all(|name| variables().contains(*name)),
        "{named:?}"
    );
    let folder = root_folder().join(deb["maintainer-scripts"].as_str().unwrap());
    let mut scripts: Vec<PathBuf> = ["postinst", "prerm", "postrm", "try.sh"]
        .map(|name| folder.join(name))
        .into();
    scripts.push(root_folder().join("packaging/docker/vault/secrets.sh"));
    scripts.push(root_folder().join("packaging/docker/vault/30-password.sh"));
    scripts.push(root_folder().join("packaging/docker/nodes/secrets.sh"));
    for script in scripts {
        let read = Command::new("sh").arg("-n").arg(&script).status().unwrap();
        let text = std::fs::read_to_string(&script).unwrap();
        assert!(
            read.success() && text.contains("\nset -e"),
            "{}",
            script.display()
        );
    }
}
