//! `GET /metrics`.

use actix_web::{HttpResponse, web};
use prometheus_client::{
    encoding::text::{encode_eof, encode_registry},
    registry::Registry,
};

use super::{ApiError, Service};

pub async fn get_metrics(service: web::Data<Service>) -> Result<HttpResponse, ApiError> {
    let accounts = service.store.list_accounts().await?;
    (service.metrics).look(&accounts, service.broadcast.subscribers());
    let mut text = String::new();
    let mut of_others = Registry::default();
    service.store.metrics().register(&mut of_others);
    service.webhooks.figures().register(&mut of_others);
    service.telegram.register(&mut of_others);
    encode_registry(&mut text, service.metrics.registry())
        .and_then(|()| encode_registry(&mut text, &of_others))
        .and_then(|()| encode_eof(&mut text))
        .map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(text))
}
