//! The machine's network follows the settings, and goes back when nobody confirms (NET-1..11).

use std::time::Duration;

use platecam_model::Device;

/// How often trials and conflicts are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Serves the network until it is dropped.
pub(crate) async fn keep(device: Device) {
    loop {
        let served = device.clone();
        // Waits for commands of the host; the settings are read anew each time.
        if let Err(e) = tokio::task::spawn_blocking(move || served.serve_network()).await {
            tracing::error!("the network was not served: {e}");
        }
        tokio::time::sleep(EVERY).await;
    }
}
