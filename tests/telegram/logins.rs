//! Signing in, each way, with what goes wrong on it.

use std::time::Duration;

use switchboard::{
    domain::{AccountId, SecretText},
    telegram::{
        Kept, LoginError, Parting, SignIn, SignInConfig, SignInMethod, SignInStep, SignOutAs,
        SignedIn,
    },
};
use switchboard_simulator::{AccountSpec, Fault, Simulator, world::SignInRules};
use tokio::time::timeout;

use crate::ground::{Ground, LIMIT, api, timing};

pub const PHONE: &str = "+9996620077";

pub async fn ground() -> Ground {
    Ground::with(Simulator::builder().dcs(2).start().await.unwrap(), timing())
}

pub async fn begin(ground: &Ground, method: SignInMethod) -> Result<SignIn, LoginError> {
    begin_as(ground, method, None).await
}

async fn begin_as(
    ground: &Ground,
    method: SignInMethod,
    expected_user: Option<i64>,
) -> Result<SignIn, LoginError> {
    begin_with(ground, (method, expected_user), Box::new(())).await
}

/// `kept`: until its connections are closed.
pub async fn begin_with(
    ground: &Ground,
    (method, expected_user): (SignInMethod, Option<i64>),
    kept: Kept,
) -> Result<SignIn, LoginError> {
    let config = SignInConfig {
        account_id: AccountId::random(),
        api: api(),
        method,
        expected_user,
        proxies: None,
        device: None,
    };
    timeout(LIMIT, ground.telegram.sign_in(config, kept))
        .await
        .expect("the first step took too long")
}

pub fn phone() -> SignInMethod {
    SignInMethod::Phone(SecretText::new(PHONE))
}

pub fn code(ground: &Ground) -> SecretText {
    SecretText::new(ground.sim.code_for(PHONE).unwrap())
}

pub fn done(step: SignInStep) -> Box<SignedIn> {
    match step {
        SignInStep::Done(done) => done,
        other => panic!("not done: {other:?}"),
    }
}

/// The session that came of it carries messages.
pub async fn carries(ground: &Ground, signed_in: &SignedIn) {
    if let Some(lease) = &signed_in.lease {
        lease.release();
    }
    let mut reader = ground.open(
        signed_in.session.clone(),
        Some(signed_in.position.clone()),
        crate::ground::Book::default(),
    );
    ground.sim.say(ground.friend, signed_in.user.id, "welcome");
    reader
        .until("a message", |seen| {
            seen.messages.values().any(|text| text == "welcome")
        })
        .await;
    reader.handle.close().await;
}

/// Protects the usual way in: number, wrong code, right code; on to the data centre where the number lives.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_signs_in_after_a_wrong_one() {
    for dc in [2, 4] {
        let ground = ground().await;
        let user = ground
            .sim
            .add_account(AccountSpec::new(PHONE, "Desk").home_dc(dc));
        let sign_in = begin(&ground, phone()).await.unwrap();
        assert!(matches!(
            sign_in.state(),
            SignInStep::Code {
                length: Some(5),
                ..
            }
        ));
        let wrong = sign_in.submit_code(SecretText::new("00000")).await;
        assert_eq!(wrong.err(), Some(LoginError::WrongCode));
        let signed_in = done(sign_in.submit_code(code(&ground)).await.unwrap());
        assert_eq!((signed_in.user.id, signed_in.session.home_dc), (user, dc));
        assert_eq!(signed_in.phone.as_deref(), Some("+999***077"));
        assert_eq!(ground.sim.unknown_methods(), Vec::<String>::new());
        carries(&ground, &signed_in).await;
    }
}

