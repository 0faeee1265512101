//! Alarm outputs: the barrier.

use axum::extract::State;
use platecam_model::Permission;

use super::{
    answer::{Lines, Refusal},
    blocking, command,
    gate::Caller,
    query::Query,
};
use crate::{
    app::App,
    routes::{Access, Routes},
};

pub(super) fn routes() -> Routes {
    let needs = Access::Needs(Permission::BarrierControl);
    command("/cgi-bin/output.cgi", needs, output)
}

/// `output.cgi?action=pulse&output=1`, `output.cgi?action=list`.
async fn output(
    State(app): State<App>,
    Caller(by): Caller,
    mut query: Query,
) -> Result<Lines, Refusal> {
    let count = app.device.io.outputs();
    let most = u32::try_from(count).unwrap_or(u32::MAX);
    let mut lines = Lines::default();
    match query.word("action", &["list", "pulse"])? {
        "pulse" => {
            // Without any output the model says so.
            let output = query.number("output", 1..=most.max(1), 1)?;
            query.finish()?;
            let device = app.device.clone();
            blocking(move || device.pulse_output(&by, output as usize - 1)).await?;
            lines.add("output", &output.to_string());
            lines.add("pulsed", "true");
        }
        _ => {
            query.finish()?;
            lines.add("outputs", &count.to_string());
        }
    }
    Ok(lines)
}
