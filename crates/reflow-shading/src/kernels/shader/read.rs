//! Reading a tree from its JSON form.

use std::collections::{HashMap, HashSet};

use reflow_message::{Branch, Nested, SharedObject, Value};

use super::super::trail::{Place, Trail};
use super::material::{FIRST_TEXTURE, TO_SAMPLER};
use super::math::MathOp;
use super::tree::{Gradient, Input, Kind, MixMode, Node, NodeId, Stop, Tree, Wave};

/// Why a value is no shader.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct ReadError {
    /// The way to the wrong place, `root.surface.roughness` for example.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
}

/// What is left to do, as a stack.
enum Work<'a> {
    Read(Branch<'a>, Place),
    /// An input that is left out.
    Nothing,
    /// A node whose inputs were read, and the object that it is.
    Close(Kind, usize),
}

/// The most nodes that differ, and stops of colour ramps.
const MOST_NODES: usize = 50_000;
/// The most bump maps: the height of each is computed by a function of its own.
const MOST_BUMPS: usize = 64;
/// The most images: their samplers are bound after them.
const MOST_IMAGES: usize = (TO_SAMPLER - FIRST_TEXTURE) as usize;

impl Tree {
    /// Reads a shader from its JSON form. Equal sub-trees become one.
    ///
    /// # Errors
    /// [`ReadError`] says what is wrong, and where.
    pub fn read(value: &Value) -> Result<Self, ReadError> {
        Self::read_branch(value.into())
    }

    /// Reads a shader that may be deeper than JSON.
    ///
    /// # Errors
    /// [`ReadError`] says what is wrong, and where.
    pub fn read_nested(nested: &Nested) -> Result<Self, ReadError> {
        Self::read_branch(nested.into())
    }

    fn read_branch(root: Branch<'_>) -> Result<Self, ReadError> {
        let mut trail = Trail::new();
        let told = |trail: &Trail, place, problem| ReadError { path: trail.text(place), problem };
        let mut tree = Self::default();
        let mut equal: HashMap<String, NodeId> = HashMap::new();
        // A node that goes into several others is one object, which need not be read again.
        let mut same: HashMap<usize, NodeId> = HashMap::new();
        let (mut bumps, mut stops) = (0, 0);
        let mut images: HashSet<String> = HashSet::new();
        let mut done: Vec<Option<NodeId>> = Vec::new();
        let mut work = vec![Work::Read(root, Trail::ROOT)];
        while let Some(next) = work.pop() {
            match next {
                Work::Nothing => done.push(None),
                Work::Read(node, place) => match same.get(&node.address()) {
                    Some(known) => done.push(Some(*known)),
                    None => {
                        open(node, place, &mut trail, &mut work).map_err(|problem| told(&trail, place, problem))?;
                    }
                },
                Work::Close(kind, address) => {
                    // The inputs of a node were read before it is closed.
                    let inputs = done.split_off(done.len().saturating_sub(kind.inputs().len()));
                    if let Kind::ImageTexture { asset_id } = &kind
                        && !images.contains(asset_id)
                    {
                        images.insert(asset_id.clone());
                    }
                    let key = format!("{kind:?}{inputs:?}");
                    let id = *equal.entry(key).or_insert_with(|| {
                        bumps += usize::from(matches!(kind, Kind::BumpMap));
                        stops += if let Kind::ColorRamp { stops } = &kind { stops.len() } else { 0 };
                        tree.nodes.push(Node { kind, inputs });
                        NodeId((tree.nodes.len() - 1) as u32)
                    });
                    if tree.nodes.len() + stops > MOST_NODES || bumps > MOST_BUMPS || images.len() > MOST_IMAGES {
                        let problem = format!(
                            "a shader has at most {MOST_NODES} nodes that differ and colour stops, {MOST_BUMPS} bump maps, \
                             and {MOST_IMAGES} images"
                        );
                        return Err(told(&trail, Trail::ROOT, problem));
                    }
                    same.insert(address, id);
                    done.push(Some(id));
                }
            }
        }
        Ok(tree)
    }
}

fn open<'a>(node: Branch<'a>, place: Place, trail: &mut Trail, work: &mut Vec<Work<'a>>) -> Result<(), String> {
    let object = node.own().ok_or_else(|| format!("expected a node, found {}", node.kind()))?;
    let fields = Fields { object, node };
    let kind = fields.kind()?;
    let inputs = kind.inputs();
    work.push(Work::Close(kind, node.address()));
    for input in inputs.iter().rev() {
        let inside = trail.step(place, input.name);
        work.push(match fields.input(*input)? {
            Some(inner) if inner.own().is_some() => Work::Read(inner, inside),
            Some(other) => return Err(format!("`{}`: expected a node, found {}", input.name, other.kind())),
            None => Work::Nothing,
        });
    }
    Ok(())
}

/// The members of one node.
struct Fields<'a> {
    object: &'a SharedObject,
    node: Branch<'a>,
}

