//! Scenes on a GPU: triangles that are in clip space already, with the light of the processor's pictures or the shaders of a material.

use glam::Vec3;

use super::device::Gpu;
use crate::backend::Trouble;
use crate::scene::{Material, Picture, TO_SAMPLER, Triangle};

/// Compiled materials that are kept.
const KEPT: usize = 8;
/// Lights that count at most, and the bytes of one.
const MOST_LIGHTS: usize = 16;
const LIGHT: usize = 64;
/// The light that there is when there are none comes from here.
const DEFAULT_LIGHT: Vec3 = Vec3::new(0.577, 0.577, -0.577);

const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8UnormSrgb;
const DEPTH: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// Bytes of a vertex: clip position, position, normal, texture coordinates, colour, whether it has a texture.
const VERTEX: u64 = 64;
const POSITION: u64 = 16;
const NORMAL: u64 = 28;
const UV: u64 = 40;
const COLOR: u64 = 48;
const TEXTURED: u64 = 60;

/// A pipeline with the layouts of its groups.
#[derive(Clone)]
struct Pipeline {
    samples: u32,
    material: Option<Material>,
    render: wgpu::RenderPipeline,
    scene: wgpu::BindGroupLayout,
    shadow: Option<wgpu::BindGroupLayout>,
}

/// Pipelines, the one that was used last at the end.
#[derive(Default)]
pub(super) struct Scenes {
    pipelines: Vec<Pipeline>,
}

