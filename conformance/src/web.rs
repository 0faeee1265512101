//! The web API as a browser uses it.

use anyhow::{Result, ensure};

use crate::{Camera, PASSWORD, PATIENCE};

/// A web session over the camera's API, with its cookie and CSRF token.
#[derive(Debug)]
pub struct Web {
    client: reqwest::Client,
    base: String,
    csrf: Option<String>,
}

impl Web {
    /// A browser that has not logged in.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub fn new(camera: &Camera) -> Result<Self> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .cookie_store(true)
            .danger_accept_invalid_certs(true)
            .timeout(PATIENCE)
            .build()?;
        Ok(Self {
            client,
            base: camera.url(""),
            csrf: None,
        })
    }

    /// Logs in as `admin`.
    ///
    /// # Errors
    /// When the camera refuses.
    pub async fn login(camera: &Camera) -> Result<Self> {
        Self::login_as(camera, "admin", PASSWORD).await
    }

    /// Logs in as `user`.
    ///
    /// # Errors
    /// When the camera refuses; the message begins with the status.
    pub async fn login_as(camera: &Camera, user: &str, password: &str) -> Result<Self> {
        let mut web = Self::new(camera)?;
        let body = serde_json::json!({"username": user, "password": password});
        let (status, session) = web.send("POST", "/api/v1/session", Some(body)).await?;
        ensure!(status == 201, "{status} login: {session}");
        web.csrf = session["csrf"].as_str().map(String::from);
        Ok(web)
    }

    /// Remembers the CSRF token of an answer.
    pub fn take_csrf(&mut self, session: &serde_json::Value) {
        self.csrf = session["csrf"].as_str().map(String::from);
    }

    /// One request; the answer's JSON, or `null`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Result<(u16, serde_json::Value)> {
        let response = self.raw(method, path, body, &[]).await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    /// One request with further headers.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn raw(
        &self,
        method: &str,
        path: &str,
        body: Option<serde_json::Value>,
        headers: &[(&str, &str)],
    ) -> Result<reqwest::Response> {
        let mut request = self
            .client
            .request(method.parse()?, format!("{}{path}", self.base));
        if let Some(csrf) = &self.csrf {
            request = request.header("X-Platecam-CSRF", csrf);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        Ok(request.send().await?)
    }

    /// One request with a file as its body; the answer's JSON, or `null`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn upload(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(u16, serde_json::Value)> {
        let mut request = self
            .client
            .request(method.parse()?, format!("{}{path}", self.base))
            .header("Content-Type", "application/octet-stream")
            .body(body);
        if let Some(csrf) = &self.csrf {
            request = request.header("X-Platecam-CSRF", csrf);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    /// Changes a section of the settings at the revision that it has; status and JSON of the answer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn change(
        &self,
        key: &str,
        patch: serde_json::Value,
    ) -> Result<(u16, serde_json::Value)> {
        let path = format!("/api/v1/settings/{key}");
        let revision = format!("\"{}\"", self.get(&path).await?["revision"]);
        let headers = [
            ("If-Match", revision.as_str()),
            ("Content-Type", "application/merge-patch+json"),
        ];
        let answer = self.raw("PATCH", &path, Some(patch), &headers).await?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await.unwrap_or_default()))
    }

    /// The JSON of a GET that must succeed.
    ///
    /// # Errors
    /// When it does not.
    pub async fn get(&self, path: &str) -> Result<serde_json::Value> {
        let (status, json) = self.send("GET", path, None).await?;
        ensure!(status == 200, "GET {path}: {status} {json}");
        Ok(json)
    }
}
