//! The family `animation`: keyframes, clips, poses, and what they move.

mod animation_blend_tree;
mod animation_clip;
mod animation_event;
mod animation_fsm;
mod animation_layer;
mod animation_mixer;
mod animation_sampler;
mod animation_time;
mod animation_timeline;
mod character_controller;
mod generators;
mod ik_solver;
mod keyframe;
mod morph_target;
mod parameters;
mod poses;
mod read;
mod root_motion;
mod skeleton;
mod skin_bind;
mod skinning;
mod sprite_animation;
mod stagger;

use reflow_component::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<animation_blend_tree::AnimationBlendTree>(),
        Entry::of::<animation_clip::AnimationClip>(),
        Entry::of::<animation_event::AnimationEvent>(),
        Entry::of::<animation_fsm::AnimationFsm>(),
        Entry::of::<animation_layer::AnimationLayer>(),
        Entry::of::<animation_mixer::AnimationMixer>(),
        Entry::of::<animation_sampler::AnimationSampler>(),
        Entry::of::<animation_time::AnimationTime>(),
        Entry::of::<animation_timeline::AnimationTimeline>(),
        Entry::of::<character_controller::CharacterController>(),
        Entry::of::<ik_solver::IkSolver>(),
        Entry::of::<keyframe::Keyframe>(),
        Entry::of::<morph_target::MorphTarget>(),
        Entry::of::<root_motion::RootMotion>(),
        Entry::of::<skeleton::SkeletonNode>(),
        Entry::of::<skin_bind::SkinBind>(),
        Entry::of::<skinning::Skinning>(),
        Entry::of::<sprite_animation::SpriteAnimation>(),
    ]
}
