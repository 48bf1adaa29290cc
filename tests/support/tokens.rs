//! Tokens: made as a person makes them, with the command line, beside the running service.

use std::{path::Path, process::Command};

use super::{engine, service::kept};

/// What a command said, and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// `switchboard <command> --data-dir … <args>`.
pub fn command(command: &str, data_dir: &Path, args: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .env_clear()
        // Nobody is there: `check` asks this one, and not Telegram.
        .env("TELEGRAM_DC", "2@127.0.0.1:9")
        .envs(kept())
        .envs(
            engine::database_of(data_dir)
                .map(|database| ("SWITCHBOARD_DATABASE_URL", engine::url_of(&database))),
        )
        .arg(command)
        .arg("--data-dir")
        .arg(data_dir)
        .args(args)
        .output()
        .unwrap();
    Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap().trim().to_owned(),
        stderr: String::from_utf8(output.stderr).unwrap().trim().to_owned(),
    }
}

/// `switchboard token <args>`, whatever comes of it.
pub fn tried(data_dir: &Path, args: &[&str]) -> Said {
    command("token", data_dir, args)
}

fn run(data_dir: &Path, args: &[&str]) -> String {
    let said = tried(data_dir, args);
    assert_eq!(said.code, Some(0), "{said:?}");
    said.stdout
}

/// The text of a new token.
pub fn create(data_dir: &Path, name: &str, scope: &str) -> String {
    run(data_dir, &["create", "--name", name, "--scope", scope])
}

pub fn list(data_dir: &Path) -> String {
    run(data_dir, &["list"])
}

/// Number of the token of this name.
pub fn id_of(data_dir: &Path, name: &str) -> String {
    let list = list(data_dir);
    let line = list.lines().find(|line| line.ends_with(name)).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

/// Revokes the token of this name; what was said about it.
pub fn revoke(data_dir: &Path, name: &str) -> String {
    let id = id_of(data_dir, name);
    run(data_dir, &["revoke", &id])
}

/// Lets everybody on this machine in again.
pub fn unlock(data_dir: &Path) -> String {
    run(data_dir, &["unlock", "--everybody-on-this-machine"])
}
