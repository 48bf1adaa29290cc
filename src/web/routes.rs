//! Routes: the one list of what is served.

use actix_web::{
    App, Error, HttpRequest, HttpResponse, Resource,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web::{self, Data, ServiceConfig, delete, get, head, patch, post, put},
};

use super::{
    ApiError, Gate, Need, Service, about, accounts, adding, assets, audit_list, chat_orders,
    conversations, devices, error, events, export, forward, guard, health, history, import,
    integrations::{phone, portal, stream, user, user_send},
    launch, login, mark, media, messages, metrics, nodes, openapi, orders, people, replies,
    retention,
    rights::{Right, Rights},
    scheduled, search, socket, tokens, ways, webhooks,
};

const LARGEST_BODY: usize = 1 << 20;
/// Each `get` of these does something, and so is no `HEAD`.
const DOING: [&str; 4] = ["/ws", "/launch", "/telegram/auth/qr", "/telegram/auth/qr/"];

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
        .app_data(Rights(RIGHTS))
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

type Add = fn(Resource) -> Resource;

/// What a path knows, and that it knows nothing else.
fn add_paths(config: &mut ServiceConfig, routes: &[(&'static str, Add)]) {
    let mut paths: Vec<(&'static str, Resource)> = Vec::new();
    for (path, add) in routes {
        let at = paths.iter().position(|(known, _)| known == path);
        let resource = match at {
            Some(at) => paths.swap_remove(at).1,
            None => web::resource(*path).default_service(web::to(not_allowed)),
        };
        let place = at.unwrap_or(paths.len());
        paths.push((path, add(resource)));
        // The order of the list is the order in which paths are tried.
        let last = paths.len() - 1;
        paths.swap(place, last);
    }
    for (_, resource) in paths {
        config.service(resource);
    }
}

macro_rules! route {
    (get $resource:ident $handler:path) => {
        $resource
            .route(get().to($handler))
            .route(head().to($handler))
    };
    (once $resource:ident $handler:path) => {
        $resource.route(get().to($handler))
    };
    ($method:ident $resource:ident $handler:path) => {
        $resource.route($method().to($handler))
    };
}

macro_rules! method_name {
    (once) => {
        "get"
    };
    ($method:ident) => {
        stringify!($method)
    };
}

macro_rules! action {
    () => {
        None
    };
    ($action:literal) => {
        Some($action)
    };
}

/// Writes the list down twice: as what is served, and as what can be looked through. `once` is a `get` that does
/// something, and so has no `HEAD`.
macro_rules! routes {
    ($($method:ident $path:literal => $handler:path, $need:ident $(, $action:literal)?;)*) => {
        /// Method and path of everything that is served.
        pub const ROUTES: &[(&str, &str)] = &[$((method_name!($method), $path)),*];

        /// What each of them needs.
        pub const RIGHTS: &[Right] = &[$(Right {
            method: method_name!($method),
            path: $path,
            need: Need::$need,
            action: action!($($action)?),
        }),*];

        fn add_routes(config: &mut ServiceConfig) {
            add_paths(config, &[$(($path, |resource| route!($method resource $handler))),*]);
        }
    };
}

routes! {
    get "/" => assets::get_desk, Nothing;
    get "/static/{file:.*}" => assets::get_file, Nothing;
    get "/docs" => assets::get_docs, Nothing;
    get "/openapi.json" => openapi::get_document, Nothing;
    get "/asyncapi.json" => openapi::get_asyncapi, Nothing;
    get "/collection.json" => openapi::get_collection, Nothing;
    once "/launch" => launch::open_desk, Nothing, "desk_opened";
    post "/launch" => launch::make_link, Service, "link_made";
    once "/ws" => socket::open_socket, Read;
    post "/ws/ticket" => launch::make_ticket, Read;
    post "/accounts/add" => adding::add_account, Service, "account_added";
    get "/accounts" => accounts::list_accounts, Read;
    get "/accounts/{id}" => accounts::get_account, Read;
    patch "/accounts/{id}" => accounts::change_account, Admin, "account_changed";
    delete "/accounts/{id}" => accounts::remove_account, Admin, "account_removed";
    post "/accounts/{id}/login" => login::begin_login, Admin, "login_started";
    get "/accounts/{id}/login" => login::get_login, Read;
    delete "/accounts/{id}/login" => login::cancel_login, Admin, "login_cancelled";
    post "/accounts/{id}/login/code" => login::submit_code, Admin, "login_answered";
    post "/accounts/{id}/login/email" => login::submit_email, Admin, "login_answered";
    post "/accounts/{id}/login/password" => login::submit_password, Admin, "login_answered";
    post "/accounts/{id}/login/resend" => login::resend_code, Admin, "login_code_resent";
    post "/accounts/{id}/proxy/test" => ways::test_ways, Admin;
    get "/accounts/{id}/sessions" => devices::list_sessions, Admin;
    delete "/accounts/{id}/sessions/{hash}" => devices::end_session, Admin, "session_ended";
    post "/accounts/{id}/mark" => mark::look_at_account, Admin;
    get "/retention" => retention::would_free, Read;
    get "/proxies" => ways::list_ways, Service;
    post "/proxies/test" => ways::try_ways, Service;
    post "/accounts/{id}/restart" => accounts::restart_account, Admin, "account_restarted";
    post "/accounts/{id}/logout" => accounts::log_out_account, Admin, "signed_out";
    get "/accounts/{id}/contacts" => people::list_contacts, Read;
    post "/accounts/{id}/contacts" => people::add_contact, Send, "contact_added";
    post "/accounts/{id}/find" => people::find_recipient, Send;
    post "/accounts/{id}/join" => people::join_chat, Send, "chat_joined";
    post "/accounts/{id}/send" => conversations::queue_send, Send;
    get "/conversations" => conversations::list_conversations, Read;
    get "/conversations/{id}" => conversations::get_conversation, Read;
    get "/conversations/{id}/messages" => history::list_messages, Read;
    get "/conversations/{id}/media" => history::list_media, Read;
    get "/conversations/{id}/topics" => conversations::list_topics, Read;
    get "/conversations/{id}/photo" => media::get_photo, Read;
    post "/conversations/{id}/reply" => replies::queue_reply, Send;
    get "/conversations/{id}/scheduled" => scheduled::list_scheduled, Read;
    put "/conversations/{id}/draft" => scheduled::put_draft, Send;
    post "/conversations/{id}/read" => conversations::mark_read, Send;
    patch "/conversations/{id}" => chat_orders::change_conversation, Send;
    post "/conversations/{id}/report" => chat_orders::report_conversation, Send;
    post "/conversations/{id}/typing" => chat_orders::say_typing, Send;
    post "/conversations/{id}/clear" => chat_orders::clear_conversation, Send;
    get "/conversations/{id}/orders" => orders::list_orders, Read;
    post "/orders/{id}/retry" => orders::retry_order, Send;
    delete "/orders/{id}" => orders::drop_order, Send;
    post "/messages/forward" => forward::forward_messages, Send;
    post "/messages/delete" => orders::delete_messages, Send;
    get "/messages/{id}" => messages::get_message, Read;
    get "/messages/{id}/versions" => messages::list_versions, Read;
    get "/messages/{id}/media" => media::get_media, Read;
    get "/messages/{id}/media/thumb" => media::get_thumb, Read;
    post "/messages/{id}/retry" => messages::retry_message, Send;
    post "/messages/{id}/reveal" => messages::reveal_message, Admin, "reveal";
    patch "/messages/{id}" => orders::edit_message, Send;
    delete "/messages/{id}" => messages::discard_message, Send;
    patch "/messages/{id}/schedule" => scheduled::reschedule_message, Send;
    post "/messages/{id}/schedule/send" => scheduled::send_now, Send;
    delete "/messages/{id}/schedule" => scheduled::withdraw_message, Send;
    put "/messages/{id}/reaction" => orders::react_to_message, Send;
    put "/messages/{id}/pin" => orders::pin_message, Send;
    get "/events" => events::list_events, Read;
    get "/export/conversations/{id}" => export::export_conversation, Read, "chat_exported";
    get "/export/accounts/{id}" => export::export_account, Read, "account_exported";
    post "/accounts/{id}/import" => import::import_history, Admin, "history_imported";
    get "/search" => search::search_messages, Read;
    get "/health/live" => health::get_live, Nothing;
    get "/health/ready" => health::get_ready, Read;
    get "/metrics" => metrics::get_metrics, ReadAll;
    get "/api/integrations/telegram-phone" => assets::get_connect, Nothing;
    get "/api/integrations/telegram-phone/" => assets::get_connect, Nothing;
    post "/api/integrations/telegram-phone/start" => phone::start, Own, "login_started";
    post "/api/integrations/telegram-phone/resend" => phone::resend, Own, "login_code_resent";
    post "/api/integrations/telegram-phone/email" => phone::email, Own, "login_answered";
    post "/api/integrations/telegram-phone/qr" => phone::qr, Own, "login_started";
    get "/api/integrations/telegram-phone/qr/status" => phone::qr_status, Own;
    post "/api/integrations/telegram-phone/verify" => phone::verify, Own, "login_answered";
    post "/api/integrations/telegram-phone/test" => phone::test, Read;
    get "/api/integrations/telegram-phone/config" => phone::config, Read;
    post "/api/integrations/telegram-phone/disconnect" => phone::disconnect, Own, "signed_out";
    post "/telegram/user/auth/start" => user::start, Service, "login_started";
    post "/telegram/user/auth/resend" => user::resend, Service, "login_code_resent";
    post "/telegram/user/auth/email" => user::email, Service, "login_answered";
    post "/telegram/user/auth/qr" => user::qr, Service, "login_started";
    get "/telegram/user/auth/qr/status/{user_id}" => user::qr_status, Service;
    post "/telegram/user/auth/verify" => user::verify, Service, "login_answered";
    post "/telegram/user/send" => user_send::send, SendAll;
    get "/telegram/user/status/{user_id}" => user::status, ReadAll;
    post "/telegram/user/disconnect" => user::disconnect, Service, "signed_out";
    post "/message_stream" => stream::relay, SendAll;
    get "/telegram" => assets::get_portal, Nothing;
    get "/telegram/" => assets::get_portal, Nothing;
    get "/telegram/session/status" => portal::session_status, Read;
    get "/telegram/session/status/" => portal::session_status, Read;
    post "/telegram/auth/phone" => portal::auth_phone, Own, "login_started";
    post "/telegram/auth/phone/" => portal::auth_phone, Own, "login_started";
    post "/telegram/auth/verify" => portal::auth_verify, Own, "login_answered";
    post "/telegram/auth/verify/" => portal::auth_verify, Own, "login_answered";
    post "/telegram/auth/resend" => portal::auth_resend, Own, "login_code_resent";
    post "/telegram/auth/resend/" => portal::auth_resend, Own, "login_code_resent";
    post "/telegram/auth/email" => portal::auth_email, Own, "login_answered";
    post "/telegram/auth/email/" => portal::auth_email, Own, "login_answered";
    once "/telegram/auth/qr" => portal::auth_qr, Own, "login_started";
    once "/telegram/auth/qr/" => portal::auth_qr, Own, "login_started";
    get "/telegram/auth/qr/status" => portal::qr_status, Own;
    get "/telegram/auth/qr/status/" => portal::qr_status, Own;
    get "/telegram/chats" => portal::list_chats, Read;
    get "/telegram/chats/" => portal::list_chats, Read;
    get "/telegram/chats/{chat_id}/messages" => portal::list_messages, Read;
    get "/telegram/chats/{chat_id}/messages/" => portal::list_messages, Read;
    post "/telegram/chats/{chat_id}/messages" => portal::send_message, Send;
    post "/telegram/chats/{chat_id}/messages/" => portal::send_message, Send;
    get "/telegram/user/info" => portal::user_info, Read;
    get "/telegram/user/info/" => portal::user_info, Read;
    post "/telegram/session/reset" => portal::session_reset, Own, "signed_out";
    post "/telegram/session/reset/" => portal::session_reset, Own, "signed_out";
    get "/telegram/session/info" => portal::session_info, Read;
    get "/telegram/session/info/" => portal::session_info, Read;
    get "/audit" => audit_list::list_audit, Service;
    get "/tokens" => tokens::list_tokens, Service;
    post "/tokens" => tokens::make_token, Service, "token_made";
    delete "/tokens/{id}" => tokens::revoke_token, Service, "token_revoked";
    post "/tokens/{id}/rotate" => tokens::rotate_token, Service, "token_rotated";
    get "/accounts/{id}/staged/{name}" => nodes::staged_file, Service;
    get "/about" => about::get_about, ReadAll;
    delete "/files" => about::clear_files, Service, "files_cleared";
    get "/nodes" => nodes::list_nodes, ReadAll;
    post "/nodes/{id}/drain" => nodes::drain_node, Service, "node_drained";
    get "/webhooks" => webhooks::list_webhooks, Service;
    post "/webhooks" => webhooks::make_webhook, Service, "webhook_made";
    get "/webhooks/{id}" => webhooks::get_webhook, Service;
    patch "/webhooks/{id}" => webhooks::change_webhook, Service, "webhook_changed";
    delete "/webhooks/{id}" => webhooks::remove_webhook, Service, "webhook_removed";
    post "/webhooks/{id}/test" => webhooks::test_webhook, Service, "webhook_tested";
    post "/webhooks/{id}/replay" => webhooks::replay_webhook, Service, "webhook_replayed";
}

/// RFC 9110, 15.5.6: with what is allowed.
async fn not_allowed(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let path = request.match_pattern().unwrap_or_default();
    let mut allowed: Vec<String> = Vec::new();
    for right in RIGHTS.iter().filter(|right| right.path == path) {
        allowed.push(right.method.to_ascii_uppercase());
        if right.method == "get" && !DOING.contains(&right.path) {
            allowed.push("HEAD".to_owned());
        }
    }
    Err(ApiError::method_not_allowed(allowed.join(", ")))
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::not_found("not_found", "address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects readers of the table: each call needs what it says there, and none is missing.
    #[test]
    fn the_written_table_is_the_one_that_holds() {
        const TABLE: &str = include_str!("../../docs/rights.md");
        let written: Vec<&str> = TABLE
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        let held: Vec<String> = RIGHTS
            .iter()
            .map(|right| {
                let method = right.method.to_ascii_uppercase();
                let path = right.path.replace(":.*}", "}");
                let action = right.action.unwrap_or_default();
                format!("| `{method} {path}` | {} | {action} |", right.need.words())
            })
            .collect();
        let held: Vec<&str> = held.iter().map(String::as_str).collect();
        assert_eq!(written, held);
    }
}
