//! Nodes: several services on one database, and which of them has which account.

use std::{
    io,
    os::unix::fs::FileExt,
    sync::{Arc, atomic::AtomicU64},
};

use actix_web::{
    HttpResponse,
    web::{self, Bytes},
};
use futures_util::stream;
use prometheus_client::{metrics::gauge::Gauge, registry::Registry};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ApiError, Service, audit::Note};
use crate::{
    aside,
    domain::AccountId,
    nodes::Ownership,
    staging::StagedName,
    store::{Drained, NodeSeen},
};

/// What is read from the disk at once.
const CHUNK: u64 = 256 * 1024;

/// No nodes: one process has everything.
pub async fn list_nodes(service: web::Data<Service>) -> Result<HttpResponse, ApiError> {
    let seen = service.store.nodes().await?;
    let own = service.ownership.node().map(|id| id.to_string());
    let nodes: Vec<Value> = seen
        .nodes
        .iter()
        .map(|node| described(node, own.as_deref()))
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "nodes": nodes, "without_node": seen.without_node })))
}

fn described(node: &NodeSeen, own: Option<&str>) -> Value {
    let accounts: Vec<Value> = node
        .accounts
        .iter()
        .map(|lease| json!({ "id": lease.account, "epoch": lease.epoch, "left_ms": lease.left_ms }))
        .collect();
    json!({
        "id": node.id,
        "name": node.name,
        "address": node.address,
        "version": node.version,
        "this": Some(node.id.as_str()) == own,
        "alive": node.alive,
        "draining": node.draining,
        "started_at": node.started_at,
        "seen_ms": node.seen_ms,
        "vault": node.vault.as_deref().and_then(|vault| serde_json::from_str::<Value>(vault).ok()),
        "accounts": accounts,
    })
}

#[derive(Deserialize)]
pub struct DrainNode {
    draining: Option<bool>,
}

/// The node lets go of its accounts and takes none, or takes part again.
pub async fn drain_node(
    service: web::Data<Service>,
    id: web::Path<Uuid>,
    note: Note,
    body: Option<web::Json<DrainNode>>,
) -> Result<HttpResponse, ApiError> {
    let draining = body.and_then(|body| body.draining).unwrap_or(true);
    match service.store.drain_node(*id, draining).await? {
        Drained::Ordered => {}
        Drained::NoSuchNode => return Err(ApiError::not_found("node_not_found", "node")),
        Drained::NoOther => {
            return Err(ApiError::conflict(
                "no_other_node",
                "no other node would take its accounts: start one first, or stop this one",
            ));
        }
    }
    note.label(&id.to_string());
    Ok(HttpResponse::Accepted().json(json!({ "id": *id, "draining": draining })))
}

/// As another node asks for it, which sends it.
pub async fn staged_file(
    service: web::Data<Service>,
    path: web::Path<(AccountId, Uuid)>,
) -> Result<HttpResponse, ApiError> {
    let (account, name) = path.into_inner();
    let name = StagedName {
        account,
        name: name.to_string(),
    };
    let file = match service.staging.file(&name) {
        Ok(file) => Arc::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ApiError::not_found("media_not_found", "file"));
        }
        Err(error) => return Err(ApiError::internal(error)),
    };
    let size = file.metadata().map_err(ApiError::internal)?.len();
    let pieces = stream::try_unfold(0, move |at| {
        let file = Arc::clone(&file);
        async move {
            let length = usize::try_from((size - at).min(CHUNK)).unwrap_or(0);
            if length == 0 {
                return Ok(None);
            }
            let read = aside::blocking(move || {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, at)
                    .map(|()| Bytes::from(bytes))
            });
            let bytes = read
                .await
                .map_err(ApiError::internal)?
                .map_err(ApiError::internal)?;
            Ok::<_, ApiError>(Some((bytes, at + length as u64)))
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .no_chunking(size)
        .streaming(pieces))
}

/// What this node knows of itself without asking anybody. `null`: there are no others.
pub(super) fn of_this(ownership: &Ownership) -> Value {
    let Some(standing) = ownership.standing() else {
        return Value::Null;
    };
    json!({
        "id": standing.node,
        "nodes": standing.nodes,
        "draining": standing.draining,
        "accounts": standing.held,
        "renewed_seconds": standing.renewed_ago.map(|ago| ago.as_secs()),
    })
}

/// They are there also where one process has everything: a rule about nodes need not ask.
pub(super) fn register_figures(ownership: &Ownership, registry: &mut Registry) {
    let standing = ownership.standing();
    let whole = |value: i64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(value);
        gauge
    };
    registry.register(
        "switchboard_nodes",
        "Services on this database that take accounts, as this one sees it",
        whole(standing.map_or(1, |standing| standing.nodes)),
    );
    registry.register(
        "switchboard_node_accounts",
        "Accounts that this node has a lease of; 0 where one process has everything",
        whole(standing.map_or(0, |standing| {
            i64::try_from(standing.held).unwrap_or(i64::MAX)
        })),
    );
    registry.register(
        "switchboard_node_draining",
        "1: this node takes no accounts",
        whole(standing.map_or(0, |standing| i64::from(standing.draining))),
    );
    let age: Gauge<f64, AtomicU64> = Gauge::default();
    let renewed = standing.and_then(|standing| standing.renewed_ago);
    age.set(renewed.map_or(0.0, |ago| ago.as_secs_f64()));
    registry.register(
        "switchboard_lease_age_seconds",
        "Since this node renewed its leases; at 25 it gives its accounts up",
        age,
    );
}
