//! Assets: the dashboard's files, compiled into the binary and served with a validator.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::header::{self, EntityTag, IfNoneMatch},
    web,
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::error::ApiError;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// Pages and their files may be cached and revalidated; everything else is data.
#[must_use]
pub fn is_page(path: &str) -> bool {
    matches!(
        path,
        "/" | "/docs"
            | "/telegram"
            | "/telegram/"
            | "/api/integrations/telegram-phone"
            | "/api/integrations/telegram-phone/"
            | "/openapi.json"
            | "/asyncapi.json"
            | "/collection.json"
    ) || path.starts_with("/static/")
}

/// What may be looked at before one has proved anything: pages hold no data, and a launch code is a proof itself.
#[must_use]
pub fn is_open(path: &str) -> bool {
    is_page(path) || matches!(path, "/launch" | "/health/live")
}

pub async fn get_desk(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    serve(&request, "index.html")
}

pub async fn get_file(
    request: HttpRequest,
    path: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    serve(&request, &path)
}

/// Answers with an embedded file, or with 304 where whoever asks has it.
pub fn serve(request: &HttpRequest, name: &str) -> Result<HttpResponse, ApiError> {
    let Some(file) = Files::get(name) else {
        return Err(ApiError::not_found("file_not_found", "file"));
    };
    let tag = entity_tag(&file);
    // Weakly: a proxy that compresses says of the tag that it is of no bytes any more.
    let known = match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(&tag)),
        None => false,
    };
    let mut response = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header(header::ETag(tag))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .content_type(content_type(name, &file));
    Ok(if known {
        response.finish()
    } else {
        response.body(file.data.into_owned())
    })
}

fn entity_tag(file: &EmbeddedFile) -> EntityTag {
    let hash = file.metadata.sha256_hash();
    let (start, _) = hash.split_at(8);
    EntityTag::new_strong(crate::domain::hex(start))
}

fn content_type(name: &str, file: &EmbeddedFile) -> String {
    let mime = file.metadata.mimetype();
    if mime.starts_with("text/") || name.ends_with(".js") || name.ends_with(".json") {
        format!("{mime}; charset=utf-8")
    } else {
        mime.to_owned()
    }
}

pub async fn get_portal(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    serve(&request, "portal.html")
}

pub async fn get_connect(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    serve(&request, "connect.html")
}

pub async fn get_docs(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    serve(&request, "docs.html")
}
