use super::LogEntry;
use crate::settings::TimeSettings;

/// First line of a text export.
pub fn export_header(time: &TimeSettings) -> String {
    format!(
        "No.\tTime ({})\tUser\tAddress\tType\tText\tDetails\n",
        time.effective()
    )
}

/// One entry as a line of a text export (LOG-4), times as the unit shows them (SYS-16).
pub fn export_line(e: &LogEntry, time: &TimeSettings) -> String {
    let details: Vec<_> = e.details.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let columns = [
        e.id.to_string(),
        time.text(e.at),
        e.user.clone().unwrap_or_else(|| "-".into()),
        e.address.map_or("-".into(), |a| a.to_string()),
        e.kind.word().to_owned(),
        e.text.clone(),
        details.join("; "),
    ];
    // Entries hold no control characters; whoever wrote them otherwise cannot break lines here.
    let clean = columns.map(|c| c.replace(|c: char| c.is_control(), " "));
    clean.join("\t") + "\n"
}
