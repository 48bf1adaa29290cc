//! Reach: what `switchboard check` says of the ways to Telegram: the service's own, and those that accounts name.

use crate::{
    config::Config,
    domain::Proxy,
    store::StoreHandle,
    telegram::{Telegram, TelegramConfig, WayReport},
    vault::{Finding, Keyring, own_proxies},
};

/// What was found, and what it was found from.
#[derive(Default)]
pub struct Reached {
    pub findings: Vec<Finding>,
    pub reports: Vec<WayReport>,
}

/// Asks every data centre over every way. An account with proxies never goes out directly, and so is not asked about that.
pub async fn examine_ways(
    config: &Config,
    keyring: Option<&Keyring>,
    store: Option<&StoreHandle>,
) -> Reached {
    let mut reached = Reached::default();
    let telegram = Telegram::start(TelegramConfig {
        custom_dcs: config.telegram.addresses.clone(),
        dc_key_pem: config.telegram.public_key_pem.clone(),
        proxies: config.proxies.clone(),
        ..TelegramConfig::default()
    });
    let telegram = match telegram {
        Ok(telegram) => telegram,
        Err(error) => {
            reached.findings.push(Finding::Bad {
                text: error.to_string(),
                code: 2,
            });
            return reached;
        }
    };
    reached.add(telegram.test_ways(None, None).await, |_| 0);
    let own = match (keyring, store) {
        (Some(keyring), Some(store)) => own_proxies(keyring, store).await,
        _ => Vec::new(),
    };
    let own: Vec<Vec<Proxy>> = own
        .iter()
        .filter_map(|lines| Proxy::parse_lines(lines).ok())
        .collect();
    if own.iter().any(Vec::is_empty) && !config.proxies.is_empty() {
        let direct = telegram.test_ways(Some(&[]), None).await;
        let accounts = own.iter().filter(|proxies| proxies.is_empty()).count();
        reached.add(direct, |_| accounts);
    }
    let different = different(&own, &config.proxies);
    if different.is_empty() {
        return reached;
    }
    let ways = telegram.test_ways(Some(&different), None).await;
    reached.add(ways, |number| {
        let proxy = different.get(number);
        let names = |proxies: &&Vec<Proxy>| proxy.is_some_and(|proxy| proxies.contains(proxy));
        own.iter().filter(names).count()
    });
    reached
}

impl Reached {
    /// `accounts`: how many name the way with this number for themselves.
    fn add(&mut self, ways: Vec<WayReport>, accounts: impl Fn(usize) -> usize) {
        let found = ways.iter().enumerate();
        self.findings
            .extend(found.map(|(number, way)| finding(way, accounts(number))));
        self.reports.extend(ways);
    }
}

/// Each once, without those that were asked already.
fn different(own: &[Vec<Proxy>], asked: &[Proxy]) -> Vec<Proxy> {
    let mut different: Vec<Proxy> = Vec::new();
    for proxy in own.iter().flatten() {
        if !asked.contains(proxy) && !different.contains(proxy) {
            different.push(proxy.clone());
        }
    }
    different
}

/// `accounts`: how many name it for themselves; 0: the service does.
fn finding(way: &WayReport, accounts: usize) -> Finding {
    let name = way
        .proxy
        .as_ref()
        .map_or_else(|| "direct".to_owned(), ToString::to_string);
    let whose = match accounts {
        0 => String::new(),
        1 => " (1 account)".to_owned(),
        many => format!(" ({many} accounts)"),
    };
    let reached: Vec<String> = way
        .dcs
        .iter()
        .filter_map(|dc| Some(format!("{} in {} ms", dc.id, dc.ms?)))
        .collect();
    let missed: Vec<String> = way
        .dcs
        .iter()
        .filter_map(|dc| Some(format!("{} ({})", dc.id, dc.error.as_ref()?)))
        .collect();
    let (reached, missed) = (reached.join(", "), missed.join(", "));
    match (reached.is_empty(), missed.is_empty()) {
        (true, _) => Finding::Bad {
            text: format!("way {name}{whose} reaches no data centre: {missed}"),
            code: 1,
        },
        (false, true) => Finding::Good(format!("way {name}{whose} reaches data centres {reached}")),
        (false, false) => Finding::Bad {
            text: format!("way {name}{whose} reaches data centres {reached}, but not {missed}"),
            code: 1,
        },
    }
}
