//! Fields, points in them and the distances there, and pictures, for `compare/agreement.py`: one JSON object a line.
//!
//! ```sh
//! cargo run -p reflow-shading --example agreement
//! ```

use std::io::Write as _;
use std::num::NonZero;

use glam::Vec3;
use reflow_message::Value;
use reflow_shading::kernels::sdf::{Evaluator, Settings, Shade, Tree, compile, preview};

const PRIMITIVES: &[&str] = &[
    r#""primitive":"sphere","radius":0.8"#,
    r#""primitive":"box","size":[0.7,0.4,1.1]"#,
    r#""primitive":"roundBox","size":[0.7,0.4,1.1],"radius":0.2"#,
    r#""primitive":"ellipsoid","radii":[1.2,0.5,0.8]"#,
    r#""primitive":"roundBoxShell","size":[0.7,0.4,1.1],"radius":0.2,"thickness":0.1"#,
    r#""primitive":"cylinder","radius":0.6,"height":0.9"#,
    r#""primitive":"capsule","radius":0.3,"height":1.2"#,
    r#""primitive":"torus","major_radius":1.0,"minor_radius":0.3"#,
    r#""primitive":"cone","angle":0.5,"height":1.3"#,
    r#""primitive":"cone","angle":0.7,"height":0"#,
    r#""primitive":"plane","normal":[0.2,2,-1],"offset":0.3"#,
    r#""primitive":"taperedCapsule","a":[-0.6,0,0.2],"b":[0.7,0.4,0],"radius_a":0.5,"radius_b":0.2"#,
    r#""primitive":"tubePath","points":[[-1,0,0],[0,0.5,0.3],[1,0.2,-0.4],[1.2,1,0]],"radii":[0.1,0.3,0.2,0.05],"k":0.1"#,
    r#""primitive":"infRepeat","spacing":[0.9,0,1.1]"#,
    r#""primitive":"puddle","radius":1,"height":0.2,"noise_freq":2,"noise_amp":0.3"#,
];

const TRANSFORMS: &[&str] = &[
    r#""transform":"translate","offset":[0.3,-0.2,0.5]"#,
    r#""transform":"rotate","angles":[20,-35,70]"#,
    r#""transform":"scale","factor":[1.5,-0.7,1.1]"#,
    r#""transform":"twist","strength":1.3"#,
    r#""transform":"bend","strength":-0.8"#,
    r#""transform":"elongate","amount":[0.3,0,0.2]"#,
    r#""transform":"round","radius":0.15"#,
    r#""transform":"shell","thickness":0.07"#,
    r#""transform":"repeat","spacing":[1.1,0,0.9],"count":[1,2,1]"#,
    r#""transform":"mirror","axis":[1,0,1]"#,
    r#""transform":"displace","frequency":2.5,"amplitude":0.2,"octaves":4"#,
];

const SCENE: &str = r#"{"type":"operation","op":"smoothUnion","k":0.2,
    "left":{"type":"primitive","primitive":"sphere","radius":1,"material":{"color":[0.9,0.2,0.1],"metallic":0.5}},
    "right":{"type":"operation","op":"union",
        "left":{"type":"transform","transform":"twist","strength":0.7,"child":
            {"type":"primitive","primitive":"box","size":[0.4,1.6,0.4],"material":{"color":[0.2,0.8,0.3],"roughness":0.2}}},
        "right":{"type":"primitive","primitive":"plane","normal":[0,1,0],"offset":1}}}"#;

const OPERATIONS: &[&str] =
    &["union", "intersection", "difference", "smoothUnion", "smoothIntersection", "smoothDifference"];

