//! WS-Discovery 2005/04.
