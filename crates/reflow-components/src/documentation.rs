//! The documentation pages, written from the declarations.
