//! Every shader that is made is valid WGSL.

use proptest::prelude::*;
use reflow_message::Value;
use reflow_shading::kernels::sdf::{CompileError, Material, Node, Primitive, Settings, Shade, Tree, compile};

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
        left =
            field.push(Node::Operation { operation: reflow_shading::kernels::sdf::Operation::Union {}, left, right });
    }
    assert_valid(&compile(&field, &Settings::default(), &Shade::BuiltIn).unwrap());
    assert_eq!(field.slots().len(), 7);
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
