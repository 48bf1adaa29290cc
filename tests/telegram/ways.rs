//! Ways out: everything that an account dials goes through its proxies, whoever wrote them and however they behave.

use std::time::{Duration, Instant};

use switchboard::{
    domain::MOST_PROXIES,
    telegram::{
        LoginError, Parting, SignIn, SignInMethod, SignInStep, SignOutAs, Timing, WayTiming,
    },
};
use switchboard_simulator::{AccountSpec, Simulator};

use crate::{
    ground::{Ground, LIMIT, Reader, api, timing},
    logins::{PHONE, after_the_scan, begin, carries, code, done, phone},
    proxies::{Kind, Manners, Proxy, Rude, Speaks, dante_is_there, free_port},
};

/// The limits of the service itself; only the way back is looked for sooner.
fn as_served() -> Timing {
    Timing {
        ways: WayTiming {
            return_every: Duration::from_millis(300),
            ..WayTiming::default()
        },
        ..timing()
    }
}

async fn telegram() -> Simulator {
    Simulator::builder().dcs(2).start().await.unwrap()
}

/// What a link needs for its first word.
async fn online(ground: &Ground) -> Reader {
    ground.link().await
}

async fn hears(reader: &mut Reader, ground: &Ground, text: &str) {
    ground.sim.say(ground.friend, ground.user, text);
    reader
        .until(text, |seen| seen.messages.values().any(|said| said == text))
        .await;
}

fn way(reader: &Reader) -> Option<String> {
    reader.seen(|seen| seen.ways.last().cloned().flatten())
}

/// Protects everything that an account does from a proxy that speaks a little differently than another: the key exchange,
/// a sign-in by code and by QR that moves to another data centre, live traffic, and the log-out, through each of them.
async fn carries_everything(kind: Kind) {
    let sim = telegram().await;
    let proxy = Proxy::start(kind, &sim.dc_addresses()).await;
    let ground = Ground::through(sim, as_served(), &[&proxy.url]);
    let user = ground
        .sim
        .add_account(AccountSpec::new(PHONE, "Desk").home_dc(4));
    let by_code = begin(&ground, phone()).await.unwrap();
    let signed_in = done(by_code.submit_code(code(&ground)).await.unwrap());
    assert_eq!((signed_in.user.id, signed_in.session.home_dc), (user, 4));
    carries(&ground, &signed_in).await;

    let by_qr = begin(&ground, SignInMethod::Qr).await.unwrap();
    let signed_in = done(scan(&ground, &by_qr, user).await);
    let lease = ground.telegram.lease(&signed_in.session, LIMIT).await;
    let by = SignOutAs {
        api_id: api().api_id,
        ..SignOutAs::default()
    };
    let session = signed_in.session.clone();
    let parting = ground.telegram.sign_out(session, by, lease.unwrap()).await;
    assert_eq!(parting, Parting::Done);

    // Many messages, small and large, both ways at once.
    let mut reader = online(&ground).await;
    for number in 0..200 {
        let text = format!("message {number}");
        ground.sim.say(ground.friend, ground.user, &text);
    }
    reader
        .until("200 messages", |seen| seen.messages.len() >= 200)
        .await;
    hears(&mut reader, &ground, &"long ".repeat(800)).await;
    assert_eq!(
        reader.seen(|seen| seen.disconnected.clone()),
        Vec::<String>::new()
    );
    let name = way(&reader).expect("the way is told");
    assert!(
        name.ends_with(&format!("127.0.0.1:{}", proxy.port)),
        "{name}"
    );
    reader.handle.close().await;

    // Without it, nothing goes.
    let telegram = &ground.telegram;
    drop(proxy);
    let gone = begin(&ground, phone()).await.err();
    let Some(LoginError::Network(why)) = gone else {
        panic!("it went another way: {gone:?}");
    };
    assert!(why.contains("no way to Telegram works"), "{why}");
    let report = telegram.test_ways(None, None).await;
    assert!(
        report[0]
            .dcs
            .iter()
            .all(|dc| dc.ms.is_none() && dc.error.is_some())
    );
}

async fn scan(ground: &Ground, sign_in: &SignIn, user: i64) -> SignInStep {
    let SignInStep::Scan { url, .. } = sign_in.state() else {
        panic!("no code to scan");
    };
    ground.sim.accept_qr(url.expose(), user).unwrap();
    after_the_scan(sign_in).await
}

macro_rules! through {
    ($($name:ident: $kind:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            carries_everything($kind).await;
        })*
    };
}

