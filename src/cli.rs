//! Command line: flags, their environment variables and the subcommands. Values stay text here; `config`
//! checks them all at once, so that a person sees every problem in one run.

use std::{
    io::{Write, stdout},
    path::PathBuf,
};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A line on stdout. `println!` would end the program when whoever read its first line has gone (`| head -1`).
pub fn say(line: &str) {
    let _ = writeln!(stdout(), "{line}");
}

/// Many Telegram accounts, kept alive and answered from one desk.
#[derive(Parser, Debug)]
#[command(name = "switchboard", version, about)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub settings: Settings,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the service (the default).
    Serve(Box<Settings>),
    /// Run the service on a simulated Telegram: three accounts and live traffic, no credentials, no network.
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
    /// Run the simulated Telegram alone.
    #[cfg(feature = "demo")]
    Simulator(switchboard_simulator::command::SimulatorArgs),
    /// Tell what is wrong with the configuration, the key, the disk, the database, the vault, the ways to Telegram, the clock and the
    /// webhooks. Changes nothing.
    Check {
        #[command(flatten)]
        settings: Box<Settings>,
        /// One JSON object instead of lines.
        #[arg(long)]
        json: bool,
    },
    /// Make, list and revoke API tokens; with the first one the service is locked, until it is unlocked.
    Token {
        #[command(flatten)]
        settings: Box<Settings>,
        #[command(subcommand)]
        action: TokenAction,
    },
    /// Copy the store to a file, while the service runs or not. The master key is not in the copy.
    Backup {
        #[command(flatten)]
        settings: Box<Settings>,
        /// Sealed with the master key, so that nobody else can read it.
        #[arg(long)]
        sealed: bool,
        /// Where to; nothing is written over.
        file: PathBuf,
    },
    /// Put a copy in the place of the store; the service must not run. What was there is kept under another name.
    Restore {
        #[command(flatten)]
        settings: Box<Settings>,
        file: PathBuf,
    },
    /// Carry the whole store over to another engine, from its file to PostgreSQL or back. The service may run on the source until
    /// the last changes go over; nothing else of the data directory (master key, files) is touched.
    MigrateStore {
        #[command(flatten)]
        settings: Box<Settings>,
        #[command(flatten)]
        way: CarrySettings,
    },
    /// Tell how many messages and files, and how much of the disk, the settings of what is kept for how long would free. Changes
    /// nothing.
    Retention {
        #[command(flatten)]
        settings: Box<Settings>,
    },
    /// Change the master key: every sealed session is sealed anew. With a new passphrase, or none, for its file.
    Rekey {
        #[command(flatten)]
        settings: Box<Settings>,
        #[command(flatten)]
        cover: CoverSettings,
    },
}

/// Between which two stores rows are carried.
#[derive(Args, Debug, Clone, Default)]
pub struct CarrySettings {
    /// The store as it is: its data directory, or postgres://… (default: the data directory).
    #[arg(long, env = "SWITCHBOARD_MIGRATE_FROM", hide_env_values = true)]
    pub from: Option<String>,
    #[arg(long, env = "SWITCHBOARD_MIGRATE_FROM_FILE", hide = true)]
    pub from_file: Option<PathBuf>,
    /// Where it is to be: postgres://… with an empty database, or a data directory without a database.
    #[arg(long, env = "SWITCHBOARD_MIGRATE_TO", hide_env_values = true)]
    pub to: Option<String>,
    #[arg(long, env = "SWITCHBOARD_MIGRATE_TO_FILE", hide = true)]
    pub to_file: Option<PathBuf>,
    /// Seconds that the service on the source is waited for to be stopped.
    #[arg(long, env = "SWITCHBOARD_MIGRATE_PATIENCE", default_value_t = 3600)]
    pub patience: u64,
}

/// What the master key's file is under afterwards; without any of these, what it is under now.
#[derive(Args, Debug, Clone, Default)]
pub struct CoverSettings {
    #[arg(
        long,
        env = "SWITCHBOARD_NEW_MASTER_PASSPHRASE",
        hide = true,
        hide_env_values = true
    )]
    pub new_passphrase: Option<String>,
    /// File that holds the passphrase which the master key's file comes under.
    #[arg(long, env = "SWITCHBOARD_NEW_MASTER_PASSPHRASE_FILE")]
    pub new_passphrase_file: Option<PathBuf>,
    /// Leave the master key's file without a passphrase.
    #[arg(long)]
    pub no_passphrase: bool,
}

#[cfg(feature = "demo")]
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Address to serve on; port 0 picks a free one.
    #[arg(long, env = "SWITCHBOARD_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// Messages a second that the simulated people write.
    #[arg(long, default_value_t = 0.5)]
    pub rate: f64,
    /// The same seed makes the same people and the same talk.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

