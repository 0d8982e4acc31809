//! Clips: motions sampled to keyframes.

use super::motions::{Axis, Envelope, Moment, Motion, place};

/// A channel that a motion makes: values at the times of the clip.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// The bone.
    pub bone: usize,
    /// `position`, `rotation` or `scale`.
    pub property: &'static str,
    /// A vector or a quaternion each.
    pub values: Vec<Vec<f64>>,
}

/// A way that the first bone goes beside its motion.
#[derive(Clone, Copy, Debug)]
pub struct Locomotion {
    /// In which direction.
    pub axis: Axis,
    /// How fast.
    pub speed: f64,
    /// From where.
    pub start: [f64; 3],
}

/// The times at which a clip is sampled: `fps` times a second, and at its end.
pub fn times(duration: f64, fps: f64) -> Vec<f64> {
    if !(duration > 0.0 && fps > 0.0) {
        return vec![0.0];
    }
    let count = (fps * duration).floor() as usize;
    let mut times: Vec<f64> = (0..=count).map(|index| index as f64 / fps).collect();
    if times.last().is_some_and(|last| duration - last > 1e-9) {
        times.push(duration);
    }
    times
}

/// A motion of some bones at these times, bone by bone. What the first bone does of its own and its locomotion are added up.
pub fn sample(
    motion: &Motion,
    bones: usize,
    envelope: Envelope,
    times: &[f64],
    locomotion: Option<Locomotion>,
) -> Vec<Track> {
    let mut tracks = Vec::new();
    for bone in 0..bones {
        let strength = envelope.at(place(bone, bones));
        let states: Vec<_> =
            times.iter().map(|time| motion.at(Moment { bone, bones, time: *time, envelope: strength })).collect();
        let Some(first) = states.first() else { continue };
        let track = |property, values| Track { bone, property, values };
        let positions = || states.iter().filter_map(|state| Some(state.position?.to_vec())).collect();
        let rotations = || states.iter().filter_map(|state| Some(state.rotation?.to_vec())).collect();
        let scales = || states.iter().filter_map(|state| Some(state.scale?.to_vec())).collect();
        // Trembling turns first and moves then; everything else moves first.
        let turns_first = matches!(motion, Motion::Tremble { .. });
        let rotation = first.rotation.map(|_| track("rotation", rotations()));
        let position = first.position.map(|_| track("position", positions()));
        let (one, other) = if turns_first { (rotation, position) } else { (position, rotation) };
        tracks.extend(one.into_iter().chain(other).chain(first.scale.map(|_| track("scale", scales()))));
    }
    if let Some(way) = locomotion {
        walk(&mut tracks, way, times);
    }
    tracks
}

fn walk(tracks: &mut Vec<Track>, way: Locomotion, times: &[f64]) {
    let place = |time: f64| {
        let step = way.axis.along(way.speed * time);
        [0, 1, 2].map(|at: usize| way.start[at] + step[at])
    };
    if let Some(track) = tracks.iter_mut().find(|track| track.bone == 0 && track.property == "position") {
        for (value, time) in track.values.iter_mut().zip(times) {
            for (part, more) in value.iter_mut().zip(place(*time)) {
                *part += more;
            }
        }
    } else {
        let values = times.iter().map(|time| place(*time).to_vec()).collect();
        tracks.push(Track { bone: 0, property: "position", values });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_clip_is_sampled() {
        assert_eq!(times(1.0, 2.0), [0.0, 0.5, 1.0]);
        assert_eq!(times(1.25, 2.0), [0.0, 0.5, 1.0, 1.25]);
        assert_eq!(times(1.0, 0.0), [0.0]);
    }

    #[test]
    fn locomotion_is_added_to_a_position() {
        let bounce =
            Motion::Bounce { height: 1.0, gravity: 8.0, restitution: 1.0, squash: 0.0, phase: 0.0, axis: Axis::Y };
        let way = Locomotion { axis: Axis::X, speed: 2.0, start: [0.0, 0.0, 5.0] };
        let tracks = sample(&bounce, 1, Envelope::Uniform, &[0.0, 0.5], Some(way));
        assert_eq!(tracks.len(), 1);
        assert_eq!(tracks[0].values, [vec![0.0, 0.0, 5.0], vec![1.0, 1.0, 5.0]]);
    }
}
