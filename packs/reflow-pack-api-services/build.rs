//! Packs the operations that come along: a block for each service, so that a service is read when it is used.

use std::io::Write;
use std::path::Path;
use std::{env, fs};

use flate2::Compression;
use flate2::write::DeflateEncoder;

fn main() {
    println!("cargo::rerun-if-changed=data/operations.jsonl");
    let text = fs::read_to_string("data/operations.jsonl").expect("the data are beside the sources");
    let mut blocks: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("{\"service\":\"") {
            let id = rest.split('"').next().unwrap_or_default();
            blocks.push((id.into(), String::new()));
        }
        let (_, block) = blocks.last_mut().expect("a service comes first");
        block.push_str(line);
        block.push('\n');
    }
    // The ids of each service, its own ones and those of old graphs; a line each.
    let mut index = String::new();
    let mut packed: Vec<u8> = Vec::new();
    for (service, block) in &blocks {
        let bytes = deflate(block.as_bytes());
        index += &format!("{service} {} {} {}\n", packed.len(), bytes.len(), block.len());
        packed.extend(bytes);
        for line in block.lines().skip(1) {
            let mut words = line.split('"');
            let id = words.nth(1).expect("an operation begins with its id");
            index += id;
            if words.next() == Some(",") {
                index.push(' ');
                index += words.next().unwrap_or_default();
            }
            index.push('\n');
        }
        index.push('\n');
    }
    let out = env::var("OUT_DIR").expect("cargo says where to write");
    let out = Path::new(&out);
    fs::write(out.join("operations.bin"), packed).expect("the blocks can be written");
    fs::write(out.join("index.bin"), deflate(index.as_bytes())).expect("the index can be written");
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}
