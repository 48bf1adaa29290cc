//! App: builds everything from the store to the browser's socket, and stops it the other way round.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix::Arbiter;
use actix_web::{
    HttpServer,
    dev::{Server, ServerHandle},
    web::Data,
};

use futures_util::future::BoxFuture;
use serde_json::json;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::{
    account::{AccountParts, CopySource, Typing, TypingSink, UploadProgress, UploadSink},
    alive::Loops,
    broadcast::{BroadcastHandle, Transient},
    config::Config,
    data_dir::{DataDir, DataDirError},
    domain::{Account, AccountId, Event, EventBody, Timestamp},
    files::Files,
    handover::Handover,
    media::{Links, MediaConfig, MediaHandle, MediaOpenError},
    nodes::{Calls, Keeper, Ownership, Terms},
    remote,
    staging::{Seen, Shelf, Staging},
    store::{EventSink, Fence, NodeRow, Store, StoreConfig, StoreError, StoreHandle, TokenTable},
    supervisor::{RestartPolicy, SupervisorHandle},
    telegram::{LinkHandle, Telegram, TelegramConfig, TelegramError},
    tls::{Certificate, TlsError},
    traces,
    vault::{KeyError, KeySource, Keyring, SupabaseConfig, Vault, VaultConfig, VaultError},
    web::{
        AssistantClient, Audit, Doors, Elsewhere, Front, Gate, Hosts, Metrics, NoTokenLeft,
        Service, Settling, Turns, guarded, note_own_address, run_calls,
    },
    webhooks::{AddressGuard, OwnerOf, Webhooks},
    whispers::{Whispers, timed},
};

/// Threads that serve HTTP and WebSockets.
const WEB_WORKERS: usize = 2;
/// Threads that accounts are spread over; their heavy work is on Telegram's runtime.
const ACCOUNT_THREADS: usize = 2;
/// How long a connection stays for its client to read the last answer before it is cut: together with the time until a
/// revoked token is noticed it has to stay below a second.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// A start does not wait longer for its share of the accounts; they are brought up when they come.
const JOINING: Duration = Duration::from_secs(5);
/// Between two looks for accounts that nobody has.
const MISSING: Duration = Duration::from_secs(3);
/// Until a launch link that could not be stored is tried again.
const LINK_AGAIN: Duration = Duration::from_secs(5);
/// Of these, one looks at files that others have sent, too.
const TIDY_EVERY: u64 = 100;
/// How long open requests may take to end.
const WEB_GOODBYE: u64 = 2;
/// How long accounts stay for requests that are under way, where another node waits for them.
const SHORT_GOODBYE: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("TELEGRAM_DC_KEY: {0}")]
    Telegram(#[from] TelegramError),
    #[error(transparent)]
    Media(#[from] MediaOpenError),
    #[error("the folder of files that wait to be sent can't be used: {0}")]
    Staging(io::Error),
    #[error("no thread can be had for the leases of accounts: {0}")]
    Nodes(io::Error),
    #[error("SWITCHBOARD_LISTEN: {address} can't be served: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(
        "SWITCHBOARD_LISTEN: {0} can be reached from outside this machine; make a token of scope admin first, or nobody \
         could end what others may do (`switchboard token create --name … --scope admin`)"
    )]
    OpenToOthers(SocketAddr),
}

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

/// What the store calls after each commit.
#[derive(Default)]
struct Announcer {
    broadcast: OnceLock<BroadcastHandle>,
    whispers: OnceLock<Whispers>,
    media: OnceLock<MediaHandle>,
    metrics: Arc<Metrics>,
}

