//! Server: what `switchboard check` says of the PostgreSQL that holds the rows.

use crate::{
    store::{ServerUrl, StoreError, examine_server},
    vault::Finding,
};

/// Each message waits for a few questions, one after the other.
const SLOW_MS: u128 = 5;
/// Whoever sets up a server and a service in two places finds out here.
const APART_MS: i64 = 2_000;

/// What was found, and who serves it now, if somebody does.
pub fn examine(url: &ServerUrl) -> (Vec<Finding>, Option<String>) {
    let shown = url.shown();
    let report = match examine_server(url) {
        Ok(report) => report,
        Err(error) => {
            let code = match error {
                StoreError::Unfit { .. } => 2,
                _ => 1,
            };
            let text = format!("PostgreSQL at {shown}: {error}");
            return (vec![Finding::Bad { text, code }], None);
        }
    };
    let way = match (report.encrypted, report.verified) {
        (true, true) => "the way there is encrypted and verified",
        (true, false) => "the way there is encrypted, and whom it leads to is not verified",
        (false, _) => "the way there is not encrypted",
    };
    let mut findings = vec![Finding::Good(format!(
        "PostgreSQL {} at {shown}: {way}",
        report.version
    ))];
    let micros = report.latency.as_micros();
    let answers = format!(
        "it answers within {}.{:02} ms",
        micros / 1000,
        micros % 1000 / 10
    );
    findings.push(match report.latency.as_millis() {
        millis if millis > SLOW_MS => Finding::Note(format!(
            "{answers}: each message waits for several answers, put the service near the server"
        )),
        _ => Finding::Good(answers),
    });
    let ahead = report.ahead_millis;
    if ahead.abs() > APART_MS {
        findings.push(Finding::Note(format!(
            "its clock is {} s {} this machine's: set both by NTP",
            ahead.abs() / 1000,
            if ahead > 0 { "ahead of" } else { "behind" },
        )));
    }
    (findings, report.holder)
}
