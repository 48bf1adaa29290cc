//! Calm: nothing goes wrong any more, and everything comes to rest; then the whole is compared.

use std::time::{Duration, Instant};

use super::{check::Checks, run::Storm};

/// Telegram's waits, pauses between tries and the pauses of webhooks are over by then.
const LIMIT: Duration = Duration::from_secs(150);
/// While something lies behind and becomes less, all of it has so long: the machine may be slow, the log long, and Telegram's pace too.
const WHOLE: Duration = Duration::from_secs(20 * 60);
const LOOK: Duration = Duration::from_millis(400);
const SAID_EVERY: Duration = Duration::from_secs(10);

/// Waits for rest, and compares.
pub async fn rest(storm: &mut Storm, checks: &Checks) {
    let began = Instant::now();
    storm.be_quiet(true);
    storm.conductor.end_all();
    storm.conductor.insisted().await;
    // Something to be told in every chat: what was lost shows by it.
    storm.last_words();
    let mut why = checks.unrest();
    let mut said = Duration::ZERO;
    let mut moved = (checks.standing(), Instant::now());
    while !why.is_empty() && moved.1.elapsed() < LIMIT && began.elapsed() < WHOLE {
        tokio::time::sleep(LOOK).await;
        why = checks.unrest();
        let (told, left) = checks.standing();
        if told > moved.0.0 || left < moved.0.1 {
            moved = ((told, left), Instant::now());
        }
        if let Some(first) = why.first()
            && began.elapsed() > said + SAID_EVERY
        {
            said = began.elapsed();
            storm.findings.say(&format!("no rest yet: {first}"));
        }
    }
    if why.is_empty() {
        storm.findings.say(&format!(
            "at rest after {:.1} s",
            began.elapsed().as_secs_f64()
        ));
    }
    for one in why.iter().take(12) {
        storm
            .findings
            .add(&format!("no rest after {LIMIT:?}: {one}"));
    }
    checks.at_any_time(&[storm.conductor.fleet.service().pid()]);
    checks.at_rest();
    storm.be_quiet(false);
}
