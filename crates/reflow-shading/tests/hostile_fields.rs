//! Fields of the oddest numbers: nothing panics, nothing goes on without end, and every shader is valid.

use std::num::NonZero;

use glam::{UVec3, Vec3};
use proptest::prelude::*;
use reflow_shading::kernels::sdf::{Bounds, Evaluator, Settings, Shade, Tree, compile, march, preview};
use reflow_shading::kernels::validate::validate;

/// A number of JSON that fits 32 bits, mostly an odd one.
fn number() -> impl Strategy<Value = String> {
    let odd = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-40, -1e-45, 1e-7, 3.4e38, -3.4e38, 1e30, 1.570_796_4, 180.0];
    prop_oneof![prop::sample::select(odd.to_vec()), -3.0..3.0].prop_map(|number: f64| format!("{number:e}"))
}

fn vector() -> impl Strategy<Value = String> {
    (number(), number(), number()).prop_map(|(x, y, z)| format!("[{x},{y},{z}]"))
}

fn primitive() -> impl Strategy<Value = String> {
    let flat =
        (number(), number(), number(), number(), vector(), vector(), prop::sample::select((0..14).collect::<Vec<_>>()));
    flat.prop_map(|(a, b, c, d, v, w, which)| {
        let rest = match which {
            0 => format!(r#""sphere","radius":{a}"#),
            1 => format!(r#""box","size":{v}"#),
            2 => format!(r#""roundBox","size":{v},"radius":{a}"#),
            3 => format!(r#""ellipsoid","radii":{v}"#),
            4 => format!(r#""roundBoxShell","size":{v},"radius":{a},"thickness":{b}"#),
            5 => format!(r#""cylinder","radius":{a},"height":{b}"#),
            6 => format!(r#""capsule","radius":{a},"height":{b}"#),
            7 => format!(r#""torus","major_radius":{a},"minor_radius":{b}"#),
            8 => format!(r#""cone","angle":{a},"height":{b}"#),
            9 => format!(r#""plane","normal":{v},"offset":{a}"#),
            10 => format!(r#""taperedCapsule","a":{v},"b":{w},"radius_a":{a},"radius_b":{b}"#),
            11 => format!(r#""tubePath","points":[{v},{w},{v}],"radii":[{a},{b},{c},{d}],"k":{a}"#),
            12 => format!(r#""infRepeat","spacing":{v}"#),
            _ => format!(
                r#""puddle","radius":{a},"height":{b},"noise_freq":{c},"noise_amp":{d},"bevel":{b},"meniscus":{a}"#
            ),
        };
        let material = format!(r#"{{"color":{w},"roughness":{a},"metallic":{b},"emission":{v},"ior":{c}}}"#);
        format!(r#"{{"type":"primitive","primitive":{rest},"material":{material}}}"#)
    })
}

fn fields() -> impl Strategy<Value = String> {
    primitive().prop_recursive(5, 24, 2, |inner| {
        let transform = (number(), number(), vector(), any::<u32>(), 0..11, inner.clone());
        let transform = transform.prop_map(|(a, b, v, n, which, child)| {
            let rest = match which {
                0 => format!(r#""translate","offset":{v}"#),
                1 => format!(r#""rotate","angles":{v}"#),
                2 => format!(r#""scale","factor":{v}"#),
                3 => format!(r#""twist","strength":{a}"#),
                4 => format!(r#""bend","strength":{a}"#),
                5 => format!(r#""elongate","amount":{v}"#),
                6 => format!(r#""round","radius":{a}"#),
                7 => format!(r#""shell","thickness":{a}"#),
                8 => format!(r#""repeat","spacing":{v},"count":[{n},0,1]"#),
                9 => format!(r#""mirror","axis":{v}"#),
                _ => format!(r#""displace","frequency":{a},"amplitude":{b},"octaves":{n}"#),
            };
            format!(r#"{{"type":"transform","transform":{rest},"child":{child}}}"#)
        });
        let words = ["union", "intersection", "difference", "smoothUnion", "smoothIntersection", "smoothDifference"];
        let operation = (prop::sample::select(words.to_vec()), number(), inner.clone(), inner);
        let operation = operation.prop_map(|(op, k, left, right)| {
            format!(r#"{{"type":"operation","op":"{op}","k":{k},"left":{left},"right":{right}}}"#)
        });
        prop_oneof![transform, operation]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn fields_of_odd_numbers_are_no_harm(text in fields(), at in prop::array::uniform3(-1e3_f32..1e3), far in any::<f32>()) {
        let tree = Tree::read(&serde_json::from_str(&text).unwrap()).unwrap();
        let bounds = tree.bounds();
        prop_assert!(!bounds.min.is_nan() && !bounds.max.is_nan(), "{bounds:?}");
        prop_assert!((1.0..=4.0).contains(&tree.stretch()));

        let field = Evaluator::new(&tree).unwrap();
        field.distance(at.into());
        field.distance(Vec3::splat(far));
        let mesh = march(&field, Bounds::around(Vec3::splat(2.0)), UVec3::splat(5), NonZero::<usize>::MIN).unwrap();
        prop_assert!(mesh.positions.iter().chain(&mesh.normals).all(|vector| vector.is_finite()));

        let camera_pos = Vec3::new(far.clamp(-1e30, 1e30), 1.0, 4.0);
        let settings = Settings { width: 6, height: 5, max_steps: 20, soft_shadows: true, camera_pos, ..Settings::default() };
        prop_assert_eq!(preview(&tree, &settings, NonZero::<usize>::MIN).unwrap().pixels.len(), 120);
        let valid = validate(&compile(&tree, &settings, &Shade::BuiltIn).unwrap());
        prop_assert!(valid.is_ok(), "{valid:?}");
    }
}
