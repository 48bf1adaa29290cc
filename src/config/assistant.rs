//! The assistant behind `/message_stream`.

use url::Url;

use super::checker::Checker;
use crate::{cli::Settings, domain::SecretText};

/// An OpenAI-compatible chat-completion service.
#[derive(Clone, Debug)]
pub struct Assistant {
    pub url: Url,
    pub key: Option<SecretText>,
    pub model: String,
}

impl Checker {
    pub(super) fn assistant(&mut self, settings: &Settings) -> Option<Assistant> {
        let key = self.secret(
            "ASSISTANT_KEY",
            settings.assistant_key.as_deref(),
            settings.assistant_key_file.as_deref(),
        );
        if settings
            .assistant_url
            .as_deref()
            .unwrap_or_default()
            .is_empty()
        {
            if key.is_some() {
                self.report("ASSISTANT_URL", "is missing, though ASSISTANT_KEY is set");
            }
            return None;
        }
        let url = self.url("ASSISTANT_URL", settings.assistant_url.as_deref())?;
        let Some(model) = settings
            .assistant_model
            .clone()
            .filter(|model| !model.is_empty())
        else {
            self.report("ASSISTANT_MODEL", "is missing, though ASSISTANT_URL is set");
            return None;
        };
        Some(Assistant { url, key, model })
    }
}
