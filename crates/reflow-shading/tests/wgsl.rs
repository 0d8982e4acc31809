//! Every shader that is made is valid WGSL.

use proptest::prelude::*;
use reflow_message::Value;
use reflow_shading::kernels::sdf::{
    CompileError, Material, Node, Operation, Primitive, Settings, Shade, Transform, Tree, compile,
};

fn assert_valid(text: &str) {
    let module =
        naga::front::wgsl::parse_str(text).unwrap_or_else(|error| panic!("{}\n{text}", error.emit_to_string(text)));
    let mut validator =
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
    validator.validate(&module).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    assert_eq!(module.entry_points.len(), 1);
    assert_eq!(module.entry_points[0].name, "main");
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::object(members)
}

fn tree(text: &str) -> Tree {
    Tree::read(&serde_json::from_str(text).unwrap()).unwrap()
}

#[test]
fn settings_of_any_size_make_a_shader() {
    let ball = tree(r#"{"type":"primitive","primitive":"sphere","radius":1}"#);
    let grey = Value::object([("type", Value::from("constFloat")), ("c", 0.5.into())]);
    let shader = reflow_shading::kernels::shader::Tree::read(&grey).unwrap();
    let shade = reflow_shading::kernels::shader::sdf_shade(&shader, "shade").unwrap();
    for largest in [f32::MAX, f32::MIN, 0.0, f32::MIN_POSITIVE / 2.0] {
        let all = glam::Vec3::splat(largest);
        let settings = Settings {
            camera_pos: all,
            camera_target: all,
            fov: largest,
            max_steps: u32::MAX,
            max_dist: largest,
            epsilon: largest,
            background: all,
            ambient: largest,
            light_dir: all,
            light_color: all,
            soft_shadows: true,
            shadow_k: largest,
            time: largest,
            ..Settings::default()
        };
        for shade in [Shade::BuiltIn, Shade::Text(shade.clone())] {
            assert_valid(&compile(&ball, &settings, &shade).unwrap());
        }
    }
}

const PRIMITIVES: [&str; 15] = [
    r#""primitive":"sphere","radius":1e-40"#,
    r#""primitive":"box","size":[1,2,3]"#,
    r#""primitive":"roundBox","size":[1,2,3],"radius":-0.5"#,
    r#""primitive":"ellipsoid","radii":[1,2,3]"#,
    r#""primitive":"roundBoxShell","size":[1,2,3],"radius":0.1,"thickness":0.1"#,
    r#""primitive":"cylinder","radius":1,"height":3e38"#,
    r#""primitive":"capsule","radius":1,"height":2"#,
    r#""primitive":"torus","major_radius":1,"minor_radius":0.2"#,
    r#""primitive":"cone","angle":0.5,"height":1"#,
    r#""primitive":"plane","normal":[0,0,0],"offset":1"#,
    r#""primitive":"taperedCapsule","a":[0,0,0],"b":[0,1,0],"radius_a":1,"radius_b":2"#,
    r#""primitive":"tubePath","points":[[0,0,0],[1,0,0],[1,1,0]],"radii":[1,0.5,0.2],"k":0"#,
    r#""primitive":"infRepeat","spacing":[1,0,2]"#,
    r#""primitive":"puddle","radius":1,"height":0.1,"noise_freq":2,"noise_amp":0.3"#,
    r#""primitive":"volume","resolution":2,"bound":1,"values":[1,1,1,1,1,1,1,-1]"#,
];

const TRANSFORMS: [&str; 11] = [
    r#""transform":"translate","offset":[1,-2,3]"#,
    r#""transform":"rotate","angles":[10,20,-30]"#,
    r#""transform":"scale","factor":[1,0,-3]"#,
    r#""transform":"twist","strength":-1"#,
    r#""transform":"bend","strength":1"#,
    r#""transform":"elongate","amount":[1,-1,0]"#,
    r#""transform":"round","radius":-0.1"#,
    r#""transform":"shell","thickness":0.1"#,
    r#""transform":"repeat","spacing":[1,0,2],"count":[1,2,0]"#,
    r#""transform":"mirror","axis":[1,0,1]"#,
    r#""transform":"displace","frequency":3,"amplitude":-0.1,"octaves":4000000000"#,
];

fn fields() -> impl Strategy<Value = String> {
    let material = prop_oneof![
        Just("null".to_string()),
        prop::sample::select(vec!["a", "b", "\"};fn x(){"])
            .prop_map(|slot| { format!(r#"{{"slot":{},"roughness":0.2}}"#, serde_json::to_string(slot).unwrap()) }),
    ];
    let leaf = (prop::sample::select(PRIMITIVES.to_vec()), material.clone())
        .prop_map(|(rest, material)| format!(r#"{{"type":"primitive",{rest},"material":{material}}}"#));
    leaf.prop_recursive(6, 40, 2, move |inner| {
        prop_oneof![
            (
                inner.clone(),
                inner.clone(),
                -0.5_f32..1.0,
                prop::sample::select(vec![
                    "union",
                    "smoothUnion",
                    "intersection",
                    "difference",
                    "smoothIntersection",
                    "smoothDifference"
                ])
            )
                .prop_map(|(a, b, k, op)| format!(
                    r#"{{"type":"operation","op":"{op}","k":{k},"left":{a},"right":{b}}}"#
                )),
            (inner.clone(), prop::sample::select(TRANSFORMS.to_vec()))
                .prop_map(|(child, rest)| format!(r#"{{"type":"transform",{rest},"child":{child}}}"#)),
            inner.prop_map(|child| format!(r#"{{"type":"material","material":{{"metallic":1}},"child":{child}}}"#)),
        ]
    })
}

#[test]
fn every_node_alone_is_valid() {
    for rest in PRIMITIVES {
        let field = tree(&format!(r#"{{"type":"primitive",{rest}}}"#));
        for (soft_shadows, ao) in [(false, false), (true, true)] {
            let settings = Settings { soft_shadows, ao, ..Settings::default() };
            assert_valid(&compile(&field, &settings, &Shade::BuiltIn).unwrap());
        }
    }
    for rest in TRANSFORMS {
        let child = r#"{"type":"primitive","primitive":"sphere","radius":1}"#;
        let field = tree(&format!(r#"{{"type":"transform",{rest},"child":{child}}}"#));
        assert_valid(&compile(&field, &Settings::default(), &Shade::BuiltIn).unwrap());
    }
}

#[test]
fn shades_of_slots_are_put_together() {
    let field = tree(
        r#"{"type":"operation","op":"union",
            "left":{"type":"material","material":{"slot":"a"},"child":{"type":"primitive","primitive":"sphere","radius":1}},
            "right":{"type":"primitive","primitive":"sphere","radius":1,"material":{"slot":"b"}}}"#,
    );
    let function = |name: &str| {
        format!("fn {name}(ro: vec3f, rd: vec3f, t: f32) -> vec3f {{ return helper() + calc_normal(ro); }}\n")
    };
    let text = |name: &str| {
        format!(
            "fn helper() -> vec3f {{ return vec3f(1.0); }}\n{}{}",
            function(&format!("{name}_probe")),
            function(name)
        )
    };
    let shade = Shade::Slots(vec![("steel".into(), text("steel")), ("wood".into(), text("wood"))]);
    assert_valid(&compile(&field, &Settings::default(), &shade).unwrap());
    let wrong =
        |name: &str, text: &str| compile(&field, &Settings::default(), &Shade::Slots(vec![(name.into(), text.into())]));
    assert_eq!(wrong("a", "fn b() {}"), Err(CompileError::MissingFunction { slot: 0, function: "a".into() }));
    assert_eq!(wrong("a b", ""), Err(CompileError::BadName("a b".into())));
}

#[test]
fn a_tree_of_ten_thousand_nodes_compiles_in_one_go() {
    let mut field = Tree::default();
    let ball = |field: &mut Tree, slot: usize| {
        let material = Material { slot: Some(format!("s{}", slot % 7)), ..Material::default() };
        field.push(Node::Primitive { primitive: Primitive::Sphere { radius: 1.0 }, material: Some(material) })
    };
    let mut left = ball(&mut field, 0);
    for slot in 1..5000 {
        let right = ball(&mut field, slot);
        left = field.push(Node::Operation { operation: Operation::Union {}, left, right });
    }
    let text = compile(&field, &Settings::default(), &Shade::BuiltIn).unwrap();
    assert_valid(&text);
    assert_functions_are_short(&text);
    assert_eq!(field.slots().len(), 7);
}

/// The compiler takes quadratic time for one function.
fn assert_functions_are_short(text: &str) {
    let functions = text.split("\nfn ").skip(1).map(|rest| rest.split("\n}\n").next().unwrap_or(rest));
    let longest = functions.map(|function| function.lines().count()).max();
    assert!(longest < Some(1000), "{longest:?} lines");
}

#[test]
fn tubes_share_one_table_and_volumes_one_buffer() {
    let tube = |points: &str, radii: &str| {
        format!(r#"{{"type":"primitive","primitive":"tubePath","points":{points},"radii":{radii},"k":0}}"#)
    };
    let volume = |value: u8| {
        format!(r#"{{"type":"primitive","primitive":"volume","resolution":1,"bound":1,"values":[{value}]}}"#)
    };
    let parts = [
        tube("[[0,0,0],[1,0,0],[1,2,0]]", "[1,2]"),
        volume(1),
        tube("[[0,0,0]]", "[1]"),
        tube("[[0,0,0],[3,4,0],[3,4,1]]", "[1,2,3]"),
        volume(2),
    ];
    let joined = parts
        .into_iter()
        .reduce(|left, right| format!(r#"{{"type":"operation","op":"union","left":{left},"right":{right}}}"#));
    let text = compile(&tree(&joined.unwrap()), &Settings::default(), &Shade::BuiltIn).unwrap();
    assert_valid(&text);
    let calls: Vec<_> = text.lines().filter(|line| line.starts_with("    let d")).collect();
    let wanted =
        ["sdf_tube(p0, 0, 2)", "sdf_volume(p0, 0, 1, 1.0)", "999.0", "sdf_tube(p0, 2, 3)", "sdf_volume(p0, 1, 1, 1.0)"];
    for call in wanted {
        assert!(calls.iter().any(|line| line.ends_with(&format!(" = {call};"))), "{call}: {calls:?}");
    }
    assert!(text.contains("array<f32, 25>(0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 2.0, 0.0,"), "{text}");
    assert!(text.contains("3.0, 4.0, 1.0, 6.0, 3.0);"), "{text}");
}

#[test]
fn fields_of_many_materials_and_pending_parts_are_valid() {
    // To the right, so that the left sides of all operations wait; each part is moved and has a colour of its own.
    let mut field = Tree::default();
    let mut parts: Vec<_> = (0..1500_u16)
        .map(|at| {
            let material = Material { color: glam::Vec3::splat(f32::from(at)), ..Material::default() };
            let ball = Node::Primitive { primitive: Primitive::Sphere { radius: 1.0 }, material: Some(material) };
            let child = field.push(ball);
            let transform = if at % 2 == 0 {
                Transform::Scale { factor: glam::Vec3::splat(2.0) }
            } else {
                Transform::Displace { frequency: 1.0, amplitude: 0.1, octaves: 2 }
            };
            field.push(Node::Transform { transform, child })
        })
        .collect();
    let mut right = parts.pop().unwrap();
    for left in parts {
        let operation = Operation::SmoothUnion { k: 0.1 };
        right = field.push(Node::Operation { operation, left, right });
    }
    let text = compile(&field, &Settings::default(), &Shade::BuiltIn).unwrap();
    assert_valid(&text);
    assert_functions_are_short(&text);
    for case in ["case 255: {", "case 256: {", "case 257: {", "case 1500: {"] {
        // The first of each part is the one for everything else.
        assert_eq!(text.contains(case), case != "case 256: {", "{case}");
    }
}

#[test]
fn numbers_that_are_none_and_fields_without_end_are_refused() {
    let ball =
        |radius: f64| object([("type", "primitive".into()), ("primitive", "sphere".into()), ("radius", radius.into())]);
    let union = |left: Value, right: Value| {
        object([("type", "operation".into()), ("op", "union".into()), ("left", left), ("right", right)])
    };
    for number in [f64::NAN, f64::NEG_INFINITY, 1e300] {
        let error = Tree::read(&union(ball(1.0), ball(number))).unwrap_err().to_string();
        assert_eq!(error, "root.right: `radius`: expected a finite number of 32 bits");
    }
    // Parts are shared: sixty values, and 2^60 nodes.
    let endless = (0..60).fold(ball(1.0), |shape, _| union(shape.clone(), shape));
    assert!(Tree::read(&endless).unwrap_err().to_string().contains("too large for a field"));
    // As many nodes as a value can be deep.
    let deep = (0..500).fold(ball(1.0), |shape, _| union(shape, ball(0.5)));
    let field = Tree::read(&deep).unwrap();
    assert_eq!(field.len(), 1001);
    assert_valid(&compile(&field, &Settings::default(), &Shade::BuiltIn).unwrap());
}

#[test]
fn what_is_missing_is_told_and_fields_from_outside_are_functions() {
    assert_eq!(compile(&Tree::default(), &Settings::default(), &Shade::BuiltIn), Err(CompileError::Empty));
    let field = tree(
        r#"{"type":"operation","op":"union","left":{"type":"ref","name":"x\n} fn y("},"right":{"type":"ref","name":"a"}}"#,
    );
    assert_eq!(field.references(), ["a", "x\n} fn y("]);
    let text = compile(&field, &Settings::default(), &Shade::BuiltIn).unwrap();
    assert!(text.contains("fn sdf_ref_1(") && !text.contains("fn y("));
    assert_valid(&text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn random_fields_are_valid(text in fields(), soft_shadows in any::<bool>(), ao in any::<bool>()) {
        let settings = Settings { soft_shadows, ao, ..Settings::default() };
        assert_valid(&compile(&tree(&text), &settings, &Shade::BuiltIn).unwrap());
    }
}
