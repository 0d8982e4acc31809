//! Every shader of nodes compiles to valid WGSL, for meshes and for distance fields.

use proptest::prelude::*;
use reflow_message::Value;
use reflow_shading::kernels::sdf::{self, Settings, Shade};
use reflow_shading::kernels::shader::{Gradient, MathOp, MixMode, TextureSlot, Tree, Wave, mesh_material, sdf_shade};

fn assert_valid(text: &str, entry: &str) {
    let module =
        naga::front::wgsl::parse_str(text).unwrap_or_else(|error| panic!("{}\n{text}", error.emit_to_string(text)));
    let mut validator =
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
    validator.validate(&module).unwrap_or_else(|error| panic!("{error:?}\n{text}"));
    assert!(module.entry_points.iter().any(|found| found.name == entry), "no entry point {entry}");
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::object(members)
}

fn assert_compiles(json: &str) {
    let tree = Tree::read(&serde_json::from_str(json).unwrap()).unwrap_or_else(|error| panic!("{error}\n{json}"));
    let material = mesh_material(&tree);
    assert_valid(&material.vertex_wgsl, "vs_main");
    assert_valid(&material.fragment_wgsl, "fs_main");
    let ball = r#"{"type":"primitive","primitive":"sphere","radius":1}"#;
    let field = sdf::Tree::read(&serde_json::from_str(ball).unwrap()).unwrap();
    let shade = Shade::Text(sdf_shade(&tree, "shade").unwrap());
    assert_valid(&sdf::compile(&field, &Settings::default(), &shade).unwrap(), "main");
}

const FLOAT: &str = r#"{"type":"constFloat","c":0.5}"#;
const COLOR: &str = r#"{"type":"constVec3","c":[0.1,0.2,0.3]}"#;

