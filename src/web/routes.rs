//! Routes: the one list of what is served.

use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web::{self, Data, ServiceConfig, delete, get, head, patch, post},
};

use super::{
    ApiError, Gate, Service, accounts, assets, conversations, error, guard, health, history,
    integrations::{phone, portal, stream, user},
    launch, login, media, messages, metrics, openapi, search, socket,
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
    config.app_data(json).app_data(path).app_data(query);
    add_routes(config);
    config.default_service(web::to(not_found));
}

/// Writes the list down twice: as what is served, and as what can be looked through.
macro_rules! routes {
    ($($method:ident $path:literal => $handler:path;)*) => {
        /// Method and path of everything that is served.
        pub const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),*];

        fn add_routes(config: &mut ServiceConfig) {
            $(config.route($path, $method().to($handler));)*
        }
    };
}

routes! {
    get "/" => assets::get_desk;
    get "/static/{file:.*}" => assets::get_file;
    get "/docs" => assets::get_docs;
    get "/openapi.json" => openapi::get_document;
    get "/launch" => launch::open_desk;
    post "/launch" => launch::make_link;
    get "/ws" => socket::open_socket;
    post "/ws/ticket" => launch::make_ticket;
    post "/accounts/add" => accounts::add_account;
    get "/accounts" => accounts::list_accounts;
    get "/accounts/{id}" => accounts::get_account;
    patch "/accounts/{id}" => accounts::change_account;
    delete "/accounts/{id}" => accounts::remove_account;
    post "/accounts/{id}/login" => login::begin_login;
    get "/accounts/{id}/login" => login::get_login;
    delete "/accounts/{id}/login" => login::cancel_login;
    post "/accounts/{id}/login/code" => login::submit_code;
    post "/accounts/{id}/login/password" => login::submit_password;
    post "/accounts/{id}/login/resend" => login::resend_code;
    post "/accounts/{id}/restart" => accounts::restart_account;
    post "/accounts/{id}/logout" => accounts::log_out_account;
    post "/accounts/{id}/send" => conversations::queue_send;
    get "/conversations" => conversations::list_conversations;
    get "/conversations/{id}" => conversations::get_conversation;
    get "/conversations/{id}/messages" => history::list_messages;
    get "/conversations/{id}/media" => history::list_media;
    get "/conversations/{id}/topics" => conversations::list_topics;
    post "/conversations/{id}/reply" => conversations::queue_reply;
    post "/conversations/{id}/read" => conversations::mark_read;
    get "/conversations/{id}/photo" => media::get_photo;
    head "/conversations/{id}/photo" => media::get_photo;
    get "/messages/{id}/media" => media::get_media;
    head "/messages/{id}/media" => media::get_media;
    get "/messages/{id}/media/thumb" => media::get_thumb;
    head "/messages/{id}/media/thumb" => media::get_thumb;
    post "/messages/{id}/retry" => messages::retry_message;
    post "/messages/{id}/reveal" => messages::reveal_message;
    delete "/messages/{id}" => messages::discard_message;
    get "/search" => search::search_messages;
    get "/health/live" => health::get_live;
    get "/health/ready" => health::get_ready;
    get "/metrics" => metrics::get_metrics;
    get "/api/integrations/telegram-phone" => assets::get_connect;
    get "/api/integrations/telegram-phone/" => assets::get_connect;
    post "/api/integrations/telegram-phone/start" => phone::start;
    post "/api/integrations/telegram-phone/verify" => phone::verify;
    post "/api/integrations/telegram-phone/test" => phone::test;
    get "/api/integrations/telegram-phone/config" => phone::config;
    post "/api/integrations/telegram-phone/disconnect" => phone::disconnect;
    post "/telegram/user/auth/start" => user::start;
    post "/telegram/user/auth/verify" => user::verify;
    post "/telegram/user/send" => user::send;
    get "/telegram/user/status/{user_id}" => user::status;
    post "/telegram/user/disconnect" => user::disconnect;
    post "/message_stream" => stream::relay;
    get "/telegram" => assets::get_portal;
    get "/telegram/" => assets::get_portal;
    get "/telegram/session/status" => portal::session_status;
    get "/telegram/session/status/" => portal::session_status;
    post "/telegram/auth/phone" => portal::auth_phone;
    post "/telegram/auth/phone/" => portal::auth_phone;
    post "/telegram/auth/verify" => portal::auth_verify;
    post "/telegram/auth/verify/" => portal::auth_verify;
    get "/telegram/auth/qr" => portal::auth_qr;
    get "/telegram/auth/qr/" => portal::auth_qr;
    get "/telegram/auth/qr/status" => portal::qr_status;
    get "/telegram/auth/qr/status/" => portal::qr_status;
    get "/telegram/chats" => portal::list_chats;
    get "/telegram/chats/" => portal::list_chats;
    get "/telegram/chats/{chat_id}/messages" => portal::list_messages;
    get "/telegram/chats/{chat_id}/messages/" => portal::list_messages;
    get "/telegram/user/info" => portal::user_info;
    get "/telegram/user/info/" => portal::user_info;
    post "/telegram/session/reset" => portal::session_reset;
    post "/telegram/session/reset/" => portal::session_reset;
    get "/telegram/session/info" => portal::session_info;
    get "/telegram/session/info/" => portal::session_info;
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found("not_found", "address"))
}
