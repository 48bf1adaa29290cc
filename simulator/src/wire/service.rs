//! Messages that the protocol itself understands: acknowledgements, pings, salts, states, sessions.

use std::sync::Arc;

use super::{
    context::Context,
    fault::WireFault,
    packet::Message,
    received::Progress,
    session::Kind,
    tl::{Put, Reader, TlError},
};

pub const HTTP_WAIT: u32 = 0x9299_359f;
const MSGS_ACK: u32 = 0x62d6_b459;
const PING: u32 = 0x7abe_77ec;
const PING_DELAY_DISCONNECT: u32 = 0xf342_7b8c;
const GET_FUTURE_SALTS: u32 = 0xb921_bd04;
const DESTROY_SESSION: u32 = 0xe751_2126;
const DESTROY_AUTH_KEY: u32 = 0xd143_5160;
const RPC_DROP_ANSWER: u32 = 0x58e4_a740;
const MSGS_STATE_REQ: u32 = 0xda69_fb52;
const MSGS_STATE_INFO: u32 = 0x04de_b57d;
const MSGS_ALL_INFO: u32 = 0x8cc0_d131;
const MSG_DETAILED_INFO: u32 = 0x276d_3ec6;
const MSG_NEW_DETAILED_INFO: u32 = 0x809d_b6df;
const MSG_RESEND_REQ: u32 = 0x7d86_1a08;
const MSG_RESEND_ANS_REQ: u32 = 0x8610_baeb;
const MAX_SALTS: i32 = 64;

/// Is this the protocol's own business?
pub fn is_service(constructor: u32) -> bool {
    matches!(
        constructor,
        HTTP_WAIT
            | MSGS_ACK
            | PING
            | PING_DELAY_DISCONNECT
            | GET_FUTURE_SALTS
            | DESTROY_SESSION
            | DESTROY_AUTH_KEY
            | RPC_DROP_ANSWER
            | MSGS_STATE_REQ
            | MSGS_STATE_INFO
            | MSGS_ALL_INFO
            | MSG_DETAILED_INFO
            | MSG_NEW_DETAILED_INFO
            | MSG_RESEND_REQ
            | MSG_RESEND_ANS_REQ
    )
}

/// Handles a service message; `false` when it is none.
pub fn handle(context: &mut Context<'_>, message: &Message<'_>) -> bool {
    let Some(constructor) = message
        .constructor()
        .filter(|constructor| is_service(*constructor))
    else {
        return false;
    };
    let mut reader = Reader::new(message.body);
    if reader
        .u32()
        .and_then(|_| answer(context, message.msg_id, constructor, &mut reader))
        .is_err()
    {
        context.reject(message.msg_id, 400, "INPUT_FETCH_ERROR");
    }
    true
}

fn answer(
    context: &mut Context<'_>,
    msg_id: i64,
    constructor: u32,
    reader: &mut Reader<'_>,
) -> Result<(), TlError> {
    match constructor {
        MSGS_ACK => {
            let msg_ids = reader.longs()?;
            context.session.state().acknowledge(&msg_ids);
        }
        PING => pong(context, msg_id, reader.i64()?),
        PING_DELAY_DISCONNECT => {
            let (ping_id, delay) = (reader.i64()?, reader.i32()?);
            context
                .link
                .disconnect_in(u64::try_from(delay).unwrap_or(0));
            pong(context, msg_id, ping_id);
        }
        GET_FUTURE_SALTS => future_salts(context, msg_id, reader.i32()?),
        DESTROY_SESSION => destroy_session(context, reader.i64()?),
        DESTROY_AUTH_KEY => {
            context.post(Kind::Reply, &[&0xf660_e1d4_u32.to_le_bytes()]);
            context.shared.destroy_key(context.identity.id);
        }
        RPC_DROP_ANSWER => drop_answer(context, msg_id, reader.i64()?),
        MSGS_STATE_REQ => {
            let msg_ids = reader.longs()?;
            state_info(context, msg_id, &msg_ids);
        }
        MSG_RESEND_REQ | MSG_RESEND_ANS_REQ => {
            let msg_ids = reader.longs()?;
            resend(context, msg_id, constructor, &msg_ids);
        }
        // Nothing is held back for HTTP, and what a client tells of its own state needs no answer.
        _ => {}
    }
    Ok(())
}

