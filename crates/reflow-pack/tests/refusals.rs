//! Every refusal: what is wrong is told, and nothing is registered.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "common/small.rs"]
mod small;

use std::fs;
use std::path::Path;

use common::*;
use reflow_pack::{
    ArchiveWriter, LoadOptions, PackCatalog, SigningKey, Trust, UnpackedPython, describe_pack, inspect_pack,
    list_packs, load_pack, tool,
};
use reflow_runtime::{Catalog, Component, Endpoint, Message, Value};
use serde_json::json;
use small::{Small, library, template};

/// Loads, and checks that this was refused with these words and left nothing behind.
fn refused(path: &Path, options: &LoadOptions, words: &str) {
    let error = load_pack(path, options).err().unwrap_or_else(|| panic!("{} was loaded; not: {words}", path.display()));
    let text = error.to_string();
    assert!(text.contains(words), "{text}\n does not say: {words}");
    assert!(text.contains(&path.display().to_string()), "{text}\n does not name the file");
    // Other tests load packs of their own meanwhile.
    assert!(list_packs().iter().all(|pack| pack.source_path != path), "{words}");
    assert!(PackCatalog.ids().iter().all(|id| !id.starts_with("bad") && !id.starts_with("promise")), "{words}");
}

fn setup() -> (tempfile::TempDir, LoadOptions) {
    let home = tempfile::tempdir().unwrap();
    let options = LoadOptions { cache_directory: Some(home.path().join("cache")), ..LoadOptions::default() };
    (home, options)
}

#[test]
fn damaged_and_hostile_archives_are_refused() {
    let (home, options) = setup();
    let path = home.path().join("bad.rflpack");
    let good = Small::new("bad", b"\x7fELF, if that".repeat(50)).bytes();
    let find = |bytes: &[u8], mark: &[u8], nth: usize| {
        bytes.windows(4).enumerate().filter(|(_, window)| *window == mark).nth(nth).unwrap().0
    };
    let (first_local, first_central) = (find(&good, b"PK\x03\x04", 0), find(&good, b"PK\x01\x02", 0));
    let size = u32::from_le_bytes(good[first_local + 22..first_local + 26].try_into().unwrap());
    let more = (size + 1).to_le_bytes();
    let local = find(&good, b"PK\x03\x04", 1);
    let central = find(&good, b"PK\x01\x02", 1);
    let end = find(&good, b"PK\x05\x06", 0);
    let with = |changes: &[(usize, &[u8])]| {
        let mut bytes = good.clone();
        for (at, new) in changes {
            bytes[*at..*at + new.len()].copy_from_slice(new);
        }
        bytes
    };
    let named = |names: &[&str]| {
        let mut writer = ArchiveWriter::new();
        for name in names {
            writer.add(name, b"x");
        }
        writer.finish()
    };
    let huge = 0x3000_0000_u32.to_le_bytes();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("neither a zip file nor a shared library", b"hello".to_vec()),
        ("neither a zip file nor a shared library", Vec::new()),
        ("no directory at its end", good[..good.len() - 30].to_vec()),
        ("no directory at its end", [&good[..], b"more"].concat()),
        ("another size", with(&[(central + 10, &[0, 0]), (local + 8, &[0, 0])])),
        ("no data can", with(&[(central + 24, &huge), (local + 22, &huge)])),
        ("says something else than the directory", with(&[(local + 22, &[1, 0, 0, 0])])),
        ("says something else than the directory", with(&[(local + 31, b"X")])),
        ("unpacks to more", with(&[(first_central + 24, &[200, 0]), (first_local + 22, &[200, 0])])),
        ("but there are", with(&[(first_central + 24, &more), (first_local + 22, &more)])),
        ("it is damaged", with(&[(first_central + 16, b"crc!"), (first_local + 14, b"crc!")])),
        ("it is encrypted", with(&[(central + 8, &[1])])),
        ("neither `stored` nor `deflate`", with(&[(central + 10, &[14])])),
        ("a link or device", with(&[(central + 41, &[0xa1])])),
        ("zip64", with(&[(central + 20, &[0xff; 4])])),
        ("zip64", with(&[(end + 16, &[0xff; 4])])),
        ("share the same bytes", with(&[(central + 42, &[0, 0, 0, 0])])),
        ("split archive", with(&[(end + 4, &[1])])),
        ("not where its end record says", with(&[(end + 16, &[0])])),
        ("absolute path", named(&["/etc/evil"])),
        ("could leave", named(&["a/../../evil"])),
        ("could leave", named(&["..\\evil"])),
        ("could leave", named(&["c:evil"])),
        ("second entry of this name", named(&["a", "b", "a"])),
        ("second entry of this name", named(&["a", "A"])),
        ("it has no `manifest.json`", named(&["a"])),
    ];
    for (words, bytes) in cases {
        fs::write(&path, &bytes).unwrap();
        refused(&path, &options, words);
    }
    refused(&home.path().join("none.rflpack"), &options, "cannot open");
    assert!(!home.path().join("cache").exists(), "something was unpacked");
}

