//! Search: words in messages, over all accounts that the caller sees.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Access, ApiError, Service,
    conversations::{check_limit, chosen_accounts},
};
use crate::store::SearchQuery;

#[derive(Deserialize)]
pub struct Search {
    q: String,
    account_id: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub async fn search_messages(
    service: web::Data<Service>,
    access: Access,
    query: web::Query<Search>,
) -> Result<HttpResponse, ApiError> {
    let query = query.into_inner();
    let Some(account_ids) = chosen_accounts(&access, query.account_id.as_deref())? else {
        return Ok(HttpResponse::Ok().json(json!({ "messages": [], "next_cursor": null })));
    };
    let page = service
        .store
        .search(SearchQuery {
            q: query.q,
            account_ids,
            cursor: query.cursor,
            limit: check_limit(query.limit)?,
        })
        .await?;
    let messages: Vec<Value> = page
        .items
        .into_iter()
        .map(|hit| {
            let mut message = json!(hit.message);
            message["highlights"] = json!(hit.highlights);
            message["conversation"] = json!(hit.conversation);
            message
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "messages": messages, "next_cursor": page.next_cursor })))
}
