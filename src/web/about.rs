//! About: what the service is, and the files that it keeps.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::{ApiError, Service, audit::Note};
use crate::telegram::LAYER;

pub async fn get_about(service: web::Data<Service>) -> Result<HttpResponse, ApiError> {
    let nodes = service.store.nodes().await?.nodes;
    let alive = nodes.iter().filter(|node| node.alive).count();
    // Nodes are where the rows are on a server, which several services may share.
    let database = match service.ownership.node() {
        Some(_) => "postgres",
        None => "sqlite",
    };
    let files = json!({
        "store": if service.media.in_bucket() { "bucket" } else { "disk" },
        "kept_bytes": service.media.kept_bytes(),
        "bound": service.media.bound(),
    });
    Ok(HttpResponse::Ok().json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "layer": LAYER,
        "database": database,
        "nodes": alive.max(1),
        "files": files,
    })))
}

/// The folder's files go; what is asked for again comes from Telegram again. A bucket is emptied by its own rules.
pub async fn clear_files(
    service: web::Data<Service>,
    note: Note,
) -> Result<HttpResponse, ApiError> {
    let cleared = service.media.clear().await;
    let (files, bytes) = cleared.map_err(ApiError::internal)?;
    note.label(&format!("{files} files"));
    Ok(HttpResponse::Ok().json(json!({ "files": files, "freed_bytes": bytes })))
}
