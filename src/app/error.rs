//! What keeps the service from serving.

use std::{io, net::SocketAddr};

use crate::{
    data_dir::DataDirError,
    media::MediaOpenError,
    store::StoreError,
    telegram::TelegramError,
    tls::TlsError,
    vault::{KeyError, VaultError},
};

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