impl EventSink for Announcer {
    fn committed(&self, events: Vec<Arc<Event>>) {
        traces::committed(&events);
        for event in &events {
            self.metrics.count(event);
        }
        if let Some(media) = self.media.get() {
            for event in &events {
                media.committed(&event.body);
            }
        }
        if let Some(whispers) = self.whispers.get() {
            for event in &events {
                if let EventBody::LoginUpdated { account_id, login } = &event.body {
                    whispers.tell_others_of(*account_id, login.as_ref());
                }
            }
        }
        if let Some(broadcast) = self.broadcast.get() {
            broadcast.publish(events);
        }
    }

    fn heard(&self, events: Vec<Arc<Event>>) {
        if let Some(media) = self.media.get() {
            for event in &events {
                media.heard(&event.body);
            }
        }
        if let Some(broadcast) = self.broadcast.get() {
            broadcast.publish(events);
        }
    }

    fn waiting(&self, account: Account) {
        let Some(broadcast) = self.broadcast.get() else {
            return;
        };
        let account_id = account.id;
        let body = EventBody::AccountStatus {
            account: Box::new(account),
        };
        let text = timed(&body).to_string().into();
        broadcast.announce(Transient::of_text(account_id, text));
    }
}

/// Hands "somebody types" and how far an upload is to whoever looks right now.
struct Whisper(Whispers);

impl TypingSink for Whisper {
    fn typing(&self, typing: Typing) {
        let account_id = typing.account_id;
        let frame = json!({ "event": "typing", "at": Timestamp::now(), "data": typing });
        self.0.tell(account_id, &frame);
    }
}

