//! Page: the preview of a page that a message names.

use grammers_tl_types::{enums, types};

/// A page that a message shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub url: String,
    /// Title and description; `None`: still being fetched.
    pub known: Option<(String, String)>,
}

impl Page {
    pub fn tl(&self, id: i64) -> enums::WebPage {
        let Some((title, description)) = &self.known else {
            return types::WebPagePending {
                id,
                url: Some(self.url.clone()),
                date: 0,
            }
            .into();
        };
        types::WebPage {
            has_large_media: false,
            video_cover_photo: false,
            id,
            url: self.url.clone(),
            display_url: self.url.trim_start_matches("https://").to_owned(),
            hash: 0,
            r#type: Some("article".to_owned()),
            site_name: None,
            title: Some(title.clone()),
            description: Some(description.clone()),
            photo: None,
            embed_url: None,
            embed_type: None,
            embed_width: None,
            embed_height: None,
            duration: None,
            author: None,
            document: None,
            cached_page: None,
            attributes: None,
        }
        .into()
    }
}
