//! Sign-ins: codes, passwords, and sessions that end.

use super::*;

/// Protects: each way in which a code can be wrong has its own name.
#[test]
fn codes_are_wrong_in_telegrams_own_words() {
    let Town { mut world, one, .. } = town();
    let key = KeyId(9);
    let refused = |result: Result<Option<SignedIn>, Refusal>| result.unwrap_err().message;
    assert_eq!(
        world.send_code(DC, "12").unwrap_err().message,
        "PHONE_NUMBER_INVALID"
    );
    world.accounts.get_mut(&one).unwrap().home_dc = 4;
    world.by_phone.insert("9996612345".to_owned(), one);
    assert_eq!(
        world.send_code(DC, "+99966 12345").unwrap_err(),
        migrate("PHONE", 4)
    );
    let phone = "+99966 77777";
    let sent = world.send_code(DC, phone).unwrap();
    assert_eq!(
        refused(world.sign_in(key, DC, phone, &sent.hash, "")),
        "PHONE_CODE_EMPTY"
    );
    assert_eq!(
        refused(world.sign_in(key, DC, phone, "x", "1")),
        "PHONE_CODE_HASH_INVALID"
    );
    for _ in 0..world.rules.wrong_codes - 1 {
        assert_eq!(
            refused(world.sign_in(key, DC, phone, &sent.hash, "x")),
            "PHONE_CODE_INVALID"
        );
    }
    assert_eq!(
        refused(world.sign_in(key, DC, phone, &sent.hash, "x")),
        "PHONE_CODE_EXPIRED"
    );
    assert_eq!(
        refused(world.sign_in(key, DC, phone, &sent.hash, &sent.code)),
        "FLOOD_WAIT_3600"
    );
    let next = world.resend_code(phone, &sent.hash).unwrap();
    assert_eq!((next.kind, next.hash == sent.hash), (CodeKind::Sms, false));
    world.cancel_code(phone, &next.hash).unwrap();
    assert_eq!(
        refused(world.sign_in(key, DC, phone, &next.hash, &next.code)),
        "PHONE_CODE_EXPIRED"
    );
}

/// Protects: a challenge counts once, and guessing ends in a wait.
#[test]
fn a_password_challenge_goes_stale_and_guessing_is_limited() {
    let Town { mut world, one, .. } = town();
    let password = world.make_password("right", None);
    world.accounts.get_mut(&one).unwrap().password = Some(password);
    let key = KeyId(9);
    world.key_mut(key, DC).awaiting_password = Some(one);
    let (_, old) = world.password_challenge(key, DC).unwrap().unwrap();
    let (_, new) = world.password_challenge(key, DC).unwrap().unwrap();
    let answer = |srp_id: i64| types::InputCheckPasswordSrp {
        srp_id,
        a: vec![2; 256],
        m1: vec![0; 32],
    };
    let refused = |result: Result<SignedIn, Refusal>| result.unwrap_err().message;
    assert_eq!(
        refused(world.check_password(key, DC, Some(&answer(old.srp_id)))),
        "SRP_ID_INVALID"
    );
    for _ in 0..world.rules.wrong_passwords {
        assert_eq!(
            refused(world.check_password(key, DC, Some(&answer(new.srp_id)))),
            "PASSWORD_HASH_INVALID"
        );
    }
    assert_eq!(
        refused(world.check_password(key, DC, Some(&answer(new.srp_id)))),
        "FLOOD_WAIT_600"
    );
    assert!(world.user_of(key).is_none());
}

/// Protects: an authorisation is carried to another data centre once, and serves files there.
#[test]
fn an_exported_authorisation_is_good_once() {
    let Town { mut world, one, .. } = town();
    let (id, bytes) = world.export_authorization(one);
    assert_eq!(
        world
            .import_authorization(KeyId(8), 4, id + 1, &bytes)
            .unwrap_err()
            .message,
        "AUTH_BYTES_INVALID"
    );
    world.import_authorization(KeyId(8), 4, id, &bytes).unwrap();
    assert!(world.keys[&KeyId(8)].visitor);
    assert_eq!(
        world
            .import_authorization(KeyId(7), 4, id, &bytes)
            .unwrap_err()
            .message,
        "AUTH_BYTES_INVALID"
    );
}

/// Protects: another session can be ended by its hash, by one that is a day old, and the account's own clients hear of
/// new ones.
#[test]
fn sessions_end_by_their_hash() {
    let Town { mut world, one, .. } = town();
    world.bind_key(KeyId(11), DC, one);
    world.announce_sign_in(KeyId(11), one);
    assert_eq!(world.take_outgoing()[0].kind, "updateNewAuthorization");
    let hash = world.keys[&KeyId(11)].hash;
    let young = world.end_session_by_hash(KeyId(1), one, hash).unwrap_err();
    assert_eq!(young.message, "FRESH_RESET_AUTHORISATION_FORBIDDEN");
    world.clock.offset += i64::from(super::session::FRESH_SECONDS);
    assert_eq!(
        world.end_session_by_hash(KeyId(1), one, hash).unwrap(),
        KeyId(11)
    );
    assert_eq!(
        world.require_user(KeyId(11)).unwrap_err().message,
        "SESSION_REVOKED"
    );
    assert_eq!(world.require_user(KeyId(1)).unwrap(), one);
    assert_eq!(
        world
            .end_session_by_hash(KeyId(1), one, hash)
            .unwrap_err()
            .message,
        "HASH_INVALID"
    );
}

/// Protects: codes go to the devices that are there, in the account's language, from Telegram's own user; an account
/// without a device is told nothing.
#[test]
fn telegram_tells_an_accounts_devices_its_codes() {
    let Town { mut world, one, .. } = town();
    let told = |world: &World| -> Vec<String> {
        let ledger = world.ledger_of(one);
        let chat = ledger.get(&TELEGRAM).map(|chat| chat.messages.clone());
        let messages = chat.unwrap_or_default();
        assert!(messages.iter().all(|message| message.from == TELEGRAM));
        messages.into_iter().map(|message| message.text).collect()
    };
    let sent = world.send_code(DC, "+99966 1").unwrap();
    assert!(told(&world)[0].starts_with(&format!("Login code: {}.", sent.code)));
    assert_eq!(world.take_outgoing()[0].kind, "updateNewMessage");
    // By SMS it is not told to the devices.
    world.resend_code("+99966 1", &sent.hash).unwrap();
    assert_eq!(told(&world).len(), 1);
    world.account_mut(one).unwrap().language = Some("ru".to_owned());
    let sent = world.send_code(DC, "+99966 1").unwrap();
    assert!(told(&world)[1].starts_with(&format!("Код для входа в Telegram: {}.", sent.code)));
    let code = world.web_login("+99966 1").unwrap();
    assert!(told(&world)[2].contains(&format!("\n{code}\n")));
    assert_eq!(code.len(), 11);
    assert!(world.issued.contains(&code));

    world.log_out(KeyId(1));
    world.send_code(DC, "+99966 1").unwrap();
    assert!(world.web_login("+99966 1").is_err());
    assert_eq!(told(&world).len(), 3);
}
