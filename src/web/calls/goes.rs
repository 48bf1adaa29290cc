//! Goes: which calls need the account's own node, and how each of them names its account.
//!
//! An account's rows are written by the node that has it, and Telegram is asked there. What only reads rows is answered anywhere.

/// Where a call is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goes {
    /// Wherever it comes in: it reads rows, or concerns no account.
    Here,
    /// At the node that has the account.
    There(By),
    /// There, to be told more than the rows say; where nobody has the account, the rows are told here.
    Better(By),
    /// At the nodes of all the accounts that it names.
    Apart,
}

/// How a call names its account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// `{id}` in the path.
    Account,
    Conversation,
    Message,
    Order,
    /// The first of `message_ids` in its body.
    Messages,
    /// `user_id` in its body, which may be a form.
    User,
    /// `{user_id}` in the path.
    UserInPath,
    /// The licence that it is made for.
    Licence,
    /// Whoever makes it, at the portal.
    Visitor,
}

use self::{
    By::{Account, Conversation, Licence, Message, Messages, Order, User, UserInPath, Visitor},
    Goes::{Apart, Better, Here, There},
};

/// Where each call goes.
pub const GOES: &[(&str, &str, Goes)] = &[
    ("get", "/", Here),
    ("get", "/static/{file:.*}", Here),
    ("get", "/docs", Here),
    ("get", "/openapi.json", Here),
    ("get", "/asyncapi.json", Here),
    ("get", "/collection.json", Here),
    ("get", "/launch", Here),
    ("post", "/launch", Here),
    ("get", "/ws", Here),
    ("post", "/ws/ticket", Here),
    // The node that makes an account has it.
    ("post", "/accounts/add", Here),
    ("get", "/accounts", Here),
    ("get", "/accounts/{id}", Better(Account)),
    ("patch", "/accounts/{id}", There(Account)),
    ("delete", "/accounts/{id}", There(Account)),
    ("post", "/accounts/{id}/login", There(Account)),
    ("get", "/accounts/{id}/login", Better(Account)),
    ("delete", "/accounts/{id}/login", There(Account)),
    ("post", "/accounts/{id}/login/code", There(Account)),
    ("post", "/accounts/{id}/login/email", There(Account)),
    ("post", "/accounts/{id}/login/password", There(Account)),
    ("post", "/accounts/{id}/login/resend", There(Account)),
    ("post", "/accounts/{id}/proxy/test", There(Account)),
    ("get", "/accounts/{id}/sessions", There(Account)),
    ("delete", "/accounts/{id}/sessions/{hash}", There(Account)),
    // The nodes themselves ask for it.
    ("get", "/accounts/{id}/staged/{name}", Here),
    ("post", "/accounts/{id}/mark", There(Account)),
    ("get", "/retention", Here),
    ("get", "/proxies", Here),
    ("post", "/proxies/test", Here),
    ("post", "/accounts/{id}/restart", There(Account)),
    ("post", "/accounts/{id}/logout", There(Account)),
    ("get", "/accounts/{id}/contacts", Better(Account)),
    ("post", "/accounts/{id}/contacts", There(Account)),
    ("post", "/accounts/{id}/find", There(Account)),
    ("post", "/accounts/{id}/join", There(Account)),
    ("post", "/accounts/{id}/send", There(Account)),
    ("get", "/conversations", Here),
    ("get", "/conversations/{id}", Here),
    ("get", "/conversations/{id}/messages", Better(Conversation)),
    ("get", "/conversations/{id}/media", Here),
    ("get", "/conversations/{id}/topics", Better(Conversation)),
    ("get", "/conversations/{id}/photo", Better(Conversation)),
    ("post", "/conversations/{id}/reply", There(Conversation)),
    ("get", "/conversations/{id}/scheduled", Better(Conversation)),
    ("put", "/conversations/{id}/draft", There(Conversation)),
    ("post", "/conversations/{id}/read", There(Conversation)),
    ("patch", "/conversations/{id}", There(Conversation)),
    ("post", "/conversations/{id}/report", There(Conversation)),
    ("post", "/conversations/{id}/typing", There(Conversation)),
    ("post", "/conversations/{id}/clear", There(Conversation)),
    ("get", "/conversations/{id}/orders", Here),
    ("post", "/orders/{id}/retry", There(Order)),
    ("delete", "/orders/{id}", There(Order)),
    ("post", "/messages/forward", Apart),
    ("post", "/messages/delete", There(Messages)),
    ("get", "/messages/{id}", Here),
    ("get", "/messages/{id}/versions", Here),
    ("get", "/messages/{id}/media", Better(Message)),
    ("get", "/messages/{id}/media/thumb", Better(Message)),
    ("post", "/messages/{id}/retry", There(Message)),
    ("post", "/messages/{id}/reveal", There(Message)),
    ("patch", "/messages/{id}", There(Message)),
    ("delete", "/messages/{id}", There(Message)),
    ("patch", "/messages/{id}/schedule", There(Message)),
    ("post", "/messages/{id}/schedule/send", There(Message)),
    ("delete", "/messages/{id}/schedule", There(Message)),
    ("put", "/messages/{id}/reaction", There(Message)),
    ("put", "/messages/{id}/pin", There(Message)),
    ("get", "/events", Here),
    ("get", "/export/conversations/{id}", Better(Conversation)),
    ("get", "/export/accounts/{id}", Better(Account)),
    ("post", "/accounts/{id}/import", There(Account)),
    ("get", "/search", Here),
    ("get", "/health/live", Here),
    ("get", "/health/ready", Here),
    ("get", "/metrics", Here),
    ("get", "/api/integrations/telegram-phone", Here),
    ("get", "/api/integrations/telegram-phone/", Here),
    (
        "post",
        "/api/integrations/telegram-phone/start",
        There(Licence),
    ),
    (
        "post",
        "/api/integrations/telegram-phone/resend",
        There(Licence),
    ),
    (
        "post",
        "/api/integrations/telegram-phone/email",
        There(Licence),
    ),
    (
        "post",
        "/api/integrations/telegram-phone/qr",
        There(Licence),
    ),
    (
        "get",
        "/api/integrations/telegram-phone/qr/status",
        Better(Licence),
    ),
    (
        "post",
        "/api/integrations/telegram-phone/verify",
        There(Licence),
    ),
    (
        "post",
        "/api/integrations/telegram-phone/test",
        Better(Licence),
    ),
    (
        "get",
        "/api/integrations/telegram-phone/config",
        Better(Licence),
    ),
    (
        "post",
        "/api/integrations/telegram-phone/disconnect",
        There(Licence),
    ),
    ("post", "/telegram/user/auth/start", There(User)),
    ("post", "/telegram/user/auth/resend", There(User)),
    ("post", "/telegram/user/auth/email", There(User)),
    ("post", "/telegram/user/auth/qr", There(User)),
    (
        "get",
        "/telegram/user/auth/qr/status/{user_id}",
        Better(UserInPath),
    ),
    ("post", "/telegram/user/auth/verify", There(User)),
    ("post", "/telegram/user/send", There(User)),
    ("get", "/telegram/user/status/{user_id}", Better(UserInPath)),
    ("post", "/telegram/user/disconnect", There(User)),
    ("post", "/message_stream", There(User)),
    ("get", "/telegram", Here),
    ("get", "/telegram/", Here),
    ("get", "/telegram/session/status", Better(Visitor)),
    ("get", "/telegram/session/status/", Better(Visitor)),
    ("post", "/telegram/auth/phone", There(Visitor)),
    ("post", "/telegram/auth/phone/", There(Visitor)),
    ("post", "/telegram/auth/verify", There(Visitor)),
    ("post", "/telegram/auth/verify/", There(Visitor)),
    ("post", "/telegram/auth/resend", There(Visitor)),
    ("post", "/telegram/auth/resend/", There(Visitor)),
    ("post", "/telegram/auth/email", There(Visitor)),
    ("post", "/telegram/auth/email/", There(Visitor)),
    // It begins a sign-in.
    ("get", "/telegram/auth/qr", There(Visitor)),
    ("get", "/telegram/auth/qr/", There(Visitor)),
    ("get", "/telegram/auth/qr/status", Better(Visitor)),
    ("get", "/telegram/auth/qr/status/", Better(Visitor)),
    ("get", "/telegram/chats", Here),
    ("get", "/telegram/chats/", Here),
    ("get", "/telegram/chats/{chat_id}/messages", Better(Visitor)),
    (
        "get",
        "/telegram/chats/{chat_id}/messages/",
        Better(Visitor),
    ),
    ("post", "/telegram/chats/{chat_id}/messages", There(Visitor)),
    (
        "post",
        "/telegram/chats/{chat_id}/messages/",
        There(Visitor),
    ),
    ("get", "/telegram/user/info", Better(Visitor)),
    ("get", "/telegram/user/info/", Better(Visitor)),
    ("post", "/telegram/session/reset", There(Visitor)),
    ("post", "/telegram/session/reset/", There(Visitor)),
    ("get", "/telegram/session/info", Better(Visitor)),
    ("get", "/telegram/session/info/", Better(Visitor)),
    ("get", "/audit", Here),
    ("get", "/tokens", Here),
    ("post", "/tokens", Here),
    ("delete", "/tokens/{id}", Here),
    ("post", "/tokens/{id}/rotate", Here),
    ("get", "/about", Here),
    ("delete", "/files", Here),
    ("get", "/nodes", Here),
    ("post", "/nodes/{id}/drain", Here),
    ("get", "/webhooks", Here),
    ("post", "/webhooks", Here),
    ("get", "/webhooks/{id}", Here),
    ("patch", "/webhooks/{id}", Here),
    ("delete", "/webhooks/{id}", Here),
    ("post", "/webhooks/{id}/test", Here),
    ("post", "/webhooks/{id}/replay", Here),
];

