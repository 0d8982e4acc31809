//! One GPU for all nodes of the process, by wgpu.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use pollster::block_on;
use reflow_pack_sdk::Shared;

use super::field::Fields;
use super::scene::Scenes;
use crate::backend::Trouble;

static GPU: Shared<Gpu> = Shared::new();

/// A device, and what was made on it.
pub(crate) struct Gpu {
    name: String,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    /// The longest side of a picture.
    largest: u32,
    /// What the device has complained about.
    problem: Arc<Mutex<Option<String>>>,
    /// Held while a picture is drawn: one after the other, so that a complaint belongs to one of them.
    work: Mutex<Work>,
}

/// What pictures have in common.
#[derive(Default)]
pub(super) struct Work {
    pub(super) fields: Fields,
    pub(super) scenes: Scenes,
}

/// Why there is no GPU, and what would give one.
fn none(why: &dyn std::fmt::Display) -> String {
    let what = "there is no GPU, nor one in software (on Debian, the packages libvulkan1 and mesa-vulkan-drivers)";
    format!("{what}: {}", why.to_string().replace('\n', " "))
}

/// What finds adapters. Nothing is drawn into windows, and where windows of Wayland are asked for, drivers look for a session and say
/// on stderr that there is none.
#[cfg(target_os = "linux")]
fn instance() -> Result<wgpu::Instance, String> {
    use wgpu::hal::{InstanceDescriptor, api::Vulkan, vulkan};
    let descriptor = InstanceDescriptor {
        name: "offbit-reflow",
        flags: wgpu::InstanceFlags::default(),
        memory_budget_thresholds: wgpu::MemoryBudgetThresholds::default(),
        backend_options: wgpu::BackendOptions::default(),
        telemetry: None,
        display: None,
    };
    let without_windows = |arguments: vulkan::CreateInstanceCallbackArgs<'_, '_, '_>| {
        arguments.extensions.retain(|name| *name != c"VK_KHR_wayland_surface");
    };
    // SAFETY: the extension that is left out is looked up before a window of its kind is drawn into, which nobody does here.
    let made = unsafe { vulkan::Instance::init_with_callback(&descriptor, Some(Box::new(without_windows))) };
    let made = made.map_err(|error| none(&error))?;
    // SAFETY: it was made just now, and nobody else has it.
    Ok(unsafe { wgpu::Instance::from_hal::<Vulkan>(made) })
}

/// What finds adapters.
#[cfg(not(target_os = "linux"))]
fn instance() -> Result<wgpu::Instance, String> {
    Ok(wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::PRIMARY,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    }))
}

impl Gpu {
    /// The GPU of this process.
    ///
    /// # Errors
    /// Why there is none, and what would give one.
    pub(crate) fn get() -> Result<Arc<Self>, String> {
        GPU.get(Self::new)
    }

    fn new() -> Result<Self, String> {
        // The libraries of drivers are opened here, and not all of them expect to find nothing.
        std::panic::catch_unwind(Self::open).unwrap_or_else(|_| Err("the driver of the GPU failed".to_string()))
    }

    fn open() -> Result<Self, String> {
        let instance = instance()?;
        let ask = |force_fallback_adapter| {
            block_on(instance.request_adapter(&wgpu::RequestAdapterOptions {
                power_preference: wgpu::PowerPreference::HighPerformance,
                force_fallback_adapter,
                compatible_surface: None,
                apply_limit_buckets: false,
            }))
        };
        let adapter = ask(false).or_else(|_| ask(true)).map_err(|error| none(&error))?;
        let limits = adapter.limits();
        let largest = limits.max_texture_dimension_2d;
        let (device, queue) = block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("offbit-reflow"),
            required_limits: limits,
            ..wgpu::DeviceDescriptor::default()
        }))
        .map_err(|error| format!("the GPU cannot be used: {error}"))?;
        let problem = Arc::new(Mutex::new(None));
        let told = Arc::clone(&problem);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            told.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.to_string());
        }));
        let name = adapter.get_info().name;
        Ok(Self { name, device, queue, largest, problem, work: Mutex::default() })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Draws a picture: `record` says how, into a texture that it answers with.
    pub(super) fn draw(
        &self,
        (width, height): (u32, u32),
        record: impl FnOnce(&mut Work, &mut wgpu::CommandEncoder) -> Result<wgpu::Texture, Trouble>,
    ) -> Result<Vec<u8>, Trouble> {
        if width == 0 || height == 0 {
            return Err(Trouble::Picture(format!("a picture of {width} × {height} pixels: there must be some")));
        }
        if width.max(height) > self.largest {
            return Err(Trouble::Device(format!(
                "a picture of {width} × {height} pixels: `{}` draws {} at most along a side",
                self.name, self.largest
            )));
        }
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let draw = std::panic::AssertUnwindSafe(|| {
            let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let texture = record(&mut work, &mut encoder)?;
            self.check()?;
            self.read(encoder, &texture, width, height)
        });
        let drawn = std::panic::catch_unwind(draw)
            .unwrap_or_else(|_| Err(Trouble::Device(format!("the driver of `{}` failed", self.name))));
        if drawn.is_err() {
            *work = Work::default();
        }
        drawn
    }

    /// A buffer with these bytes.
    pub(super) fn buffer(&self, bytes: &[u8], usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes.len() as u64,
            usage: usage | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&buffer, 0, bytes);
        buffer
    }

    /// What the device has complained about since it was asked.
    fn check(&self) -> Result<(), Trouble> {
        let problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner).take();
        problem.map_or(Ok(()), |problem| {
            Err(Trouble::Device(format!("`{}` cannot draw this: {}", self.name, problem.replace('\n', " "))))
        })
    }

    /// Runs the commands; the pixels of a texture, rows from the top with nothing between them.
    fn read(
        &self,
        mut encoder: wgpu::CommandEncoder,
        texture: &wgpu::Texture,
        width: u32,
        height: u32,
    ) -> Result<Vec<u8>, Trouble> {
        let tight = width * 4;
        let row = tight.next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(row) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        encoder.copy_texture_to_buffer(
            texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout: wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row), rows_per_image: None },
            },
            wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        );
        self.queue.submit([encoder.finish()]);
        let (done, answer) = mpsc::channel();
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            let _ = done.send(result);
        });
        let lost = |why: &dyn std::fmt::Display| Trouble::Device(format!("`{}` is lost: {why}", self.name));
        self.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| lost(&error))?;
        self.check()?;
        match answer.try_recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(lost(&error)),
            Err(_) => return Err(lost(&"no answer")),
        }
        let mapped = buffer.get_mapped_range(..).map_err(|error| lost(&error))?;
        let rows = mapped.chunks_exact(row as usize).flat_map(|row| &row[..tight as usize]);
        Ok(rows.copied().collect())
    }
}
