//! Serving: the door of the process, opened last.

use std::{net::TcpListener, time::Duration};

use actix_web::{HttpServer, dev::Server, web::Data};

use super::error::StartError;
use crate::{
    config::Config,
    tls::Certificate,
    web::{Front, Gate, Hosts, Service, guarded, note_own_address},
};

/// Threads that serve HTTP and WebSockets.
const WEB_WORKERS: usize = 2;
/// How long a connection stays for its client to read the last answer before it is cut: together with the time until a
/// revoked token is noticed it has to stay below a second.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// How long open requests may take to end.
pub(super) const WEB_GOODBYE: u64 = 2;

pub(super) fn serve(
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
