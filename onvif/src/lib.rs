//! ONVIF services as an adapter over the device model.
