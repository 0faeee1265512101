//! The host behind the model's ports: SQLite, device key, certificates, interfaces.
