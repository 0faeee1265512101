//! The server from outside: requests through the router, and sockets where sockets matter.

mod alarms;
mod api;
mod assets;
mod audio;
mod auth;
mod certificates;
mod cgi;
mod commission;
mod config;
mod listeners;
mod log;
mod maintenance;
mod models;
mod network;
mod people;
mod peripherals;
mod permissions;
mod records;
mod settings;
mod sockets;
mod storage;
mod support;
mod time;
mod uploads;
mod watermark;
