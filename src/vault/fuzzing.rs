//! As `telegram/fuzzing.rs`: envelopes as somebody who writes to the table may make them.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::cipher::{Binding, MasterKey, Purpose};
use crate::domain::AccountId;

/// Nothing that this key did not seal is opened by it, and what it sealed is opened as it was, for the same account and purpose alone.
pub fn envelope(bytes: &[u8]) {
    let key = MasterKey::new(Zeroizing::new([7; 32]));
    let to = |account: u8, purpose| Binding {
        account: AccountId(uuid::Uuid::from_bytes([account; 16])),
        api_id: 1,
        purpose,
    };
    let own = to(1, Purpose::Session);
    let text = String::from_utf8_lossy(bytes).into_owned();
    let packed = format!("v1.{}.{}", key.id(), BASE64_URL_SAFE_NO_PAD.encode(bytes));
    for strange in [text, packed] {
        assert!(key.open(&strange, &own).is_err(), "{strange:?} was opened");
    }
    let Ok(sealed) = key.seal(&own, 3, bytes) else {
        return;
    };
    match key.open(&sealed, &own) {
        Ok(opened) => assert_eq!(opened.bytes.expose(), bytes),
        Err(error) => panic!("what was sealed can't be opened: {error}"),
    }
    for other in [to(2, Purpose::Session), to(1, Purpose::ApiHash)] {
        assert!(key.open(&sealed, &other).is_err(), "opened as {other:?}");
    }
    // One letter is another one.
    let at = bytes.len() * 31 % sealed.len();
    let mut altered = sealed.into_bytes();
    if let Some(letter) = altered.get_mut(at) {
        *letter = if *letter == b'A' { b'B' } else { b'A' };
    }
    let altered = String::from_utf8_lossy(&altered).into_owned();
    assert!(
        key.open(&altered, &own).is_err(),
        "an altered one was opened"
    );
}
