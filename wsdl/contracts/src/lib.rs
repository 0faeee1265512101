//! Types, port traits and dispatch generated from ONVIF's contracts.
