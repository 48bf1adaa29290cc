//! Routes: the one list of what is served.

use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web::{self, Data, ServiceConfig, delete, get, patch, post},
};

use super::{
    ApiError, Gate, Service, accounts, assets, conversations, error, guard, health, login,
    messages, metrics, search, socket,
};

const LARGEST_BODY: usize = 1 << 20;

/// An application with the guard around every route.
pub fn guarded(
    gate: Data<Gate>,
    service: Data<Service>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(gate)
        .app_data(service)
        .wrap(from_fn(guard::guard))
        .configure(configure)
}

pub fn configure(config: &mut ServiceConfig) {
    let json = web::JsonConfig::default()
        .limit(LARGEST_BODY)
        .content_type_required(false)
        .error_handler(|error, _| error::json_error(error).into());
    let path = web::PathConfig::default()
        .error_handler(|_, _| ApiError::not_found("not_found", "thing under this id").into());
    let query = web::QueryConfig::default().error_handler(|error, _| {
        ApiError::bad_request(
            "malformed_query",
            format!("the query can't be read: {error}"),
        )
        .into()
    });
    config
        .app_data(json)
        .app_data(path)
        .app_data(query)
        .route("/", get().to(assets::get_desk))
        .route("/static/{file:.*}", get().to(assets::get_file))
        .route("/ws", get().to(socket::open_socket))
        .route("/accounts/add", post().to(accounts::add_account))
        .route("/accounts", get().to(accounts::list_accounts))
        .route("/accounts/{id}", get().to(accounts::get_account))
        .route("/accounts/{id}", patch().to(accounts::change_account))
        .route("/accounts/{id}", delete().to(accounts::remove_account))
        .route("/accounts/{id}/login", post().to(login::begin_login))
        .route("/accounts/{id}/login", get().to(login::get_login))
        .route("/accounts/{id}/login", delete().to(login::cancel_login))
        .route("/accounts/{id}/login/code", post().to(login::submit_code))
        .route(
            "/accounts/{id}/login/password",
            post().to(login::submit_password),
        )
        .route("/accounts/{id}/login/resend", post().to(login::resend_code))
        .route(
            "/accounts/{id}/restart",
            post().to(accounts::restart_account),
        )
        .route(
            "/accounts/{id}/logout",
            post().to(accounts::log_out_account),
        )
        .route("/accounts/{id}/send", post().to(conversations::queue_send))
        .route(
            "/conversations",
            get().to(conversations::list_conversations),
        )
        .route(
            "/conversations/{id}",
            get().to(conversations::get_conversation),
        )
        .route(
            "/conversations/{id}/messages",
            get().to(conversations::list_messages),
        )
        .route(
            "/conversations/{id}/reply",
            post().to(conversations::queue_reply),
        )
        .route(
            "/conversations/{id}/read",
            post().to(conversations::mark_read),
        )
        .route("/messages/{id}/retry", post().to(messages::retry_message))
        .route("/messages/{id}", delete().to(messages::discard_message))
        .route("/search", get().to(search::search_messages))
        .route("/health/live", get().to(health::get_live))
        .route("/health/ready", get().to(health::get_ready))
        .route("/metrics", get().to(metrics::get_metrics))
        .default_service(web::to(not_found));
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found("not_found", "address"))
}