#[test]
fn manifests_that_contradict_themselves_are_refused() {
    let (home, options) = setup();
    let path = home.path().join("bad.rflpack");
    let cases = [
        ("`manifest_version` is 2", "manifest_version", json!(2)),
        ("no `manifest_version`", "manifest_version", json!(null)),
        ("not a", "manifest_version", json!("x")),
        ("the name \"../x\"", "name", json!("../x")),
        ("invalid type", "version", json!(1)),
        ("entrypoint", "entrypoint", json!("a b")),
        ("has no SHA-256", "targets", json!({"x": {"file": "lib/other.so"}})),
        ("nothing to load", "targets", json!({})),
        ("is listed twice", "templates", json!(["a", "a"])),
        ("belongs to no template", "templates", json!([])),
        ("two inports", "descriptors", json!([{"id": "bad_forward", "inports": [{"name": "a"}, {"name": "a"}]}])),
        ("firing rule", "descriptors", json!([{"id": "bad_forward", "firing": "often"}])),
        ("not `module:Class`", "python", json!({"templates": {"bad_forward": "os.system"}})),
        ("64 lower-case", "files", json!({"lib/pack.so": {"sha256": "ab", "size": 1}})),
        (
            "not in the archive",
            "files",
            json!({"lib/pack.so": {"sha256": "0".repeat(64), "size": 4}, "more": {"sha256": "0".repeat(64), "size": 1}}),
        ),
        ("not in the manifest", "files", json!({"other": {"sha256": "0".repeat(64), "size": 1}})),
        (
            "has 4 bytes, but the manifest says 5",
            "files",
            json!({"lib/pack.so": {"sha256": "0".repeat(64), "size": 5}}),
        ),
        ("it was changed", "files", json!({"lib/pack.so": {"sha256": "0".repeat(64), "size": 4}})),
        ("Upgrade offbit-reflow", "reflow_pack_abi_version", json!((1 << 16) + 99)),
        ("Upgrade offbit-reflow", "reflow_pack_abi_version", json!(2 << 16)),
        ("made for another runtime", "reflow_pack_abi_version", json!(2_442_128_673_u32)),
    ];
    for (words, key, value) in cases {
        let mut bundle = Small::new("bad", b"\x7fELF".to_vec());
        if words.contains("module:Class") {
            bundle.manifest["descriptors"] = json!([]);
        }
        if words == "not in the manifest" {
            bundle.files.push(("other".into(), b"x".to_vec()));
            bundle.manifest["targets"] = json!({"t": {"file": "other"}});
        }
        bundle.manifest[key] = value;
        if bundle.manifest[key].is_null() {
            bundle.manifest.as_object_mut().unwrap().remove(key);
        }
        refused(&bundle.save(&path), &options, words);
    }
    let mut other = Small::new("bad", b"\x7fELF".to_vec());
    other.manifest["targets"] = json!({"sparc-sun-solaris": {"file": "lib/pack.so"}});
    refused(&other.save(&path), &options, "only for `sparc-sun-solaris`");
    assert_eq!(inspect_pack(&path).unwrap()["host_supported"], false);
    fs::write(&path, {
        let mut writer = ArchiveWriter::new();
        writer.add("manifest.json", b"{");
        writer.finish()
    })
    .unwrap();
    refused(&path, &options, "not a JSON object");
}

