//! `platecam health`: asks a running camera whether it works; for containers and scripts.

use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    time::Duration,
};

use crate::{
    Failure,
    cli::{HealthArgs, exit},
};

const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn health(args: &HealthArgs) -> Result<(), Failure> {
    let address = SocketAddr::new(args.host, args.http_port);
    let failed = |e: &dyn std::fmt::Display| Failure::new(exit::FAILED, format!("{address}: {e}"));
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let answer = ask(address, path).map_err(|e| failed(&e))?;
    let status = answer.lines().next().unwrap_or_default();
    if status.starts_with("HTTP/1.1 200") {
        Ok(())
    } else {
        Err(failed(&format!("{path}: {status}")))
    }
}

fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut tcp = TcpStream::connect_timeout(&address, PATIENCE)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    let host: IpAddr = address.ip();
    write!(
        tcp,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    tcp.take(4096).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
