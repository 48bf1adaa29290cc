//! `GET /metrics`. It answers within seconds, and says what it can also while the database can't be read: that is when somebody looks.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use prometheus_client::{
    encoding::text::{encode_eof, encode_registry},
    registry::Registry,
};

use tokio::time::timeout;

use super::{ApiError, Service, figures::Surroundings, health::store_health, nodes};

/// Prometheus gives up after ten seconds, unless it is told otherwise.
const LIMIT: Duration = Duration::from_secs(3);

pub async fn get_metrics(service: web::Data<Service>) -> Result<HttpResponse, ApiError> {
    let store = service.store.clone();
    let room = timeout(LIMIT, web::block(move || store.room()));
    let (usable, room, accounts) = tokio::join!(
        store_health(&service),
        room,
        timeout(LIMIT, service.store.list_accounts()),
    );
    let around = Surroundings {
        open: service.broadcast.subscribers(),
        usable: usable.ok,
        room: room.ok().and_then(Result::ok).and_then(Result::ok),
        vault: service.vault.status(),
    };
    service.metrics.look_around(&around);
    if let Ok(Ok(accounts)) = accounts {
        service.metrics.look(&accounts);
    }
    let mut text = String::new();
    let mut of_others = Registry::default();
    service.store.metrics().register(&mut of_others);
    service.webhooks.figures().register(&mut of_others);
    service.telegram.register(&mut of_others);
    service.media.register_figures(&mut of_others);
    nodes::register_figures(&service.ownership, &mut of_others);
    encode_registry(&mut text, service.metrics.registry())
        .and_then(|()| encode_registry(&mut text, &of_others))
        .and_then(|()| encode_eof(&mut text))
        .map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(text))
}
