//! TLS: the certificate that HTTPS is served with, read again when its files change, so that a renewed one needs no restart.
//!
//! A new pair that can't be used changes nothing: the one before goes on, and the log says why.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use crate::config::TlsFiles;

/// Between two looks at the files.
const EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("SWITCHBOARD_TLS_CERT: {path}: {why}")]
    Cert { path: PathBuf, why: String },
    #[error("SWITCHBOARD_TLS_KEY: {path}: {why}")]
    Key { path: PathBuf, why: String },
    #[error("{0}")]
    Rustls(#[from] rustls::Error),
}

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Certificate {
    files: TlsFiles,
    current: Arc<RwLock<Arc<CertifiedKey>>>,
}

impl Certificate {
    /// # Errors
    /// When the files can't be read or don't belong together.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            current: Arc::new(RwLock::new(Arc::new(read(files)?))),
            files: files.clone(),
        })
    }

    /// # Errors
    /// When the TLS library refuses its own defaults.
    pub fn server_config(&self) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        Ok(config)
    }

    /// Looks at the files again and again; ends with the task.
    pub async fn follow(self) {
        let mut seen = self.stamp();
        loop {
            tokio::time::sleep(EVERY).await;
            let now = self.stamp();
            if now == seen {
                continue;
            }
            seen = now;
            // Read after the look: what changes meanwhile is seen by the next one.
            match read(&self.files) {
                Ok(pair) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                    log::info!(target: "switchboard::web", "the certificate was read anew");
                }
                Err(error) => {
                    log::warn!(target: "switchboard::web", "the certificate changed and can't be used, the one before goes on: {error}");
                }
            }
        }
    }

    fn stamp(&self) -> [Option<(SystemTime, u64)>; 2] {
        [stamp(&self.files.cert), stamp(&self.files.key)]
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let cert = |why: String| TlsError::Cert {
        path: files.cert.clone(),
        why,
    };
    let key = |why: String| TlsError::Key {
        path: files.key.clone(),
        why,
    };
    let bytes = |path: &Path| -> io::Result<Vec<u8>> { fs::read(path) };
    let pem = bytes(&files.cert).map_err(|error| cert(error.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| cert(error.to_string()))?;
    if chain.is_empty() {
        return Err(cert("holds no certificate in PEM form".to_owned()));
    }
    // Its error never carries what the file holds.
    let pem = bytes(&files.key).map_err(|error| key(error.to_string()))?;
    let private = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| key("holds no private key in PEM form".to_owned()))?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, private, &provider)
        .map_err(|error| key(format!("does not fit the certificate: {error}")))
}
