//! App: builds everything from the store to the browser's socket, and stops it the other way round.

mod among;
mod announcer;
mod error;
mod files;
mod serving;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use actix::Arbiter;
use actix_web::{
    dev::{Server, ServerHandle},
    web::Data,
};
use tokio_util::task::AbortOnDropHandle;

pub use self::error::StartError;
use self::{
    among::{elsewhere, join, look_after_others, run_calls_of_others},
    announcer::{Announcer, Whisper},
    files::{open_media, open_staging},
    serving::{WEB_GOODBYE, serve},
};
use crate::{
    account::{AccountParts, CopySource},
    alive::Loops,
    broadcast::BroadcastHandle,
    config::Config,
    data_dir::DataDir,
    domain::AccountId,
    files::Files,
    nodes::{Keeper, Ownership},
    remote,
    store::{EventSink, Store, StoreConfig, TokenTable},
    supervisor::{RestartPolicy, SupervisorHandle},
    telegram::{Telegram, TelegramConfig},
    tls::Certificate,
    vault::{KeySource, Keyring, SupabaseConfig, Vault, VaultConfig},
    web::{
        Adding, AssistantClient, Audit, Doors, Front, NoTokenLeft, Service, Settling, Turns,
        take_back_what_was_left,
    },
    webhooks::{AddressGuard, OwnerOf, Webhooks},
    whispers::Whispers,
};

/// Threads that accounts are spread over; their heavy work is on Telegram's runtime.
const ACCOUNT_THREADS: usize = 2;
/// A start does not wait longer for its share of the accounts; they are brought up when they come.
const JOINING: Duration = Duration::from_secs(5);
/// Until a launch link that could not be stored is tried again.
const LINK_AGAIN: Duration = Duration::from_secs(5);
/// How long accounts stay for requests that are under way, where another node waits for them.
const SHORT_GOODBYE: Duration = Duration::from_millis(500);

/// The running service.
pub struct App {
    front: Front,
    /// Reads a changed certificate.
    renewing: Option<tokio::task::JoinHandle<()>>,
    server: ServerHandle,
    service: Data<Service>,
    /// Carries out what is done in Supabase.
    following: tokio::task::JoinHandle<()>,
    /// Takes in what other nodes do to webhooks and owners.
    following_rows: tokio::task::JoinHandle<()>,
    /// Where others may serve the same database.
    keeper: Option<Keeper>,
    handing_over: Option<tokio::task::JoinHandle<()>>,
    /// Tells of accounts that nobody has.
    _missing: Option<AbortOnDropHandle<()>>,
    /// Where calls of other nodes are run.
    calls: Option<Arbiter>,
    _broadcast: Arbiter,
    _data_dir: DataDir,
}