/// Protects accounts with two-step verification: the hint is shown, a wrong password can be repaired.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_proven_after_a_wrong_one() {
    let ground = ground().await;
    ground
        .sim
        .add_account(AccountSpec::new(PHONE, "Desk").password("correct horse"));
    let sign_in = begin(&ground, phone()).await.unwrap();
    let step = sign_in.submit_code(code(&ground)).await.unwrap();
    assert!(matches!(step, SignInStep::Password { .. }), "{step:?}");
    let wrong = sign_in.submit_password(SecretText::new("wrong")).await;
    assert_eq!(wrong.err(), Some(LoginError::WrongPassword));
    let signed_in = done(
        sign_in
            .submit_password(SecretText::new("correct horse"))
            .await
            .unwrap(),
    );
    carries(&ground, &signed_in).await;
}

/// Protects a person from typing codes for ever that can't be the one: Telegram has sent another one since, for somebody else's sign-in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_another_one_replaced_has_expired() {
    let ground = ground().await;
    ground.sim.add_account(AccountSpec::new(PHONE, "Desk"));
    let first = begin(&ground, phone()).await.unwrap();
    let _second = begin(&ground, phone()).await.unwrap();
    let refused = first.submit_code(code(&ground)).await;
    assert_eq!(refused.err(), Some(LoginError::CodeExpired));
}

/// A scan is told at once, and what came of it is the step after.
pub async fn after_the_scan(sign_in: &SignIn) -> SignInStep {
    let next = || timeout(LIMIT, sign_in.wait_scan());
    let scanned = next().await.expect("the scan was not noticed").unwrap();
    assert!(
        matches!(scanned, SignInStep::Scan { scanned: true, .. }),
        "{scanned:?}"
    );
    next().await.expect("nothing came of the scan").unwrap()
}

/// Protects the way in by QR: renewed before it ends, followed to the account's data centre, password included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanned_code_signs_in() {
    let ground = ground().await;
    ground.sim.set_rules(SignInRules {
        qr_seconds: 5,
        ..SignInRules::default()
    });
    let user = ground.sim.add_account(
        AccountSpec::new(PHONE, "Desk")
            .password("secret")
            .home_dc(4),
    );
    let sign_in = begin(&ground, SignInMethod::Qr).await.unwrap();
    let SignInStep::Scan { url: first, .. } = sign_in.state() else {
        panic!("no code to scan");
    };
    let renewed = timeout(LIMIT, sign_in.wait_scan())
        .await
        .expect("no new code")
        .unwrap();
    let SignInStep::Scan { url, .. } = renewed else {
        panic!("no code to scan: {renewed:?}");
    };
    assert_ne!(first, url);

    ground.sim.accept_qr(url.expose(), user).unwrap();
    let step = after_the_scan(&sign_in).await;
    assert!(matches!(step, SignInStep::Password { .. }), "{step:?}");
    let signed_in = done(
        sign_in
            .submit_password(SecretText::new("secret"))
            .await
            .unwrap(),
    );
    assert_eq!(signed_in.session.home_dc, 4);
    carries(&ground, &signed_in).await;
}

/// Protects the QR screen: a caller that went away and comes back hears of what happened in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_is_told_to_whoever_asks_next() {
    let ground = ground().await;
    let user = ground.sim.add_account(AccountSpec::new(PHONE, "Desk"));
    let sign_in = begin(&ground, SignInMethod::Qr).await.unwrap();
    let SignInStep::Scan { url, .. } = sign_in.state() else {
        panic!("no code to scan");
    };
    assert!(
        timeout(Duration::from_millis(50), sign_in.wait_scan())
            .await
            .is_err()
    );
    ground.sim.accept_qr(url.expose(), user).unwrap();
    let step = after_the_scan(&sign_in).await;
    assert_eq!(done(step).user.id, user);
}