#[test]
fn libraries_that_are_no_packs_are_refused() {
    let (home, options) = setup();
    let path = home.path().join("bad.rflpack");
    refused(&Small::new("bad", b"\x7fELF but not really".to_vec()).save(&path), &options, "cannot be loaded");
    let raw = home.path().join("libraw.so");
    compile("int nothing(void) { return 0; }\n", home.path(), &raw);
    refused(&raw, &options, "exports no `reflow_pack_abi_version`");
    refused(&Small::new("bad", fs::read(&raw).unwrap()).save(&path), &options, "exports no `reflow_pack_abi_version`");
    for (problem, words) in
        [(1, "Upgrade offbit-reflow"), (2, "the licence has run out"), (3, "the descriptor \"nonsense\" is not one")]
    {
        let name = format!("bad{problem}");
        let bundle = Small::new(&name, fs::read(library(home.path(), &name, problem)).unwrap());
        refused(&bundle.save(&path), &options, words);
    }
    let good = fs::read(library(home.path(), "promise", 0)).unwrap();
    let mut bundle = Small::new("promise", good.clone());
    bundle.manifest["entrypoint"] = json!("elsewhere");
    refused(&bundle.save(&path), &options, "exports no `elsewhere`");
    let mut bundle = Small::new("promise", good.clone());
    bundle.manifest["templates"] = json!([template("promise"), "promise_more"]);
    refused(&bundle.save(&path), &options, "the manifest promises `promise_more`");
    let mut bundle = Small::new("promise", good);
    bundle.manifest["descriptors"][0]["outports"] = json!([{"name": "elsewhere"}]);
    refused(&bundle.save(&path), &options, "otherwise than the library");
}

#[test]
fn an_actor_without_a_right_table_is_refused_and_a_silent_failure_is_explained() {
    let (home, options) = setup();
    for (problem, name) in [(4, "tableless"), (5, "silent")] {
        let raw = library(home.path(), name, problem);
        load_pack(&raw, &options).unwrap();
        let component = PackCatalog.component(&template(name)).unwrap();
        if problem == 4 {
            assert!(component.instantiate(&Value::Null).err().unwrap().contains("smaller than in any version"));
            continue;
        }
        let mut network = network(&[("node", &template(name), "")], &[]);
        network.add_initial(Endpoint::new("node", "in"), Message::Flow);
        let (_, report) = run(&mut network, "node.out");
        assert!(report.failures[0].failure.message.contains("did not say why"), "{report:#?}");
    }
}

#[test]
fn names_and_templates_belong_to_the_first_pack_that_has_them() {
    let (home, options) = setup();
    let first = library(home.path(), "first", 0);
    let pack = load_pack(&first, &options).unwrap();
    assert_eq!(pack.templates, ["first_forward"]);
    let again = load_pack(&first, &options).unwrap();
    assert_eq!((again.identity.as_str(), again.templates.len()), (pack.identity.as_str(), 1));

    let path = home.path().join("second.rflpack");
    let bundle = Small::new("first", fs::read(&first).unwrap());
    refused(&bundle.save(&path), &options, "another pack `first` (version 1.0.0");
    let mut bundle = Small::new("second", fs::read(&first).unwrap());
    bundle.manifest["templates"] = json!(["first_forward"]);
    bundle.manifest["descriptors"] = json!([]);
    refused(&bundle.save(&path), &options, "taken by the pack `first`");
}

#[test]
fn a_bundle_that_was_right_is_remembered_and_a_changed_one_is_another() {
    let (home, options) = setup();
    let remembered = || {
        let entries = fs::read_dir(home.path().join("cache/v1")).into_iter().flatten().flatten();
        entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "verified")).count()
    };
    let path = home.path().join("bad.rflpack");
    refused(&Small::new("bad", b"\x7fELF but not really".to_vec()).save(&path), &options, "cannot be loaded");
    assert_eq!(remembered(), 0, "a refused pack left something");
    let bundle = Small::new("kept", fs::read(library(home.path(), "kept", 0)).unwrap());
    load_pack(&bundle.save(&home.path().join("kept.rflpack")), &options).unwrap();
    assert_eq!(remembered(), 1);
    // Everything that it unpacks to is in the cache, and right; the bundle is not.
    let mut bytes = bundle.bytes();
    let name = b"lib/pack.so";
    let data = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    bytes[data + 200] ^= 0x55;
    fs::write(&path, bytes).unwrap();
    refused(&path, &options, "damaged");
    assert_eq!(remembered(), 1);
}

