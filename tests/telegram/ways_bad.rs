//! Ways that lead nowhere: what is wrong with each is told, and they are left.

use std::time::{Duration, Instant};

use switchboard::{
    domain::MOST_PROXIES,
    telegram::{Timing, WayTiming},
};
use switchboard_simulator::Simulator;

use super::ways::{as_served, online, telegram};
use crate::{
    ground::{Ground, timing},
    proxies::{Kind, Manners, Proxy, Rude, Speaks, free_port},
};

/// Protects people from guessing: a proxy that is asked wrongly, or is none, says which it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_way_is_told() {
    let sim = telegram().await;
    let dcs = sim.dc_addresses();
    let login = Proxy::start(Kind::Microsocks { login: true }, &dcs).await;
    let basic = Proxy::start(Kind::Tinyproxy { login: true }, &dcs).await;
    let masked = Proxy::start(Kind::Mtproxy("ee"), &dcs).await;
    let open = Proxy::start(Kind::Microsocks { login: false }, &dcs).await;
    let wants = Rude::start(Manners::WantsLogin);
    let nonsense = Rude::start(Manners::Nonsense);
    let promises = Rude::start(Manners::Promises);
    let other = masked.url.replace("ee5e0f", "ee6e0f");
    let urls = [
        format!("socks5://127.0.0.1:{}", login.port),
        format!("socks5://me:wrong@127.0.0.1:{}", login.port),
        format!("http://127.0.0.1:{}", basic.port),
        format!("http://me:wrong@127.0.0.1:{}", basic.port),
        wants.url.clone(),
        nonsense.url.clone(),
        format!("socks5://127.0.0.1:{}", free_port()),
        format!("https://localhost:{}", open.port),
        promises.url.clone(),
        other,
        open.url.clone(),
    ];
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let ground = Ground::through(sim, as_served(), &urls);
    let report = ground.telegram.test_ways(None, None).await;
    let said: Vec<_> = report
        .iter()
        .map(|way| way.dcs[0].error.clone().unwrap_or_default())
        .collect();
    for (said, expected) in said.iter().zip([
        "asks for a login",
        "refuses the login",
        "asks for a login",
        "refuses the login",
        "asks for a login",
        "does not speak its protocol",
        "can't be reached",
        "certificate",
        "",
        "",
        "",
    ]) {
        assert!(said.contains(expected), "{said:?} is not {expected:?}");
    }
    let (last, broken) = report.split_last().unwrap();
    assert!(last.dcs.iter().all(|dc| dc.ms.is_some()), "{last:?}");
    assert!(
        broken
            .iter()
            .all(|way| way.dcs.iter().all(|dc| dc.ms.is_none())),
        "{broken:?}"
    );
}

/// Every way in which a proxy of ours misbehaves, with what is said of it.
fn misbehaving() -> Vec<(Speaks, Manners, &'static str)> {
    use Speaks::{Http, Mtproxy, Socks};
    vec![
        (Socks, Manners::Silent, "proxy_timed_out"),
        (Socks, Manners::Promises, "proxy_silent"),
        (Socks, Manners::Lies, "proxy_nonsense"),
        (Socks, Manners::Nonsense, "proxy_nonsense"),
        (Socks, Manners::Endless, "proxy_nonsense"),
        (Socks, Manners::Short, "proxy_timed_out"),
        (Socks, Manners::HangsUp, "proxy_closed"),
        (Socks, Manners::WantsLogin, "proxy_login_wanted"),
        (Socks, Manners::ClosesAfter(0), "proxy_closed"),
        (Http, Manners::Silent, "proxy_timed_out"),
        (Http, Manners::Promises, "proxy_silent"),
        (Http, Manners::Lies, "proxy_nonsense"),
        (Http, Manners::Nonsense, "proxy_nonsense"),
        (Http, Manners::Endless, "proxy_nonsense"),
        (Http, Manners::Short, "proxy_timed_out"),
        (Http, Manners::HangsUp, "proxy_closed"),
        (Http, Manners::WantsLogin, "proxy_login_wanted"),
        // What is wrong with a secret that looks like nothing at all, nobody says.
        (Mtproxy("dd"), Manners::Silent, "proxy_silent"),
        (Mtproxy("dd"), Manners::Lies, "proxy_"),
        (Mtproxy("dd"), Manners::HangsUp, "proxy_closed"),
        (Mtproxy("ee"), Manners::Silent, "proxy_timed_out"),
        (Mtproxy("ee"), Manners::Nonsense, "proxy_"),
        (Mtproxy("ee"), Manners::HangsUp, "proxy_"),
    ]
}

