//! The server from outside: real sockets, in one process, on ports the system picks.

mod captured;
mod client;
mod clip;
mod limits;
mod media;
mod multicast;
mod rebind;
mod requests;
mod retina_client;
mod rounds;
mod server;
mod tunnel;
