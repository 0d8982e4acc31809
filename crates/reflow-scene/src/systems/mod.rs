//! The family `systems`: what works on the components of entities, step by step.

mod behavior_system;
mod layout_sync;
mod particle_emitter;
mod state_machine_system;
mod timeline_system;
mod tween_system;

use reflow_component::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<behavior_system::BehaviorSystem>(),
        Entry::of::<layout_sync::LayoutSync>(),
        Entry::of::<particle_emitter::ParticleEmitter>(),
        Entry::of::<state_machine_system::StateMachineSystem>(),
        Entry::of::<timeline_system::TimelineSystem>(),
        Entry::of::<tween_system::TweenSystem>(),
    ]
}
