//! Packs that are built at test time, and networks to run them in.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, missing_docs, reason = "each test file uses its own part")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use reflow_pack::{LoadOptions, LoadedPack, PackCatalog, load_pack};
use reflow_runtime::{
    Actor, Component, ComponentSpec, Endpoint, Failure, Instance, Message, Network, NodeSpec, PortSpec, PortType,
    RunReport, Running, Tick, Value,
};

pub fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A directory that all test binaries share, for what is slow to build.
pub fn shared() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The command-line tool, with a target directory that all packs of the tests share.
pub fn tool(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_reflow-pack"))
        .args(arguments)
        .env("CARGO_TARGET_DIR", shared().join("packs"))
        .env("REFLOW_PACK_CACHE", shared().join("cache"))
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}

/// The pack of everything, copied out of the tree and built there.
pub fn kitchen() -> &'static Path {
    static BUNDLE: LazyLock<PathBuf> = LazyLock::new(|| {
        let directory = shared().join(format!("kitchen-{}", std::process::id()));
        std::fs::create_dir_all(directory.join("src")).unwrap();
        let sdk = here("../reflow-pack-sdk").canonicalize().unwrap();
        let cargo = std::fs::read_to_string(here("tests/packs/kitchen/Cargo.toml")).unwrap();
        let cargo = cargo.replace("../../../../reflow-pack-sdk", sdk.to_str().unwrap());
        std::fs::write(directory.join("Cargo.toml"), cargo).unwrap();
        for file in ["lib.rs", "house.rs"] {
            std::fs::copy(here("tests/packs/kitchen/src").join(file), directory.join("src").join(file)).unwrap();
        }
        let bundle = directory.join("kitchen.rflpack");
        let (from, to) = (directory.to_str().unwrap(), bundle.to_str().unwrap());
        tool(&["build", from, "--profile", "dev", "--output", to]);
        bundle
    });
    &BUNDLE
}

pub fn options() -> LoadOptions {
    LoadOptions { cache_directory: Some(shared().join("cache")), ..LoadOptions::default() }
}

pub fn load_kitchen() -> Arc<LoadedPack> {
    load_pack(kitchen(), &options()).unwrap()
}

/// A library out of C, built against the header in `include`.
pub fn compile(source: &str, include: &Path, library: &Path) {
    let file = library.with_extension("c");
    std::fs::write(&file, source).unwrap();
    let status = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-I"])
        .arg(include)
        .arg("-o")
        .args([library, &file])
        .status()
        .unwrap();
    assert!(status.success());
}

/// A network in which templates of packs are nodes.
pub fn network(nodes: &[(&str, &str, &str)], wires: &[(&str, &str)]) -> Network {
    let mut network = Network::new();
    network.set_catalog(Arc::new(PackCatalog));
    for (id, template, config) in nodes {
        let config = if config.is_empty() { Value::Null } else { serde_json::from_str(config).unwrap() };
        network.add_node(*id, NodeSpec::new(*template, config));
    }
    for (from, to) in wires {
        let (from, to) = (from.split_once('.').unwrap(), to.split_once('.').unwrap());
        network.add_connection(Endpoint::new(from.0, from.1), Endpoint::new(to.0, to.1), None);
    }
    network
}

/// Runs a network whose outport is `node.port`, to its end.
pub fn run(network: &mut Network, out: &str) -> (Vec<Message>, RunReport) {
    let (node, port) = out.split_once('.').unwrap();
    network.add_outport("out", Endpoint::new(node, port));
    let running = network.start_to_the_end(&[]).unwrap();
    finish(&running);
    let mut outputs = running.take_outputs();
    (outputs.swap_remove("out").unwrap_or_default(), running.report())
}

pub fn finish(running: &Running) {
    assert!(running.wait(Some(Duration::from_secs(20))), "not finished in time: {:#?}", running.stats());
    assert!(running.is_ended(), "idle but not ended: {:#?}", running.stats());
}

pub fn integers(messages: &[Message]) -> Vec<i64> {
    messages
        .iter()
        .map(|message| match message {
            Message::Integer(number) => *number,
            other => panic!("not an integer: {other:?}"),
        })
        .collect()
}

/// The built-in twin of a pack's forwarding actor.
pub struct Forward;

impl Actor for Forward {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(message) = tick.take(0) {
            tick.emit(0, message);
        }
        Ok(())
    }
}

pub struct ForwardTemplate;

impl Component for ForwardTemplate {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::new(ComponentSpec {
            inports: vec![PortSpec::new("in", PortType::Any)],
            outports: vec![PortSpec::new("out", PortType::Any)],
            ..ComponentSpec::default()
        })
    }

    fn instantiate(&self, _config: &Value) -> Result<Instance, String> {
        Ok(Instance::new(Forward))
    }
}
