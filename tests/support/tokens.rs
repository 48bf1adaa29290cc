//! Tokens: made as a person makes them, with the command line, beside the running service.

use std::{path::Path, process::Command};

fn run(data_dir: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .env_clear()
        .arg("token")
        .arg("--data-dir")
        .arg(data_dir)
        .args(args)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The text of a new token.
pub fn create(data_dir: &Path, name: &str, scope: &str) -> String {
    run(data_dir, &["create", "--name", name, "--scope", scope])
}

pub fn list(data_dir: &Path) -> String {
    run(data_dir, &["list"])
}

/// Revokes the token of this name.
pub fn revoke(data_dir: &Path, name: &str) {
    let list = list(data_dir);
    let line = list.lines().find(|line| line.ends_with(name)).unwrap();
    let id = line.split_whitespace().next().unwrap();
    run(data_dir, &["revoke", id]);
}
