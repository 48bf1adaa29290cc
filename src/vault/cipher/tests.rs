//! Tests of the cipher: the construction is libsodium's, and each way of cheating has its own answer.

use super::*;

fn key(seed: u8) -> MasterKey {
    MasterKey::new(Zeroizing::new([seed; 32]))
}

fn binding(account: u128, purpose: Purpose) -> Binding {
    Binding {
        account: AccountId(Uuid::from_u128(account)),
        api_id: 4321,
        purpose,
    }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap())
        .collect()
}

/// Protects: old data stays readable; the box is `crypto_secretbox_easy` of NaCl and libsodium, byte for byte.
#[test]
fn the_construction_is_libsodiums() {
    let nacl = (
        "1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389",
        "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37",
        "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c6129\
         6cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde\
         048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705",
        "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186a\
         c0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae\
         90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74\
         e355a5",
    );
    let libsodium = (
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "6465666768696a6b6c6d6e6f707172737475767778797a7b",
        "537769746368626f617264206b656570732073657373696f6e73207365616c65642c206173206c6962736f6469756d20\
         776f756c642e",
        "f2b8b91fd5d6cc72517d28213848103951cef0bd59deac86d18f47b45ce1c6684d8a4bc297d52274c87f62e76feaa5ed\
         cc43d4793c17f78d976578066966b045b6ffdb7476a8",
    );
    for (key, nonce, message, boxed) in [nacl, libsodium] {
        let (nonce, boxed) = (unhex(nonce), unhex(boxed));
        let mut plain = unhex(message);
        let cipher = XSalsa20Poly1305::new_from_slice(&unhex(key)).unwrap();
        let nonce = Nonce::<XSalsa20Poly1305>::from_slice(&nonce);
        let tag = cipher
            .encrypt_in_place_detached(nonce, b"", &mut plain)
            .unwrap();
        assert_eq!([tag.as_slice(), &plain].concat(), boxed);
    }
}

/// Protects: what is sealed comes back, with its epoch, and two seals of the same value differ.
#[test]
fn a_sealed_value_opens_to_itself() {
    let to = binding(1, Purpose::Session);
    for length in [0, 1, 218, 219, 220, 256, 5000] {
        let data = vec![7; length];
        let first = key(1).seal(&to, 42, &data).unwrap();
        assert_ne!(first, key(1).seal(&to, 42, &data).unwrap());
        let opened = key(1).open(&first, &to).unwrap();
        assert_eq!(opened.epoch, 42);
        assert_eq!(opened.bytes.expose(), data);
    }
}

/// Protects: the envelope's length tells values apart only in steps of 256 bytes.
#[test]
fn values_of_like_length_have_envelopes_of_one_length() {
    let to = binding(1, Purpose::Session);
    let length = |size: usize| key(1).seal(&to, 1, &vec![1; size]).unwrap().len();
    assert_eq!(length(1), length(200));
    assert_ne!(length(200), length(300));
}

/// Protects: changing any byte of an envelope, in any bit, is noticed; a changed key id is told from a changed box.
#[test]
fn every_byte_of_an_envelope_is_protected() {
    let to = binding(1, Purpose::Session);
    let envelope = key(1).seal(&to, 1, b"a session").unwrap();
    let id_ends = envelope.rfind('.').unwrap();
    for at in 0..envelope.len() {
        for bit in 0..7 {
            let mut bytes = envelope.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let text = String::from_utf8(bytes).unwrap();
            let refused = key(1).open(&text, &to).unwrap_err();
            let told_apart = match at {
                _ if text.matches('.').count() != 2 => matches!(refused, CipherError::Malformed(_)),
                0..2 => matches!(refused, CipherError::Malformed(_)),
                _ if at < id_ends => matches!(refused, CipherError::UnknownKey(_)),
                _ => matches!(refused, CipherError::Tampered | CipherError::Malformed(_)),
            };
            assert!(told_apart, "byte {at} bit {bit}: {refused}");
        }
    }
    for cut in 0..envelope.len() {
        assert!(key(1).open(&envelope[..cut], &to).is_err(), "cut at {cut}");
    }
}

/// Protects: an envelope opens only as what it was sealed for.
#[test]
fn an_envelope_opens_only_where_it_belongs() {
    let to = binding(1, Purpose::Session);
    let envelope = key(1).seal(&to, 1, b"a session").unwrap();
    assert_eq!(
        key(2).open(&envelope, &to),
        Err(CipherError::UnknownKey(key(1).id().to_owned()))
    );
    assert_eq!(
        key(1).open(&envelope, &binding(2, Purpose::Session)),
        Err(CipherError::Tampered)
    );
    assert!(key(1).opens_for(&envelope, to.account));
    assert_eq!(
        key(1).open(&envelope, &binding(1, Purpose::ApiHash)),
        Err(CipherError::OtherPurpose {
            found: "a session",
            expected: "an api_hash"
        })
    );
    assert_eq!(
        key(1).open(&envelope, &Binding { api_id: 1, ..to }),
        Err(CipherError::OtherApi {
            found: 4321,
            expected: 1
        })
    );
}

/// Protects: neither a key nor a session shows in `Debug`.
#[test]
fn debug_output_shows_no_secret() {
    let to = binding(1, Purpose::Session);
    let opened = key(77).open(&key(77).seal(&to, 1, b"opensesame").unwrap(), &to);
    let shown = format!("{:?} {opened:?}", key(77));
    assert!(
        !shown.contains("opensesame") && !shown.contains("77, 77"),
        "{shown}"
    );
}

proptest::proptest! {
    /// Protects: whatever stands in a row, opening it answers and never panics.
    #[test]
    fn no_text_upsets_the_cipher(text in "(v1\\.)?[0-9a-f.]{0,12}[A-Za-z0-9_.=+/-]{0,200}|\\PC{0,80}") {
        let to = binding(1, Purpose::Session);
        proptest::prop_assert!(key(1).open(&text, &to).is_err());
        let own = format!("v1.{}.{text}", key(1).id());
        proptest::prop_assert!(key(1).open(&own, &to).is_err());
    }
}
