//! The family `integration`: files, timers, HTTP and the comparison of streams.

mod correlator;
mod cron;
mod cron_trigger;
mod file_load;
mod file_save;
#[cfg(feature = "http")]
mod http_request;
mod interval_trigger;
mod payload;
#[cfg(feature = "http")]
mod pending;
#[cfg(feature = "http")]
mod retry;
#[cfg(feature = "http")]
mod server;
#[cfg(feature = "http")]
mod server_request;
#[cfg(feature = "http")]
mod server_response;

use crate::catalog::Entry;

pub(crate) fn components() -> Vec<Entry> {
    let mut entries = vec![
        Entry::of::<correlator::Correlator>(),
        Entry::of::<cron_trigger::CronTrigger>(),
        Entry::of::<file_load::FileLoad>(),
        Entry::of::<file_save::FileSave>(),
        Entry::of::<interval_trigger::IntervalTrigger>(),
    ];
    entries.extend(http_components());
    entries
}

#[cfg(feature = "http")]
fn http_components() -> Vec<Entry> {
    vec![
        Entry::of::<http_request::HttpRequest>(),
        Entry::of::<server_request::ServerRequest>(),
        Entry::of::<server_response::ServerResponse>(),
    ]
}

#[cfg(not(feature = "http"))]
fn http_components() -> Vec<Entry> {
    Vec::new()
}

/// Refuses a pipe: opening one waits for whoever is at its other end, and nobody could call that off.
fn no_pipe(path: &std::path::Path, metadata: &std::fs::Metadata) -> std::io::Result<()> {
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type()) {
        return Err(std::io::Error::other(format!("{} is a pipe", path.display())));
    }
    let _ = (path, metadata);
    Ok(())
}

/// Runs `work`, which may block, on a thread that may be blocked.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
}