impl<'a> Fields<'a> {
    fn find(&self, name: &str, alias: &str) -> Option<&'a Value> {
        self.object.get(name).or_else(|| self.object.get(alias))
    }

    fn input(&self, input: Input) -> Result<Option<Branch<'a>>, String> {
        match self.node.get(input.name).or_else(|| self.node.get(input.alias)) {
            Some(Branch::Value(Value::Null)) | None if input.required => Err(format!("missing field `{}`", input.name)),
            Some(Branch::Value(Value::Null)) | None => Ok(None),
            found => Ok(found),
        }
    }

    fn text(&self, name: &str, alias: &str) -> Result<&'a str, String> {
        let value = self.find(name, alias).ok_or_else(|| format!("missing field `{name}`"))?;
        value.as_str().ok_or_else(|| format!("`{name}`: expected a text, found {}", value.kind()))
    }

    fn word<T>(&self, name: &str, alias: &str, known: &[&str], of: fn(&str) -> Option<T>) -> Result<T, String> {
        let word = self.text(name, alias)?;
        of(word).ok_or_else(|| {
            let word: String = word.chars().take(40).collect();
            format!("`{name}`: there is no `{word}`; there are {}", known.join(", "))
        })
    }

    fn number(&self, name: &str, alias: &str) -> Result<f32, String> {
        let value = self.find(name, alias).ok_or_else(|| format!("missing field `{name}`"))?;
        number(value).ok_or_else(|| format!("`{name}`: expected a finite number of 32 bits"))
    }

    fn numbers<const N: usize>(&self, name: &str) -> Result<[f32; N], String> {
        let value = self.object.get(name).ok_or_else(|| format!("missing field `{name}`"))?;
        numbers(value).ok_or_else(|| format!("`{name}`: expected a list of {N} finite numbers of 32 bits"))
    }

    fn stops(&self) -> Result<Vec<Stop>, String> {
        let list = self.object.get("stops").and_then(Value::as_array);
        let list = list.ok_or("`stops`: expected a list of {position, color}")?;
        let stop = |value: &Value| {
            Some(Stop { position: number(value.get("position")?)?, color: numbers(value.get("color")?)? })
        };
        let stops: Option<Vec<_>> = list.iter().map(stop).collect();
        let mut stops =
            stops.ok_or("`stops`: each needs a `position`, a number, and a `color`, a list of 4 numbers")?;
        stops.sort_by(|a, b| a.position.total_cmp(&b.position));
        Ok(stops)
    }

    fn kind(&self) -> Result<Kind, String> {
        let asset = || self.text("asset_id", "assetId").map(Into::into);
        Ok(match self.text("type", "type")? {
            "materialOutput" => Kind::MaterialOutput,
            "principledBsdf" => Kind::PrincipledBsdf,
            "imageTexture" => Kind::ImageTexture { asset_id: asset()? },
            "noiseTexture" => Kind::NoiseTexture,
            "voronoiTexture" => Kind::VoronoiTexture,
            "checkerTexture" => Kind::CheckerTexture,
            "gradientTexture" => Kind::GradientTexture {
                gradient: self.word("gradient_type", "gradientType", Gradient::WORDS, Gradient::named)?,
            },
            "brickTexture" => Kind::BrickTexture,
            "musgraveTexture" => Kind::MusgraveTexture,
            "waveTexture" => Kind::WaveTexture { wave: self.word("wave_type", "waveType", Wave::WORDS, Wave::named)? },
            "whiteNoiseTexture" => Kind::WhiteNoiseTexture,
            "environmentTexture" => Kind::EnvironmentTexture { asset_id: asset()? },
            "skyTexture" => Kind::SkyTexture,
            "texCoord" => Kind::TexCoord,
            "objectPosition" => Kind::ObjectPosition,
            "objectNormal" => Kind::ObjectNormal,
            "cameraVector" => Kind::CameraVector,
            "vertexColor" => Kind::VertexColor,
            "tangent" => Kind::Tangent,
            "time" => Kind::Time,
            "mathOp" => {
                let known: Vec<_> = MathOp::all().map(|op| op.name).collect();
                Kind::Math { op: self.word("op", "op", &known, MathOp::named)? }
            }
            // Modes of editors that are not known here mix.
            "colorMix" => Kind::ColorMix { mode: MixMode::named(self.text("mode", "mode")?).unwrap_or(MixMode::Mix) },
            "colorRamp" => Kind::ColorRamp { stops: self.stops()? },
            "separateXYZ" => Kind::Separate {
                axis: match self.text("component", "component")? {
                    "y" => 1,
                    "z" => 2,
                    _ => 0,
                },
            },
            "combineXYZ" => Kind::Combine,
            "fresnel" => Kind::Fresnel,
            "bumpMap" => Kind::BumpMap,
            "normalMap" => Kind::NormalMap,
            "mapping" => Kind::Mapping {
                location: self.numbers("location")?,
                rotation: self.numbers("rotation")?,
                scale: self.numbers("scale")?,
            },
            "clamp" => Kind::Clamp { min: self.number("min_val", "minVal")?, max: self.number("max_val", "maxVal")? },
            "mapRange" => Kind::MapRange {
                from: [self.number("from_min", "fromMin")?, self.number("from_max", "fromMax")?],
                to: [self.number("to_min", "toMin")?, self.number("to_max", "toMax")?],
            },
            "displacement" => Kind::Displacement,
            "constFloat" => Kind::Float { c: self.number("c", "c")? },
            "constVec3" => Kind::Vec3 { c: self.numbers("c")? },
            "constVec4" => Kind::Vec4 { c: self.numbers("c")? },
            other => {
                let other: String = other.chars().take(40).collect();
                return Err(format!("there is no node of the type `{other}`"));
            }
        })
    }
}

fn number(value: &Value) -> Option<f32> {
    value.as_number().map(|number| number as f32).filter(|number| number.is_finite())
}

fn numbers<const N: usize>(value: &Value) -> Option<[f32; N]> {
    let items = value.as_array()?;
    let numbers: Option<Vec<f32>> = items.iter().map(number).collect();
    numbers?.try_into().ok()
}
