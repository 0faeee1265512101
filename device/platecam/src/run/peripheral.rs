//! Plates to devices that are wired to the unit, each way on its own: a port that is busy keeps nobody else waiting.

use platecam_model::{Device, EventKind, Subscription, peripheral::PlateWay};
use tokio::{sync::broadcast::error::RecvError, task::spawn_blocking};

/// Puts each plate into the queues.
pub(crate) async fn listen(device: Device, mut bus: Subscription) {
    loop {
        match bus.recv().await.map(|e| e.kind.clone()) {
            Ok(EventKind::PlateRead(read)) => device.output_plate(&read),
            Ok(_) => {}
            Err(RecvError::Lagged(n)) => {
                tracing::error!(n, "events were missed: plates may not have been sent");
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Sends what waits. A thread is borrowed only while something is sent.
pub(crate) async fn send(device: Device, way: PlateWay) {
    loop {
        device.peripherals.wanted(way).await;
        let device = device.clone();
        if spawn_blocking(move || device.send_plate(way))
            .await
            .is_err()
        {
            return;
        }
    }
}