/// `method` as it stands in the table of rights.
pub fn goes(method: &str, path: &str) -> Goes {
    let found = GOES
        .iter()
        .find(|(known, at, _)| *known == method && *at == path);
    found.map_or(Here, |(_, _, goes)| *goes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{Need, RIGHTS};

    /// What is served and changes something, and yet concerns no account that somebody has already.
    const OF_NO_ACCOUNT: [&str; 3] = ["/accounts/add", "/proxies/test", "/ws/ticket"];

    /// Protects the next route: nobody has said where it goes, or one that changes an account's rows would do so at a node that does not
    /// have the account.
    #[test]
    fn each_route_says_where_it_goes() {
        for right in RIGHTS {
            // A `get` that does something is written otherwise there.
            let method = right.method;
            let found: Vec<_> = GOES
                .iter()
                .filter(|(known, path, _)| *known == method && *path == right.path)
                .collect();
            assert_eq!(
                found.len(),
                1,
                "{method} {} stands in GOES once",
                right.path
            );
            let service = ["/tokens", "/webhooks", "/launch", "/nodes", "/files"];
            let of_the_service = service.iter().any(|path| right.path.starts_with(path));
            let elsewhere = found[0].2 == Here;
            if method != "get" && elsewhere {
                assert!(
                    of_the_service || OF_NO_ACCOUNT.contains(&right.path),
                    "{method} {} changes something of an account, and is run anywhere",
                    right.path
                );
            }
            // What signs in or sends is never run from rows alone.
            if method != "get" && matches!(right.need, Need::Own | Need::Send | Need::SendAll) {
                assert!(
                    matches!(found[0].2, There(_) | Apart),
                    "{method} {}",
                    right.path
                );
            }
        }
        for (method, path, goes) in GOES {
            let known = |right: &crate::web::Right| right.method == *method && right.path == *path;
            assert!(RIGHTS.iter().any(known), "{method} {path} is not served");
            let names = match goes {
                There(by) | Better(by) => by,
                Here | Apart => continue,
            };
            let begins = match names {
                Account => "/accounts/{id}",
                Conversation => "/conversations/{id}",
                Message => "/messages/{id}",
                Order => "/orders/{id}",
                Messages => "/messages/",
                User | UserInPath | Visitor | Licence => "",
            };
            let export = path.strip_prefix("/export").unwrap_or(path);
            assert!(export.starts_with(begins), "{path} has no {names:?}");
        }
    }
}
