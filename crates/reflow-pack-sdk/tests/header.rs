//! `include/reflow_pack.h` says what `src/abi` says. `REFLOW_UPDATE_HEADER=1` writes it anew.

use std::path::Path;

const TRAILER: &str = "\
/* What a pack exports. REFLOW_EXPORT makes a function visible outside of the library. */
#if defined(_WIN32)
#  define REFLOW_EXPORT __declspec(dllexport)
#else
#  define REFLOW_EXPORT __attribute__((visibility(\"default\")))
#endif

#ifdef __cplusplus
extern \"C\" {
#endif

/* Answers REFLOW_PACK_ABI_VERSION. Asked before anything else. */
REFLOW_EXPORT uint32_t reflow_pack_abi_version(void);

/* The entry point: identifies the pack and registers its components. `host` may be kept, `registry` may not. */
REFLOW_EXPORT ReflowStatus reflow_pack_register(const ReflowHost *host, ReflowRegistry *registry);

#ifdef __cplusplus
}
#endif
";

#[test]
fn the_header_is_what_the_definitions_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        cpp_compat: true,
        include_guard: Some("REFLOW_PACK_H".into()),
        header: Some(
            "/* The C ABI of offbit-reflow packs. Generated from the Rust definitions; do not edit. */".into(),
        ),
        trailer: Some(TRAILER.into()),
        documentation_style: cbindgen::DocumentationStyle::C99,
        style: cbindgen::Style::Both,
        usize_is_size_t: true,
        ..cbindgen::Config::default()
    };
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in ["mod.rs", "types.rs", "actor.rs", "host.rs"] {
        builder = builder.with_src(root.join("src/abi").join(file));
    }
    for item in ["ReflowHost", "ReflowActorTable", "ReflowComponent", "ReflowPackInfo", "ReflowFailure"] {
        builder = builder.include_item(item);
    }
    let mut header = Vec::new();
    builder.generate().expect("the definitions are C").write(&mut header);
    let header = String::from_utf8(header).expect("a header is text");
    let path = root.join("include/reflow_pack.h");
    if std::env::var_os("REFLOW_UPDATE_HEADER").is_some() {
        std::fs::write(&path, &header).expect("the header can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == header, "{} is stale; run this test with REFLOW_UPDATE_HEADER=1", path.display());
}
