//! Sign-ins whose answers are lost, and that go on after a break or a restart.

use grammers_tl_types::{Identifiable as _, functions};
use switchboard::{
    domain::SecretText,
    telegram::{LoginError, SignInStep},
};
use switchboard_simulator::{
    AccountSpec, Fault,
    wire::{FaultScope, Moment, WireFault},
};

use super::logins::{PHONE, begin, carries, code, done, ground, phone};
use crate::ground::{Ground, api};

/// The next one is done, and its answer is lost with the line.
fn unheard(ground: &Ground, method: u32) {
    let fault = WireFault::CutAround {
        method: Some(method),
        moment: Moment::BeforeAnswer,
    };
    ground.sim.wire().set_fault(FaultScope::All, fault, Some(1));
}

/// Protects a login from a line that breaks at the wrong moment: Telegram uses a code up, and knows the key as signed in, whether its
/// answer is heard or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_whose_answer_is_lost_has_signed_in() {
    let ground = ground().await;
    ground.sim.add_account(AccountSpec::new(PHONE, "Desk"));
    let sign_in = begin(&ground, phone()).await.unwrap();
    unheard(&ground, functions::auth::SignIn::CONSTRUCTOR_ID);
    let signed_in = done(sign_in.submit_code(code(&ground)).await.unwrap());
    carries(&ground, &signed_in).await;
}

/// Protects a login from a line that breaks a moment later, when all that is missing is where its updates begin.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_broke_off_behind_the_code_goes_on_there() {
    let ground = ground().await;
    ground.sim.add_account(AccountSpec::new(PHONE, "Desk"));
    let sign_in = begin(&ground, phone()).await.unwrap();
    let sent = code(&ground);
    unheard(&ground, functions::updates::GetState::CONSTRUCTOR_ID);
    let broken = sign_in.submit_code(sent.clone()).await;
    assert!(matches!(broken, Err(LoginError::Network(_))), "{broken:?}");
    let signed_in = done(sign_in.submit_code(sent).await.unwrap());
    carries(&ground, &signed_in).await;
}

/// Protects a login from a server that is in trouble right after it took the code: that does not say that nobody is signed in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_behind_the_code_uses_it_up_for_nobody() {
    let ground = ground().await;
    ground.sim.add_account(AccountSpec::new(PHONE, "Desk"));
    let sign_in = begin(&ground, phone()).await.unwrap();
    let sent = code(&ground);
    unheard(&ground, functions::auth::SignIn::CONSTRUCTOR_ID);
    let fault = Fault::error(500, "INTERNAL").on("users.getUsers").times(2);
    ground.sim.set_fault(fault);
    for _ in 0..2 {
        let broken = sign_in.submit_code(sent.clone()).await;
        assert!(matches!(broken, Err(LoginError::Network(_))), "{broken:?}");
    }
    let signed_in = done(sign_in.submit_code(sent).await.unwrap());
    assert_eq!(ground.sim.ledger().methods["auth.signIn"], 1);
    carries(&ground, &signed_in).await;
}

/// Protects the same with two-step verification: neither the code nor the password is asked for once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_whose_answer_is_lost_has_signed_in() {
    let ground = ground().await;
    ground
        .sim
        .add_account(AccountSpec::new(PHONE, "Desk").password("secret"));
    let sign_in = begin(&ground, phone()).await.unwrap();
    unheard(&ground, functions::auth::SignIn::CONSTRUCTOR_ID);
    let step = sign_in.submit_code(code(&ground)).await.unwrap();
    assert!(matches!(step, SignInStep::Password { .. }), "{step:?}");
    unheard(&ground, functions::auth::CheckPassword::CONSTRUCTOR_ID);
    let password = || SecretText::new("secret");
    let broken = sign_in.submit_password(password()).await;
    assert!(matches!(broken, Err(LoginError::Network(_))), "{broken:?}");
    let checked = || ground.sim.ledger().methods["auth.checkPassword"];
    assert_eq!(checked(), 1);
    let signed_in = done(sign_in.submit_password(password()).await.unwrap());
    assert_eq!(checked(), 1);
    carries(&ground, &signed_in).await;
}

/// Protects a login from the death of the process, or node, that had proven its code and not said so: whoever goes on with it is in; and
/// the list of devices from a session that nobody has, where the person gives up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_on_with_a_proven_code_is_in() {
    for gives_up in [false, true] {
        let ground = ground().await;
        let user = ground.sim.add_account(AccountSpec::new(PHONE, "Desk"));
        let sign_in = begin(&ground, phone()).await.unwrap();
        let saved = sign_in.persist().expect("a waiting code is worth keeping");
        let sent = code(&ground);
        let elsewhere = done(sign_in.submit_code(sent.clone()).await.unwrap());
        drop(elsewhere);
        let resumed = ground
            .telegram
            .resume_sign_in((api(), None, None), saved.expose(), Box::new(()))
            .await
            .unwrap();
        if gives_up {
            assert!(resumed.cancel().await.is_some(), "it is to be signed out");
        } else {
            let signed_in = done(resumed.submit_code(sent).await.unwrap());
            assert_eq!(signed_in.user.id, user);
        }
    }
}

/// Protects a sign-in from a restart of the service between the code and its proof.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_survives_a_restart() {
    let ground = ground().await;
    ground.sim.add_account(
        AccountSpec::new(PHONE, "Desk")
            .password("secret")
            .home_dc(4),
    );
    let sign_in = begin(&ground, phone()).await.unwrap();
    let saved = sign_in.persist().expect("a waiting code is worth keeping");
    drop(sign_in);
    let resumed = ground
        .telegram
        .resume_sign_in((api(), None, None), saved.expose(), Box::new(()))
        .await
        .unwrap();
    let step = resumed.submit_code(code(&ground)).await.unwrap();
    assert!(matches!(step, SignInStep::Password { .. }), "{step:?}");

    let saved = resumed
        .persist()
        .expect("a waiting password is worth keeping");
    drop(resumed);
    let resumed = ground
        .telegram
        .resume_sign_in((api(), None, None), saved.expose(), Box::new(()))
        .await
        .unwrap();
    done(
        resumed
            .submit_password(SecretText::new("secret"))
            .await
            .unwrap(),
    );
    assert!(resumed.persist().is_none());
}
