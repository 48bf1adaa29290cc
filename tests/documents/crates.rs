//! Crates: what `deny.toml` allows, held against what is built. `cargo deny check` asks more (advisories); it is not in Debian.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

use crate::{read, root_folder};

/// The quoted words of a list of `deny.toml`.
fn list(text: &str, name: &str) -> BTreeSet<String> {
    let (_, rest) = text.split_once(&format!("\n{name} = [")).expect(name);
    let (inside, _) = rest.split_once("\n]").expect(name);
    let lines = inside
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split('"').nth(1))
        .map(str::to_owned)
        .collect()
}

/// An expression of SPDX: names, `AND`, `OR`, brackets; a slash is the `OR` of old.
fn holds(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    any(&words, &mut at, allowed)
}

fn any(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut held = all(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        held |= all(words, at, allowed);
    }
    held
}

fn all(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut held = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        held &= one(words, at, allowed);
    }
    held
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let word = words.get(*at).copied().unwrap_or_default();
    *at += 1;
    if word == "(" {
        let held = any(words, at, allowed);
        *at += 1;
        return held;
    }
    if words.get(*at) == Some(&"WITH") {
        let with = format!("{word} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
        return allowed.contains(&with) || allowed.contains(word);
    }
    allowed.contains(word)
}

/// Protects whoever gives the program away: each crate's licence is one that is allowed, each comes from the registry, each allowed
/// licence is needed, and what is banned is not there.
#[test]
fn every_crate_is_one_that_may_be_taken() {
    let deny = read("deny.toml");
    let allowed = list(&deny, "allow");
    assert!(holds("MIT OR GPL-3.0", &allowed) && !holds("MIT AND GPL-3.0", &allowed));
    assert!(holds("(MIT OR X) AND ISC", &allowed) && !holds("(X OR Y) AND ISC", &allowed));
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root_folder())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let banned: BTreeSet<&str> = deny
        .lines()
        .filter_map(|line| line.trim().strip_prefix("{ crate = \"")?.split('"').next())
        .collect();
    assert_eq!(banned.len(), 3);
    let mut expressions = String::new();
    let mut registries = BTreeSet::new();
    for package in all["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        assert!(!banned.contains(name), "{name} is banned in deny.toml");
        let Some(source) = package["source"].as_str() else {
            continue;
        };
        assert!(source.starts_with("registry+"), "{name} is from {source}");
        registries.insert(source);
        let licence = package["license"].as_str().unwrap_or_default();
        assert!(
            holds(licence, &allowed),
            "{name}: {licence:?} is not allowed by deny.toml"
        );
        expressions.push_str(licence);
        expressions.push(' ');
    }
    assert_eq!(registries.len(), 1, "{registries:?}");
    let unused: Vec<_> = allowed
        .iter()
        .filter(|one| !expressions.contains(*one))
        .collect();
    assert_eq!(unused, [""; 0], "allowed, and no crate has it");
}

/// Protects the size of the program and of a first build: each dependency says why it is there, and is named by the code.
#[test]
fn every_dependency_has_its_reason_and_is_used() {
    /// Here for what they bring along, not for a name: SQLite itself, and the feature that hands events on to the log.
    const UNNAMED: [&str; 2] = ["libsqlite3-sys", "tracing"];
    let manifest = read("Cargo.toml");
    let mut code = String::new();
    for folder in ["src", "tests", "benches"] {
        gather(&root_folder().join(folder), &mut code);
    }
    let mut section = "";
    let mut looked_at = 0;
    for line in manifest.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
            continue;
        }
        let listed = ["dependencies", "dev-dependencies", "workspace.dependencies"];
        let Some((name, rest)) = line.split_once('=') else {
            continue;
        };
        if !listed.contains(&section) || line.starts_with('#') {
            continue;
        }
        let name = name.trim();
        let inherited = rest.contains("workspace = true");
        assert!(
            inherited || rest.contains(" # "),
            "{name}: why is it there?"
        );
        if section == "workspace.dependencies" || UNNAMED.contains(&name) {
            continue;
        }
        let called = match name {
            "md-5" => "md5".to_owned(),
            name => name.replace('-', "_"),
        };
        let named = ["::", "!", ";", " as "].map(|behind| format!("{called}{behind}"));
        assert!(
            named.iter().any(|text| code.contains(text)),
            "{name} is not used"
        );
        looked_at += 1;
    }
    assert!(looked_at > 50, "{looked_at}");
}

fn gather(folder: &std::path::Path, code: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, code);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            code.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}
