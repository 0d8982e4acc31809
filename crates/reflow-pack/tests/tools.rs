//! What the `reflow-pack` command does, from an empty directory to a stripped and signed bundle.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "common/small.rs"]
mod small;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::*;
use reflow_pack::{HOST_TRIPLE, inspect_pack, load_pack};
use reflow_runtime::{Endpoint, Message};
use serde_json::json;
use small::{Small, library};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The words of a refusal.
fn refusal(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_reflow-pack")).args(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?} succeeded");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_new_pack_builds_out_of_tree_and_shouts() {
    let home = tempfile::tempdir().unwrap();
    for (language, name) in [("rust", "acme.rust"), ("c", "acme.c")] {
        let directory = home.path().join(name);
        tool(&["new", text(&directory), "--language", language]);
        assert!(refusal(&["new", text(&directory)]).contains("is not empty"));
        let bundle = home.path().join(format!("{name}.rflpack"));
        if language == "c" {
            let library = directory.join("libpack.so");
            compile(&fs::read_to_string(directory.join("pack.c")).unwrap(), &directory, &library);
            tool(&["build", text(&directory), "--library", text(&library), "--output", text(&bundle)]);
        } else {
            let told = refusal(&["build", text(&directory), "--profile", "dev", "--features", "louder"]);
            assert!(told.contains("louder"), "{told}");
            tool(&["build", text(&directory), "--profile", "dev", "--output", text(&bundle)]);
        }
        let pack = load_pack(&bundle, &options()).unwrap();
        assert_eq!((pack.name.as_str(), pack.version.as_str()), (name, "0.1.0"));
        let mut network = network(&[("node", &pack.templates[0], "")], &[]);
        network.add_initial(Endpoint::new("node", "text"), "hey");
        let shouted = if language == "c" { "HEY" } else { "HEY!" };
        assert_eq!(run(&mut network, "node.shouted").0, [Message::string(shouted)]);
    }
    let directory = home.path().join("acme.python");
    tool(&["new", text(&directory), "--language", "python"]);
    let printed = tool(&["build", text(&directory), "--output", text(home.path())]);
    assert!(printed.contains("acme.python-0.1.0.rflpack"), "{printed}");
    assert!(refusal(&["list", text(&home.path().join("acme.python-0.1.0.rflpack"))]).contains("allow_python"));
}

#[test]
fn bundles_are_collected_stripped_signed_and_verified() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    let code = fs::read(library(home.path(), "many", 0)).unwrap();
    Small::new("many", code.clone()).save(&at("here.rflpack"));
    let mut there = Small::new("many", b"\x7fELF, elsewhere".to_vec());
    there.files[0].0 = "lib/there/pack.so".into();
    there.manifest["targets"] = json!({"sparc-sun-solaris": {"file": "lib/there/pack.so"}});
    there.save(&at("there.rflpack"));

    tool(&[
        "build",
        "--collect",
        text(&at("here.rflpack")),
        text(&at("there.rflpack")),
        "--output",
        text(&at("full.rflpack")),
    ]);
    let full = inspect_pack(&at("full.rflpack")).unwrap();
    assert_eq!(full["targets"].as_object().unwrap().len(), 2);
    assert_eq!(full["files"].as_object().unwrap().len(), 2);
    there.manifest["version"] = json!("2.0.0");
    there.save(&at("other.rflpack"));
    let words =
        refusal(&["build", "--collect", text(&at("here.rflpack")), text(&at("other.rflpack")), "--output", "x"]);
    assert!(words.contains("more than its target"), "{words}");

    let public = tool(&["keygen", text(&at("key"))]);
    assert!(refusal(&["keygen", text(&at("key"))]).contains("exists"));
    tool(&["sign", text(&at("full.rflpack")), "--key", text(&at("key"))]);
    let trusted = tool(&["verify", text(&at("full.rflpack")), "--trust", public.trim()]);
    assert!(trusted.contains(&format!("signed by {}", public.trim())), "{trusted}");

    tool(&["strip", text(&at("full.rflpack")), "--output", text(&at("slim.rflpack"))]);
    let slim = inspect_pack(&at("slim.rflpack")).unwrap();
    assert_eq!(slim["targets"].as_object().unwrap().keys().collect::<Vec<_>>(), [HOST_TRIPLE]);
    assert_eq!((slim["files"].as_object().unwrap().len(), &slim["signed_by"]), (1, &json!(null)));
    assert!(refusal(&["verify", text(&at("slim.rflpack")), "--trust", public.trim()]).contains("not signed"));
    assert!(
        refusal(&["strip", text(&at("slim.rflpack")), "--target", "vax", "--output", "x"]).contains("nothing for vax")
    );
    assert_eq!(load_pack(&at("slim.rflpack"), &options()).unwrap().templates, ["many_forward"]);

    assert!(tool(&["abi"]).contains(HOST_TRIPLE));
    assert!(tool(&["list", text(&at("slim.rflpack"))]).contains("many_forward"));
    assert!(refusal(&["dance"]).contains("no command `dance`"));
    assert!(refusal(&["inspect", text(&at("libmany.so"))]).contains("no manifest"));
}
