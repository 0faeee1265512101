//! Lets the picture follow its scenes: by the clock, and when their values change.

use std::time::Duration;

use platecam_model::{Device, upkeep::SceneKeeper};
use tokio::time::{MissedTickBehavior, interval};

/// Looks every second until it is aborted. Only a change of the scene writes anything.
pub(crate) async fn keep(device: Device) {
    let mut keeper = SceneKeeper::default();
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failed = false;
    loop {
        tick.tick().await;
        let (device, mut mine) = (device.clone(), keeper.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let result = device.keep_scene(&mut mine);
            (mine, result)
        });
        let Ok((mine, result)) = looked.await else {
            return;
        };
        keeper = mine;
        if let Err(e) = &result
            && !failed
        {
            tracing::error!(error = ?e, "the picture does not follow its scene");
        }
        failed = result.is_err();
    }
}