impl App {
    /// Builds and starts the service. The answer comes when it serves; the second part runs it.
    ///
    /// # Errors
    /// Whatever keeps it from serving; then nothing was left running.
    pub async fn start(config: Config) -> Result<(Self, Server), StartError> {
        let data_dir = DataDir::claim(&config.data_dir)?;
        let keyring = Keyring::load(KeySource::choose(&config.master_key))?;
        let announcer = Arc::new(Announcer::default());
        let store = Store::open(
            StoreConfig {
                reader: Some(crate::telegram::read_object),
                server: config.database.clone(),
                serves: true,
                keep: config.keep,
                ..StoreConfig::at(data_dir.database())
            },
            Arc::clone(&announcer) as Arc<dyn EventSink>,
        )?;
        let (keeper, mut handover) = join(&config, &data_dir, &store)?.unzip();
        let ownership = keeper.as_ref().map_or(Ownership::Sole, |keeper: &Keeper| {
            Ownership::Shared(keeper.owned())
        });
        let certificate = config.tls.as_ref().map(Certificate::load).transpose()?;
        let doors = Doors::open(store.clone()).await?;
        let tokens = doors.tokens.watch().table()?;
        if !config.listen.ip().is_loopback() && !tokens.any_admin() {
            return Err(StartError::OpenToOthers(config.listen));
        }
        if tokens.locked && !tokens.any() {
            log::warn!(target: "switchboard", "nobody can come in: {NoTokenLeft}");
        }
        let account_arbiters: Vec<Arbiter> = (0..ACCOUNT_THREADS).map(|_| Arbiter::new()).collect();
        let broadcast_arbiter = Arbiter::new();
        let broadcast = BroadcastHandle::start(&broadcast_arbiter, store.last_seq().await?);
        let _ = announcer.broadcast.set(broadcast.clone());
        let vault = Vault::open(
            VaultConfig {
                keyring,
                remote: config.supabase.clone().map(|remote| {
                    SupabaseConfig::new(remote.url, remote.key).every(remote.interval)
                }),
                runtime: tokio::runtime::Handle::current(),
            },
            store.clone(),
        )
        .await?;
        let whispers = match (&config.database, ownership.node()) {
            (Some(url), Some(node)) => {
                Whispers::everywhere(broadcast.clone(), (url, node), vault.clone())?
            }
            _ => Whispers::here(broadcast.clone()),
        };
        let _ = announcer.whispers.set(whispers.clone());
        let telegram = Telegram::start(TelegramConfig {
            custom_dcs: config.telegram.addresses.clone(),
            dc_key_pem: config.telegram.public_key_pem.clone(),
            proxies: config.proxies.clone(),
            ..TelegramConfig::default()
        })?;
        let threads = account_arbiters.iter().chain([&broadcast_arbiter]);
        let names = (1..=ACCOUNT_THREADS).map(|number| format!("accounts-{number}"));
        let named = names.chain(["broadcast".to_owned()]);
        let named = named.zip(threads.map(Arbiter::handle)).collect();
        let loops = Loops::new(named, telegram.runtime().clone());
        let staging = open_staging(&config, &data_dir, ownership.is_shared())?;
        staging
            .sweep(&store.staged_files(None).await?)
            .map_err(StartError::Staging)?;
        let copies = Arc::new(Files::new(staging.clone()));
        let parts = AccountParts {
            copies: Arc::clone(&copies) as Arc<dyn CopySource>,
            uploads: Arc::new(Whisper(whispers.clone())),
            staging: staging.clone(),
            store: store.clone(),
            bells: announcer.bells.clone(),
            vault: vault.clone(),
            ownership: ownership.clone(),
            telegram: telegram.clone(),
            typing: Arc::new(Whisper(whispers)),
            reply_patience: config.reply_patience,
        };
        let supervisor = SupervisorHandle::start(parts, RestartPolicy::default(), account_arbiters);
        let media = open_media(&config, &data_dir, &store, &supervisor).await?;
        let _ = announcer.media.set(media.clone());
        let owners = doors.owners.clone();
        let owner_of: OwnerOf = Arc::new(move |id| owners.owner_of(id).map(|owner| owner.tag()));
        let guard = AddressGuard::new(config.webhook_allow.clone());
        let webhooks = Webhooks::new(store.clone(), broadcast.clone(), owner_of, guard);
        let elsewhere = elsewhere(&config, &ownership, staging.at())?;
        copies.open(media.clone(), vault.clone(), elsewhere.clone());
        let service = Data::new(Service {
            store,
            broadcast,
            supervisor,
            vault,
            ownership,
            staging,
            media,
            metrics: Arc::clone(&announcer.metrics),
            loops,
            telegram,
            api: config.api.clone(),
            doors,
            audit: Audit::default(),
            switching: Turns::default(),
            settling: Settling::default(),
            adding: Adding::default(),
            starting: Turns::default(),
            webhooks,
            keep: config.keep,
            assistant: config.assistant.as_ref().and_then(AssistantClient::new),
            elsewhere,
        });
        match &keeper {
            // Of others some run: what comes to this node is told one by one.
            Some(keeper) => keeper.joined(JOINING).await,
            None => service.store.nothing_runs(None).await?,
        }
        let (front, gate, server) = serve(&config, service.clone(), certificate.as_ref())?;
        let calls = run_calls_of_others(gate, &service);
        if let Some(keeper) = &keeper {
            keeper.serves_at(front.listening());
        }
        let renewing = certificate.map(|certificate| actix::spawn(certificate.follow()));
        let changes = service.vault.changes();
        let later = restore(&service).await?;
        if let Some(handover) = &mut handover {
            handover.carry_out_so_far(&service).await;
        }
        let handing_over =
            handover.map(|handover| actix::spawn(handover.carry_out(service.clone())));
        let following = actix::spawn(remote::follow(service.clone(), changes, later));
        let missing = service.ownership.is_shared().then(|| {
            let missing = look_after_others(service.clone());
            AbortOnDropHandle::new(actix::spawn(missing))
        });
        let webhooks = &service.webhooks;
        webhooks.start_configured(config.webhooks.as_ref()).await;
        service.start_webhooks().await?;
        let of_rows = service.clone();
        let following_rows = actix::spawn(async move {
            tokio::join!(
                of_rows.follow_webhooks(),
                of_rows.doors.owners.follow(),
                take_back_what_was_left(&of_rows)
            );
        });
        let app = Self {
            front,
            renewing,
            server: server.handle(),
            service,
            following,
            following_rows,
            keeper,
            handing_over,
            _missing: missing,
            calls,
            _broadcast: broadcast_arbiter,
            _data_dir: data_dir,
        };
        Ok((app, server))
    }