fn fields() -> Vec<String> {
    let primitive = |at: usize| format!(r#"{{"type":"primitive",{}}}"#, PRIMITIVES[at % PRIMITIVES.len()]);
    let mut all: Vec<String> = (0..PRIMITIVES.len()).map(primitive).collect();
    for (at, transform) in TRANSFORMS.iter().enumerate() {
        all.push(format!(r#"{{"type":"transform",{transform},"child":{}}}"#, primitive(at + 1)));
    }
    for (at, op) in OPERATIONS.iter().enumerate() {
        let (left, right) = (primitive(at), all[PRIMITIVES.len() + at].clone());
        all.push(format!(r#"{{"type":"operation","op":"{op}","k":0.25,"left":{left},"right":{right}}}"#));
    }
    let mut dice = Dice(1);
    all.extend((0..60).map(|_| dice.field(6)));
    all
}

/// Numbers that look random, the same every time (Knuth, *The Art of Computer Programming*, volume 2, MMIX).
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn field(&mut self, depth: usize) -> String {
        match if depth == 0 { 0 } else { self.throw(5) } {
            0 => format!(r#"{{"type":"primitive",{}}}"#, PRIMITIVES[self.throw(PRIMITIVES.len())]),
            1 | 2 => {
                let (transform, child) = (TRANSFORMS[self.throw(TRANSFORMS.len())], self.field(depth - 1));
                format!(r#"{{"type":"transform",{transform},"child":{child}}}"#)
            }
            _ => {
                let op = OPERATIONS[self.throw(OPERATIONS.len())];
                let (left, right) = (self.field(depth - 1), self.field(depth - 1));
                format!(r#"{{"type":"operation","op":"{op}","k":0.25,"left":{left},"right":{right}}}"#)
            }
        }
    }
}

/// Places in and around the shapes: the golden ratio's sequence in a box (Roberts, "The Unreasonable Effectiveness of
/// Quasirandom Sequences", 2018).
fn points(count: u32) -> Vec<Vec3> {
    let step = Vec3::new(0.819_172_5, 0.671_043_6, 0.549_700_5);
    (1..=count).map(|at| ((step * at as f32).fract() - 0.5) * 4.0).collect()
}

/// A scene and its picture. Rows of 64 pixels are what a GPU hands out without padding.
fn picture(settings: &Settings) -> Result<Value, Box<dyn std::error::Error>> {
    let tree = Tree::read(&Value::from_json(SCENE)?)?;
    let picture = preview(&tree, settings, NonZero::<usize>::MIN)?;
    let camera =
        [settings.camera_pos, settings.camera_target].map(|point| Value::array(point.to_array().map(f64::from)));
    let [position, target] = camera;
    Ok(Value::object::<_, Value>([
        ("picture", format!("soft shadows {}, occlusion {}", settings.soft_shadows, settings.ao).into()),
        ("wgsl", compile(&tree, settings, &Shade::BuiltIn)?.into()),
        ("width", picture.width.into()),
        ("height", picture.height.into()),
        ("position", position),
        ("target", target),
        ("fov", f64::from(settings.fov).into()),
        ("pixels", Value::array(picture.pixels.into_iter().map(u32::from))),
    ]))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let points = points(512);
    let mut out = std::io::stdout().lock();
    for text in fields() {
        let tree = Tree::read(&Value::from_json(&text)?)?;
        let field = Evaluator::new(&tree).map_err(|name| format!("the field refers to {name:?}"))?;
        let mut distances = vec![0.0; points.len()];
        field.distances(&points, &mut distances);
        let line = Value::object::<_, Value>([
            ("field", text.as_str().into()),
            ("wgsl", compile(&tree, &Settings::default(), &Shade::BuiltIn)?.into()),
            ("points", Value::array(points.iter().flat_map(Vec3::to_array).map(f64::from))),
            ("distances", Value::array(distances.into_iter().map(f64::from))),
        ]);
        writeln!(out, "{}", line.to_json_string())?;
    }
    for (soft_shadows, ao) in [(false, false), (true, false), (false, true), (true, true)] {
        let light_dir = Vec3::new(0.6, 0.8, 0.5);
        let settings = Settings { width: 64, height: 48, soft_shadows, ao, light_dir, ..Settings::default() };
        writeln!(out, "{}", picture(&settings)?.to_json_string())?;
    }
    Ok(())
}
