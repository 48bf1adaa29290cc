//! Runs one Telethon scenario against a simulator of its own.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

#[allow(clippy::duplicate_mod, reason = "the service's tests have it as well")]
#[path = "../program_support/mod.rs"]
mod program_support;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use program_support::words;
use switchboard_simulator::Simulator;
use tokio::{process::Command, sync::OnceCell};

/// The one generous limit of a scenario, its client's start included.
const LIMIT: Duration = Duration::from_secs(120);

/// In this crate's folder, also where another crate's tests use it.
fn here() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = root.join("tests/telethon");
    if own.exists() {
        own
    } else {
        root.join("simulator/tests/telethon")
    }
}

/// A Python with the pinned Telethon in it, made once under the target directory.
async fn python() -> PathBuf {
    static PYTHON: OnceCell<PathBuf> = OnceCell::const_new();
    PYTHON
        .get_or_init(|| async {
            let wanted = std::fs::read_to_string(here().join("requirements.txt")).unwrap();
            let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("telethon-venv");
            let (python, stamp) = (home.join("bin/python"), home.join("installed.txt"));
            if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
                return python;
            }
            let home = home.to_str().unwrap();
            let mut make = Command::new("python3");
            words(make.args(["-m", "venv", "--clear", home]), LIMIT).await;
            let requirements = here().join("requirements.txt");
            let install = [
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ];
            let mut packages = Command::new(&python);
            words(packages.args(install).arg(requirements), LIMIT).await;
            std::fs::write(stamp, wanted).unwrap();
            python
        })
        .await
        .clone()
}

/// Runs a scenario of `tests/telethon/scenarios.py`; it checks itself against the ledger.
pub async fn scenario(name: &str, transport: &str) {
    let simulator = Simulator::builder().seed(11).start().await.unwrap();
    scenario_on(&simulator, name, transport, &[]).await;
    simulator.shutdown().await;
}

/// The same on a simulator that is somebody else's, too.
pub async fn scenario_on(
    simulator: &Simulator,
    name: &str,
    transport: &str,
    env: &[(&str, String)],
) {
    let python = python().await;
    let control = simulator
        .serve_control(([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let mut command = Command::new(python);
    command.arg(here().join("scenarios.py"));
    command.args([name, transport]);
    command.env("SIMULATOR_CONTROL", format!("http://{control}"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.envs(env.iter().map(|(name, value)| (*name, value.as_str())));
    let out = words(&mut command, LIMIT).await;
    assert!(out.contains(&format!("ok {name} {transport}")), "{out}");
}