    /// Where it listens, as an address.
    #[must_use]
    pub fn url(&self) -> String {
        self.front.listening()
    }

    /// Tells when tokens come into force, with the link that opens the desk then; now, if they are already.
    pub async fn launch_link(&self) -> String {
        let doors = &self.service.doors;
        doors.tokens.watch().until(TokenTable::any).await;
        let code = loop {
            match doors.console_code().await {
                Ok(code) => break code,
                Err(error) => {
                    log::warn!(target: "switchboard", "the link that opens the desk waits for the database: {error}");
                    tokio::time::sleep(LINK_AGAIN).await;
                }
            }
        };
        format!("{}/launch?code={}", self.front.for_people(), code.expose())
    }

    /// Ends when no token is left.
    pub async fn until_no_token(&self) {
        let watch = self.service.doors.tokens.watch();
        watch.until(|table| !table.any()).await;
    }

    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Front to back: no new calls, browsers told, links closed, what is queued written.
    pub async fn stop(self) {
        let limit = Duration::from_secs(WEB_GOODBYE + 1);
        let mut stopping = Box::pin(tokio::time::timeout(limit, self.server.stop(true)));
        self.service.broadcast.close_all().await;
        // What is short is answered; other nodes do not wait for what is long.
        let short = tokio::time::timeout(SHORT_GOODBYE, stopping.as_mut()).await;
        if let Some(calls) = &self.calls {
            calls.stop();
        }
        let handing_over = async {
            if let Some(keeper) = &self.keeper {
                keeper.stop(self.service.webhooks.stop()).await;
            }
        };
        let web = async {
            match short {
                Ok(ended) => ended,
                Err(_) => stopping.await,
            }
        };
        let (web, ()) = tokio::join!(web, handing_over);
        if web.is_err() {
            log::warn!(target: "switchboard", "open requests were cut");
        }
        self.following.abort();
        self.following_rows.abort();
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
        if let Some(handing_over) = &self.handing_over {
            handing_over.abort();
        }
        self.service.supervisor.stop_all().await;
        self.service.telegram.settle().await;
        self.service.webhooks.stop().await;
        self.service.vault.close().await;
        self.service.store.close().await;
    }
}

/// Brings every account back to where it was: running, stopped, or in the middle of a sign-in. Gives those that can't be for
/// now: no single one keeps the others from starting.
async fn restore(service: &Service) -> Result<BTreeSet<AccountId>, StartError> {
    let mut later = BTreeSet::new();
    for summary in service.vault.accounts().await? {
        if service.ownership.lease(summary.id).is_some() {
            // It is told to begin.
            continue;
        }
        if let Err(error) = remote::bring_up(service, &summary).await {
            log::error!(target: "switchboard::account", "account={} label={:?} can't be brought up and waits: {error}", summary.id, summary.label);
            later.insert(summary.id);
        }
    }
    Ok(later)
}