/// Every kind of node around some inputs.
fn around(inputs: [String; 3]) -> Vec<String> {
    let [a, b, c] = inputs;
    let mut all: Vec<String> = [
        r#"{"type":"texCoord"}"#.into(),
        r#"{"type":"objectPosition"}"#.into(),
        r#"{"type":"objectNormal"}"#.into(),
        r#"{"type":"cameraVector"}"#.into(),
        r#"{"type":"vertexColor"}"#.into(),
        r#"{"type":"tangent"}"#.into(),
        r#"{"type":"time"}"#.into(),
        r#"{"type":"constVec4","c":[1,2,3,4]}"#.into(),
        r#"{"type":"whiteNoiseTexture"}"#.into(),
        r#"{"type":"environmentTexture","assetId":"e\"};"}"#.into(),
        format!(r#"{{"type":"skyTexture","sunDirection":{a},"turbidity":{b}}}"#),
        format!(r#"{{"type":"imageTexture","assetId":"x\n;","uv":{a}}}"#),
        format!(r#"{{"type":"noiseTexture","scale":{a},"detail":{b},"roughness":{c},"vector":{a}}}"#),
        format!(r#"{{"type":"voronoiTexture","scale":{a},"randomness":{b}}}"#),
        format!(r#"{{"type":"checkerTexture","scale":{a},"color1":{b},"color2":{c}}}"#),
        format!(r#"{{"type":"brickTexture","scale":{a},"mortarSize":{b},"color1":{c},"color2":{a},"mortarColor":{b}}}"#),
        format!(r#"{{"type":"musgraveTexture","scale":{a},"detail":{b},"dimension":{c}}}"#),
        format!(r#"{{"type":"colorRamp","stops":[{{"position":1,"color":[1,1,1,1]}},{{"position":0,"color":[0,0,0,1]}},{{"position":0,"color":[0,1,0,1]}}],"input":{a}}}"#),
        format!(r#"{{"type":"colorRamp","stops":[],"input":{a}}}"#),
        format!(r#"{{"type":"separateXYZ","input":{a},"component":"z"}}"#),
        format!(r#"{{"type":"combineXYZ","x":{a},"y":{b},"z":{c}}}"#),
        format!(r#"{{"type":"fresnel","ior":{a}}}"#),
        format!(r#"{{"type":"bumpMap","strength":{a},"height":{b}}}"#),
        format!(r#"{{"type":"normalMap","strength":{a},"color":{b}}}"#),
        format!(r#"{{"type":"mapping","location":[1,2,3],"rotation":[0,1,0],"scale":[1,-1,1e-40],"input":{a}}}"#),
        format!(r#"{{"type":"clamp","input":{a},"minVal":1,"maxVal":-1}}"#),
        format!(r#"{{"type":"mapRange","input":{a},"fromMin":1,"fromMax":1,"toMin":3e38,"toMax":-3e38}}"#),
        format!(r#"{{"type":"displacement","height":{a},"midlevel":{b},"scale":{c}}}"#),
    ]
    .into();
    for word in Gradient::WORDS {
        all.push(format!(r#"{{"type":"gradientTexture","gradientType":"{word}","vector":{a}}}"#));
    }
    for word in Wave::WORDS {
        all.push(format!(r#"{{"type":"waveTexture","waveType":"{word}","scale":{a},"distortion":{b}}}"#));
    }
    for op in MathOp::all() {
        all.push(format!(r#"{{"type":"mathOp","op":"{}","a":{a},"b":{b}}}"#, op.name));
        all.push(format!(r#"{{"type":"mathOp","op":"{}","a":{a}}}"#, op.name));
    }
    for word in MixMode::WORDS {
        all.push(format!(r#"{{"type":"colorMix","mode":"{word}","fac":{a},"a":{b},"b":{c}}}"#));
    }
    all
}

fn surface(value: &str) -> String {
    format!(
        r#"{{"type":"materialOutput","surface":{{"type":"principledBsdf","base_color":{value},"metallic":{value},"roughness":{value},
        "emission":{value},"emissionStrength":{value},"alpha":{value},"normal":{value},"ao":{value},"clearcoat":{value},
        "sheen":{value},"sheenTint":{value},"subsurface":{value},"subsurfaceColor":{value},"anisotropic":{value},
        "anisotropicRotation":{value},"clearcoatRoughness":{value},"transmission":{value},"ior":{value}}}}}"#
    )
}

#[test]
fn every_node_compiles_as_a_value_and_in_every_input_of_a_surface() {
    for inputs in [[FLOAT, COLOR, FLOAT], [COLOR, FLOAT, COLOR]] {
        for node in around(inputs.map(Into::into)) {
            assert_compiles(&node);
            assert_compiles(&surface(&node));
        }
    }
}

#[test]
fn strides_and_slots_are_those_that_renderers_rely_on() {
    let read = |json: &str| mesh_material(&Tree::read(&serde_json::from_str(json).unwrap()).unwrap());
    assert_eq!(read(&surface(COLOR)).vertex_stride, 24);
    assert_eq!(read(&surface(r#"{"type":"texCoord"}"#)).vertex_stride, 32);
    let image = |asset: &str| format!(r#"{{"type":"imageTexture","assetId":"{asset}","uv":{{"type":"texCoord"}}}}"#);
    let mixed = format!(
        r#"{{"type":"colorMix","mode":"mix","fac":{FLOAT},"a":{},"b":{{"type":"colorMix","mode":"add","fac":{FLOAT},"a":{},"b":{}}}}}"#,
        image("wood"),
        image("rust"),
        image("wood")
    );
    let slot = |binding, asset: &str| TextureSlot { binding, asset_id: asset.into() };
    assert_eq!(read(&surface(&mixed)).texture_slots, [slot(2, "wood"), slot(3, "rust")]);
}

#[test]
fn shades_of_several_slots_stand_in_one_text() {
    let slot = |name: &str| {
        format!(r#"{{"type":"primitive","primitive":"sphere","radius":1,"material":{{"slot":"{name}"}}}}"#)
    };
    let both = format!(r#"{{"type":"operation","op":"union","left":{},"right":{}}}"#, slot("ice"), slot("gold"));
    let field = sdf::Tree::read(&serde_json::from_str(&both).unwrap()).unwrap();
    let ramp = format!(r#"{{"type":"colorRamp","stops":[{{"position":0,"color":[1,0,0,1]}}],"input":{FLOAT}}}"#);
    let bump = format!(r#"{{"type":"bumpMap","strength":{FLOAT},"height":{ramp}}}"#);
    let tree = Tree::read(&serde_json::from_str(&surface(&bump)).unwrap()).unwrap();
    let texts = ["shade_ice", "gold"].map(|name| (name.to_string(), sdf_shade(&tree, name).unwrap()));
    assert_valid(&sdf::compile(&field, &Settings::default(), &Shade::Slots(texts.into())).unwrap(), "main");
}

#[test]
fn errors_say_where_and_what() {
    let error = |json: &str| Tree::read(&serde_json::from_str(json).unwrap()).unwrap_err().to_string();
    assert_eq!(error("5"), "root: expected a node, found number");
    assert_eq!(error(r#"{"type":"nope"}"#), "root: there is no node of the type `nope`");
    assert_eq!(error(r#"{"type":"materialOutput","surface":{"type":"fresnel"}}"#), "root.surface: missing field `ior`");
    assert!(
        error(&format!(r#"{{"type":"mathOp","op":"ad","a":{FLOAT}}}"#))
            .starts_with("root: `op`: there is no `ad`; there are add,")
    );
    assert_eq!(error(r#"{"type":"constVec3","c":[1,2]}"#), "root: `c`: expected a list of 3 finite numbers of 32 bits");
    assert!(sdf_shade(&Tree::read(&serde_json::from_str(FLOAT).unwrap()).unwrap(), "a b").is_err());
}

#[test]
fn equal_parts_are_computed_once() {
    // A chain that uses itself twice at every step has 2^60 paths and 61 nodes.
    let mut value = Value::from(serde_json::from_str::<serde_json::Value>(FLOAT).unwrap());
    for _ in 0..60 {
        value = object([("type", "mathOp".into()), ("op", "add".into()), ("a", value.clone()), ("b", value)]);
    }
    assert_eq!(Tree::read(&value).unwrap().nodes().len(), 61);
}

#[test]
fn a_shader_of_ten_thousand_nodes_compiles_in_one_go() {
    // A balanced sum of numbers that all differ, and a ramp of as many stops.
    let mut level: Vec<Value> =
        (0..5000).map(|c| object([("type", "constFloat".into()), ("c", f64::from(c).into())])).collect();
    while level.len() > 1 {
        let sum = |pair: &[Value]| match pair {
            [a, b] => object([("type", "mathOp".into()), ("op", "add".into()), ("a", a.clone()), ("b", b.clone())]),
            [one, ..] => one.clone(),
            [] => Value::Null,
        };
        level = level.chunks(2).map(sum).collect();
    }
    let stop = |at: u32| object([("position", at.into()), ("color", Value::array([0, 0, 0, 1]))]);
    let stops = Value::array((0..5000).map(stop));
    let root = object([("type", "colorRamp".into()), ("stops", stops), ("input", level.swap_remove(0))]);
    let tree = Tree::read(&root).unwrap();
    assert_eq!(tree.nodes().len(), 10_000);
    let text = mesh_material(&tree).fragment_wgsl;
    assert_valid(&text, "fs_main");
    assert_functions_are_short(&text);
}

/// The compiler takes quadratic time for one function.
fn assert_functions_are_short(text: &str) {
    let functions = text.split("\nfn ").skip(1).map(|rest| rest.split("\n}\n").next().unwrap_or(rest));
    let longest = functions.map(|function| function.lines().count()).max();
    assert!(longest < Some(1000), "{longest:?} lines");
}

#[test]
fn long_shaders_are_valid_wherever_they_stand() {
    // Textures of other textures, so that values of all kinds go from part to part.
    let uv = || object([("type", "texCoord".into())]);
    let image =
        |at: u32| object([("type", "imageTexture".into()), ("assetId", format!("a{}", at % 90).into()), ("uv", uv())]);
    let number = |at: u32| object([("type", "constFloat".into()), ("c", at.into())]);
    let sum = |a: Value, b: Value| object([("type", "mathOp".into()), ("op", "add".into()), ("a", a), ("b", b)]);
    let mut level: Vec<Value> = (0..600).map(|at| sum(image(at), number(at))).collect();
    level.extend((0..600).map(|at| sum(uv(), number(at))));
    while level.len() > 1 {
        let half = level.split_off(level.len().div_ceil(2));
        let mut right = half.into_iter();
        level = level.into_iter().map(|a| right.next().map_or(a.clone(), |b| sum(a, b))).collect();
    }
    let value = level.swap_remove(0);
    let bump = object([("type", "bumpMap".into()), ("strength", number(1)), ("height", value.clone())]);
    let bsdf = Value::object::<_, Value>(
        ["baseColor", "metallic", "roughness", "emission", "emissionStrength", "alpha"]
            .map(|input| (input, value.clone()))
            .into_iter()
            .chain([("normal", bump), ("type", "principledBsdf".into())]),
    );
    let surface = object([("type", "materialOutput".into()), ("surface", bsdf)]);
    for root in [value, surface] {
        let tree = Tree::read(&root).unwrap();
        let material = mesh_material(&tree);
        assert_valid(&material.fragment_wgsl, "fs_main");
        assert_functions_are_short(&material.fragment_wgsl);
        let ball = r#"{"type":"primitive","primitive":"sphere","radius":1}"#;
        let slot = |name: &str| ball.replace("1}", &format!(r#"1,"material":{{"slot":"{name}"}}}}"#));
        let both = format!(r#"{{"type":"operation","op":"union","left":{},"right":{}}}"#, slot("a"), slot("b"));
        let field = sdf::Tree::read(&serde_json::from_str(&both).unwrap()).unwrap();
        let texts = ["one", "two"].map(|name| (name.to_string(), sdf_shade(&tree, name).unwrap()));
        let text = sdf::compile(&field, &Settings::default(), &Shade::Slots(texts.into())).unwrap();
        assert_valid(&text, "main");
        assert_functions_are_short(&text);
    }
}

#[test]
fn images_are_as_many_as_there_are_places_for() {
    let image = |at: u32| {
        let uv = object([("type", "texCoord".into())]);
        object([("type", "imageTexture".into()), ("assetId", format!("a{at}").into()), ("uv", uv)])
    };
    let sum = |a: Value, b: Value| object([("type", "mathOp".into()), ("op", "add".into()), ("a", a), ("b", b)]);
    let images = |count: u32| (1..count).map(image).fold(image(0), sum);
    assert_valid(&mesh_material(&Tree::read(&images(98)).unwrap()).fragment_wgsl, "fs_main");
    assert!(Tree::read(&images(99)).unwrap_err().to_string().contains("98 images"));
}

#[test]
fn numbers_that_are_none_are_refused_with_the_node_named() {
    for number in [f64::NAN, f64::INFINITY, 1e300] {
        let bad = object([("type", "constFloat".into()), ("c", number.into())]);
        let root = object([("type", "materialOutput".into()), ("surface", bad)]);
        assert_eq!(
            Tree::read(&root).unwrap_err().to_string(),
            "root.surface: `c`: expected a finite number of 32 bits"
        );
    }
    let bump = |at: u32| {
        let height = object([("type", "constFloat".into()), ("c", at.into())]);
        object([("type", "bumpMap".into()), ("strength", height.clone()), ("height", height)])
    };
    let sum = |a: Value, b: Value| object([("type", "mathOp".into()), ("op", "add".into()), ("a", a), ("b", b)]);
    let many = (1..65).map(bump).fold(bump(0), sum);
    assert!(Tree::read(&many).unwrap_err().to_string().contains("64 bump maps"));
}

#[test]
fn ranges_as_wide_as_numbers_go_have_a_slope() {
    for (from, to) in
        [([3.4e38, -3.4e38], [-3.4e38, 3.4e38]), ([1.0, 1.0], [-3.4e38, 3.4e38]), ([-3.4e38, 3.4e38], [0.0, 1.0])]
    {
        assert_compiles(&format!(
            r#"{{"type":"mapRange","input":{{"type":"time"}},"fromMin":{:?},"fromMax":{:?},"toMin":{:?},"toMax":{:?}}}"#,
            from[0], from[1], to[0], to[1]
        ));
    }
}

fn shaders() -> impl Strategy<Value = String> {
    let odd = [0.0, -0.0, 1.0, -1.0, 1e-40, -1e-45, 3.4e38, -3.4e38, 1e30];
    let number =
        prop_oneof![prop::sample::select(odd.to_vec()), -3.0..3.0].prop_map(|number: f64| format!("{number:e}"));
    let leaf = prop_oneof![
        Just(FLOAT.to_string()),
        Just(COLOR.to_string()),
        Just(r#"{"type":"texCoord"}"#.to_string()),
        number.clone().prop_map(|c| format!(r#"{{"type":"constFloat","c":{c}}}"#)),
        number.prop_map(|c| format!(r#"{{"type":"constVec4","c":[{c},{c},0,{c}]}}"#)),
    ];
    leaf.prop_recursive(5, 24, 3, |inner| {
        (inner.clone(), inner.clone(), inner, any::<prop::sample::Index>())
            .prop_map(|(a, b, c, which)| which.get(&around([a, b, c])).clone())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_shaders_compile(json in shaders()) {
        assert_compiles(&json);
        assert_compiles(&surface(&json));
    }
}
