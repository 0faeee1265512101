use platecam_model::{Error, Result};
use qrcode::{EcLevel, QrCode, render::svg};

/// A QR code as SVG, black on white in any theme, for `<img src="data:...">` or inline.
///
/// # Errors
/// [`Error::Internal`] for a text that no code can hold (2,953 bytes).
pub(super) fn svg(text: &str) -> Result<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).map_err(Error::internal)?;
    Ok(code
        .render::<svg::Color<'_>>()
        .min_dimensions(240, 240)
        .dark_color(svg::Color("#000000"))
        .light_color(svg::Color("#ffffff"))
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_pictures_until_they_are_too_long() {
        let picture = svg("otpauth://totp/x").unwrap();
        assert!(picture.contains("<svg") && !picture.contains("<script"));
        assert!(svg(&"x".repeat(3000)).is_err());
    }
}
