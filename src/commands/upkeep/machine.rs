//! Machine: what `switchboard check` says of the disk under the data directory, of the clock, and of who is to be posted to.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, time::timeout};

use crate::{config::Webhooks, telegram::WayReport, vault::Finding};

/// Below this a service that stores a little meets the end of the disk within days.
const LITTLE: u64 = 1 << 30;
/// Below this the next burst may be refused.
const NEARLY_FULL: u64 = 64 << 20;
/// A commit is one such write, and everybody's messages of that moment wait for it.
const SLOW_MS: u128 = 50;
const TRIES: usize = 15;
/// Telegram refuses calls that are 30 s ahead or 300 s behind.
const AHEAD: i64 = 25;
const BEHIND: i64 = -240;
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

fn bad(text: String) -> Finding {
    Finding::Bad { text, code: 1 }
}

/// Room and speed. A folder that is not there yet is not asked about.
pub fn examine_disk(folder: &Path) -> Vec<Finding> {
    if !folder.is_dir() {
        return Vec::new();
    }
    let shown = folder.display();
    let room = match rustix::fs::statvfs(folder) {
        Ok(disk) => room(&shown, disk.f_bavail.saturating_mul(disk.f_frsize)),
        Err(error) => bad(format!(
            "the disk of {shown} does not tell its room: {error}"
        )),
    };
    let speed = match commit_millis(folder) {
        Ok(millis) => speed(millis),
        Err(error) => bad(format!("nothing can be written to {shown}: {error}")),
    };
    vec![room, speed]
}

fn room(folder: &impl std::fmt::Display, free: u64) -> Finding {
    let shown = format!("disk of {folder}: {} MiB left", free >> 20);
    match free {
        free if free < NEARLY_FULL => bad(format!(
            "{shown}: messages can't be stored soon, make room or move the data directory"
        )),
        free if free < LITTLE => Finding::Note(format!("{shown}, which does not last long")),
        _ => Finding::Good(shown),
    }
}

fn speed(millis: u128) -> Finding {
    let shown = format!("a durable write takes {millis} ms");
    match millis {
        millis if millis > SLOW_MS => Finding::Note(format!(
            "{shown}: each message waits for one, put the data directory on a faster disk"
        )),
        _ => Finding::Good(shown),
    }
}

/// The middle one of several writes of a page that end on the disk.
fn commit_millis(folder: &Path) -> io::Result<u128> {
    let path = folder.join(format!(".check-{}", std::process::id()));
    let times = write_pages(&path);
    // Also what could not be written whole.
    let removed = fs::remove_file(&path);
    let mut times = times?;
    removed?;
    times.sort_unstable();
    Ok(times.get(TRIES / 2).map_or(0, Duration::as_millis))
}

fn write_pages(path: &Path) -> io::Result<Vec<Duration>> {
    let mut file = File::options().create_new(true).write(true).open(path)?;
    let page = [0; 4_096];
    (0..TRIES)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&page)?;
            file.sync_data()?;
            Ok(began.elapsed())
        })
        .collect()
}

/// As far as any data centre told the time. The way that took the least time tells it best.
pub fn examine_clock(ways: &[WayReport]) -> Option<Finding> {
    let answers = ways.iter().flat_map(|way| &way.dcs);
    let times = answers.filter_map(|dc| Some((dc.ms?, dc.seconds_ahead?)));
    let (_, ahead) = times.min()?;
    let shown = match ahead {
        0 => "the clock goes with Telegram's".to_owned(),
        1.. => format!("the clock is {ahead} s ahead of Telegram's"),
        _ => format!("the clock is {} s behind Telegram's", -ahead),
    };
    Some(if (BEHIND..=AHEAD).contains(&ahead) {
        Finding::Good(shown)
    } else {
        bad(format!(
            "{shown}: it refuses calls until the clock is set (timedatectl set-ntp true)"
        ))
    })
}

/// Whether somebody listens where events are to be posted; nothing is posted. Addresses are told without what may be secret in them.
pub async fn examine_webhooks(webhooks: &Webhooks) -> Vec<Finding> {
    let mut findings = Vec::new();
    for hook in &webhooks.hooks {
        let url = &hook.url;
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            continue;
        };
        let name = format!("webhook {}://{host}:{port}", url.scheme());
        let bare = host.trim_matches(['[', ']']);
        let why = match timeout(CONNECT_LIMIT, TcpStream::connect((bare, port))).await {
            Ok(Ok(_)) => {
                findings.push(Finding::Good(format!("{name} is reached")));
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", CONNECT_LIMIT.as_secs()),
        };
        findings.push(bad(format!(
            "{name} is not reached: {why}; its events wait until it is"
        )));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telegram::Reach;

    fn way(answers: &[(u64, i64)]) -> WayReport {
        let dc = |(ms, ahead): &(u64, i64)| Reach {
            id: 2,
            ms: Some(*ms),
            seconds_ahead: Some(*ahead),
            code: None,
            error: None,
        };
        WayReport {
            proxy: None,
            dcs: answers.iter().map(dc).collect(),
        }
    }

    /// Protects who sets a machine up: a clock that Telegram would refuse, a full and a slow disk are each told apart from good ones.
    #[test]
    fn what_is_wrong_with_a_machine_is_told_apart() {
        let is_bad = |finding: &Finding| matches!(finding, Finding::Bad { .. });
        for (ahead, wrong) in [
            (0, false),
            (20, false),
            (31, true),
            (-200, false),
            (-301, true),
        ] {
            let found = examine_clock(&[way(&[(900, 9_999), (20, ahead)])]).unwrap();
            assert_eq!(is_bad(&found), wrong, "{ahead}: {found:?}");
        }
        assert_eq!(examine_clock(&[way(&[])]), None);
        assert!(is_bad(&room(&"x", 1 << 20)));
        assert!(matches!(room(&"x", 500 << 20), Finding::Note(_)));
        assert!(matches!(room(&"x", 5 << 30), Finding::Good(_)));
        assert!(matches!(speed(200), Finding::Note(_)));
        let dir = tempfile::tempdir().unwrap();
        let found = examine_disk(dir.path());
        assert_eq!(found.len(), 2);
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            0,
            "it leaves nothing behind"
        );
        assert_eq!(examine_disk(&dir.path().join("not yet")), []);
    }

    /// Protects a webhook's secret path: who is not reached is named without it.
    #[tokio::test]
    async fn a_webhook_that_is_away_is_told_without_its_path() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let hook = |address: String| crate::config::Webhook {
            url: url::Url::parse(&address).unwrap(),
            only: None,
        };
        let webhooks = Webhooks {
            hooks: vec![
                hook(format!("http://{there}/hidden")),
                hook("http://127.0.0.1:9/hidden".to_owned()),
            ],
            secret: crate::domain::SecretText::new("sixteen letters."),
            patience: Duration::from_secs(1),
        };
        let found = examine_webhooks(&webhooks).await;
        assert!(
            matches!(&found[..], [Finding::Good(_), Finding::Bad { .. }]),
            "{found:?}"
        );
        assert!(!format!("{found:?}").contains("hidden"));
    }
}
