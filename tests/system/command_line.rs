//! Command line: what is read from it may go away or refuse to be written.

use std::{fs::File, process::Command};

use reqwest::StatusCode;

use crate::support::{
    api::Api,
    service::{ServiceProcess, ServiceSettings},
    tokens, wait,
};

/// Protects a service of whose output only a part is wanted (`switchboard | head -1`): it serves on, and its log tells
/// where.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_output_nobody_reads_serves_on() {
    let home = tempfile::tempdir().unwrap();
    let mut service = ServiceProcess::spawn(&home.path().join("data"), &ServiceSettings::default());
    service.close_output();
    let log = wait::until(
        "the log to tell where it listens",
        || async { service.log() },
        |log| log.contains(" listens on http://"),
    )
    .await;
    let (_, address) = log.split_once(" listens on http://").unwrap();
    let api = Api::new(address.lines().next().unwrap());
    let (status, _) = api.call(reqwest::Method::GET, "/health/live", None).await;
    assert_eq!(status, StatusCode::OK);
    service.stop();
}

/// Protects a new token: it is shown this once, so an answer that could not be written is no success.
#[test]
fn a_token_that_could_not_be_shown_is_told() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(["token", "--data-dir"])
        .arg(home.path())
        .args(["create", "--name", "lost", "--scope", "read"])
        .stdout(File::options().write(true).open("/dev/full").unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("could not be written"), "{words}");
    assert!(tokens::list(home.path()).contains("lost"));
}
