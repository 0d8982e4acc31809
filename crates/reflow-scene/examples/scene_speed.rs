//! How fast the kernels of animation and the store are. `benches/scene_speed.py` prints this beside NumPy doing the same.
//!
//! Each line is a name and seconds, of the best of several rounds.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program for people")]

use std::hint::black_box;
use std::time::Instant;

use glam::{Mat4, Quat, Vec3};
use reflow_assets::{Query, Store};
use reflow_message::Value;
use reflow_scene::kernels::easing::Easing;
use reflow_scene::kernels::particles::{Emitter, Particles, Shape};
use reflow_scene::kernels::skinning::{Mixing, skin};

fn best(name: &str, rounds: usize, mut work: impl FnMut()) {
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    let seconds = (0..rounds).map(|_| time(&mut work)).fold(f64::INFINITY, f64::min);
    println!("{name} {seconds:.9}");
}

fn skinning() {
    const VERTICES: usize = 100_000;
    let numbers = (0..VERTICES * 6).map(|index| (index % 97) as f32 * 0.01);
    let mesh: Vec<u8> = numbers.flat_map(f32::to_le_bytes).collect();
    let record = |index: usize| [&((index % 64) as u16).to_le_bytes()[..], &0.25_f32.to_le_bytes()].concat();
    let weights: Vec<u8> = (0..VERTICES * 4).flat_map(record).collect();
    let bone = |index: u8| Mat4::from_rotation_translation(Quat::from_rotation_y(f32::from(index)), Vec3::X);
    let bones: Vec<Mat4> = (0..64).map(bone).collect();
    best("skinning_100k_x4", 20, || {
        let mut moved = mesh.clone();
        skin(&mut moved, 24, &weights, 4, &bones, Mixing::Linear);
        black_box(moved);
    });
}

fn particles() {
    let emitter = Emitter { shape: Shape::Sphere, radius: 1.0, speed: 1.0, lifetime: 1e6, seed: 1.0, is_hashed: true };
    let mut set: Particles = (0..10_000).map(|index| emitter.particle(index)).collect();
    let mut born = 10_000;
    best("particles_10k", 200, || black_box(&mut set).advance(&emitter, [0.0, -9.81, 0.0], 0.016, &mut born));
}

fn tweens() {
    let easing = Easing::parse("easeInOutCubic");
    let elapsed: Vec<f64> = (0..1000).map(|index| f64::from(index) * 0.001).collect();
    let (from, to) = (vec![[0.0_f64; 3]; 1000], vec![[8.0_f64, -4.0, 2.0]; 1000]);
    let mut out = vec![[0.0_f64; 3]; 1000];
    best("tweens_1k", 2000, || {
        for (index, out) in out.iter_mut().enumerate() {
            let eased = easing.at(black_box(elapsed[index]) + 0.016);
            *out = [0, 1, 2].map(|axis: usize| from[index][axis] + (to[index][axis] - from[index][axis]) * eased);
        }
        black_box(&mut out);
    });
}

/// A store of so many assets: writing them, opening it, reading, finding.
fn store(count: usize) {
    let folder = std::env::temp_dir().join(format!("reflow-store-speed-{}-{count}", std::process::id()));
    let empty = || Value::object::<&str, Value>([]);
    let open = |name: &str| Store::open(folder.join(name).to_str().unwrap()).unwrap();
    let one = open("db");
    let start = Instant::now();
    for index in 0..count {
        let value = Value::object([("x", index), ("y", index * 2)]);
        one.put_json(&format!("entity{index}:{}", if index % 100 == 0 { "rare" } else { "transform" }), value, empty())
            .unwrap();
    }
    println!("store_{count}_write_each {:.9}", start.elapsed().as_secs_f64() / count as f64);
    let start = Instant::now();
    one.flush().unwrap();
    println!("store_{count}_flush {:.9}", start.elapsed().as_secs_f64());
    best(&format!("store_{count}_read_1000_by_id"), 10, || {
        for index in 0..1000 {
            let id = format!("entity{}:transform", (index * 7919 + 1) % count);
            black_box(one.json(&id).unwrap());
        }
    });
    let rare = Query::read(&Value::object([("type", "rare")]));
    best(&format!("store_{count}_query_component"), 5, || assert_eq!(one.query(&rare).unwrap().len(), count / 100));
    let scan = Query::read(&Value::object([("size", Value::object([("$gt", 1_000_000)]))]));
    best(&format!("store_{count}_query_scan"), 5, || assert!(one.query(&scan).unwrap().is_empty()));
    // Another name for the same files is another store, which reads them anew.
    std::fs::rename(folder.join("db"), folder.join("again")).unwrap();
    let start = Instant::now();
    assert_eq!(open("again").stats().unwrap().assets, count);
    println!("store_{count}_open {:.9}", start.elapsed().as_secs_f64());
    std::fs::remove_dir_all(&folder).unwrap();
}

/// 1,000 writes of 1,000 bytes each.
fn blobs() {
    let folder = std::env::temp_dir().join(format!("reflow-store-speed-{}", std::process::id()));
    let store = Store::open(folder.to_str().unwrap()).unwrap();
    let start = Instant::now();
    for index in 0..1000_u32 {
        let content: Vec<u8> = (0..1000_u32).map(|byte| (byte * index) as u8).collect();
        store.put(&format!("entity{index}:mesh"), &content, Value::object::<&str, Value>([])).unwrap();
    }
    println!("store_1000_blobs {:.9}", start.elapsed().as_secs_f64());
    let start = Instant::now();
    store.flush().unwrap();
    println!("store_1000_blobs_flush {:.9}", start.elapsed().as_secs_f64());
    std::fs::remove_dir_all(&folder).unwrap();
}

fn main() {
    skinning();
    particles();
    tweens();
    blobs();
    for count in [1_000, 10_000, 100_000] {
        store(count);
    }
}
