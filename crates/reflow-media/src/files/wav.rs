//! Writing sound: WAV files of 32-bit floats.

/// A file of interleaved samples, 32-bit floats with the lowest byte first; what is less than a sample at the end is left out.
pub fn file(samples: &[u8], rate: u32, channels: u16) -> Vec<u8> {
    let channels = channels.max(1);
    let block = 4 * u32::from(channels);
    let samples = &samples[..samples.len() - samples.len() % block as usize];
    let length = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(samples.len() + 58);
    file.extend(b"RIFF");
    file.extend(length.saturating_add(50).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(18_u32.to_le_bytes());
    // 3 is floats; they have a size of what follows, which is none, and a chunk that counts the samples.
    file.extend(3_u16.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend(rate.saturating_mul(block).to_le_bytes());
    file.extend((block as u16).to_le_bytes());
    file.extend(32_u16.to_le_bytes());
    file.extend(0_u16.to_le_bytes());
    file.extend(b"fact");
    file.extend(4_u32.to_le_bytes());
    file.extend((length / block).to_le_bytes());
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(samples);
    file
}

#[cfg(all(test, feature = "audio-files"))]
mod tests {
    use super::*;
    use crate::files::sound::{Sound, SoundReader};

    fn floats(samples: &[f32]) -> Vec<u8> {
        samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let samples: Vec<f32> = (0..40_000).map(|n| (n as f32 * 0.01).sin()).collect();
        let mut reader = SoundReader::open(file(&floats(&samples), 48_000, 2), Some("wav")).unwrap();
        assert_eq!(reader.sound, Sound { rate: 48_000, channels: 2, length: Some(20_000) });
        let mut found = Vec::new();
        while let Some(block) = reader.read().unwrap() {
            found.extend(block);
        }
        assert_eq!(found, samples);
        assert_eq!(reader.damaged(), 0);
    }

    #[test]
    fn what_is_damaged_is_an_error_or_shorter() {
        let whole = file(&floats(&[0.5; 1000]), 8000, 1);
        for length in 0..whole.len().min(200) {
            let Ok(mut reader) = SoundReader::open(whole[..length].to_vec(), None) else { continue };
            while let Ok(Some(_)) = reader.read() {}
        }
        for at in 0..58 {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            let Ok(mut reader) = SoundReader::open(damaged, None) else { continue };
            let mut most = 1_000_000_usize;
            while let Ok(Some(block)) = reader.read() {
                most = most.checked_sub(block.len()).expect("no more sound than the file can hold");
            }
        }
    }
}
