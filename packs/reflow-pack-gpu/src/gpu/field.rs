//! Distance fields on a GPU: the shader that the field is compiled to, one invocation a pixel.

use std::sync::Arc;

use reflow_shading::kernels::sdf::Settings;

use super::device::Gpu;
use crate::backend::Trouble;

/// Compiled shaders that are kept, by their text.
const KEPT: usize = 8;
/// Invocations of a workgroup along each axis, as the shader says.
const GROUP: u32 = 8;

/// Shaders and the target of the picture before, for the next one.
#[derive(Default)]
pub(super) struct Fields {
    /// The one that was used last comes last.
    pipelines: Vec<(Arc<str>, wgpu::ComputePipeline)>,
    target: Option<wgpu::Texture>,
}

impl Gpu {
    /// Draws a field by its shader, which reads the values of `volumes` if it has some.
    ///
    /// # Errors
    /// When the shader is wrong, the picture is too large, or the GPU is gone.
    pub(crate) fn draw_field(&self, shader: &str, settings: &Settings, volumes: &[f32]) -> Result<Vec<u8>, Trouble> {
        let size = (settings.width, settings.height);
        self.draw(size, |work, encoder| {
            let pipeline = self.pipeline(&mut work.fields, shader)?;
            let target = self.target(&mut work.fields, size);
            let uniforms = self.buffer(&uniform_bytes(settings), wgpu::BufferUsages::UNIFORM);
            let view = target.create_view(&wgpu::TextureViewDescriptor::default());
            let mut entries = vec![
                wgpu::BindGroupEntry { binding: 0, resource: uniforms.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(&view) },
            ];
            let values: Vec<u8> = volumes.iter().flat_map(|value| value.to_le_bytes()).collect();
            let values = (!values.is_empty()).then(|| self.buffer(&values, wgpu::BufferUsages::STORAGE));
            entries.extend(
                values.as_ref().map(|values| wgpu::BindGroupEntry { binding: 2, resource: values.as_entire_binding() }),
            );
            let bindings = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &pipeline.get_bind_group_layout(0),
                entries: &entries,
            });
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &bindings, &[]);
            pass.dispatch_workgroups(size.0.div_ceil(GROUP), size.1.div_ceil(GROUP), 1);
            drop(pass);
            Ok(target)
        })
    }

    fn pipeline(&self, fields: &mut Fields, shader: &str) -> Result<wgpu::ComputePipeline, Trouble> {
        if let Some(at) = fields.pipelines.iter().position(|(known, _)| **known == *shader) {
            let found = fields.pipelines.remove(at);
            let pipeline = found.1.clone();
            fields.pipelines.push(found);
            return Ok(pipeline);
        }
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: None,
            source: wgpu::ShaderSource::Wgsl(shader.into()),
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        if fields.pipelines.len() == KEPT {
            fields.pipelines.remove(0);
        }
        fields.pipelines.push((shader.into(), pipeline.clone()));
        Ok(pipeline)
    }

    fn target(&self, fields: &mut Fields, (width, height): (u32, u32)) -> wgpu::Texture {
        let fits = |target: &wgpu::Texture| target.width() == width && target.height() == height;
        if let Some(target) = fields.target.as_ref().filter(|target| fits(target)) {
            return target.clone();
        }
        let target = self.device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba8Unorm,
            usage: wgpu::TextureUsages::STORAGE_BINDING | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        fields.target.insert(target).clone()
    }
}

/// The uniforms: resolution, time, a gap; the camera, a gap; what it looks at, the field of view.
fn uniform_bytes(settings: &Settings) -> Vec<u8> {
    let (eye, target) = (settings.camera_pos, settings.camera_target);
    let numbers = [
        [settings.width as f32, settings.height as f32, settings.time, 0.0],
        [eye.x, eye.y, eye.z, 0.0],
        [target.x, target.y, target.z, settings.fov],
    ];
    numbers.as_flattened().iter().flat_map(|number| number.to_le_bytes()).collect()
}