/// Protects an account whose first exit misbehaves, in whatever way and in whatever protocol: what is wrong with it is said,
/// and within ten seconds the account goes by the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_exit_is_told_and_left_within_ten_seconds() {
    let sim = Simulator::builder().start().await.unwrap();
    let dcs = sim.dc_addresses();
    let kinds = [
        Kind::Microsocks { login: false },
        Kind::Tinyproxy { login: false },
        Kind::Mtproxy("ee"),
    ];
    let good = Proxy::start(kinds[0], &dcs).await;
    let (tiny, masked) = (
        Proxy::start(kinds[1], &dcs).await,
        Proxy::start(kinds[2], &dcs).await,
    );
    let mut rude: Vec<(String, Rude, &str)> = misbehaving()
        .into_iter()
        .map(|(speaks, manners, code)| {
            let name = format!("{speaks:?} {manners:?}");
            (name, Rude::speaking(speaks, manners), code)
        })
        .collect();
    // Some bytes of Telegram's come in the middle of an answer it closes.
    for (proxy, kind, bytes) in [
        (&good, kinds[0], 700),
        (&tiny, kinds[1], 700),
        (&masked, kinds[2], 700),
    ] {
        let name = format!("{kind:?} closes after {bytes}");
        rude.push((name, Rude::before(proxy, kind, bytes), ""));
    }
    let urls: Vec<&str> = rude.iter().map(|(_, rude, _)| rude.url.as_str()).collect();
    let timing = Timing {
        ways: WayTiming::default(),
        ..timing()
    };
    let asking = Ground::through(sim.clone(), timing.clone(), &urls[..1]);
    let asked = urls.chunks(MOST_PROXIES).map(async |some| {
        let proxies = switchboard::domain::Proxy::parse_all(some.iter().copied()).unwrap();
        asking.telegram.test_ways(Some(&proxies), None).await
    });
    let said = futures_util::future::join_all(asked).await.concat();
    for ((name, _, code), told) in rude.iter().zip(&said) {
        if !code.is_empty() {
            let first = &told.dcs[0];
            assert!(first.ms.is_none(), "{name}: {first:?}");
            assert!(
                first.code.is_some_and(|told| told.starts_with(code)),
                "{name}: {first:?}"
            );
        }
    }
    let (sim, timing, good) = (&sim, &timing, &good);
    let leaving = rude.iter().map(|(name, rude, _)| async move {
        let ground = Ground::through(sim.clone(), timing.clone(), &[&rude.url, &good.url]);
        let before = rude.lines();
        let begun = Instant::now();
        let mut reader = online(&ground).await;
        let good = Some(good.url.clone());
        reader
            .until(name, |seen| seen.ways.last() == Some(&good))
            .await;
        let took = begun.elapsed();
        assert!(rude.lines() > before, "{name} was never met");
        reader.handle.close().await;
        println!("{name}: left after {took:?}");
        (name, took)
    });
    for (name, took) in futures_util::future::join_all(leaving).await {
        // So many at once may be too much for a machine that does other things as well.
        let limit = Duration::from_secs(40);
        assert!(took < limit, "{name}: {took:?}");
    }
    // By itself the slowest, that which promises, takes no longer than it may.
    let (name, rude, _) = &rude[1];
    let mut took = Vec::new();
    while took
        .last()
        .is_none_or(|last| *last >= Duration::from_secs(10))
    {
        assert!(took.len() < 3, "{name}: {took:?}");
        let ground = Ground::through(sim.clone(), timing.clone(), &[&rude.url, &good.url]);
        let begun = Instant::now();
        online(&ground).await.handle.close().await;
        took.push(begun.elapsed());
    }
}
