//! Keys, by the names that they have in DOM.

use winit::keyboard::{Key, KeyCode, NamedKey, PhysicalKey};

/// What a key stands for.
pub(crate) fn key(key: &Key) -> String {
    match key {
        Key::Character(text) => text.to_string(),
        Key::Named(NamedKey::Space) => " ".into(),
        Key::Named(NamedKey::Super) => "Meta".into(),
        // The names of the others are those of DOM.
        Key::Named(named) => format!("{named:?}"),
        Key::Dead(_) => "Dead".into(),
        Key::Unidentified(_) => "Unidentified".into(),
    }
}

/// Which key it is.
pub(crate) fn code(key: PhysicalKey) -> String {
    match key {
        PhysicalKey::Code(KeyCode::SuperLeft) => "MetaLeft".into(),
        PhysicalKey::Code(KeyCode::SuperRight) => "MetaRight".into(),
        // The names of the others are those of DOM.
        PhysicalKey::Code(code) => format!("{code:?}"),
        PhysicalKey::Unidentified(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_names_of_dom() {
        assert_eq!(key(&Key::Named(NamedKey::ArrowLeft)), "ArrowLeft");
        assert_eq!(key(&Key::Named(NamedKey::Space)), " ");
        assert_eq!(key(&Key::Character("ä".into())), "ä");
        assert_eq!(code(PhysicalKey::Code(KeyCode::KeyA)), "KeyA");
        assert_eq!(code(PhysicalKey::Code(KeyCode::SuperLeft)), "MetaLeft");
        assert_eq!(code(PhysicalKey::Code(KeyCode::Digit1)), "Digit1");
    }
}
