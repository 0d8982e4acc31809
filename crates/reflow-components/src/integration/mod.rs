//! The family `integration`: files, timers, HTTP and the comparison of streams.

#[cfg(feature = "http")]
mod charset;
#[cfg(feature = "http")]
mod client;
mod correlator;
mod cron;
mod cron_trigger;
mod file;
mod file_load;
mod file_save;
mod interval_trigger;
mod payload;
#[cfg(feature = "http")]
mod server;

use crate::Entry;

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
        Entry::of::<client::HttpRequest>(),
        Entry::of::<server::ServerRequest>(),
        Entry::of::<server::ServerResponse>(),
    ]
}

#[cfg(not(feature = "http"))]
fn http_components() -> Vec<Entry> {
    Vec::new()
}

/// Runs `work`, which may block, on a thread that may be blocked.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.to_string()))
}
