//! Calls: taken out of their wrappers, handed to the backend, their answers sent.

use std::{io::Read, sync::Arc, time::Duration};

use flate2::{
    Compression,
    read::{GzDecoder, ZlibDecoder},
    write::GzEncoder,
};
use futures_util::FutureExt;

use super::{
    binding,
    context::{Context, error_body},
    counters::count,
    fault::{Moment, Victim, WireFault},
    link::{Ending, Link},
    packet::Message,
    received::Progress,
    session::{Running, Session},
    shared::Shared,
    tl::{Put, Reader, TlError},
};
use crate::port::{Answer, ClientInfo};

const GZIP_PACKED: u32 = 0x3072_cfa1;
const INVOKE_AFTER_MSG: u32 = 0xcb9f_372d;
const INVOKE_AFTER_MSGS: u32 = 0x3dc4_b4f0;
const INIT_CONNECTION: u32 = 0xc1cd_5ea9;
const INVOKE_WITH_LAYER: u32 = 0xda9b_0d0d;
const INVOKE_WITHOUT_UPDATES: u32 = 0xbf94_59b7;
/// Deeper wrapping than any client does.
const MAX_WRAPPERS: usize = 16;

/// `upload.file`: parts of files are as small as they get.
const UPLOAD_FILE: [u8; 4] = 0x096a_18d5_u32.to_le_bytes();

/// The content of a `gzip_packed`, or `None` when the body is not packed.
pub fn unpacked(body: &[u8], limit: usize) -> Result<Option<Vec<u8>>, ()> {
    let mut reader = Reader::new(body);
    if reader.u32() != Ok(GZIP_PACKED) {
        return Ok(None);
    }
    let packed = reader.bytes().map_err(drop)?;
    let mut plain = Vec::new();
    // Clients write zlib's form here as well as gzip's (mtcute does), and Telegram reads both.
    let most = limit as u64 + 1;
    let read = if packed.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(packed).take(most).read_to_end(&mut plain)
    } else {
        ZlibDecoder::new(packed).take(most).read_to_end(&mut plain)
    };
    read.map_err(drop)?;
    if plain.len() > limit {
        Err(())
    } else {
        Ok(Some(plain))
    }
}

/// A call without its wrappers.
#[derive(Debug, Default)]
pub struct Unwrapped {
    /// Calls that must end first.
    pub after: Vec<i64>,
    pub layer: Option<i32>,
    pub client: Option<ClientInfo>,
    pub without_updates: bool,
    /// Begins with the constructor of the real function.
    pub body: Vec<u8>,
}

/// Takes off `invokeAfterMsg(s)`, `invokeWithLayer`, `initConnection`, `invokeWithoutUpdates` and gzip, in any order.
pub fn unwrap(body: &[u8], unpacked_limit: usize) -> Result<Unwrapped, TlError> {
    let mut call = Unwrapped {
        body: body.to_vec(),
        ..Unwrapped::default()
    };
    for _ in 0..MAX_WRAPPERS {
        let mut reader = Reader::new(&call.body);
        match reader.u32()? {
            INVOKE_AFTER_MSG => call.after.push(reader.i64()?),
            INVOKE_AFTER_MSGS => call.after.extend(reader.longs()?),
            INVOKE_WITH_LAYER => call.layer = Some(reader.i32()?),
            INVOKE_WITHOUT_UPDATES => call.without_updates = true,
            INIT_CONNECTION => call.client = Some(read_client(&mut reader)?),
            GZIP_PACKED => {
                let plain = unpacked(&call.body, unpacked_limit)
                    .ok()
                    .flatten()
                    .ok_or(TlError::Truncated)?;
                call.body = plain;
                continue;
            }
            _ => return Ok(call),
        }
        call.body = reader.rest().to_vec();
    }
    Err(TlError::TooDeep)
}

fn read_client(reader: &mut Reader<'_>) -> Result<ClientInfo, TlError> {
    let flags = reader.u32()?;
    let api_id = reader.i32()?;
    let device_model = reader.string()?;
    let system_version = reader.string()?;
    let app_version = reader.string()?;
    let system_lang_code = reader.string()?;
    reader.bytes()?; // lang_pack
    let lang_code = reader.string()?;
    if flags & 1 != 0 {
        // inputClientProxy: constructor, address, port
        reader.u32()?;
        reader.bytes()?;
        reader.i32()?;
    }
    if flags & 2 != 0 {
        reader.skip_json()?;
    }
    Ok(ClientInfo {
        api_id,
        device_model,
        system_version,
        app_version,
        system_lang_code,
        lang_code,
    })
}

/// Where an answer goes.
struct Errand {
    shared: Arc<Shared>,
    session: Arc<Session>,
    link: Arc<Link>,
    victim: Victim,
    msg_id: i64,
    method: u32,
}

