//! `tpl_scene_render`.

use std::sync::Arc;

use glam::{Mat3, Mat4, Vec2, Vec3};
use reflow_pack_sdk::prelude::*;

use super::Picture;
use super::light::{self, Light};
use super::material::Material;
use super::mesh::{Triangles, cube, patch, terrain, vertices};
use super::objects::{self, SceneObject};
use super::raster::{Camera, Corner, Triangle, draw};
use crate::backend::{Backend, CPU, Drawer, Drawn};
use crate::image_format::ImageFormat;

/// Draws a scene of meshes to a picture.
///
/// A packet on `scene` draws; everything else is remembered. A scene is `{objects: [{id, type, transform: {position, rotation, scale}, parent, material:
/// {color}, mesh, meshStride, terrain}]}`, as `tpl_scene_graph` makes it: angles in degrees about x, y and z, or a quaternion; `parent` is the id of the object
/// that one goes along with.
///
/// `meshes` is one mesh for all objects, as bytes, or an object of meshes, lists of bytes, by name, of which an object's `mesh` takes one; without a mesh an object is a
/// cube of half side 0.4·scale. Vertices are 12, 24 (with normals), 32 (with texture coordinates), 36 (with colours) or 44 bytes (with both), as
/// `meshStride`, or the metadata on `mesh_metadata`, says. A `texture` (an encoded picture) is on everything that has coordinates. Colours are those of the vertices,
/// of the material, or one of six. Objects of the type `terrain` draw `terrain_mesh`, tinted by height, or a flat patch.
///
/// Light is `ambient` and one from (0.577, 0.577, −0.577), or what `lights` says (64 bytes each, with `light_count`). The camera is the config's, or that on `camera`
/// (`eye` or `position`, `target`, `fov`). The picture is sRGB; left is left. A compiled `material` (that of `tpl_shader_compiler`, with `texture` for all its textures) shades all
/// objects where a GPU draws; the processor draws their own colours and says so in the log.
///
/// `metadata` is `{width, height, format, objectCount, triangleCount, adapter}`. A scene without triangles is a picture of bytes of 30.
///
/// # Errors
///
/// On `error`: no scene, an object inside of itself, a mesh whose stride cannot be, a texture that is no picture, a name of a mesh that is not there, a size that cannot be drawn.
#[derive(Component)]
#[component(id = "tpl_scene_render", title = "Scene Render", category = "scene", heavy, open_ports)]
#[inport(scene: Any, required, "The scene.")]
#[inport(meshes: Any, "A mesh for all objects, or meshes by name.")]
#[inport(terrain_mesh: Any, "The mesh of terrains.")]
#[inport(texture: Any, "A picture for everything with texture coordinates.")]
#[inport(material: Any, "A compiled material.")]
#[inport(lights: Any, "Lights, 64 bytes each.")]
#[inport(light_count: Any, "How many lights there are.")]
#[inport(mesh_metadata: Any, "What is known of the mesh.")]
#[inport(camera: Any, "A camera, in place of the config's.")]
#[outport(output: Bytes, "The picture.")]
#[outport(metadata: JsonObject, "What is known of the picture.")]
#[outport(error: ErrorText, "Why there is none.")]
pub(crate) struct SceneRender {
    /// Columns.
    #[config(default = 512, unit = "pixels")]
    width: u32,
    /// Rows.
    #[config(default = 512, unit = "pixels")]
    height: u32,
    /// Vertical field of view.
    #[config(default = 45.0, unit = "degrees")]
    fov: f64,
    /// Where the camera is.
    #[config(key = "cameraPosX", default = 8.0)]
    camera_x: f64,
    /// Where the camera is.
    #[config(key = "cameraPosY", default = 6.0)]
    camera_y: f64,
    /// Where the camera is.
    #[config(key = "cameraPosZ", default = 10.0)]
    camera_z: f64,
    /// What the camera looks at.
    #[config(key = "cameraTargetX")]
    target_x: f64,
    /// What the camera looks at.
    #[config(key = "cameraTargetY")]
    target_y: f64,
    /// What the camera looks at.
    #[config(key = "cameraTargetZ")]
    target_z: f64,
    /// Samples of a pixel: 1, 2 or 4.
    #[config(default = 4)]
    msaa: u32,
    /// What is nearer is not seen.
    #[config(default = 1.0)]
    near: f64,
    /// What is further is not seen.
    #[config(default = 10000.0)]
    far: f64,
    /// Background, linear red.
    #[config(key = "bgR", default = 0.1)]
    background_red: f64,
    /// Background, linear green.
    #[config(key = "bgG", default = 0.1)]
    background_green: f64,
    /// Background, linear blue.
    #[config(key = "bgB", default = 0.15)]
    background_blue: f64,
    /// Light from everywhere.
    #[config(default = 0.2)]
    ambient: f64,
    /// How the picture leaves.
    #[config(default = ImageFormat::Rgba8)]
    format: ImageFormat,
    /// What draws.
    #[config(default = Backend::Auto)]
    backend: Backend,
    #[state]
    kept: Kept,
    #[state]
    drawer: Drawer,
}

