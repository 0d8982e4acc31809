//! What is written is read back, and nothing that is read brings the reader down.

use proptest::prelude::*;

use super::{Description, File, Fragments, Track, read};

const SPS: &[u8] = &[103, 66, 0, 30, 1];
const PPS: &[u8] = &[104, 2];

fn track() -> Track {
    let description = Description::Avc { sps: SPS.to_vec(), pps: PPS.to_vec() };
    Track { width: 33, height: 18, timescale: 90_000, description }
}

fn samples() -> impl Strategy<Value = Vec<(Vec<u8>, u32, bool)>> {
    let sample = (prop::collection::vec(any::<u8>(), 1..40), 1..100_000_u32, any::<bool>());
    prop::collection::vec(sample, 1..40)
}

fn written(samples: &[(Vec<u8>, u32, bool)], is_whole: bool) -> Vec<u8> {
    if is_whole {
        let mut file = File::default();
        samples.iter().for_each(|(data, duration, is_key)| file.push(data, *duration, *is_key));
        return file.finish(&track());
    }
    let (mut fragments, mut bytes) = Fragments::new(&track(), 90_000);
    for (data, duration, is_key) in samples {
        bytes.extend(fragments.push(data, *duration, *is_key).unwrap_or_default());
    }
    bytes.extend(fragments.finish());
    bytes
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(samples in samples(), is_whole: bool) {
        let bytes = written(&samples, is_whole);
        let found = read(&bytes).unwrap();
        prop_assert_eq!((found.width, found.height, found.timescale), (33, 18, 90_000));
        prop_assert_eq!(&found.sets, &[SPS, PPS]);
        let found: Vec<_> = found
            .entries
            .iter()
            .map(|(start, sample)| (bytes[*start..][..sample.size as usize].to_vec(), sample.duration, sample.is_key))
            .collect();
        prop_assert_eq!(found, samples);
    }

    #[test]
    fn what_was_damaged_is_refused_or_read(
        samples in samples(), is_whole: bool, damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut: prop::sample::Index,
    ) {
        let mut bytes = written(&samples, is_whole);
        damage.iter().for_each(|(at, byte)| { let at = at.index(bytes.len()); bytes[at] = *byte });
        let end = cut.index(bytes.len() * 2).min(bytes.len());
        if let Ok(found) = read(&bytes[..end]) {
            for (start, sample) in found.entries {
                prop_assert!(start + sample.size as usize <= end);
            }
        }
    }

    #[test]
    fn anything_is_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = read(&bytes);
    }
}

#[test]
fn a_file_has_no_more_samples_than_bytes() {
    // 40 million samples of the same size, which take no table, in one chunk.
    let mut bytes = written(&[(vec![1; 40], 3000, true)], true);
    let mut set = |kind: &[u8; 4], at: usize, number: u32| {
        let start = bytes.windows(4).position(|window| window == kind).unwrap() + 4 + at;
        bytes[start..start + 4].copy_from_slice(&number.to_be_bytes());
    };
    set(b"stsz", 4, 1);
    set(b"stsz", 8, 40_000_000);
    set(b"stsc", 12, 40_000_000);
    assert!(read(&bytes).unwrap_err().contains("more than the file can have"));
    // The same in a fragment.
    let mut bytes = written(&[(vec![1; 40], 3000, true)], false);
    let start = bytes.windows(4).position(|window| window == b"trun").unwrap() + 4;
    bytes[start..start + 8].copy_from_slice(&[0, 0, 0, 0, 2, 98, 90, 0]);
    assert!(read(&bytes).unwrap_err().contains("more than the fragment can have"));
}
