//! Ways out: everything that an account dials goes through its proxies, whoever wrote them and however they behave.

use std::time::{Duration, Instant};

use switchboard::telegram::{
    LoginError, Parting, SignIn, SignInMethod, SignInStep, SignOutAs, Timing, WayTiming,
};
use switchboard_simulator::{AccountSpec, Simulator};

use crate::{
    ground::{Ground, LIMIT, Reader, api, timing},
    logins::{PHONE, after_the_scan, begin, carries, code, done, phone},
    proxies::{Kind, Proxy, dante_is_there},
};

/// The limits of the service itself; only the way back is looked for sooner.
pub fn as_served() -> Timing {
    Timing {
        ways: WayTiming {
            return_every: Duration::from_millis(300),
            ..WayTiming::default()
        },
        ..timing()
    }
}

pub async fn telegram() -> Simulator {
    Simulator::builder().dcs(2).start().await.unwrap()
}

/// What a link needs for its first word.
pub async fn online(ground: &Ground) -> Reader {
    ground.link().await
}

async fn hears(reader: &mut Reader, ground: &Ground, text: &str) {
    ground.sim.say(ground.friend, ground.user, text);
    reader
        .until(text, |seen| seen.messages.values().any(|said| said == text))
        .await;
}

pub fn way(reader: &Reader) -> Option<String> {
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
    let parting = ground
        .telegram
        .sign_out(session, by, (lease.unwrap(), Box::new(())))
        .await;
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