/// Hands one message to the backend. Most answers are ready at once and cost no task.
pub fn handle(context: &mut Context<'_>, message: &Message<'_>) {
    let Ok(call) = unwrap(
        message.body,
        context.shared.ground.config.limits.unpacked_bytes,
    ) else {
        return context.reject(message.msg_id, 400, "INPUT_FETCH_ERROR");
    };
    let method = Reader::new(&call.body).u32().unwrap_or(0);
    note(context, &call);
    if context.is_burnt() {
        return context.reject(message.msg_id, 406, "AUTH_KEY_DUPLICATED");
    }
    if method == binding::BIND_TEMP_AUTH_KEY {
        return binding::bind(context, message.msg_id, &call.body);
    }
    let errand = Errand {
        shared: Arc::clone(context.shared),
        session: Arc::clone(&context.session),
        link: Arc::clone(context.link),
        victim: context.victim,
        msg_id: message.msg_id,
        method,
    };
    if errand.is_cut(Moment::BeforeProcessing) {
        return context.link.end(Ending::Now);
    }
    let Some(backend) = context.shared.backend() else {
        return context.link.end(Ending::Now);
    };
    count(&context.shared.ground.counts.calls);
    context
        .session
        .state()
        .received
        .set_progress(message.msg_id, Progress::Running);
    let caller = context.caller(message.msg_id, call.without_updates);
    let delay = context
        .shared
        .ground
        .hit(context.victim, |fault| match fault {
            WireFault::DelayAnswers { by_ms } => Some(Duration::from_millis(*by_ms)),
            _ => None,
        });

    if !call.after.is_empty() {
        context.acks.push(message.msg_id);
        let running = Running::new(context.link);
        tokio::spawn(async move {
            let _running = running;
            match errand
                .session
                .wait_for(
                    &call.after,
                    errand.shared.ground.config.limits.wait_for_previous,
                )
                .await
            {
                Ok(()) => errand.finish(backend.call(caller, call.body).await),
                Err(answer) => errand.finish(answer),
            }
        });
        return;
    }
    let mut future = backend.call(caller, call.body);
    match (&mut future).now_or_never() {
        Some(answer) if delay.is_none() => errand.finish(answer),
        ready => {
            context.acks.push(message.msg_id);
            let running = Running::new(context.link);
            tokio::spawn(async move {
                let _running = running;
                let answer = match ready {
                    Some(answer) => answer,
                    None => future.await,
                };
                tokio::time::sleep(delay.unwrap_or(Duration::ZERO)).await;
                errand.finish(answer);
            });
        }
    }
}

/// Remembers what the wrappers said of the session.
fn note(context: &Context<'_>, call: &Unwrapped) {
    let mut state = context.session.state();
    state.wants_updates |= !call.without_updates;
    if let Some(layer) = call.layer {
        state.layer = layer;
        context.identity.set_layer(layer);
    }
    if let Some(client) = &call.client {
        state.client = Some(Arc::new(client.clone()));
    }
}

impl Errand {
    fn is_cut(&self, at: Moment) -> bool {
        self.shared.ground.faults.any()
            && self
                .shared
                .ground
                .hit(self.victim, |fault| match fault {
                    WireFault::CutAround { method, moment } => (*moment == at
                        && method.is_none_or(|method| method == self.method))
                    .then_some(()),
                    _ => None,
                })
                .is_some()
    }

    fn finish(&self, answer: Answer) {
        let (result, failed) = match answer {
            Answer::Result(result) => (self.packed(result), false),
            Answer::Error { code, message } => (error_body(code, &message), true),
            Answer::Silence => return self.session.leave_unanswered(self.msg_id),
            Answer::Cut => {
                self.session.leave_unanswered(self.msg_id);
                return self.link.end(Ending::Now);
            }
        };
        if self.is_cut(Moment::BeforeAnswer) {
            self.link.end(Ending::Now);
        }
        self.session
            .answer(&self.shared.ground, self.msg_id, &result, failed);
        if self.is_cut(Moment::AfterAnswer) {
            self.link.end(Ending::AfterFlush);
        }
    }

    /// The result as `gzip_packed`, when it is long and that helps.
    fn packed(&self, result: Vec<u8>) -> Vec<u8> {
        if self
            .shared
            .ground
            .config
            .gzip_over
            .is_none_or(|least| result.len() < least)
            || result.starts_with(&UPLOAD_FILE)
        {
            return result;
        }
        let mut encoder = GzEncoder::new(Vec::with_capacity(result.len() / 2), Compression::fast());
        let packed =
            std::io::Write::write_all(&mut encoder, &result).and_then(|()| encoder.finish());
        match packed {
            Ok(packed) if packed.len() + 12 < result.len() => {
                let mut body = Vec::with_capacity(packed.len() + 12);
                body.put_u32(GZIP_PACKED);
                body.put_bytes(&packed);
                body
            }
            _ => result,
        }
    }
}

impl Session {
    /// Waits until these calls of the session were answered.
    async fn wait_for(&self, after: &[i64], limit: Duration) -> Result<(), Answer> {
        let waiting = async {
            loop {
                let woken = self.finished.notified();
                tokio::pin!(woken);
                woken.as_mut().enable();
                match self.progress_of(after) {
                    Some(Progress::Answered) => return Ok(()),
                    Some(_) => {
                        return Err(Answer::Error {
                            code: 400,
                            message: "MSG_WAIT_FAILED".into(),
                        });
                    }
                    None => woken.await,
                }
            }
        };
        let timed_out = || {
            Err(Answer::Error {
                code: 500,
                message: "MSG_WAIT_TIMEOUT".into(),
            })
        };
        tokio::time::timeout(limit, waiting)
            .await
            .unwrap_or_else(|_| timed_out())
    }

    /// `Answered` when all are, `Failed` when one failed, `None` while one is running or did not come yet.
    fn progress_of(&self, msg_ids: &[i64]) -> Option<Progress> {
        let state = self.state();
        let mut all = Some(Progress::Answered);
        for msg_id in msg_ids {
            match state.received.progress(*msg_id) {
                Some(Progress::Failed) => return Some(Progress::Failed),
                Some(Progress::Answered | Progress::Service) => {}
                Some(Progress::Running | Progress::Dropped) | None => all = None,
            }
        }
        all
    }
}
