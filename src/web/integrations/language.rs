//! Language: which one an answer is written in.

/// A language that answers are written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    Arabic,
    English,
    Russian,
}

impl Language {
    fn of_tag(tag: &str) -> Option<Self> {
        let base = tag.split('-').next().unwrap_or_default();
        match base.to_ascii_lowercase().as_str() {
            "ar" => Some(Self::Arabic),
            "en" => Some(Self::English),
            "ru" => Some(Self::Russian),
            _ => None,
        }
    }

    /// The best of `Accept-Language` that we have.
    #[must_use]
    pub fn wanted(accept: Option<&str>, default: Self) -> Self {
        let mut best = (0.0_f32, default);
        for part in accept.unwrap_or_default().split(',') {
            let mut pieces = part.split(';').map(str::trim);
            let Some(language) = pieces.next().and_then(Self::of_tag) else {
                continue;
            };
            let weight = pieces
                .find_map(|piece| piece.strip_prefix("q="))
                .map_or(Some(1.0), |text| text.parse().ok())
                .unwrap_or(0.0);
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    pub const fn pick(self, three: [&'static str; 3]) -> &'static str {
        let [arabic, english, russian] = three;
        match self {
            Self::Arabic => arabic,
            Self::English => english,
            Self::Russian => russian,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Protects readers: everybody gets the language that they asked for, and Arabic when none of ours was.
    #[test]
    fn the_language_that_is_wanted_most_is_taken() {
        for (accept, language) in [
            (None, Language::Arabic),
            (Some("*"), Language::Arabic),
            (Some("fr-FR, de;q=0.9"), Language::Arabic),
            (Some("en-US,en;q=0.9"), Language::English),
            (Some("fr, ru;q=0.8, en;q=0.5"), Language::Russian),
            (Some("en;q=0.1, ar;q=0.4"), Language::Arabic),
            (Some("ru;q=nonsense"), Language::Arabic),
        ] {
            assert_eq!(
                Language::wanted(accept, Language::Arabic),
                language,
                "{accept:?}"
            );
        }
    }
}