#[derive(Subcommand, Debug)]
pub enum TokenAction {
    /// Make a token; it is shown once.
    Create {
        /// What it is for, for people.
        #[arg(long)]
        name: String,
        #[arg(long, value_enum)]
        scope: TokenScopeArg,
        /// An account that it is for; repeatable, without it all of them.
        #[arg(long = "account")]
        accounts: Vec<uuid::Uuid>,
        /// When it ends, such as 2027-01-31T00:00:00Z; without it, when it is revoked.
        #[arg(long)]
        expires_at: Option<String>,
    },
    /// Another text for a token: name, scope, accounts and what belongs to it stay, the text before ends at once.
    Rotate {
        /// As shown by `token list`.
        id: i64,
    },
    /// List the tokens: name, scope, last use.
    List,
    /// Make a token useless at once, with all that it opened. The service stays locked when it was the last.
    Revoke {
        /// As shown by `token list`.
        id: i64,
    },
    /// Let everybody on this machine in without a token again, once no token is left.
    Unlock {
        /// Says that this is what you want.
        #[arg(long)]
        everybody_on_this_machine: bool,
    },
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenScopeArg {
    Read,
    Send,
    Admin,
    Licence,
}

/// Everything that can be set, before or behind a command. Each secret has a `…_FILE` twin: a file that holds it.
#[derive(Args, Debug, Clone, Default)]
pub struct Settings {
    /// Address to serve on; port 0 picks a free one.
    #[arg(
        global = true,
        long,
        env = "SWITCHBOARD_LISTEN",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: String,
    /// Where the database, the master key and the lock live; made with mode 0700.
    #[arg(
        long,
        global = true,
        env = "SWITCHBOARD_DATA_DIR",
        default_value = "./data"
    )]
    pub data_dir: PathBuf,
    /// A PostgreSQL that holds the rows in place of the file: postgres://user:password@host:5432/database. The master key, files of
    /// messages and the lock stay in the data directory.
    #[arg(
        global = true,
        long,
        env = "SWITCHBOARD_DATABASE_URL",
        hide_env_values = true
    )]
    pub database_url: Option<String>,
    #[arg(
        global = true,
        long,
        env = "SWITCHBOARD_DATABASE_URL_FILE",
        hide = true
    )]
    pub database_url_file: Option<PathBuf>,
    /// Certificates (PEM) that the PostgreSQL's certificate is verified with, in place of those that this machine trusts.
    #[arg(global = true, long, env = "SWITCHBOARD_DATABASE_CA")]
    pub database_ca: Option<PathBuf>,
    /// Telegram application id for accounts that bring none (from my.telegram.org).
    #[arg(global = true, long, env = "TELEGRAM_API_ID")]
    pub api_id: Option<String>,
    /// Telegram application hash that belongs to the id.
    #[arg(global = true, long, env = "TELEGRAM_API_HASH", hide_env_values = true)]
    pub api_hash: Option<String>,
    #[arg(global = true, long, env = "TELEGRAM_API_HASH_FILE", hide = true)]
    pub api_hash_file: Option<PathBuf>,
    /// A data centre to use instead of Telegram's own, as ID@IP:PORT; repeatable, sign-ins start at the first.
    #[arg(
        global = true,
        long = "telegram-dc",
        env = "TELEGRAM_DC",
        value_delimiter = ','
    )]
    pub telegram_dc: Vec<String>,
    /// RSA public key (PEM) of those data centres.
    #[arg(global = true, long, env = "TELEGRAM_DC_KEY")]
    pub telegram_dc_key: Option<PathBuf>,
    /// A way to Telegram for accounts that name none: socks5://, http://, https:// or mtproxy:// with host and port, or a
    /// tg://proxy link; repeatable, in the order of preference. With any, no account goes out directly.
    #[arg(
        global = true,
        long = "proxy",
        env = "SWITCHBOARD_PROXIES",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub proxy: Vec<String>,
    #[arg(global = true, long, env = "SWITCHBOARD_PROXIES_FILE", hide = true)]
    pub proxies_file: Option<PathBuf>,
    /// Supabase project address: the account vault. Without it the vault is the local database.
    #[arg(global = true, long, env = "SUPABASE_URL", hide_env_values = true)]
    pub supabase_url: Option<String>,
    /// Supabase service key (service_role JWT or sb_secret_…).
    #[arg(
        global = true,
        long,
        env = "SUPABASE_SERVICE_KEY",
        hide_env_values = true
    )]
    pub supabase_key: Option<String>,
    #[arg(global = true, long, env = "SUPABASE_SERVICE_KEY_FILE", hide = true)]
    pub supabase_key_file: Option<PathBuf>,
    /// Seconds between two looks at the Supabase table, and between tries while it is away (default 60).
    #[arg(long, global = true, env = "SUPABASE_INTERVAL")]
    pub supabase_interval: Option<String>,
    /// File that holds the master key; made on first start.
    #[arg(global = true, long, env = "SWITCHBOARD_MASTER_KEY_FILE")]
    pub master_key_file: Option<PathBuf>,
    /// The master key itself, 32 bytes in base64, instead of its file.
    #[arg(
        global = true,
        long,
        env = "SWITCHBOARD_MASTER_KEY",
        hide = true,
        hide_env_values = true
    )]
    pub master_key: Option<String>,
    /// What the master key's file is under, if it is.
    #[arg(
        global = true,
        long,
        env = "SWITCHBOARD_MASTER_PASSPHRASE",
        hide = true,
        hide_env_values = true
    )]
    pub master_passphrase: Option<String>,
    #[arg(
        global = true,
        long,
        env = "SWITCHBOARD_MASTER_PASSPHRASE_FILE",
        hide = true
    )]
    pub master_passphrase_file: Option<PathBuf>,
    /// A further Host value to serve besides the loopback names; repeatable.
    #[arg(
        global = true,
        long = "allowed-host",
        env = "SWITCHBOARD_ALLOWED_HOSTS",
        value_delimiter = ','
    )]
    pub allowed_host: Vec<String>,
    /// Certificate chain (PEM) to serve HTTPS with; read again when the file changes.
    #[arg(global = true, long, env = "SWITCHBOARD_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,
    /// Private key (PEM) of that certificate.
    #[arg(global = true, long, env = "SWITCHBOARD_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// A proxy in front does the TLS: every call counts as one from outside this machine, and a call's address is the last
    /// one in X-Forwarded-For.
    #[arg(global = true, long, env = "SWITCHBOARD_BEHIND_PROXY")]
    pub behind_proxy: bool,
    /// Print the link that opens the desk also where stdout is no terminal: whoever reads that output, a journal for instance,
    /// can open the desk.
    #[arg(global = true, long, env = "SWITCHBOARD_LAUNCH_LINK")]
    pub launch_link: bool,
    /// OpenAI-compatible endpoint for /message_stream.
    #[arg(global = true, long, env = "ASSISTANT_URL", hide_env_values = true)]
    pub assistant_url: Option<String>,
    /// The key that goes with it.
    #[arg(global = true, long, env = "ASSISTANT_KEY", hide_env_values = true)]
    pub assistant_key: Option<String>,
    #[arg(global = true, long, env = "ASSISTANT_KEY_FILE", hide = true)]
    pub assistant_key_file: Option<PathBuf>,
    /// Model name that the assistant is asked for.
    #[arg(global = true, long, env = "ASSISTANT_MODEL")]
    pub assistant_model: Option<String>,
    /// An address that events are posted to; repeatable.
    #[arg(
        global = true,
        long = "webhook",
        env = "SWITCHBOARD_WEBHOOKS",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub webhook: Vec<String>,
    /// What those posts are signed with (HMAC-SHA256), at least 16 characters.
    #[arg(
        global = true,
        long,
        env = "SWITCHBOARD_WEBHOOK_SECRET",
        hide_env_values = true
    )]
    pub webhook_secret: Option<String>,
    #[arg(
        global = true,
        long,
        env = "SWITCHBOARD_WEBHOOK_SECRET_FILE",
        hide = true
    )]
    pub webhook_secret_file: Option<PathBuf>,
    /// An address or network that webhooks made over REST may lead to besides public ones, such as 10.0.0.0/8; repeatable.
    #[arg(
        global = true,
        long = "webhook-allow",
        env = "SWITCHBOARD_WEBHOOK_ALLOW",
        value_delimiter = ','
    )]
    pub webhook_allow: Vec<String>,
    /// Seconds that an event is tried which a webhook refuses while it takes others, before it is passed over (default a
    /// day).
    #[arg(global = true, long, env = "SWITCHBOARD_WEBHOOK_PATIENCE")]
    pub webhook_patience: Option<String>,
    /// Seconds that a reply is tried, while its account is online, when Telegram gives no definite answer (default 600).
    #[arg(global = true, long, env = "SWITCHBOARD_REPLY_PATIENCE")]
    pub reply_patience: Option<String>,
    /// Bound of the files of messages that are kept on disk, such as 500MiB or 2GiB (default 2GiB).
    #[arg(long, env = "SWITCHBOARD_MEDIA_CACHE")]
    pub media_cache: Option<String>,
    /// Bucket that files of messages are kept in instead: s3://bucket/prefix, with the usual AWS_ variables.
    #[arg(long, env = "SWITCHBOARD_MEDIA_STORE")]
    pub media_store: Option<String>,
    /// Directory that files wait in until they are sent, where several processes on one PostgreSQL are to see the same (default in the
    /// data directory; with a bucket in that).
    #[arg(long, env = "SWITCHBOARD_STAGED_PATH")]
    pub staged_path: Option<PathBuf>,
    /// Days that messages are kept for, at least 7; what is older is deleted here, never at Telegram. Without it everything is kept.
    /// Accounts may say otherwise. `switchboard retention` tells what would go.
    #[arg(global = true, long, env = "SWITCHBOARD_KEEP_MESSAGES")]
    pub keep_messages: Option<String>,
    /// Days that the files of messages are kept for after somebody opened them, at least 7 (default as long as there is room).
    #[arg(global = true, long, env = "SWITCHBOARD_KEEP_MEDIA")]
    pub keep_media: Option<String>,
    /// Days that events are kept for, at least 7, for listeners and webhooks that come back (default the newest million).
    #[arg(global = true, long, env = "SWITCHBOARD_KEEP_EVENTS")]
    pub keep_events: Option<String>,
}