/// Protects the person at the desk: each refusal says what it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_say_what_they_are() {
    let ground = ground().await;
    ground.sim.add_account(AccountSpec::new(PHONE, "Desk"));
    let table = [
        (
            420,
            "FLOOD_WAIT_90",
            LoginError::FloodWait(Duration::from_secs(90)),
        ),
        (400, "PHONE_NUMBER_BANNED", LoginError::PhoneBanned),
        (400, "PHONE_NUMBER_FLOOD", LoginError::TooManyAttempts),
        (400, "API_ID_INVALID", LoginError::ApiCredentialsRejected),
        (400, "PHONE_NUMBER_INVALID", LoginError::PhoneInvalid),
    ];
    for (status, name, expected) in table {
        ground
            .sim
            .set_fault(Fault::error(status, name).on("auth.sendCode").times(1));
        assert_eq!(begin(&ground, phone()).await.err(), Some(expected));
    }
    let short = SignInMethod::Phone(SecretText::new("12"));
    assert_eq!(
        begin(&ground, short).await.err(),
        Some(LoginError::PhoneInvalid)
    );

    let sign_in = begin(&ground, phone()).await.unwrap();
    let sent = code(&ground);
    ground.sim.advance(Duration::from_secs(3_600));
    assert_eq!(
        sign_in.submit_code(sent).await.err(),
        Some(LoginError::CodeExpired)
    );
    sign_in.cancel().await;
    let after = sign_in.submit_code(SecretText::new("1")).await;
    assert_eq!(after.err(), Some(LoginError::Cancelled));
}

/// Protects an account's history: signing in again as somebody else is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_user_is_refused() {
    let ground = ground().await;
    ground.sim.add_account(AccountSpec::new(PHONE, "Other"));
    let sign_in = begin_as(&ground, phone(), Some(ground.user)).await.unwrap();
    let refused = sign_in.submit_code(code(&ground)).await;
    assert_eq!(refused.err(), Some(LoginError::AlreadyAnotherUser));
    let made = sign_in.cancel().await.expect("it is to be signed out");
    let lease = ground.telegram.lease(&made, LIMIT).await.unwrap();
    let told = ground
        .telegram
        .sign_out(
            made,
            SignOutAs {
                api_id: api().api_id,
                ..SignOutAs::default()
            },
            (lease, Box::new(())),
        )
        .await;
    assert_eq!(told, Parting::Done);
    assert!(sign_in.cancel().await.is_none());
}

/// Protects a login from a slip: a session string of somebody else that was pasted goes on working where it came from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_session_string_is_not_signed_out() {
    use base64::{Engine, engine::general_purpose::URL_SAFE};
    let ground = ground().await;
    let other = ground.sim.add_account(AccountSpec::new(PHONE, "Other"));
    let key = ground.sim.seed_session(other, 2);
    let telethon = [&[2, 127, 0, 0, 1, 1, 187][..], &key].concat();
    let text = format!("1{}", URL_SAFE.encode(telethon));
    let method = SignInMethod::SessionString(SecretText::new(text));
    let refused = begin_as(&ground, method.clone(), Some(ground.user)).await;
    assert_eq!(refused.err(), Some(LoginError::AlreadyAnotherUser));
    assert_eq!(ground.sim.keys_of(other).len(), 1);
    let signed_in = done(begin(&ground, method).await.unwrap().state());
    assert_eq!(signed_in.user.id, other);
}

/// Protects people who bring a session along: it is used as it is, or refused with a reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_string_is_adopted() {
    use base64::{Engine, engine::general_purpose::URL_SAFE};
    let ground = ground().await;
    let key = ground.sim.seed_session(ground.user, 2);
    let telethon = [&[2, 127, 0, 0, 1, 1, 187][..], &key].concat();
    let text = format!("1{}", URL_SAFE.encode(telethon));
    let method = SignInMethod::SessionString(SecretText::new(text.clone()));
    let sign_in = begin(&ground, method.clone()).await.unwrap();
    let signed_in = done(sign_in.state());
    assert_eq!(signed_in.user.id, ground.user);
    carries(&ground, &signed_in).await;

    ground.sim.revoke_sessions(ground.user);
    let refused = begin(&ground, method).await.err();
    assert!(
        matches!(refused, Some(LoginError::SessionStringInvalid { .. })),
        "{refused:?}"
    );
    let nonsense = SignInMethod::SessionString(SecretText::new("nonsense"));
    let refused = begin(&ground, nonsense).await.err();
    assert!(
        matches!(refused, Some(LoginError::SessionStringInvalid { .. })),
        "{refused:?}"
    );
}
