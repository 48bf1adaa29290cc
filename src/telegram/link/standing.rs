//! Standing: is the account frozen? Telegram says so in the configuration that it gives to apps (`freeze_since_date`,
//! `freeze_until_date`, `freeze_appeal_url` of `help.getAppConfig`; core.telegram.org/api/auth).

use std::time::Duration;

use grammers_client::tl;
use tl::enums::{JsonobjectValue, Jsonvalue, help::AppConfig};

use crate::{
    domain::{Frozen, Timestamp},
    telegram::{error::Failure, pool::Calls},
};

pub(super) async fn ask(calls: &Calls, limit: Duration) -> Result<Option<Frozen>, Failure> {
    let request = tl::functions::help::GetAppConfig { hash: 0 };
    Ok(match calls.home(&request, limit).await? {
        AppConfig::Config(config) => frozen(config.config),
        AppConfig::NotModified => None,
    })
}

fn frozen(config: Jsonvalue) -> Option<Frozen> {
    let Jsonvalue::JsonObject(config) = config else {
        return None;
    };
    let mut frozen = Frozen::default();
    for JsonobjectValue::JsonObjectValue(entry) in config.value {
        match (entry.key.as_str(), entry.value) {
            ("freeze_since_date", value) => frozen.since = moment(&value),
            ("freeze_until_date", value) => frozen.until = moment(&value),
            ("freeze_appeal_url", Jsonvalue::JsonString(url)) => {
                frozen.appeal_url = address(url.value)
            }
            _ => {}
        }
    }
    frozen.since.is_some().then_some(frozen)
}

fn moment(value: &Jsonvalue) -> Option<Timestamp> {
    let Jsonvalue::JsonNumber(number) = value else {
        return None;
    };
    // Zero: not at all. Beyond what a second can be it is no time.
    let seconds = number.value;
    if !(1.0..1e11).contains(&seconds) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within the bounds, and a part of a second is none"
    )]
    let whole = seconds as i64;
    Some(Timestamp::from_seconds(whole))
}

/// It is shown as a link.
fn address(url: String) -> Option<String> {
    let is_link = url.starts_with("https://") && url.len() <= 512;
    is_link.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tl::types::{JsonNumber, JsonObject, JsonObjectValue, JsonString};

    fn config(entries: Vec<(&str, Jsonvalue)>) -> Jsonvalue {
        let value = entries.into_iter().map(|(key, value)| {
            let key = key.to_owned();
            JsonObjectValue { key, value }.into()
        });
        JsonObject {
            value: value.collect(),
        }
        .into()
    }

    fn number(value: f64) -> Jsonvalue {
        JsonNumber { value }.into()
    }

    fn text(value: &str) -> Jsonvalue {
        let value = value.to_owned();
        JsonString { value }.into()
    }

    /// Protects what a person is told: only a freeze that began is one, and only a web address leads somewhere.
    #[test]
    fn a_freeze_is_read_from_the_configuration() {
        assert_eq!(
            frozen(config(vec![("freeze_until_date", number(9.0))])),
            None
        );
        assert_eq!(
            frozen(config(vec![("freeze_since_date", number(0.0))])),
            None
        );
        let url = "https://t.me/spambot";
        let told = frozen(config(vec![
            ("other", number(1.0)),
            ("freeze_since_date", number(1_700_000_000.0)),
            ("freeze_until_date", number(1_702_592_000.0)),
            ("freeze_appeal_url", text(url)),
        ]));
        let expected = Frozen {
            since: Some(Timestamp::from_seconds(1_700_000_000)),
            until: Some(Timestamp::from_seconds(1_702_592_000)),
            appeal_url: Some(url.to_owned()),
        };
        assert_eq!(told, Some(expected));
        let told = frozen(config(vec![
            ("freeze_since_date", number(1_700_000_000.0)),
            ("freeze_appeal_url", text("javascript:alert(1)")),
        ]));
        assert_eq!(told.unwrap().appeal_url, None);
    }
}
