//! Generates `onvif-contracts` from ONVIF's WSDL and XSD files.
