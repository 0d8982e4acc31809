//! The bundled catalog of components, a module per family.
