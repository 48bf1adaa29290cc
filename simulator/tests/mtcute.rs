//! mtcute from npm, a client of another ecosystem with another layer, lives on the simulator.

mod program_support;

use std::{path::Path, time::Duration};

use switchboard_simulator::Simulator;
use tokio::process::Command;

/// The one generous limit of each step.
const LIMIT: Duration = Duration::from_secs(120);
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mtcute");

/// A directory with the pinned mtcute and the scenario in it, made once under the target directory.
async fn workshop() -> std::path::PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mtcute");
    std::fs::create_dir_all(&home).unwrap();
    let wanted = std::fs::read_to_string(format!("{HERE}/package-lock.json")).unwrap();
    let stamp = home.join("installed.json");
    for file in [
        "package.json",
        "package-lock.json",
        "client.mjs",
        "scenario.mjs",
    ] {
        std::fs::copy(format!("{HERE}/{file}"), home.join(file)).unwrap();
    }
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return home;
    }
    // Its SQLite storage would have to be compiled; the scenario keeps its session in memory.
    let install = [
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--omit-lockfile-registry-resolved",
    ];
    let mut npm = Command::new("npm");
    program_support::words(npm.args(install).current_dir(&home), LIMIT).await;
    std::fs::write(stamp, wanted).unwrap();
    home
}

/// Protects: what we say is Telegram's protocol and not only what two libraries make of it.
#[tokio::test(flavor = "multi_thread")]
async fn mtcute_signs_in_reads_writes_and_listens() {
    let home = workshop().await;
    let simulator = Simulator::builder().seed(5).start().await.unwrap();
    let control = simulator
        .serve_control(([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let mut command = Command::new("node");
    command.arg("scenario.mjs").current_dir(home);
    command.env("SIMULATOR_CONTROL", format!("http://{control}"));
    let out = program_support::words(&mut command, LIMIT).await;
    assert!(out.contains("ok"), "{out}");
    simulator.shutdown().await;
}
