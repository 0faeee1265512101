//! What follows from alarms and takes time: pictures, records and messages.

use std::time::Duration;

use platecam_model::{Device, EventKind, Subscription, alarm::MailPace};
use tokio::{
    sync::{broadcast::error::RecvError, watch},
    task::spawn_blocking,
};

/// The store failed: the messages are looked at again after this time.
const AGAIN: Duration = Duration::from_secs(60);

/// Hears every alarm from now on; the future keeps and sends them until it is dropped.
pub(crate) fn start(device: &Device) -> impl Future<Output = ()> + Send + use<> {
    let (device, bus) = (device.clone(), device.bus.subscribe());
    let (stored, news) = watch::channel(());
    async move {
        tokio::join!(keep(device.clone(), bus, stored), send(device, news));
    }
}

/// Keeps each alarm at once: its picture is of the moment. Raises those of recognition.
async fn keep(device: Device, mut bus: Subscription, stored: watch::Sender<()>) {
    loop {
        let alarm = match bus.recv().await.map(|e| e.kind.clone()) {
            Ok(EventKind::Alarm(alarm)) => alarm,
            Ok(EventKind::TurnedBack(read)) => {
                let device = device.clone();
                match spawn_blocking(move || device.raise_backing(&read.plate_number)).await {
                    Ok(()) => continue,
                    Err(_) => return,
                }
            }
            Ok(_) => continue,
            Err(RecvError::Lagged(n)) => {
                tracing::error!(n, "events were missed: alarms may not have been kept");
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        let device = device.clone();
        match spawn_blocking(move || device.keep_alarm(&alarm)).await {
            Ok(Ok(_)) => {
                stored.send_replace(());
            }
            Ok(Err(e)) => tracing::error!(error = ?e, "an alarm was not kept"),
            Err(_) => return,
        }
    }
}

/// Sends what is due; those of before a restart first.
async fn send(device: Device, mut news: watch::Receiver<()>) {
    let mut pace = MailPace::default();
    loop {
        let (asked, mut mine) = (device.clone(), pace);
        let sent = spawn_blocking(move || {
            let next = asked.send_alarm_mail(&mut mine);
            (mine, next)
        });
        let Ok((mine, next)) = sent.await else { return };
        pace = mine;
        let wait = match next {
            Ok(next) => next.map(|t| t.saturating_sub(device.clock.monotonic())),
            Err(e) => {
                tracing::error!(error = ?e, "messages about alarms");
                Some(AGAIN)
            }
        };
        tokio::select! {
            changed = news.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
        }
    }
}
