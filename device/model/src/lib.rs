//! The device's own core: settings, permissions, events, ports. No I/O.
