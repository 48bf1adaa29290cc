//! A backend without users: answers `help.getConfig`, and a few functions of the tests' own.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use grammers_tl_types::{self as tl, Identifiable, Serializable};
use switchboard_simulator::port::{Answer, AnswerFuture, Backend, Caller, KeyId};
use tokio::sync::Notify;

/// Functions that no schema has. Each is four bytes of constructor and then whatever the test sends.
pub const ECHO: u32 = 0x0100_0001;
/// Answers when [`TestBackend::release`] is notified.
pub const HELD: u32 = 0x0100_0002;
pub const FAIL: u32 = 0x0100_0003;
pub const SILENCE: u32 = 0x0100_0004;
pub const CUT: u32 = 0x0100_0005;
/// Answers with the number of bytes that the first eight bytes after the constructor say.
pub const LONG: u32 = 0x0100_0006;
pub const NAP: u32 = 0x0100_0007;
/// Panics, at once or in its future.
pub const PANIC: u32 = 0x0100_0008;
pub const PANIC_LATER: u32 = 0x0100_0009;
/// What echoes begin with, so that a client sees a constructor.
pub const ECHOED: u32 = 0x0100_00ff;

#[derive(Default)]
pub struct TestBackend {
    pub calls: Mutex<Vec<(Caller, u32)>>,
    pub sessions: Mutex<Vec<Caller>>,
    pub offline: Mutex<Vec<KeyId>>,
    pub authorised: Mutex<HashSet<KeyId>>,
    pub release: Arc<Notify>,
    /// Keeps no record of calls: for benches.
    pub quiet: bool,
}

impl TestBackend {
    pub fn methods(&self) -> Vec<u32> {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .map(|(_, method)| *method)
            .collect()
    }

    pub fn last_caller(&self) -> Caller {
        self.calls
            .lock()
            .unwrap()
            .last()
            .expect("a call came")
            .0
            .clone()
    }
}

impl Backend for TestBackend {
    fn call(&self, caller: Caller, body: Vec<u8>) -> AnswerFuture {
        let method = u32::from_le_bytes(body[..4].try_into().unwrap());
        let dc_id = caller.dc_id;
        if !self.quiet {
            self.calls.lock().unwrap().push((caller, method));
        }
        let release = Arc::clone(&self.release);
        Box::pin(async move {
            match method {
                ECHO => echo(&body),
                HELD => {
                    release.notified().await;
                    echo(&body)
                }
                NAP => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    echo(&body)
                }
                FAIL => Answer::Error {
                    code: 400,
                    message: "TEST_FAILED".into(),
                },
                PANIC => panic!("a backend that panics at once, as the test wants"),
                PANIC_LATER => {
                    tokio::task::yield_now().await;
                    panic!("a backend that panics later, as the test wants")
                }
                SILENCE => Answer::Silence,
                CUT => Answer::Cut,
                LONG => {
                    let len = u64::from_le_bytes(body[4..12].try_into().unwrap()) as usize;
                    let mut answer = ECHOED.to_le_bytes().to_vec();
                    answer.resize(4 + len, 9);
                    Answer::Result(answer)
                }
                tl::functions::help::GetConfig::CONSTRUCTOR_ID => {
                    Answer::Result(config(dc_id).to_bytes())
                }
                tl::functions::users::GetUsers::CONSTRUCTOR_ID => Answer::Error {
                    code: 401,
                    message: "AUTH_KEY_UNREGISTERED".into(),
                },
                _ => Answer::Error {
                    code: 400,
                    message: "INPUT_METHOD_INVALID".into(),
                },
            }
        })
    }

    fn session_opened(&self, caller: &Caller) {
        self.sessions.lock().unwrap().push(caller.clone());
    }

    fn key_went_offline(&self, key: KeyId) {
        self.offline.lock().unwrap().push(key);
    }

    fn is_authorised(&self, key: KeyId) -> bool {
        self.authorised.lock().unwrap().contains(&key)
    }
}

fn echo(body: &[u8]) -> Answer {
    let mut answer = ECHOED.to_le_bytes().to_vec();
    answer.extend_from_slice(&body[4..]);
    Answer::Result(answer)
}

fn config(dc_id: i32) -> tl::enums::Config {
    tl::types::Config {
        default_p2p_contacts: false,
        preload_featured_stickers: false,
        revoke_pm_inbox: false,
        blocked_mode: false,
        force_try_ipv6: false,
        date: 0,
        expires: i32::MAX,
        test_mode: false,
        this_dc: dc_id,
        dc_options: Vec::new(),
        dc_txt_domain_name: String::new(),
        chat_size_max: 200,
        megagroup_size_max: 200_000,
        forwarded_count_max: 100,
        online_update_period_ms: 120_000,
        offline_blur_timeout_ms: 5_000,
        offline_idle_timeout_ms: 30_000,
        online_cloud_timeout_ms: 300_000,
        notify_cloud_delay_ms: 30_000,
        notify_default_delay_ms: 1_500,
        push_chat_period_ms: 60_000,
        push_chat_limit: 2,
        edit_time_limit: 172_800,
        revoke_time_limit: i32::MAX,
        revoke_pm_time_limit: i32::MAX,
        rating_e_decay: 2_419_200,
        stickers_recent_limit: 200,
        channels_read_media_period: 604_800,
        tmp_sessions: None,
        call_receive_timeout_ms: 20_000,
        call_ring_timeout_ms: 90_000,
        call_connect_timeout_ms: 30_000,
        call_packet_timeout_ms: 10_000,
        me_url_prefix: "https://t.me/".into(),
        autoupdate_url_prefix: None,
        gif_search_username: None,
        venue_search_username: None,
        img_search_username: None,
        static_maps_provider: None,
        caption_length_max: 1024,
        message_length_max: 4096,
        webfile_dc_id: dc_id,
        suggested_lang_code: None,
        lang_pack_version: None,
        base_lang_pack_version: None,
        reactions_default: None,
        autologin_token: None,
    }
    .into()
}
