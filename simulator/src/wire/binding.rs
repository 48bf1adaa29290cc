//! `auth.bindTempAuthKey`: a temporary key begins to stand for a permanent one.

use grammers_crypto::aes::ige_decrypt;
use sha1::{Digest, Sha1};

use super::{
    cipher::AuthKey,
    context::Context,
    tl::{Reader, TlError},
};
use crate::port::KeyId;

pub const BIND_TEMP_AUTH_KEY: u32 = 0xcdd4_2a05;
const BIND_AUTH_KEY_INNER: u32 = 0x75a3_f765;
const BOOL_TRUE: u32 = 0x9972_75b5;

/// Checks the proof and binds; answers the call either way.
pub fn bind(context: &Context<'_>, msg_id: i64, body: &[u8]) {
    match try_bind(context, msg_id, body) {
        Ok(true) => context.session.answer(
            &context.shared.ground,
            msg_id,
            &BOOL_TRUE.to_le_bytes(),
            false,
        ),
        Ok(false) => context.reject(msg_id, 400, "ENCRYPTED_MESSAGE_INVALID"),
        Err(_) => context.reject(msg_id, 400, "INPUT_FETCH_ERROR"),
    }
}

fn try_bind(context: &Context<'_>, msg_id: i64, body: &[u8]) -> Result<bool, TlError> {
    let mut reader = Reader::new(body);
    reader.u32()?;
    let perm_id = KeyId(reader.i64()?);
    let nonce = reader.i64()?;
    let expires_at = reader.i32()?;
    let encrypted = reader.bytes()?;
    let Some(permanent) = context
        .shared
        .keys
        .get(perm_id)
        .filter(|key| key.expires_at.is_none())
    else {
        return Ok(false);
    };
    if context.key.expires_at.is_none() {
        return Ok(false);
    }
    let Some(plain) = open_v1(&permanent.auth, encrypted) else {
        return Ok(false);
    };
    // 16 random bytes stand where a packet has salt and session id.
    let mut inner = Reader::new(&plain);
    inner.take(16)?;
    let proof_msg_id = inner.i64()?;
    inner.i32()?;
    inner.i32()?;
    let proven = inner.u32()? == BIND_AUTH_KEY_INNER
        && inner.i64()? == nonce
        && inner.i64()? == context.key.id.0
        && inner.i64()? == perm_id.0
        && inner.i64()? == context.session.id
        && inner.i32()? == expires_at;
    if !proven || proof_msg_id != msg_id {
        return Ok(false);
    }
    context.key.bind(&permanent);
    permanent.set_layer(context.session.state().layer);
    Ok(true)
}

/// The binding proof is the one message that is still encrypted as MTProto 1.0 did: SHA-1 all through.
fn open_v1(key: &AuthKey, packet: &[u8]) -> Option<Vec<u8>> {
    let (key_id, rest) = packet.split_first_chunk::<8>()?;
    let (message_key, encrypted) = rest.split_first_chunk::<16>()?;
    if i64::from_le_bytes(*key_id) != key.id().0
        || encrypted.is_empty()
        || !encrypted.len().is_multiple_of(16)
    {
        return None;
    }
    let part = |from: usize, len: usize| key.bytes().get(from..from + len).unwrap_or_default();
    let a = sha1(&[message_key, part(0, 32)]);
    let b = sha1(&[part(32, 16), message_key, part(48, 16)]);
    let c = sha1(&[part(64, 32), message_key]);
    let d = sha1(&[message_key, part(96, 32)]);
    let aes_key = joined([a.get(0..8)?, b.get(8..20)?, c.get(4..16)?]);
    let aes_iv = joined([
        a.get(8..20)?,
        b.get(0..8)?,
        &[c.get(16..20)?, d.get(0..8)?].concat(),
    ]);

    let mut plain = encrypted.to_vec();
    ige_decrypt(&mut plain, &aes_key, &aes_iv);
    let len = usize::try_from(
        plain
            .get(28..32)?
            .first_chunk()
            .copied()
            .map(u32::from_le_bytes)?,
    )
    .ok()?;
    let used = plain.get(..len.checked_add(32)?)?;
    let digest = sha1(&[used]);
    (digest.get(4..20)? == message_key.as_slice()).then_some(plain)
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut hasher = Sha1::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn joined(parts: [&[u8]; 3]) -> [u8; 32] {
    parts.concat().first_chunk().copied().unwrap_or_default()
}
