//! Whom a client trusts, and the client that does so.

use std::fmt::Display;

use reqwest::{Certificate, Client, Url, redirect};

use super::detail;
use crate::integration::file;

/// The largest file of certificates that is read.
const MOST_BYTES: u64 = 16 << 20;

/// A client for requests to `url` that trusts what the system trusts and the authorities of `ca_certificate`. Blocks.
pub(super) fn client(url: &str, ca_certificate: Option<&str>) -> Result<Client, String> {
    let mut builder = Client::builder().redirect(redirect::Policy::none());
    if is_local(url) {
        // A proxy has another idea of what this machine is.
        builder = builder.no_proxy();
    }
    for certificate in ca_certificate.map(certificates).transpose()?.into_iter().flatten() {
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| detail(&error))
}

/// Whether an address is one of this machine.
pub(super) fn is_local(url: &str) -> bool {
    let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_string));
    host.is_some_and(|host| matches!(host.as_str(), "localhost" | "127.0.0.1" | "[::1]"))
}

/// The certificates in a PEM text, or in the file of this name.
fn certificates(source: &str) -> Result<Vec<Certificate>, String> {
    let wrong = |why: &dyn Display| format!("caCertificate: {why}");
    let pem = if source.trim_start().starts_with("-----BEGIN") {
        source.as_bytes().to_vec()
    } else {
        let read = file::read(source.as_ref(), MOST_BYTES);
        read.map_err(|error| wrong(&format!("{source}: {error}")))?
    };
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&detail(&error)))?;
    if certificates.is_empty() { Err(wrong(&"there is no certificate in it")) } else { Ok(certificates) }
}