through! {
    microsocks_carries_everything: Kind::Microsocks { login: false };
    microsocks_with_a_login_carries_everything: Kind::Microsocks { login: true };
    tinyproxy_carries_everything: Kind::Tinyproxy { login: false };
    tinyproxy_with_a_login_carries_everything: Kind::Tinyproxy { login: true };
    a_plain_mtproxy_carries_everything: Kind::Mtproxy("");
    a_padded_mtproxy_carries_everything: Kind::Mtproxy("dd");
    an_mtproxy_that_looks_like_tls_carries_everything: Kind::Mtproxy("ee");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dante_carries_everything() {
    if !dante_is_there() {
        eprintln!("danted is not installed: accounts through it were left out");
        return;
    }
    carries_everything(Kind::Dante).await;
}

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
    // Some bytes of Telegram's come through, in the middle of an answer it closes.
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

/// Protects an account whose exit dies while it is in use, by a kill or without a word: it goes on by the next within ten
/// seconds, and comes back to the first when that lives again; nothing is lost meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_that_dies_is_left_and_come_back_to() {
    for dies_silently in [false, true] {
        let sim = telegram().await;
        let dcs = sim.dc_addresses();
        let kind = Kind::Microsocks { login: false };
        let first = Proxy::start(kind, &dcs).await;
        let second = Proxy::start(kind, &dcs).await;
        let (first_url, second_url) = (first.url.clone(), second.url.clone());
        let ground = Ground::through(sim, as_served(), &[&first_url, &second_url]);
        let mut reader = online(&ground).await;
        hears(&mut reader, &ground, "over the first").await;
        assert_eq!(way(&reader), Some(first_url.clone()));

        let port = first.port;
        let died = Instant::now();
        let frozen = if dies_silently {
            first.freeze();
            Some(first)
        } else {
            drop(first);
            None
        };
        ground.sim.say(ground.friend, ground.user, "meanwhile");
        let by_second = second_url.clone();
        reader
            .until("the second way", |seen| {
                seen.ways.last() == Some(&Some(by_second.clone()))
            })
            .await;
        let took = died.elapsed();
        assert!(took < Duration::from_secs(10), "{took:?}");
        println!("fail-over, silent: {dies_silently}: {took:?}");
        reader
            .until("what was said meanwhile", |seen| {
                seen.messages.values().any(|said| said == "meanwhile")
            })
            .await;
        hears(&mut reader, &ground, "over the second").await;

        let revived = match frozen {
            Some(frozen) => {
                frozen.thaw();
                frozen
            }
            None => Proxy::start_at(kind, &dcs, port, std::net::Ipv4Addr::LOCALHOST).await,
        };
        let by_first = first_url.clone();
        reader
            .until("the first way again", |seen| {
                seen.ways.last() == Some(&Some(by_first.clone()))
            })
            .await;
        hears(&mut reader, &ground, "over the first again").await;
        // One exit at a time: the second carries nothing of this account any more, and its end is not noticed.
        let lost = reader.seen(|seen| seen.disconnected.len());
        drop(second);
        hears(&mut reader, &ground, "without the second").await;
        assert_eq!(reader.seen(|seen| seen.disconnected.len()), lost);
        drop(revived);
        reader.handle.close().await;
    }
}

/// Protects what a proxy is there for: with all of them gone the account waits, says why, and never goes out directly; when
/// one is there again it goes on by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_way_it_waits_and_says_so() {
    let sim = telegram().await;
    let dcs = sim.dc_addresses();
    let kind = Kind::Microsocks { login: false };
    let proxy = Proxy::start(kind, &dcs).await;
    let (port, url) = (proxy.port, proxy.url.clone());
    let ground = Ground::through(sim, as_served(), &[&url]);
    let mut reader = online(&ground).await;
    drop(proxy);
    reader
        .until("a stated reason", |seen| {
            let reason = seen.disconnected.last();
            reason.is_some_and(|reason| {
                reason.contains("no way to Telegram works") && reason.contains("can't be reached")
            })
        })
        .await;
    let before = reader.seen(|seen| seen.connected);
    ground.sim.say(ground.friend, ground.user, "unheard");
    // A few more tries, each of which would find Telegram at once if it went out directly.
    let tries = reader.seen(|seen| seen.disconnected.len()) + 3;
    reader
        .until("more tries", |seen| seen.disconnected.len() >= tries)
        .await;
    assert_eq!(
        reader.seen(|seen| (seen.connected, seen.messages.len())),
        (before, 0)
    );
    let _revived = Proxy::start_at(kind, &dcs, port, std::net::Ipv4Addr::LOCALHOST).await;
    reader
        .until("what was said meanwhile", |seen| {
            seen.messages.values().any(|said| said == "unheard")
        })
        .await;
    reader.handle.close().await;
}
