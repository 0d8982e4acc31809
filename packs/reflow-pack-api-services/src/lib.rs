//! Web APIs as components: OpenAPI documents of users, and some 3,300 operations of 88 services that come along.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test is what a panic is for"))]

mod actor;
mod anything;
mod auth;
mod builtin;
mod client;
mod commands;
mod component;
mod error;
mod graphql;
mod import;
mod limit;
mod mask;
mod model;
mod naming;
mod paging;
mod registry;
mod request;
mod response;
mod settings;
mod sse;

use reflow_pack_sdk::{Pack, export_pack};

fn pack() -> Pack {
    commands::load_folders();
    Pack::new()
        .with_source(registry::Templates)
        .with_command("load_openapi", commands::load_openapi)
        .with_command("unload_service", commands::unload_service)
        .with_command("services", commands::services)
        .with_command("folders", commands::folders)
        .with_command("describe", commands::describe)
}

export_pack!("reflow.pack.api_services", pack = pack());
