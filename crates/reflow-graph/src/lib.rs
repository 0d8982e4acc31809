//! What a network is made of: the GraphExport model, editing, checking, composing, analysing and drawing.