/// What came on ports that only remember.
#[derive(Default)]
struct Kept {
    meshes: Option<Message>,
    terrain: Option<Message>,
    texture: Option<Arc<image::RgbaImage>>,
    material: Option<Arc<Material>>,
    lights: Vec<u8>,
    light_count: Option<usize>,
    stride: Option<usize>,
    camera: Option<Value>,
}

/// Colours of objects that have none.
const COLORS: [Vec3; 6] = [
    Vec3::new(0.9, 0.3, 0.3),
    Vec3::new(0.3, 0.8, 0.4),
    Vec3::new(0.3, 0.5, 0.9),
    Vec3::new(0.9, 0.8, 0.3),
    Vec3::new(0.7, 0.4, 0.9),
    Vec3::new(0.3, 0.8, 0.8),
];

/// The most pixels of a picture.
const MOST_PIXELS: u64 = 1 << 26;

impl Actor for SceneRender {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let drawn = self.keep(tick).and_then(|()| self.draw(tick));
        match drawn {
            Ok(()) => Ok(()),
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

impl SceneRender {
    fn keep(&mut self, tick: &mut Tick<'_>) -> Result<(), String> {
        if let Some(message) = tick.take(Self::IN_MESHES) {
            self.kept.meshes = Some(message);
        }
        if let Some(message) = tick.take(Self::IN_TERRAIN_MESH) {
            self.kept.terrain = Some(message);
        }
        if let Some(message) = tick.input(Self::IN_TEXTURE) {
            let bytes = message
                .as_bytes()
                .ok_or_else(|| format!("expected an encoded picture on `texture`, found {:?}", message.kind()))?;
            let picture =
                image::load_from_memory(bytes).map_err(|error| format!("the texture cannot be read: {error}"))?;
            self.kept.texture = Some(Arc::new(picture.to_rgba8()));
        }
        if let Some(message) = tick.input(Self::IN_MATERIAL) {
            self.kept.material = match message.as_value().filter(|value| !value.is_null()) {
                Some(value) => Some(Arc::new(Material::read(&value)?)),
                None => None,
            };
        }
        if let Some(message) = tick.input(Self::IN_LIGHTS) {
            let bytes =
                message.as_bytes().ok_or_else(|| format!("expected bytes on `lights`, found {:?}", message.kind()))?;
            self.kept.lights = bytes.to_vec();
        }
        if let Some(message) = tick.input(Self::IN_LIGHT_COUNT) {
            let count = message.as_integer().and_then(|count| usize::try_from(count).ok());
            self.kept.light_count = Some(count.ok_or_else(|| {
                format!("expected a whole number from 0 on `light_count`, found {:?}", message.kind())
            })?);
        }
        if let Some(message) = tick.input(Self::IN_MESH_METADATA) {
            let told = crate::object(message, "mesh_metadata")?;
            self.kept.stride = told.get("stride").and_then(Value::as_integer).and_then(|stride| stride.try_into().ok());
        }
        if let Some(message) = tick.input(Self::IN_CAMERA) {
            self.kept.camera = Some(crate::object(message, "camera")?);
        }
        Ok(())
    }

    fn draw(&mut self, tick: &mut Tick<'_>) -> Result<(), String> {
        let Some(message) = tick.input(Self::IN_SCENE) else { return Ok(()) };
        let scene =
            message.as_value().ok_or_else(|| format!("expected a scene on `scene`, found {:?}", message.kind()))?;
        let (width, height) = (self.width, self.height);
        if width == 0 || height == 0 || u64::from(width) * u64::from(height) > MOST_PIXELS {
            return Err(format!(
                "a picture of {width} × {height} pixels: there must be some, and at most {MOST_PIXELS}"
            ));
        }
        let objects = objects::read(&scene)?;
        let camera = self.camera();
        let matrix = camera.matrix(width as f32 / height as f32);
        let mut triangles = Vec::new();
        let mut colors = COLORS.into_iter().cycle();
        for object in &objects {
            self.add(object, matrix, &mut colors, &mut triangles)?;
        }
        let drawn = if triangles.is_empty() {
            Drawn { pixels: vec![30; width as usize * height as usize * 4], adapter: CPU.to_string() }
        } else {
            let lights = self.kept.light_count.unwrap_or(usize::MAX).saturating_mul(64).min(self.kept.lights.len());
            let picture = Picture {
                size: (width, height),
                samples: if matches!(self.msaa, 1 | 2) { self.msaa } else { 4 },
                background: Vec3::new(
                    self.background_red as f32,
                    self.background_green as f32,
                    self.background_blue as f32,
                ),
                ambient: self.ambient as f32,
                triangles: &triangles,
                lights: &self.kept.lights[..lights],
                texture: self.kept.texture.as_deref(),
                material: self.kept.material.as_deref(),
                camera: (matrix, camera.eye),
            };
            let mut drawer = std::mem::take(&mut self.drawer);
            let drawn =
                drawer.draw(self.backend, tick.node(), |gpu| gpu.draw_scene(&picture), || Ok(self.rasterize(&picture)));
            self.drawer = drawer;
            drawn?
        };
        if self.kept.material.is_some() && drawn.adapter == CPU {
            let text = "a compiled material needs a GPU; the processor draws objects with their own colours";
            tick.node().log("warning", text);
        }
        let metadata = Value::object([
            ("width", Value::from(i64::from(width))),
            ("height", i64::from(height).into()),
            ("format", self.format.word().into()),
            ("objectCount", (objects.len() as i64).into()),
            ("triangleCount", (triangles.len() as i64).into()),
            ("adapter", drawn.adapter.into()),
        ]);
        tick.emit(Self::OUT_OUTPUT, Message::bytes(self.format.encode(drawn.pixels, width, height)?));
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }

    /// The picture by the processor.
    fn rasterize(&self, picture: &Picture<'_>) -> Vec<u8> {
        let lights = light::read(picture.lights, None);
        let size = (picture.size.0 as usize, picture.size.1 as usize);
        let shade = |corner: &Corner, is_textured: bool| self.shade(corner, is_textured, &lights);
        let linear = draw(picture.triangles, size, picture.samples, picture.background, shade);
        linear.into_iter().flat_map(srgb).collect()
    }

    fn camera(&self) -> Camera {
        let told = self.kept.camera.as_ref();
        let vector = |names: [&str; 2]| {
            let list = names.into_iter().find_map(|name| told?.get(name))?;
            let part = |at: usize| list.at(at).and_then(Value::as_number).map(|part| part as f32);
            Some(Vec3::new(part(0)?, part(1)?, part(2)?))
        };
        let eye = Vec3::new(self.camera_x as f32, self.camera_y as f32, self.camera_z as f32);
        let target = Vec3::new(self.target_x as f32, self.target_y as f32, self.target_z as f32);
        let fov = told.and_then(|told| told.get("fov")).and_then(Value::as_number).unwrap_or(self.fov);
        Camera {
            eye: vector(["eye", "position"]).unwrap_or(eye),
            target: vector(["target", "lookAt"]).unwrap_or(target),
            fov: fov as f32,
            near: self.near as f32,
            far: self.far as f32,
        }
    }

    /// The mesh of an object, before it is moved.
    fn mesh(&self, object: &SceneObject) -> Result<Option<Triangles>, String> {
        let Some(message) = &self.kept.meshes else { return Ok(None) };
        let stride = object.stride.or(self.kept.stride).unwrap_or(24);
        if let Some(bytes) = message.as_bytes() {
            return vertices(bytes, stride).map(Some);
        }
        let by_name = message.as_value().filter(|value| value.as_object().is_some());
        let by_name = by_name.ok_or_else(|| {
            format!("expected a mesh as bytes, or meshes by name, on `meshes`, found {:?}", message.kind())
        })?;
        let Some(name) = &object.mesh else { return Ok(None) };
        let found = by_name
            .get(name)
            .ok_or_else(|| format!("the mesh `{name}` of the object `{}` is not on `meshes`", object.id))?;
        let bytes = found.as_array().and_then(|list| {
            list.iter()
                .map(|byte| byte.as_integer().and_then(|byte| u8::try_from(byte).ok()))
                .collect::<Option<Vec<u8>>>()
        });
        let bytes = bytes.ok_or_else(|| format!("the mesh `{name}` on `meshes` is a list of bytes"))?;
        vertices(&bytes, stride).map(Some)
    }

    fn add(
        &self,
        object: &SceneObject,
        camera: Mat4,
        colors: &mut impl Iterator<Item = Vec3>,
        out: &mut Vec<Triangle>,
    ) -> Result<(), String> {
        let is_terrain = object.kind == "terrain";
        let mut world = object.world;
        let mesh = if is_terrain {
            match &self.kept.terrain {
                Some(message) => terrain(message.as_bytes().ok_or("expected bytes on `terrain_mesh`")?)?,
                None => patch(object.ground.0, object.ground.1),
            }
        } else {
            match self.mesh(object)? {
                Some(mesh) => mesh,
                None => {
                    // The size of the cube says the scale already.
                    let (_, rotation, position) = world.to_scale_rotation_translation();
                    world = Mat4::from_rotation_translation(rotation, position);
                    cube(0.4 * object.scale_x)
                }
            }
        };
        let own = match object.color {
            Some(color) => color,
            None if is_terrain => Vec3::splat(0.8),
            None => colors.next().unwrap_or(Vec3::splat(0.8)),
        };
        let normals = Mat3::from_mat4(world).inverse().transpose();
        let normals = if normals.is_finite() { normals } else { Mat3::IDENTITY };
        let has_texture =
            self.kept.texture.is_some() && !is_terrain && mesh.iter().any(|vertex| vertex.uv != Vec2::ZERO);
        for triangle in mesh.as_chunks::<3>().0 {
            let corners = triangle.map(|vertex| {
                let position = world.transform_point3(vertex.position);
                let color = if is_terrain { height_tint(position.y) } else { vertex.color.unwrap_or(own) };
                let normal = (normals * vertex.normal).normalize_or_zero();
                Corner { clip: camera * position.extend(1.0), position, normal, uv: vertex.uv, color }
            });
            if corners.iter().all(|corner| corner.clip.is_finite()) {
                out.push(Triangle { corners, is_textured: has_texture });
            }
        }
        Ok(())
    }

    /// The linear colour of a point.
    fn shade(&self, corner: &Corner, is_textured: bool, lights: &[Light]) -> Vec3 {
        let base = match (&self.kept.texture, is_textured) {
            (Some(texture), true) => texel(texture, corner.uv),
            _ => corner.color,
        };
        let normal = corner.normal.normalize_or_zero();
        let ambient = Vec3::splat(self.ambient as f32);
        let light = if lights.is_empty() {
            Vec3::splat((1.0 - self.ambient as f32) * normal.dot(light::DEFAULT).max(0.0))
        } else {
            lights.iter().map(|light| light.on(corner.position, normal)).sum()
        };
        base * (ambient + light)
    }
}

/// The colour of ground at a height.
fn height_tint(y: f32) -> Vec3 {
    let h = (y + 1.0).clamp(0.0, 3.0) / 3.0;
    Vec3::new(0.25 + 0.15 * h, 0.55 + 0.2 * h, 0.15 + 0.1 * (1.0 - h))
}

/// The linear colour of a texture, v from the bottom, repeated.
fn texel(texture: &image::RgbaImage, uv: Vec2) -> Vec3 {
    let (width, height) = (texture.width(), texture.height());
    let place =
        Vec2::new(uv.x - uv.x.floor(), 1.0 - (uv.y - uv.y.floor())) * Vec2::new(width as f32, height as f32) - 0.5;
    let (left, top) = (place.x.floor(), place.y.floor());
    let read = |x: f32, y: f32| {
        let wrap = |at: f32, side: u32| (at as i64).rem_euclid(i64::from(side)) as u32;
        let [r, g, b, _] = texture.get_pixel(wrap(x, width), wrap(y, height)).0;
        Vec3::new(linear(r), linear(g), linear(b))
    };
    let (fx, fy) = (place.x - left, place.y - top);
    let upper = read(left, top).lerp(read(left + 1.0, top), fx);
    let lower = read(left, top + 1.0).lerp(read(left + 1.0, top + 1.0), fx);
    upper.lerp(lower, fy)
}

fn linear(byte: u8) -> f32 {
    let value = f32::from(byte) / 255.0;
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn srgb(color: Vec3) -> [u8; 4] {
    let byte = |value: f32| {
        let value = value.clamp(0.0, 1.0);
        let encoded = if value <= 0.003_130_8 { value * 12.92 } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
        (encoded * 255.0).round() as u8
    };
    [byte(color.x), byte(color.y), byte(color.z), 255]
}
