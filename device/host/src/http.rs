//! HTTP to servers of others (upgrade server, dynamic DNS): what each such client has in common.

use std::time::Duration;

use reqwest::{Client, ClientBuilder};

/// A server that cannot be reached for so long is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest cause that is told, characters.
const MAX_CAUSE: usize = 200;

/// A client with our name, to which the caller adds its time-outs, its redirects and whom it trusts.
pub(crate) fn client() -> ClientBuilder {
    // A second installation in one process is refused; the first is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // Providers ask for a name of program and version, and refuse those that misbehave.
        .user_agent(concat!("Platecam/", env!("CARGO_PKG_VERSION")))
}

/// The innermost cause: reqwest's own texts hold the address with what is in it, and say little more.
pub(crate) fn cause(e: &reqwest::Error) -> String {
    if e.is_timeout() {
        return "no answer in time".into();
    }
    let mut inner: &dyn std::error::Error = e;
    while let Some(next) = inner.source() {
        inner = next;
    }
    let text = inner.to_string();
    let plain = text.chars().filter(|c| !c.is_control());
    plain.take(MAX_CAUSE).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
    };

    use super::*;

    fn get(client: ClientBuilder, url: &str) -> Result<String, String> {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async {
            let client = client.no_proxy().build().unwrap();
            let answer = client.get(url).send().await.map_err(|e| cause(&e))?;
            answer.text().await.map_err(|e| cause(&e))
        })
    }

    #[test]
    fn the_program_is_named_and_causes_hold_no_address() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = server.local_addr().unwrap();
        let url = format!("http://{at}/?secret=1");
        let request = std::thread::spawn(move || {
            let (mut peer, _) = server.accept().unwrap();
            let mut request = [0; 4096];
            let n = peer.read(&mut request).unwrap();
            peer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .unwrap();
            // The listener ends with it: nobody is there the second time.
            String::from_utf8_lossy(&request[..n]).to_lowercase()
        });
        assert_eq!(get(client(), &url).unwrap(), "ok");
        let request = request.join().unwrap();
        assert!(request.contains("user-agent: platecam/"), "{request}");
        let told = get(client(), &url).unwrap_err();
        assert!(told.contains("refused"), "{told}");
        assert!(!told.contains("secret"), "{told}");
        // It takes the connection and says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let late = client().timeout(Duration::from_millis(20));
        assert_eq!(get(late, &url).unwrap_err(), "no answer in time");
    }
}
