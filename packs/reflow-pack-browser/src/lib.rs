//! A browser as a component: pages as pictures, clicks, typing and scripts, by Chromium.

#[cfg(unix)]
mod actions;
mod address;
#[cfg(unix)]
mod chrome;
mod component;
#[cfg(unix)]
mod emitter;
#[cfg(unix)]
mod hold;
mod picture;
#[cfg(unix)]
mod protocol;
mod settings;
#[cfg(unix)]
mod web_socket;

use reflow_pack_sdk::export_pack;

export_pack!("reflow.pack.browser": component::Screencast);
