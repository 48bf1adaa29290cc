//! Device: what an account calls itself at Telegram, as somebody set it.

use serde::Deserialize;

use super::ApiError;
use crate::domain::Device;

/// What is left out stays.
#[derive(Deserialize)]
pub struct ChangeDevice {
    model: Option<String>,
    system: Option<String>,
    app: Option<String>,
    language: Option<String>,
}

pub fn change(known: Device, change: ChangeDevice) -> Result<Device, ApiError> {
    let device = Device {
        model: change.model.unwrap_or(known.model),
        system: change.system.unwrap_or(known.system),
        app: change.app.unwrap_or(known.app),
        language: change.language.unwrap_or(known.language),
    };
    match device.is_sound() {
        true => Ok(device),
        false => Err(ApiError::unprocessable(
            "device_invalid",
            "a device has names of 1 to 64 characters, and a language as en or pt-br",
        )),
    }
}