fn pong(context: &Context<'_>, msg_id: i64, ping_id: i64) {
    let mut body = Vec::with_capacity(20);
    body.put_u32(0x3477_73c5);
    body.put_i64(msg_id);
    body.put_i64(ping_id);
    context.post(Kind::Reply, &[&body]);
}

fn future_salts(context: &Context<'_>, msg_id: i64, wanted: i32) {
    if context
        .shared
        .ground
        .strikes(context.victim, &WireFault::NoFutureSalts)
    {
        return;
    }
    let now = context.shared.ground.seconds(Some(context.link));
    let count = usize::try_from(wanted.clamp(1, MAX_SALTS)).unwrap_or(1);
    let salts = context
        .shared
        .ground
        .salts
        .coming(context.key.id, now, count);
    let mut body = Vec::with_capacity(20 + salts.len() * 16);
    body.put_u32(0xae50_0895);
    body.put_i64(msg_id);
    body.put_i32(i32::try_from(now).unwrap_or(i32::MAX));
    body.put_u32(salts.len() as u32);
    for salt in salts {
        body.put_i32(salt.valid_since);
        body.put_i32(salt.valid_until);
        body.put_i64(salt.salt);
    }
    context.post(Kind::Reply, &[&body]);
}

/// Forgets another session of the same key. What it means for the session that asks is left open by the protocol;
/// here it means nothing.
fn destroy_session(context: &Context<'_>, session_id: i64) {
    let known =
        session_id != context.session.id && context.key.sessions().remove(&session_id).is_some();
    let mut body = Vec::with_capacity(12);
    body.put_u32(if known { 0xe220_45fc } else { 0x62d3_50c9 });
    body.put_i64(session_id);
    context.post(Kind::Reply, &[&body]);
}

fn drop_answer(context: &Context<'_>, msg_id: i64, req_msg_id: i64) {
    let mut state = context.session.state();
    let mut result = Vec::with_capacity(20);
    if let Some((answer_id, seqno, len)) = state.forget_answer(req_msg_id) {
        result.put_u32(0xa43a_d8b7);
        result.put_i64(answer_id);
        result.put_i32(seqno);
        result.put_u32(len as u32);
    } else if state.received.progress(req_msg_id) == Some(Progress::Running) {
        state.received.set_progress(req_msg_id, Progress::Dropped);
        result.put_u32(0xcd78_e586);
    } else {
        result.put_u32(0x5e2a_d36e);
    }
    drop(state);
    context
        .session
        .answer(&context.shared.ground, msg_id, &result, false);
}

fn state_info(context: &Context<'_>, msg_id: i64, msg_ids: &[i64]) {
    let state = context.session.state();
    let info: Vec<u8> = msg_ids
        .iter()
        .map(|asked| state.received.status(*asked))
        .collect();
    drop(state);
    let mut body = Vec::with_capacity(20 + info.len());
    body.put_u32(MSGS_STATE_INFO);
    body.put_i64(msg_id);
    body.put_bytes(&info);
    context.post(Kind::Reply, &[&body]);
}

/// Sends kept messages again, by their own ids or by those of the calls they answer. When some are not kept, the
/// client learns the states instead.
fn resend(context: &Context<'_>, msg_id: i64, constructor: u32, msg_ids: &[i64]) {
    let session = Arc::clone(&context.session);
    let mut all = true;
    for wanted in msg_ids {
        all &= if constructor == MSG_RESEND_REQ {
            session.resend(&context.shared.ground, *wanted)
        } else {
            session.answer_again(&context.shared.ground, *wanted)
        };
    }
    if !all {
        state_info(context, msg_id, msg_ids);
    }
}
