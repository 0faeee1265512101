//! V4L2's numbers of the controls that are used, and values of their menus (`linux/v4l2-controls.h`).

const USER: u32 = 0x0098_0900;
const CAMERA: u32 = 0x009a_0900;
const FLASH: u32 = 0x009c_0900;
const IMAGE_SOURCE: u32 = 0x009e_0900;

pub(super) const AUTO_WHITE_BALANCE: u32 = USER + 12;
pub(super) const RED_BALANCE: u32 = USER + 14;
pub(super) const BLUE_BALANCE: u32 = USER + 15;
pub(super) const AUTO_GAIN: u32 = USER + 18;
pub(super) const GAIN: u32 = USER + 19;
/// Kelvin.
pub(super) const WHITE_BALANCE_TEMPERATURE: u32 = USER + 26;
pub(super) const BACKLIGHT_COMPENSATION: u32 = USER + 28;
pub(super) const EXPOSURE_AUTO: u32 = CAMERA + 1;
/// In 100 microseconds.
pub(super) const EXPOSURE_ABSOLUTE: u32 = CAMERA + 2;
pub(super) const FOCUS_ABSOLUTE: u32 = CAMERA + 10;
pub(super) const FOCUS_AUTO: u32 = CAMERA + 12;
pub(super) const ZOOM_ABSOLUTE: u32 = CAMERA + 13;
pub(super) const IRIS_ABSOLUTE: u32 = CAMERA + 17;
pub(super) const WIDE_DYNAMIC_RANGE: u32 = CAMERA + 21;
pub(super) const FLASH_LED_MODE: u32 = FLASH + 1;
pub(super) const FLASH_TORCH_INTENSITY: u32 = FLASH + 8;
pub(super) const ANALOGUE_GAIN: u32 = IMAGE_SOURCE + 3;

/// Values of `EXPOSURE_AUTO`: who sets time and iris.
pub(super) const EXPOSURE_ALL_AUTO: i64 = 0;
pub(super) const EXPOSURE_ALL_MANUAL: i64 = 1;
/// Time by hand, iris by the camera.
pub(super) const EXPOSURE_TIME_MANUAL: i64 = 2;
/// Iris by hand, time by the camera.
pub(super) const EXPOSURE_IRIS_MANUAL: i64 = 3;

/// Values of `FLASH_LED_MODE`.
pub(super) const LED_OFF: i64 = 0;
pub(super) const LED_TORCH: i64 = 2;
