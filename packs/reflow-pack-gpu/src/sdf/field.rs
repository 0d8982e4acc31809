//! A field that came in, and the scene that a node puts it into.

use glam::Vec3;
use reflow_pack_sdk::prelude::*;
use reflow_shading::kernels::sdf::{Evaluator, Node, Settings, Shade, Tree, compile, preview};
use reflow_shading::kernels::validate::validate_with;

use crate::backend::{Backend, Drawer, Drawn, Trouble, threads};
use crate::gpu::Gpu;

/// Rays go no further than this.
const FAR: f32 = 100.0;
/// A ray that is nearer than this has hit.
const EPSILON: f32 = 0.001;

/// A field with what its own scene says.
pub(super) struct Field {
    pub(super) tree: Tree,
    /// The settings of the scene that the field came in, if it came in one.
    pub(super) own: Option<Settings>,
}

impl Field {
    /// Reads the JSON tree of a field.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(super) fn read(message: &Message) -> Result<Self, String> {
        let value = message.as_value().filter(|value| value.as_object().is_some());
        let value = value
            .ok_or_else(|| format!("expected the tree of a distance field, an object, found {:?}", message.kind()))?;
        let tree = Tree::read(&value).map_err(|error| error.to_string())?;
        let own = tree.root().and_then(|root| match tree.node(root) {
            Node::Scene { settings, .. } => Some(Settings::clone(settings)),
            _ => None,
        });
        Ok(Self { tree, own })
    }

    /// The shader that draws the field by marching rays.
    pub(super) fn shader(&self, settings: &Settings) -> Result<String, String> {
        let shade = match settings.custom_shade_wgsl.trim() {
            "" => Shade::BuiltIn,
            _ => Shade::Text(settings.custom_shade_wgsl.clone()),
        };
        compile(&self.tree, settings, &shade).map_err(|error| error.to_string())
    }

    /// A picture of the field, four bytes a pixel.
    pub(super) fn draw(
        &self,
        drawer: &mut Drawer,
        backend: Backend,
        node: &NodeHandle,
        settings: &Settings,
        shader: &str,
    ) -> Result<Drawn, String> {
        let on_cpu = || {
            preview(&self.tree, settings, threads()).map(|picture| picture.pixels).map_err(|error| error.to_string())
        };
        drawer.draw(backend, node, |gpu| self.draw_on(gpu, settings, shader), on_cpu)
    }

    fn draw_on(&self, gpu: &Gpu, settings: &Settings, shader: &str) -> Result<Vec<u8>, Trouble> {
        if let Err(Some(name)) = Evaluator::new(&self.tree) {
            return Err(Trouble::Picture(format!("the field refers to `{name}`, which nobody supplies")));
        }
        let custom = &settings.custom_shade_wgsl;
        if !custom.trim().is_empty() {
            let valid = validate_with(shader, custom);
            valid.map_err(|error| Trouble::Picture(format!("`customShadeWgsl`: {error}")))?;
        }
        gpu.draw_field(shader, settings, &self.tree.volumes())
    }
}

/// Size, camera and limits of a picture: what `tpl_sdf_render` and `tpl_sdf_live_render` have in common.
#[derive(Clone, Debug, ConfigGroup)]
pub(super) struct View {
    /// Columns.
    #[config(default = 512, unit = "pixels")]
    pub(super) width: u32,
    /// Rows.
    #[config(default = 512, unit = "pixels")]
    pub(super) height: u32,
    /// Steps of a ray at most.
    #[config(key = "maxSteps", default = 128)]
    pub(super) max_steps: u32,
    /// Vertical field of view.
    #[config(default = 45.0, unit = "degrees")]
    pub(super) fov: f64,
    /// Where the camera is.
    #[config(key = "cameraPosX", default = 3.0)]
    pub(super) camera_x: f64,
    /// Where the camera is.
    #[config(key = "cameraPosY", default = 2.0)]
    pub(super) camera_y: f64,
    /// Where the camera is.
    #[config(key = "cameraPosZ", default = 4.0)]
    pub(super) camera_z: f64,
    /// What the camera looks at.
    #[config(key = "cameraTargetX")]
    pub(super) target_x: f64,
    /// What the camera looks at.
    #[config(key = "cameraTargetY")]
    pub(super) target_y: f64,
    /// What the camera looks at.
    #[config(key = "cameraTargetZ")]
    pub(super) target_z: f64,
    /// Whether things throw soft shadows.
    #[config(key = "softShadows")]
    pub(super) soft_shadows: bool,
    /// Whether corners are darker.
    #[config(default = true)]
    pub(super) ao: bool,
    /// Light from everywhere.
    #[config(default = 0.15)]
    pub(super) ambient: f64,
    /// How sharp shadows are.
    #[config(key = "shadowK", default = 32.0)]
    pub(super) shadow_k: f64,
    /// Towards the light; a part that is missing is the default's.
    #[config(key = "lightDir", default = vec![0.577, 0.577, -0.577])]
    pub(super) light_dir: Vec<f64>,
    /// The colour of the light.
    #[config(key = "lightColor", default = vec![1.0, 1.0, 1.0])]
    pub(super) light_color: Vec<f64>,
    /// The colour of what is not hit.
    #[config(default = vec![0.1, 0.1, 0.15])]
    pub(super) background: Vec<f64>,
    /// The time, when no packet says it.
    #[config(unit = "s")]
    pub(super) time: f64,
}

fn vector(list: &[f64], default: Vec3) -> Vec3 {
    let part = |at: usize| list.get(at).map_or(default[at], |part| *part as f32);
    Vec3::new(part(0), part(1), part(2))
}

impl View {
    /// The settings of a picture.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            camera_pos: Vec3::new(self.camera_x as f32, self.camera_y as f32, self.camera_z as f32),
            camera_target: Vec3::new(self.target_x as f32, self.target_y as f32, self.target_z as f32),
            fov: self.fov as f32,
            max_steps: self.max_steps,
            max_dist: FAR,
            epsilon: EPSILON,
            background: vector(&self.background, Vec3::new(0.1, 0.1, 0.15)),
            ambient: self.ambient as f32,
            light_dir: vector(&self.light_dir, Vec3::new(0.577, 0.577, -0.577)),
            light_color: vector(&self.light_color, Vec3::ONE),
            soft_shadows: self.soft_shadows,
            shadow_k: self.shadow_k as f32,
            ao: self.ao,
            width: self.width,
            height: self.height,
            custom_shade_wgsl: String::new(),
            time: self.time as f32,
        }
    }
}
