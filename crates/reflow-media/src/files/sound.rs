//! Sound in files: WAV, FLAC, MP3 and Ogg Vorbis, by the crate `symphonia`.

/// What a file of sound says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Samples of each channel in a second.
    pub rate: u32,
    /// Channels, which are interleaved.
    pub channels: usize,
    /// Samples of each channel, if that is known.
    pub length: Option<u64>,
}

#[cfg(not(feature = "audio-files"))]
mod without {
    use super::Sound;

    /// A file of sound, were it not for the build.
    pub struct SoundReader {
        /// What the file says of itself.
        pub sound: Sound,
    }

    impl SoundReader {
        /// Opens nothing.
        ///
        /// # Errors
        /// Always.
        pub fn open(_file: Vec<u8>, _extension: Option<&str>) -> Result<Self, String> {
            Err("this build reads no sound files; it lacks the feature `audio-files` of reflow-media".to_string())
        }

        /// Nothing.
        ///
        /// # Errors
        /// Never.
        pub fn read(&mut self) -> Result<Option<Vec<f32>>, String> {
            Ok(None)
        }

        /// None.
        pub fn damaged(&self) -> u64 {
            0
        }
    }
}

#[cfg(not(feature = "audio-files"))]
pub use without::SoundReader;

#[cfg(feature = "audio-files")]
pub use with::SoundReader;

#[cfg(feature = "audio-files")]
mod with {
    use std::io::{Cursor, ErrorKind};

    use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
    use symphonia::core::errors::Error;
    use symphonia::core::formats::probe::Hint;
    use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
    use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
    use symphonia::core::meta::MetadataOptions;

    use super::Sound;

    /// Samples that are read at once, about.
    const BLOCK: usize = 1 << 14;

    /// Reads the samples of a file, block by block.
    pub struct SoundReader {
        /// What the file says of itself.
        pub sound: Sound,
        format: Box<dyn FormatReader>,
        decoder: Box<dyn AudioDecoder>,
        track: u32,
        /// The first samples, which were read to learn what the file says too late.
        first: Option<Vec<f32>>,
        damaged: u64,
    }

    impl SoundReader {
        /// Opens a file, whose extension is a hint.
        ///
        /// # Errors
        /// Why it is no sound that can be read.
        pub fn open(file: Vec<u8>, extension: Option<&str>) -> Result<Self, String> {
            let text = |error: Error| error.to_string();
            let mut hint = Hint::new();
            extension.inspect(|extension| _ = hint.with_extension(extension));
            let stream = MediaSourceStream::new(Box::new(Cursor::new(file)), MediaSourceStreamOptions::default());
            let (options, metadata) = (FormatOptions::default(), MetadataOptions::default());
            let format = symphonia::default::get_probe().probe(&hint, stream, options, metadata).map_err(text)?;
            let track = format.default_track(TrackType::Audio).ok_or("there is no sound in it")?;
            let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
            let parameters = parameters.ok_or("the sound in it is of an unknown kind")?;
            let decoder = symphonia::default::get_codecs()
                .make_audio_decoder(parameters, &AudioDecoderOptions::default())
                .map_err(text)?;
            let (track, length) = (track.id, track.num_frames);
            let sound = Sound { rate: 0, channels: 0, length };
            let mut reader = Self { sound, format, decoder, track, first: None, damaged: 0 };
            reader.first = reader.block()?;
            if reader.sound.channels == 0 || reader.sound.rate == 0 {
                return Err("there is no sound in it".to_string());
            }
            Ok(reader)
        }

        /// The next samples, `None` at the end.
        ///
        /// # Errors
        /// Why there are no more.
        pub fn read(&mut self) -> Result<Option<Vec<f32>>, String> {
            if let Some(first) = self.first.take() {
                return Ok(Some(first));
            }
            self.block()
        }

        /// Packets that could not be read, in whose place nothing is heard.
        pub fn damaged(&self) -> u64 {
            self.damaged
        }

        fn block(&mut self) -> Result<Option<Vec<f32>>, String> {
            let mut block = Vec::new();
            let mut samples = Vec::new();
            while block.len() < BLOCK {
                let packet = match self.format.next_packet() {
                    Ok(Some(packet)) => packet,
                    Ok(None) => break,
                    Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                        return Err("the file ends too early".to_string());
                    }
                    Err(error) => return Err(error.to_string()),
                };
                if packet.track_id != self.track {
                    continue;
                }
                let decoded = match self.decoder.decode(&packet) {
                    Ok(decoded) => decoded,
                    Err(Error::DecodeError(_)) => {
                        self.damaged += 1;
                        continue;
                    }
                    Err(error) => return Err(error.to_string()),
                };
                let (rate, channels) = (decoded.spec().rate(), decoded.spec().channels().count());
                if self.sound.channels == 0 {
                    (self.sound.rate, self.sound.channels) = (rate, channels);
                }
                if (self.sound.rate, self.sound.channels) != (rate, channels) {
                    return Err("the rate or the number of channels changes within it".to_string());
                }
                decoded.copy_to_vec_interleaved(&mut samples);
                block.extend_from_slice(&samples);
            }
            Ok((!block.is_empty()).then_some(block))
        }
    }
}
