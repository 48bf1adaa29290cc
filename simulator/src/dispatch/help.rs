//! help.*, langpack.*: where the data centres are, and what apps ask for at start.

use grammers_tl_types::{enums, functions::help as f, types};

use super::Call;
use crate::world::{Refusal, World};

/// Longest text of a message and of a caption, as clients learn them.
const TEXT_LIMIT: i32 = 4096;
const CAPTION_LIMIT: i32 = 1024;

pub fn get_config(
    world: &mut World,
    call: &Call,
    _: f::GetConfig,
) -> Result<enums::Config, Refusal> {
    let dc_options = call.dcs.iter().map(|(id, address)| {
        types::DcOption {
            ipv6: address.is_ipv6(),
            media_only: false,
            tcpo_only: false,
            cdn: false,
            r#static: true,
            this_port_only: true,
            id: *id,
            ip_address: address.ip().to_string(),
            port: i32::from(address.port()),
            secret: None,
        }
        .into()
    });
    Ok(types::Config {
        default_p2p_contacts: true,
        preload_featured_stickers: false,
        revoke_pm_inbox: true,
        blocked_mode: false,
        force_try_ipv6: false,
        date: world.now(),
        expires: world.now() + 3600,
        test_mode: false,
        this_dc: call.dc(),
        dc_options: dc_options.collect(),
        dc_txt_domain_name: "localhost".to_owned(),
        chat_size_max: 200,
        megagroup_size_max: 200_000,
        forwarded_count_max: 100,
        online_update_period_ms: 210_000,
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
        me_url_prefix: "https://t.me/".to_owned(),
        autoupdate_url_prefix: None,
        gif_search_username: None,
        venue_search_username: None,
        img_search_username: None,
        static_maps_provider: None,
        caption_length_max: CAPTION_LIMIT,
        message_length_max: TEXT_LIMIT,
        webfile_dc_id: 2,
        suggested_lang_code: None,
        lang_pack_version: None,
        base_lang_pack_version: None,
        reactions_default: None,
        autologin_token: None,
    }
    .into())
}

pub fn get_nearest_dc(
    _: &mut World,
    call: &Call,
    _: f::GetNearestDc,
) -> Result<enums::NearestDc, Refusal> {
    let nearest_dc = call.dcs.first().map_or(call.dc(), |(id, _)| *id);
    Ok(types::NearestDc {
        country: "XX".to_owned(),
        this_dc: call.dc(),
        nearest_dc,
    }
    .into())
}

/// A frozen account learns of it here (core.telegram.org/api/auth#frozen-accounts).
pub fn get_app_config(
    world: &mut World,
    call: &Call,
    r: f::GetAppConfig,
) -> Result<enums::help::AppConfig, Refusal> {
    let account = world.accounts.get(&call.user);
    let frozen = account.and_then(|account| account.frozen);
    let hash = frozen.map_or(1, |(since, _)| since);
    if r.hash == hash {
        return Ok(enums::help::AppConfig::NotModified);
    }
    let entry = |key: &str, value: enums::Jsonvalue| {
        types::JsonObjectValue {
            key: key.to_owned(),
            value,
        }
        .into()
    };
    let number = |value: i32| {
        types::JsonNumber {
            value: f64::from(value),
        }
        .into()
    };
    let text = |value: &str| {
        types::JsonString {
            value: value.to_owned(),
        }
        .into()
    };
    let mut value = Vec::new();
    if let Some((since, until)) = frozen {
        value.push(entry("freeze_since_date", number(since)));
        value.push(entry("freeze_until_date", number(until)));
        value.push(entry(
            "freeze_appeal_url",
            text("https://t.me/spambot?start=freeze"),
        ));
    }
    let config = types::JsonObject { value }.into();
    Ok(types::help::AppConfig { hash, config }.into())
}

pub fn get_countries_list(
    _: &mut World,
    _: &Call,
    _: f::GetCountriesList,
) -> Result<enums::help::CountriesList, Refusal> {
    Ok(types::help::CountriesList {
        countries: Vec::new(),
        hash: 0,
    }
    .into())
}

pub fn get_app_update(
    _: &mut World,
    _: &Call,
    _: f::GetAppUpdate,
) -> Result<enums::help::AppUpdate, Refusal> {
    Ok(enums::help::AppUpdate::NoAppUpdate)
}

pub fn get_terms_update(
    world: &mut World,
    _: &Call,
    _: f::GetTermsOfServiceUpdate,
) -> Result<enums::help::TermsOfServiceUpdate, Refusal> {
    Ok(types::help::TermsOfServiceUpdateEmpty {
        expires: world.now() + 86_400,
    }
    .into())
}
