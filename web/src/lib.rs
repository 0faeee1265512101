//! HTTP server, JSON API, live WebSocket and the user interface.
