//! Another program that runs to its end: a client of somebody else's, or what installs one.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::{
    process::{Output, Stdio},
    time::Duration,
};

use tokio::process::Command;

/// What it printed, once it has ended well within the limit; else the failure shows it.
pub async fn output(command: &mut Command, limit: Duration) -> Output {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let output = tokio::time::timeout(limit, child.wait_with_output())
        .await
        .unwrap_or_else(|_| panic!("{command:?} goes on after {limit:?}"))
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{command:?}\n{out}\n{err}");
    output
}

/// The same, as words: what it says on its standard output.
pub async fn words(command: &mut Command, limit: Duration) -> String {
    let output = output(command, limit).await;
    String::from_utf8_lossy(&output.stdout).into_owned()
}