impl Gpu {
    /// Draws a scene.
    ///
    /// # Errors
    /// When the picture is too large, or the GPU is gone.
    pub(crate) fn draw_scene(&self, picture: &Picture<'_>) -> Result<Vec<u8>, Trouble> {
        self.draw(picture.size, |work, encoder| {
            // Two samples are not what every GPU has.
            let samples = if picture.samples == 1 { 1 } else { 4 };
            let pipeline = self.scene_pipeline(&mut work.scenes, samples, picture.material);
            let target = self.texture(picture.size, 1, FORMAT, wgpu::TextureUsages::COPY_SRC);
            let depth = self
                .texture(picture.size, samples, DEPTH, wgpu::TextureUsages::empty())
                .create_view(&wgpu::TextureViewDescriptor::default());
            let resolved = target.create_view(&wgpu::TextureViewDescriptor::default());
            let sampled = (samples > 1).then(|| {
                self.texture(picture.size, samples, FORMAT, wgpu::TextureUsages::empty())
                    .create_view(&wgpu::TextureViewDescriptor::default())
            });
            let vertices = self.buffer(&vertices(picture.triangles), wgpu::BufferUsages::VERTEX);
            let scene = self.scene_bindings(&pipeline, picture);
            let shadow = pipeline.shadow.as_ref().map(|layout| self.shadow_bindings(layout));
            let background = picture.background.as_dvec3();
            let clear = wgpu::Color { r: background.x, g: background.y, b: background.z, a: 1.0 };
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: None,
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: sampled.as_ref().unwrap_or(&resolved),
                    resolve_target: sampled.is_some().then_some(&resolved),
                    depth_slice: None,
                    ops: wgpu::Operations { load: wgpu::LoadOp::Clear(clear), store: wgpu::StoreOp::Store },
                })],
                depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                    view: &depth,
                    depth_ops: Some(wgpu::Operations { load: wgpu::LoadOp::Clear(1.0), store: wgpu::StoreOp::Discard }),
                    stencil_ops: None,
                }),
                timestamp_writes: None,
                occlusion_query_set: None,
                multiview_mask: None,
            });
            pass.set_pipeline(&pipeline.render);
            pass.set_bind_group(0, &scene, &[]);
            if let Some(shadow) = &shadow {
                pass.set_bind_group(1, shadow, &[]);
            }
            pass.set_vertex_buffer(0, vertices.slice(..));
            pass.draw(0..(picture.triangles.len() * 3) as u32, 0..1);
            drop(pass);
            Ok(target)
        })
    }

    fn texture(
        &self,
        (width, height): (u32, u32),
        sample_count: u32,
        format: wgpu::TextureFormat,
        usage: wgpu::TextureUsages,
    ) -> wgpu::Texture {
        self.device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: usage | wgpu::TextureUsages::RENDER_ATTACHMENT,
            view_formats: &[],
        })
    }

    /// A picture for shaders to read; one white pixel when there is none.
    fn picture(&self, picture: Option<&image::RgbaImage>) -> wgpu::TextureView {
        let white = [255; 4];
        let (width, height, pixels) =
            picture.map_or((1, 1, &white[..]), |picture| (picture.width(), picture.height(), picture.as_raw()));
        let size = wgpu::Extent3d { width, height, depth_or_array_layers: 1 };
        let texture = self.device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: FORMAT,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(width * 4), rows_per_image: None };
        self.queue.write_texture(texture.as_image_copy(), pixels, layout, size);
        texture.create_view(&wgpu::TextureViewDescriptor::default())
    }

    fn scene_bindings(&self, pipeline: &Pipeline, picture: &Picture<'_>) -> wgpu::BindGroup {
        let count = (picture.lights.len() / LIGHT).min(MOST_LIGHTS);
        let uniforms = self.buffer(&uniforms(picture, count), wgpu::BufferUsages::UNIFORM);
        let none = [0; LIGHT];
        let lights = if count == 0 { &none[..] } else { &picture.lights[..count * LIGHT] };
        let lights = self.buffer(lights, wgpu::BufferUsages::STORAGE);
        let texture = self.picture(picture.texture);
        let sampler = self.device.create_sampler(&wgpu::SamplerDescriptor {
            address_mode_u: wgpu::AddressMode::Repeat,
            address_mode_v: wgpu::AddressMode::Repeat,
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..wgpu::SamplerDescriptor::default()
        });
        let mut entries = vec![
            wgpu::BindGroupEntry { binding: 0, resource: uniforms.as_entire_binding() },
            wgpu::BindGroupEntry { binding: 1, resource: lights.as_entire_binding() },
        ];
        let view = || wgpu::BindingResource::TextureView(&texture);
        match &pipeline.material {
            None => entries.push(wgpu::BindGroupEntry { binding: 2, resource: view() }),
            Some(material) => {
                for binding in &material.textures {
                    let sampler = wgpu::BindingResource::Sampler(&sampler);
                    entries.push(wgpu::BindGroupEntry { binding: *binding, resource: view() });
                    entries.push(wgpu::BindGroupEntry { binding: binding + TO_SAMPLER, resource: sampler });
                }
            }
        }
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.scene,
            entries: &entries,
        })
    }

    /// Materials ask for the shadow of a light; there is none.
    fn shadow_bindings(&self, layout: &wgpu::BindGroupLayout) -> wgpu::BindGroup {
        let uniforms = self.buffer(&[0; 80], wgpu::BufferUsages::UNIFORM);
        let map = self.texture((1, 1), 1, DEPTH, wgpu::TextureUsages::TEXTURE_BINDING);
        let map = map.create_view(&wgpu::TextureViewDescriptor::default());
        let sampler = self.device.create_sampler(&wgpu::SamplerDescriptor {
            compare: Some(wgpu::CompareFunction::LessEqual),
            ..wgpu::SamplerDescriptor::default()
        });
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: uniforms.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(&map) },
                wgpu::BindGroupEntry { binding: 2, resource: wgpu::BindingResource::Sampler(&sampler) },
            ],
        })
    }

    fn scene_pipeline(&self, scenes: &mut Scenes, samples: u32, material: Option<&Material>) -> Pipeline {
        let is_it = |known: &Pipeline| known.samples == samples && known.material.as_ref() == material;
        if let Some(at) = scenes.pipelines.iter().position(is_it) {
            let found = scenes.pipelines.remove(at);
            scenes.pipelines.push(found.clone());
            return found;
        }
        if scenes.pipelines.len() == KEPT {
            scenes.pipelines.remove(0);
        }
        let made = self.make_pipeline(samples, material);
        scenes.pipelines.push(made.clone());
        made
    }

    fn make_pipeline(&self, samples: u32, material: Option<&Material>) -> Pipeline {
        let module = |text: &str| {
            self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: None,
                source: wgpu::ShaderSource::Wgsl(text.into()),
            })
        };
        let (vertex, fragment) = match material {
            None => {
                let both = module(include_str!("scene.wgsl"));
                (both.clone(), both)
            }
            Some(material) => (module(&material.vertex), module(&material.fragment)),
        };
        let textures = material.map_or(&[2][..], |material| &material.textures);
        let mut entries = vec![entry(0, uniform()), entry(1, storage())];
        for binding in textures {
            entries.push(entry(*binding, texture(wgpu::TextureSampleType::Float { filterable: true })));
            if material.is_some() {
                let sampler = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
                entries.push(entry(binding + TO_SAMPLER, sampler));
            }
        }
        let group = |entries: &[wgpu::BindGroupLayoutEntry]| {
            self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries })
        };
        let scene = group(&entries);
        let shadow = material.map(|_| {
            let sampler = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Comparison);
            group(&[entry(0, uniform()), entry(1, texture(wgpu::TextureSampleType::Depth)), entry(2, sampler)])
        });
        let groups: Vec<_> = [Some(&scene), shadow.as_ref()].into_iter().filter(Option::is_some).collect();
        let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &groups,
            immediate_size: 0,
        });
        let attribute = |shader_location, offset, format| wgpu::VertexAttribute { format, offset, shader_location };
        let (two, three, four) =
            (wgpu::VertexFormat::Float32x2, wgpu::VertexFormat::Float32x3, wgpu::VertexFormat::Float32x4);
        let attributes = if material.is_some() {
            vec![
                attribute(0, POSITION, three),
                attribute(1, NORMAL, three),
                attribute(2, UV, two),
                attribute(3, COLOR, three),
            ]
        } else {
            vec![
                attribute(0, 0, four),
                attribute(1, POSITION, three),
                attribute(2, NORMAL, three),
                attribute(3, UV, two),
                attribute(4, COLOR, three),
                attribute(5, TEXTURED, wgpu::VertexFormat::Float32),
            ]
        };
        let render = self.device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: None,
            layout: Some(&layout),
            vertex: wgpu::VertexState {
                module: &vertex,
                entry_point: Some("vs_main"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[Some(wgpu::VertexBufferLayout {
                    array_stride: VERTEX,
                    step_mode: wgpu::VertexStepMode::Vertex,
                    attributes: &attributes,
                })],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: Some(wgpu::DepthStencilState {
                format: DEPTH,
                depth_write_enabled: Some(true),
                depth_compare: Some(wgpu::CompareFunction::Less),
                stencil: wgpu::StencilState::default(),
                bias: wgpu::DepthBiasState::default(),
            }),
            multisample: wgpu::MultisampleState { count: samples, ..wgpu::MultisampleState::default() },
            fragment: Some(wgpu::FragmentState {
                module: &fragment,
                entry_point: Some("fs_main"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(FORMAT.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        Pipeline { samples, material: material.cloned(), render, scene, shadow }
    }
}

fn entry(binding: u32, ty: wgpu::BindingType) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry { binding, visibility: wgpu::ShaderStages::VERTEX_FRAGMENT, ty, count: None }
}

fn uniform() -> wgpu::BindingType {
    wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: false,
        min_binding_size: None,
    }
}

fn storage() -> wgpu::BindingType {
    wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Storage { read_only: true },
        has_dynamic_offset: false,
        min_binding_size: None,
    }
}

fn texture(sample_type: wgpu::TextureSampleType) -> wgpu::BindingType {
    wgpu::BindingType::Texture { sample_type, view_dimension: wgpu::TextureViewDimension::D2, multisampled: false }
}

/// The uniforms of a scene; materials have a gap where the light from everywhere is.
fn uniforms(picture: &Picture<'_>, lights: usize) -> Vec<u8> {
    let (matrix, eye) = picture.camera;
    let mut bytes: Vec<u8> = matrix.to_cols_array().iter().flat_map(|number| number.to_le_bytes()).collect();
    let numbers = [DEFAULT_LIGHT.x, DEFAULT_LIGHT.y, DEFAULT_LIGHT.z, picture.ambient, eye.x, eye.y, eye.z, 0.0];
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    bytes.extend((lights as u32).to_le_bytes());
    bytes.resize(128, 0);
    bytes
}

fn vertices(triangles: &[Triangle]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(triangles.len() * 3 * VERTEX as usize);
    for triangle in triangles {
        for corner in &triangle.corners {
            let numbers = [
                &corner.clip.to_array()[..],
                &corner.position.to_array(),
                &corner.normal.to_array(),
                &corner.uv.to_array(),
                &corner.color.to_array(),
                &[f32::from(u8::from(triangle.is_textured))],
            ];
            bytes.extend(numbers.into_iter().flatten().flat_map(|number| number.to_le_bytes()));
        }
    }
    bytes
}