impl UploadSink for Whisper {
    fn uploaded(&self, progress: UploadProgress) {
        let account_id = progress.account_id;
        let frame = json!({ "event": "upload_progress", "at": Timestamp::now(), "data": progress });
        self.0.tell(account_id, &frame);
    }
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
            tokio::join!(of_rows.follow_webhooks(), of_rows.doors.owners.follow());
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
                // Before the others hear that this node is no more.
                self.service.webhooks.stop().await;
                keeper.stop().await;
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

/// Takes part among those who serve the same database; `None`: there is a file, which one process has to itself.
fn join(
    config: &Config,
    data_dir: &DataDir,
    store: &StoreHandle,
) -> Result<Option<(Keeper, Handover)>, StartError> {
    let Some(url) = &config.database else {
        return Ok(None);
    };
    let uname = rustix::system::uname();
    let node = NodeRow {
        id: Uuid::new_v4(),
        name: uname.nodename().to_string_lossy().into_owned(),
        address: None,
        home: data_dir.home(),
    };
    let (lines, handover) = Handover::new();
    let keeper =
        Keeper::start(url.clone(), node, Terms::default(), lines).map_err(StartError::Nodes)?;
    store.fence(Arc::new(keeper.owned()) as Arc<dyn Fence>);
    Ok(Some((keeper, handover)))
}

fn serve(
    config: &Config,
    service: Data<Service>,
    certificate: Option<&Certificate>,
) -> Result<(Front, Data<Gate>, Server), StartError> {
    let refused = |source| StartError::Listen {
        address: config.listen,
        source,
    };
    let listener = TcpListener::bind(config.listen).map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let front = Front::new(
        address,
        certificate.is_some(),
        config.behind_proxy,
        &config.allowed_hosts,
    );
    let gate = Data::new(Gate {
        hosts: Hosts::new(address.port(), &config.allowed_hosts),
        front: front.clone(),
    });
    let at_the_gate = gate.clone();
    let server = HttpServer::new(move || guarded(at_the_gate.clone(), service.clone()))
        .workers(WEB_WORKERS)
        // An event must not wait until the reader has acknowledged the one before.
        .tcp_nodelay(true)
        .client_disconnect_timeout(LAST_WORDS)
        .disable_signals()
        .shutdown_timeout(WEB_GOODBYE)
        .on_connect(note_own_address);
    let bound = match certificate {
        Some(certificate) => server.listen_rustls_0_23(listener, certificate.server_config()?),
        None => server.listen(listener),
    };
    Ok((front, gate, bound.map_err(refused)?.run()))
}

/// The other nodes; `None`: there are none.
fn elsewhere(
    config: &Config,
    ownership: &Ownership,
    staging: Option<Uuid>,
) -> Result<Option<Elsewhere>, StartError> {
    let (Some(url), Some(node)) = (&config.database, ownership.node()) else {
        return Ok(None);
    };
    let ownership = ownership.clone();
    let calls = Calls::open(url, node)?;
    // What is asked of this node itself is addressed to it, or to its folder of files that wait.
    Ok(Some(Elsewhere::new(calls, move |account| {
        ownership.may_run(account) || account.0 == node || Some(account.0) == staging
    })))
}

/// Where files wait that people send.
fn open_staging(config: &Config, data_dir: &DataDir, shared: bool) -> Result<Staging, StartError> {
    if let Some(folder) = &config.staged_path {
        return Staging::open_as(folder.clone(), Seen::InTheFolder).map_err(StartError::Staging);
    }
    let seen = match &config.media_store {
        _ if !shared => Seen::Here,
        Some(bucket) => {
            let shelf = Shelf::open(bucket, tokio::runtime::Handle::current());
            let shelf = shelf.map_err(|error| MediaOpenError::Bucket(error.to_string()))?;
            Seen::OnTheShelf(shelf)
        }
        None => Seen::ByAsking(data_dir.name().map_err(StartError::Staging)?),
    };
    Staging::open_as(data_dir.staged(), seen).map_err(StartError::Staging)
}

/// Calls of other nodes, on a thread of their own.
fn run_calls_of_others(gate: Data<Gate>, service: &Data<Service>) -> Option<Arbiter> {
    let elsewhere = service.elsewhere.clone()?;
    let service = service.clone();
    let arbiter = Arbiter::new();
    // It is gone only when the process ends.
    let _ = arbiter.spawn_fn(move || {
        if let Some(mut changes) = service.ownership.changes() {
            let calls = elsewhere.calls.clone();
            actix::spawn(async move {
                while changes.changed().await.is_ok() {
                    calls.look();
                }
            });
        }
        actix::spawn(run_calls(gate, service, elsewhere));
    });
    Some(arbiter)
}

/// A node that went away tells nobody; the others see it by its leases. And what lies here for accounts that went elsewhere goes once it
/// is sent there.
async fn look_after_others(service: Data<Service>) {
    let mut told = HashMap::new();
    for round in 1_u64.. {
        tokio::time::sleep(MISSING).await;
        if let Err(error) = service.store.tell_of_unattended(&mut told).await {
            log::debug!(target: "switchboard::nodes", "who has which account can't be read for now: {error}");
        }
        if round % TIDY_EVERY == 0 {
            let own = |id| service.ownership.may_run(id);
            let held = service.staging.held_of_others(own);
            if !held.is_empty()
                && let Ok(named) = service.store.staged_files(None).await
            {
                let gone = held.into_iter().filter(|name| !named.contains(name));
                service.staging.let_go(gone);
            }
        }
    }
}

/// The accounts' links, as the supervisor has them.
struct LinksOf(SupervisorHandle);

impl Links for LinksOf {
    fn link(&self, account: AccountId) -> BoxFuture<'_, Option<LinkHandle>> {
        Box::pin(self.0.link(account))
    }
}

async fn open_media(
    config: &Config,
    data_dir: &DataDir,
    store: &StoreHandle,
    supervisor: &SupervisorHandle,
) -> Result<MediaHandle, StartError> {
    let accounts = store.list_accounts().await?;
    let media = MediaConfig {
        folder: data_dir.media(),
        bound: config.media_cache,
        bucket: config.media_store.clone(),
        keep: config.keep,
    };
    let links = Arc::new(LinksOf(supervisor.clone()));
    Ok(MediaHandle::open_folder(
        &media,
        store.clone(),
        links,
        &accounts,
        &tokio::runtime::Handle::current(),
    )?)
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
