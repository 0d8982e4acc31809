//! Devices of kinds that the build lacks.

use super::{Devices, Name, Opened};

macro_rules! absent {
    ($(#[$condition:meta])* $name:ident, $kind:literal, $feature:literal, $wish:ty, $format:ty, $piece:ty) => {
        $(#[$condition])*
        pub(crate) struct $name;

        $(#[$condition])*
        impl Devices for $name {
            type Device = ();
            type Wish = $wish;
            type Format = $format;
            type Piece = $piece;

            const KIND: &str = $kind;

            fn absent() -> Option<String> {
                Some(lacking($kind, $feature))
            }

            fn list(&self) -> Result<Vec<(Name, ())>, String> {
                Err(lacking($kind, $feature))
            }

            fn open(&self, (): (), _wish: &$wish) -> Result<Opened<Self>, String> {
                Err(lacking($kind, $feature))
            }

            fn weight(_format: &$format, _piece: &$piece) -> usize {
                1
            }
        }
    };
}

absent!(
    #[cfg(not(all(feature = "cameras", target_os = "linux", target_pointer_width = "64")))]
    Cameras,
    "camera",
    "cameras",
    super::cameras::Wish,
    super::cameras::Format,
    super::cameras::Raw
);
absent!(
    #[cfg(not(feature = "microphones"))]
    Microphones,
    "microphone",
    "microphones",
    super::microphones::Wish,
    super::microphones::Format,
    Vec<f32>
);

/// What is said of a build that lacks devices of a kind.
fn lacking(kind: &str, feature: &str) -> String {
    if feature == "cameras" && !cfg!(all(target_os = "linux", target_pointer_width = "64")) {
        return "Cameras are read on 64-bit Linux only".to_string();
    }
    format!(
        "To read {kind}s, build the package with the feature `{feature}`: \
         `MATURIN_PEP517_ARGS=\"--features {feature}\" pip install --no-binary offbit-reflow offbit-reflow`"
    )
}