#[test]
fn trust_is_asked_for_before_any_code_runs() {
    let (home, any) = setup();
    let path = home.path().join("signed.rflpack");
    let (ours, theirs) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let trusting = |key: &SigningKey| LoadOptions { trust: Trust::SignedBy(vec![key.public()]), ..any.clone() };
    let raw = library(home.path(), "signed", 0);
    let mut bundle = Small::new("signed", fs::read(&raw).unwrap());

    refused(&raw, &trusting(&ours), "not signed");
    refused(&bundle.save(&path), &trusting(&ours), "not signed");
    tool::sign(&path, &theirs).unwrap();
    refused(&path, &trusting(&ours), "not among the trusted ones");
    bundle.key = Some(SigningKey::generate().unwrap());
    let bytes = bundle.bytes();
    bundle.manifest["version"] = json!("1.0.1");
    let other = bundle.bytes();
    assert_ne!(bytes, other);
    // The signature of one manifest beside another: the archive is whole, the signature is not.
    let signature = {
        let mut archive =
            reflow_pack::Archive::open(std::io::Cursor::new(bytes), &path, &reflow_pack::Limits::default());
        archive.as_mut().unwrap().read("signature.json").unwrap().unwrap()
    };
    let mut archive =
        reflow_pack::Archive::open(std::io::Cursor::new(other), &path, &reflow_pack::Limits::default()).unwrap();
    let mut writer = ArchiveWriter::new();
    for name in ["manifest.json", "lib/pack.so"] {
        writer.add(name, &archive.read(name).unwrap().unwrap());
    }
    writer.add("signature.json", &signature);
    fs::write(&path, writer.finish()).unwrap();
    refused(&path, &any, "one of the two was changed");

    bundle.key = Some(ours);
    let key = bundle.key.as_ref().unwrap();
    let pack = load_pack(&bundle.save(&path), &trusting(key)).unwrap();
    assert_eq!(pack.signed_by, Some(key.public()));
    assert_eq!(inspect_pack(&path).unwrap()["signed_by"], key.public().to_string());
    assert_eq!(tool::verify(&path, &trusting(key).trust).unwrap(), Some(key.public()));
}

#[test]
fn python_comes_only_with_permission_or_a_trusted_signature() {
    let (home, options) = setup();
    for (name, signed) in [("snake", false), ("adder", true)] {
        let path = home.path().join(format!("{name}.rflpack"));
        let mut bundle = Small::new(name, Vec::new());
        bundle.files = vec![(format!("python/{name}/__init__.py"), b"class A: pass\n".to_vec())];
        bundle.manifest["targets"] = json!({});
        bundle.manifest["descriptors"] = json!([]);
        bundle.manifest["python"] = json!({"templates": {template(name): format!("{name}:A")}});
        bundle.key = signed.then(|| SigningKey::generate().unwrap());
        bundle.save(&path);
        refused(&path, &options, "allow_python=True");
        assert!(!home.path().join("cache").exists() || signed, "something was unpacked");
        let allowed = match &bundle.key {
            Some(key) => LoadOptions { trust: Trust::SignedBy(vec![key.public()]), ..options.clone() },
            None => LoadOptions { allow_python: true, ..options.clone() },
        };
        let pack = load_pack(&path, &allowed).unwrap();
        let UnpackedPython { directory, classes, .. } = pack.python.clone().unwrap();
        assert_eq!(fs::read(directory.join(name).join("__init__.py")).unwrap(), b"class A: pass\n");
        assert_eq!(classes[&template(name)], format!("{name}:A"));
        assert_eq!(pack.templates, [template(name)]);
    }
}

#[test]
fn a_graph_is_checked_against_a_pack_that_was_never_loaded() {
    let (home, _) = setup();
    let path = home.path().join("described.rflpack");
    let mut bundle = Small::new("described", b"\x7fELF".to_vec());
    bundle.manifest["descriptors"][0]["config_schema"] = json!({"required": ["size"]});
    let described = describe_pack(&bundle.save(&path)).unwrap();
    let [component] = &described[..] else { panic!("{described:?}") };
    assert_eq!(component.spec().inports[0].name, "in");
    assert_eq!(component.check_config(&Value::Null), ["config: `size` is missing"]);
    assert!(component.instantiate(&Value::Null).err().unwrap().contains("load it first"));
}

/// A poor man's fuzzer, for every run of the tests; the real one is in `fuzz/`.
#[test]
fn a_bundle_with_any_byte_changed_is_read_or_refused_but_never_panics() {
    let good = Small::new("bytes", b"\x7fELF".repeat(20)).bytes();
    let limits = reflow_pack::Limits { entries: 100, entry_size: 1 << 20, total_size: 4 << 20 };
    let mut state = 7_u32;
    for at in 0..good.len() {
        for _ in 0..8 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let mut bytes = good.clone();
            bytes[at] ^= (state >> 24) as u8;
            let cut = bytes.len() - (state as usize >> 8) % 3 * ((state as usize >> 10) % 40);
            let source = std::io::Cursor::new(&bytes[..cut]);
            if let Ok(mut bundle) = reflow_pack::Bundle::read(source, Path::new("fuzz"), &limits) {
                let _ = bundle.verify(None);
            }
        }
    }
}
