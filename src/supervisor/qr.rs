//! QR: a login link as a picture that the page can show.

use qrcode::{QrCode as Code, render::svg};

/// Draws `url` dark on light with a quiet zone; `None` when it is too long for a QR code.
pub fn draw(url: &str) -> Option<String> {
    let code = Code::new(url.as_bytes()).ok()?;
    let picture = code
        .render::<svg::Color<'_>>()
        .min_dimensions(240, 240)
        .quiet_zone(true)
        .dark_color(svg::Color("#000000"))
        .light_color(svg::Color("#ffffff"))
        .build();
    Some(picture)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_login_link_becomes_a_picture() {
        let picture = super::draw("tg://login?token=AAAA").unwrap();
        assert!(picture.contains("<svg") && picture.contains("</svg>"));
    }
}
